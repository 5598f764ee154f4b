"""What there is to know of one study at a glance, in words and numbers: its state and why, its clock, its phases, what
can be done with it, and how it is repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.reproduction import reproduction_of
from archsmith.analysis.report.trial_dots import highest
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, duration, score
from archsmith.app.finals import searched
from archsmith.app.form import in_the_page
from archsmith.app.plain import Plain
from archsmith.automl.command import command_of
from archsmith.automl.settings import FitSettings
from archsmith.core.budget import EXHAUSTED
from archsmith.core.budget import INTERRUPTED as INTERRUPTED_LOOP
from archsmith.core.errors import UsageError
from archsmith.core.failures import most_frequent, nothing_found
from archsmith.core.records import DAMAGES
from archsmith.core.time_told import about_time
from archsmith.core.trial import Trial
from archsmith.core.wording import (
    clock,
    end_of_search,
    metric_name,
    network_name,
    sentence_case,
    visible,
)
from archsmith.runtime.phases import Phase
from archsmith.runtime.progress import Progress
from archsmith.runtime.resuming import BY_PROGRAM, bound
from archsmith.runtime.study_view import DONE, FAILED, INTERRUPTED, NEW, PAUSED, RUNNING, UNREADABLE, StudyView

State = Literal["new", "running", "finished", "paused", "interrupted", "failed", "unreadable"]
MOST_PHASES = 60
MOST_NOTES = 200  # the latest ones that are shown
MOST_ERRORS = 20
MOST_CLASSES = 6  # that are named
LONGEST = 2000  # characters of a text out of a log

STATES = {
    NEW: "Nothing is logged yet.",
    RUNNING: "It goes on.",
    DONE: "The search has come to its end.",
    PAUSED: "It was paused, and can go on from here.",
    INTERRUPTED: "It ended on the way, and can go on from here.",
    FAILED: "An error ended it; it can go on from here.",
    UNREADABLE: "Its log cannot be read.",
}


class PhaseFacts(Plain):
    """One phase of a study."""

    name: str = Field(description="What it does, in words.")
    state: Literal["running", "done", "failed", "cut"] = Field(description="cut: its process ended within it.")
    seconds: float = Field(description="What it took; of a running one, so far.")
    forecast_seconds: float | None = Field(description="What it was expected to take; null without a forecast.")
    text: str = Field(description="How far it is or, at its end, what came of it.")
    opening: int = Field(description="In which run of the study, from 1; every resume is another one.")
    why: str = Field(description="Of the first phase of a run: why there was another run; else empty.")


class Score(Plain):
    """A score of a trial."""

    trial: int = Field(description="Number of the trial.")
    value: float | None = Field(description="Its value of the metric.")
    words: str = Field(description="The same in words.")


class Controls(Plain):
    """What can be done with the study now."""

    stop: bool = Field(description="It runs, and can finish with the best network so far.")
    pause: bool = Field(description="It runs, and can end now and go on later.")
    resume: bool = Field(description="It does not run, and a command can go on with it.")
    extend: bool = Field(description="It does not run, and a command can give it more time.")


class StudyFacts(Plain):
    """One study at a glance. Times are Unix seconds, lengths of time are seconds."""

    study: str = Field(description="Its id.")
    version: str = Field(description="Another text after every change.")
    title: str = Field(description="What it is about: its data, or its id.")
    state: State = Field(description="new, running, finished, paused, interrupted, failed or unreadable.")
    says: str = Field(description="The state in a sentence.")
    why: str | None = Field(description="Why it ended, why it failed, or why it cannot be read.")
    asked_to_finish: bool = Field(description="It runs, and was asked to finish with the best network so far.")
    job: bool = Field(description="Was it begun with data (`archsmith fit`)? Otherwise it is a search alone.")
    data: str | None = Field(description="The data of a job.")
    predicts: str | None = Field(description="What its networks predict: classes, or a number.")
    metric: str = Field(description="What networks are compared by.")
    metric_name: str = Field(description="The same in words.")
    maximize: bool = Field(description="Is more of it better?")
    objectives: list[str] = Field(description="All metrics that are searched for.")
    started: float = Field(description="When it was begun; 0 where nothing is logged.")
    changed: float = Field(description="When something was last logged.")
    elapsed_seconds: float = Field(description="Spent on it so far, over all openings; of tables, what they claim.")
    remaining_seconds: float | None = Field(
        description="Left of the budget, or forecast; null when nobody knows, and where it was asked to finish."
    )
    budget_seconds: float | None = Field(description="Its limit of time.")
    budget_trials: int | None = Field(description="Its limit of trials.")
    fraction: float | None = Field(description="How much of the budget is spent, 0 to 1.")
    simulated: bool = Field(description="Do its trials come out of a table? Then the time is not that of a clock.")
    forecast_trials: float | None = Field(description="How many trials were expected.")
    n_trials: int = Field(description="Trials that were begun.")
    n_finished: int = Field(description="Trials that ended.")
    n_failed: int = Field(description="Trials that failed.")
    n_networks: int = Field(description="Different networks among the trials.")
    things: str = Field(description="What these are: networks, or architectures of a space of settings.")
    phases: list[PhaseFacts] = Field(description=f"At most the last {MOST_PHASES}.")
    best: Score | None = Field(description="The best trial so far, by the first objective.")
    knee: Score | None = Field(description="Of several objectives: the knee point of the front, a good balance.")
    test: str | None = Field(description="Of a finished job: its score on the test split, in words.")
    exported: str | None = Field(description="Of a finished job: which network its bundle holds.")
    model: bool = Field(description="Has it a bundle?")
    controls: Controls
    command: str | None = Field(description="The command that asks for the same.")
    repeat: str = Field(description="Does that command repeat exactly the same?")
    setup: list[tuple[str, str]] = Field(description="(name, value) of what decided it.")
    notes: list[str] = Field(description=f"What it said, at most the last {MOST_NOTES} sentences.")
    errors: list[str] = Field(description=f"What went wrong, at most {MOST_ERRORS} sentences.")


def study_facts(view: StudyView, now: float | None = None) -> StudyFacts:
    """The facts of a study. ``now``: Unix time of the look; the present when None."""
    now = time.time() if now is None else now
    clock, state = _Clock(view, now), view.state
    study = Study(view, view.folder or Path(), view.writer)
    objective, result = view.problem.objectives[0], view.job.result
    reproduced = reproduction_of(study) if view.began is not None else None
    exported = next((row for row in (result.rows if result is not None else ()) if row.get("exported")), None)
    tested = None if result is None or result.test is None else finite(result.test)
    return StudyFacts(
        study=visible(view.id),
        version="",
        title=_title(view),
        state=state,  # type: ignore[arg-type]
        says=_says(view, clock),
        why=_why(view),
        asked_to_finish=_asked(view),
        job=bool(view.job.fit),
        data=_text(view.job.settings.get("data")),
        predicts=_predicts(view),
        metric=view.metric,
        metric_name=metric_name(view.metric),
        maximize=objective.maximize,
        objectives=[each.metric for each in view.problem.objectives],
        started=view.started,
        changed=view.changed,
        elapsed_seconds=clock.elapsed,
        remaining_seconds=clock.remaining,
        budget_seconds=clock.budget_seconds,
        budget_trials=clock.budget_trials,
        fraction=clock.fraction,
        simulated=view.simulated,
        forecast_trials=finite(view.history.forecast_trials),
        n_trials=len(view.history),
        n_finished=view.n_finished,
        n_failed=view.n_failed,
        n_networks=len({trial.architecture.key for trial in view.history.trials}),
        things=study.tried_things,
        phases=_phases(view, clock),
        best=_score(view, view.best, whole=False),
        knee=_score(view, None if view.front is None else view.front.knee, whole=True),
        test=None if tested is None else f"{metric_name(view.metric)} {score(view.metric, tested)}",
        exported=None if exported is None else network_name(str(exported.get("name"))),
        model=bool(view.job.ended and result is not None and result.data.get("model_dir")),
        controls=_controls(view),
        command=_command(view, study),
        repeat="" if reproduced is None else reproduced.lead,
        setup=[] if reproduced is None else [*_limits(view, clock), *reproduced.facts],
        notes=list(dict.fromkeys(_told(in_the_page(str(note))) for note in view.notes))[
            -MOST_NOTES:
        ],  # some come again
        errors=_errors(view),
    )


class _Clock:
    """The clock of a study. A job's begins when its data are read, which is before the study is opened."""

    def __init__(self, view: StudyView, now: float) -> None:
        opening = view.openings.now
        going = max(0.0, now - opening.last) if view.state == RUNNING and opening is not None else 0.0
        result = view.job.result
        self.progress = Progress(started=view.started, view=view, told_as=score)
        self.now = now
        self.elapsed = (finite(view.spent) or 0.0) + (0.0 if view.simulated else going)
        if view.state == DONE and result is not None and result.seconds:
            self.elapsed = finite(result.seconds) or self.elapsed
        settings, by = view.job.settings, None if opening is None else opening.by
        asked = settings.get("seconds") if view.job.fit else None if by is None else by.seconds
        self.budget_seconds = finite(asked)
        trials = finite(settings.get("trials") if view.job.fit else None if by is None else by.trials)
        self.budget_trials = None if trials is None else int(trials)
        self.remaining = self._remaining(view)
        self.fraction = self._fraction(view)

    def _remaining(self, view: StudyView) -> float | None:
        if view.state != RUNNING or _asked(view):  # one that was asked to finish does not use it up
            return None
        if view.simulated:  # its seconds are not those of a clock
            return None
        if self.budget_seconds is not None:
            return max(0.0, self.budget_seconds - self.elapsed)
        if self.budget_trials and view.n_finished and not view.job.fit:  # nobody knows how long a job trains after them
            return max(0.0, self.elapsed / view.n_finished * (self.budget_trials - view.n_finished))
        return None

    def _fraction(self, view: StudyView) -> float | None:
        if view.ended:
            return 1.0
        if self.budget_seconds:
            return min(1.0, self.elapsed / self.budget_seconds)
        if searched(view):  # how long the last trainings take is not known
            return None
        trials = self.budget_trials or view.history.forecast_trials
        return min(1.0, view.n_finished / trials) if trials else None


def _title(view: StudyView) -> str:
    """The name of the data, as the checks found it; else the id."""
    findings = view.job.fit.get("findings") or {}
    return _text(findings.get("name")) or visible(view.id)


def _predicts(view: StudyView) -> str | None:
    """``Origin, one of 3 classes: Europe, Japan, USA``, or the name of a number."""
    fit = view.job.fit
    output = next(iter((fit.get("task") or {}).get("outputs") or ()), None)
    if not isinstance(output, Mapping):
        return None
    classes = [str(each) for each in output.get("classes") or ()]
    target = str(fit.get("target") or (view.job.settings.get("target") or ""))
    if not classes:
        return _told(f"the number {output.get('name') or target}")
    named = ", ".join(classes[:MOST_CLASSES])
    more = f" and {len(classes) - MOST_CLASSES:,} more" if len(classes) > MOST_CLASSES else ""
    whole = f"one of {amount(len(classes), 'class', 'classes')}: {named}{more}"
    return _told(f"{target}, {whole}" if target else whole)


def _says(view: StudyView, clock: _Clock) -> str:
    state = view.state
    if state == RUNNING:
        if _asked(view):
            return "It was asked to finish, and comes to its end with the best network so far."
        phase = next((phase for phase in reversed(clock.progress.phases) if phase.running), None)
        return sentence_case(clock.progress.name(phase)) if phase is not None else STATES[state]
    if state in (PAUSED, INTERRUPTED, FAILED) and _by_program(view):
        return BY_PROGRAM
    return "It has made its model." if state == DONE and view.job.fit else STATES[state]


def _why(view: StudyView) -> str | None:
    if view.why_unreadable is not None:
        return _told(view.why_unreadable)
    if view.error:
        return _told(view.error)
    reason, result = view.reason or (view.job.stopped_by if view.state == DONE else None), view.job.result
    if reason in (None, INTERRUPTED_LOOP) or view.state == RUNNING:
        return None
    told = [f"{sentence_case(end_of_search(_told(reason), view.n_finished if view.job.fit else None))}."]
    finished = view.history.finished
    if any(trial.losses is not None for trial in finished) and not any(trial.ok for trial in finished):
        told.append(_told(nothing_found(view.history)))
    if result is not None and view.job.ended:
        budget = finite(result.data.get("budget_seconds"))
        told.append(f"The job took {clock(result.seconds)}{f' of {clock(budget)}' if budget else ''}.")
        told.append(_told(about_time(result.to_data())))
    return " ".join(filter(None, told))


def _command(view: StudyView, study: Study) -> str | None:
    """What began the study; of a job with its budget as the last extension left it."""
    if view.began is None:
        return None
    if view.job.settings.get("data"):
        try:
            return visible(command_of(FitSettings.from_dict(view.job.settings)))
        except (UsageError, *DAMAGES):
            pass  # of another version, or damaged: as far as it can be told
    return visible(" ".join(reproduction_of(study).command)) or None


def _asked(view: StudyView) -> bool:
    return view.state == RUNNING and view.asked_to_stop


def _by_program(view: StudyView) -> bool:
    """Can only the Python program that began it go on with it?"""
    return view.by_hand or (view.began is not None and bound(view.began.to_data()))


def _controls(view: StudyView) -> Controls:
    running = view.state == RUNNING
    known = view.state in (DONE, PAUSED, INTERRUPTED, FAILED) and not _by_program(view)
    over = view.reason == EXHAUSTED and not view.job.fit  # the same history gets the same answer, which is no proposal
    return Controls(
        stop=running and not _asked(view) and not view.job.ended,  # else only its report is written
        pause=running and not view.job.ended,
        resume=known and not view.ended,
        extend=known and not view.simulated and not over,
    )


def _phases(view: StudyView, clock: _Clock) -> list[PhaseFacts]:
    shown = view.phases.all or clock.progress.phases
    told, before = [], 0
    for phase in shown[-MOST_PHASES:]:
        told.append(_phase(view, clock, phase, _again(view, phase.opening) if phase.opening > max(1, before) else ""))
        before = phase.opening
    return told


def _again(view: StudyView, n: int) -> str:
    """Why the study was opened for the ``n``-th time."""
    openings = view.openings.all
    if not 1 < n <= len(openings):
        return ""
    one, other = openings[n - 2].by, openings[n - 1].by
    limits = [(one.seconds, other.seconds), (one.trials, other.trials)]
    if any(before is not None and (now is None or now > before) for before, now in limits):
        return "It went on, with more time or trials."
    changed = any(before != now for before, now in limits)
    return "It went on, with other limits." if changed else "It went on where it had stopped."


def _phase(view: StudyView, clock: _Clock, phase: Phase, why: str) -> PhaseFacts:
    over = not phase.running or view.state != RUNNING
    spent = phase.seconds if phase.seconds is not None else (view.until if over else clock.now) - phase.started
    cut = phase.cut or (over and phase.running)
    state = "failed" if phase.failed else "cut" if cut else "running" if phase.running else "done"
    return PhaseFacts(
        name=_told(clock.progress.name(phase)),
        state=state,  # type: ignore[arg-type]
        seconds=max(0.0, spent) if math.isfinite(spent) else 0.0,
        forecast_seconds=finite(phase.forecast_seconds),
        text=_told(clock.progress.text(phase)),
        opening=max(1, phase.opening),
        why=why,
    )


def _score(view: StudyView, trial: Trial | None, *, whole: bool) -> Score | None:
    """Of the first objective in words; ``whole``: of all of them."""
    if trial is None:
        return None
    metrics = [each.metric for each in view.problem.objectives]
    told = [
        f"{metric_name(metric)} {score(metric, value, most=highest(view, metric))}"
        for metric in (metrics if whole else metrics[:1])
        if (value := finite(trial.metrics.get(metric))) is not None
    ]
    return Score(trial=trial.id, value=finite(trial.metrics.get(metrics[0])), words=", ".join(told))


def _limits(view: StudyView, clock: _Clock) -> list[tuple[str, str]]:
    told = [] if clock.budget_seconds is None else [duration(clock.budget_seconds, exact=True)]
    told += [] if clock.budget_trials is None else [f"{clock.budget_trials:,} trials"]
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(view.started))
    return [("begun", begun), *([("limit", " or ".join(told))] if told else [])]


def _errors(view: StudyView) -> list[str]:
    """What most failed trials failed for is told once, and what went wrong besides."""
    often = most_frequent(view.history.finished)
    if often is None or often.n_failed < 2:
        return [_told(sentence) for sentence in view.errors[:MOST_ERRORS]]
    same = {f"trial {trial.id}: " for trial in often.trials}
    others = [sentence for sentence in view.errors if sentence.partition(": ")[0] + ": " not in same]
    return [_told(sentence) for sentence in [often.sentence, *others][:MOST_ERRORS]]


def _told(text: object) -> str:
    """A text out of a log, as people may read it."""
    flat = visible(str(text))
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]} …"


def _text(value: object) -> str | None:
    return _told(value) if isinstance(value, str) and value else None
