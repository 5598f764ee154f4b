"""All that the log of a study tells: the one fold over its events. Terminal, notebook, report, job and command line
read it, each in its own words; ``to_dict`` is the same as JSON.

``StudyView.apply(event)`` takes one event more, at a cost that does not grow with the log. ``read_view(folder)`` folds
what a study has logged so far. Nothing here imports the study's space, strategy or evaluator: a study can be looked at
where those are gone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsmith.core import budget as reasons
from archsmith.core.errors import ArchsmithError, StudyError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Objective, Problem
from archsmith.core.records import (
    DAMAGES,
    PLAIN_PROBLEM,
    Closed,
    Command,
    Epoch,
    Extended,
    Finished,
    Note,
    Opened,
    PhaseRecord,
    Prepared,
    Preparing,
    ProgressRecord,
    Proposed,
    Record,
    Reported,
    ResultRecord,
    StudyRecord,
    damaged,
    record,
)
from archsmith.core.trial import Status, Trial
from archsmith.runtime.openings import Openings
from archsmith.runtime.sqlite import SqliteStore

NEW, RUNNING, DONE, INTERRUPTED, UNREADABLE = STATES = ("new", "running", "finished", "interrupted", "unreadable")
VOID_AFTER_MORE_TIME = ("search", "test", "export")  # phases whose results an extended job makes anew
LIMITS = ("seconds", "trials")  # what an extension changes in the settings
TRAIN, LINEAR, TEST = "train ", "linear", "test"  # names of phases
# A trial out of a table claims more time than passed, even if all workers had been busy throughout.
CLAIMED_FACTOR, CLAIMED_SECONDS = 1.5, 5.0

Point = tuple[float, Mapping[str, Any]]  # (step, metrics): one point of a learning curve


@dataclass
class Phase:
    """One stretch of the work within one opening. Times are Unix seconds.

    name: ``read``, ``search``, ``train fixed``, ….
    started: when it began.
    forecast_seconds: what it was expected to take; None when nobody guessed.
    seconds: what it took; None while it runs.
    detail: what it is about or, at its end, what came of it.
    result: what it ended with; ``error`` in it says why it failed.
    cut: it was going on when the process that opened the study was gone.
    latest: what was last said of how far it is: a ProgressRecord, Epoch or Preparing.
    n_trials: how many trials finished within it.
    """

    name: str
    started: float
    forecast_seconds: float | None = None
    seconds: float | None = None
    detail: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    cut: bool = False
    latest: ProgressRecord | Epoch | Preparing | None = None
    n_trials: int = 0

    @property
    def running(self) -> bool:
        return self.seconds is None

    @property
    def failed(self) -> bool:
        return "error" in self.result


@dataclass
class Preparation:
    """The evaluator's prepare phase.

    points: (step, metrics) each, without those of attempts that were killed.
    latest: what was last said.
    started: when the present attempt first said something, in Unix seconds.
    seconds: what its last attempt took; None before its end.
    ended_at: when it ended, on the study's clock.
    notes: what the evaluator said of its end.
    """

    points: list[Point] = field(default_factory=list)
    latest: Preparing | None = None
    started: float | None = None
    seconds: float | None = None
    ended_at: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Training:
    """The final training of one network.

    name: of the network.
    epochs: how many it is meant to take.
    curve: (epoch, metrics) each: its learning curve.
    """

    name: str
    epochs: float = 0.0
    curve: list[Point] = field(default_factory=list)


class StudyView:
    """The state of a study after some events.

    id: of the study, empty when it has none yet.
    folder: where its files lie; None for a study in memory.
    began: its first event; None before.
    history: its trials with their learning curves.
    openings: who worked on it, when, and how long: its clock.
    phases: every stretch of the main job, oldest first.
    preparation: of the evaluator.
    trainings: final trainings by name of network.
    notes: sentences for people.
    commands: what other processes asked for.
    extensions: larger budgets that the job was given, oldest first.
    result: what the main job ended with at last; None before.
    results: what phases ended with, by name, without those that an extension made void.
    test_reads: how often the test split was read.
    reason: why the loop of the latest opening ended; None while it runs and where it was killed.
    n_failed: how many trials failed.
    improved: ids of trials that were the best of their fidelity when they finished.
    finished_at: trial id -> when it finished, on the study's clock of wall time.
    writer: is a process writing to it now? Not a matter of the log; whoever knows sets it.
    why_unreadable: a sentence; None for a study that can be read.
    """

    def __init__(self, id: str = "", folder: Path | None = None, *, since: float | None = None) -> None:
        """``since``: Unix time at which this process began to work on the study, for a view that watches it. What is
        said between then and the opening of the study belongs to that opening.
        """
        self.id = id
        self.folder = folder
        self.since = since
        self.began: StudyRecord | None = None
        self.history = History(_problem(PLAIN_PROBLEM))
        self.openings = Openings()
        self.phases: list[Phase] = []
        self.preparation = Preparation()
        self.trainings: dict[str, Training] = {}
        self.notes: list[str] = []
        self.commands: list[Command] = []
        self.extensions: list[Extended] = []
        self.result: ResultRecord | None = None
        self.results: dict[str, Mapping[str, Any]] = {}
        self.test_reads = 0
        self.reason: str | None = None
        self.n_failed = 0
        self.improved: set[int] = set()
        self.finished_at: dict[int, float] = {}
        self.writer = False
        self.why_unreadable: str | None = None
        self.started = 0.0  # time of the first event, Unix seconds
        self.changed = 0.0  # time of the latest event
        self._ended = False  # has the job a result that no extension made void?
        self._result_opening = 0  # how many openings there were when the result came
        self._last: Record | None = None  # what the latest event said
        self._claimed = 0.0  # seconds of all outcomes
        self._most_pending = 1

    # -- what readers ask ----------------------------------------------------------------------------------------------

    @property
    def problem(self) -> Problem:
        """What is searched for. Its space is None: a reader needs no space."""
        return self.history.problem

    @property
    def metric(self) -> str:
        """What networks are compared by."""
        said = self.result.metric if self.result is not None else None
        return said or self.problem.objectives[0].metric

    @property
    def fit(self) -> Mapping[str, Any]:
        """What the main job wrote into the first event; empty for a plain search."""
        return self.began.fit if self.began is not None else {}

    @property
    def settings(self) -> dict[str, Any]:
        """Of the main job, as the last extension left them; empty for a plain search."""
        latest = self.extensions[-1].settings if self.extensions else {}
        limits = {name: latest[name] for name in LIMITS if name in latest}
        return {**(self.fit.get("settings") or {}), **limits}

    @property
    def plan(self) -> Mapping[str, Any]:
        """Of the main job, as the last extension left it."""
        return self.extensions[-1].plan if self.extensions else self.fit.get("plan") or {}

    @property
    def speed(self) -> Mapping[str, Any]:
        """Of this machine, as the last extension left it."""
        return self.extensions[-1].speed if self.extensions else self.fit.get("speed") or {}

    @property
    def ended(self) -> bool:
        """Has the study come to its end? A job ends with a result, which an extension makes void; a search when its
        loop is closed.
        """
        if self.fit:
            return self._ended
        return isinstance(self._last, Closed) and self._last.reason != reasons.INTERRUPTED

    @property
    def done_now(self) -> bool:
        """Has the job come to a result within the latest opening?"""
        return self.result is not None and self._result_opening == len(self.openings.all)

    @property
    def stopped_by(self) -> str | None:
        """Why the last search of the job ended; None before its result."""
        return self.result.stop_reason if self.result is not None else None

    @property
    def state(self) -> str:
        """One of ``STATES``. ``interrupted`` and ``finished`` ones can be resumed."""
        if self.why_unreadable is not None:
            return UNREADABLE
        if self.writer:
            return RUNNING
        return NEW if self.began is None else DONE if self.ended else INTERRUPTED

    @property
    def phase(self) -> Phase | None:
        """The phase that is going on, None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.running), None)

    @property
    def n_finished(self) -> int:
        return len(self.history.finished)

    @property
    def best(self) -> Trial | None:
        """The best trial at the highest fidelity that has one."""
        return self.history.best()

    @property
    def simulated(self) -> bool:
        """Do the trials come out of a table? Then they claim more time than passed."""
        return self._claimed > CLAIMED_FACTOR * self._most_pending * self.openings.seconds + CLAIMED_SECONDS

    @property
    def seconds(self) -> float:
        """On the study's clock: wall time over all openings, or the time that trials of a table claim."""
        return self._claimed if self.simulated else self.openings.seconds

    def ends(self) -> dict[int, float]:
        """Trial id -> when it finished, on the study's clock (simulated for tables)."""
        if not self.simulated:
            return dict(self.finished_at)
        ends, passed = {}, 0.0
        for trial in self.history.finished:
            passed += trial.outcome.seconds if trial.outcome is not None else 0.0
            ends[trial.id] = passed
        return ends

    def seconds_of(self, name: str) -> float:
        """What the phase ``name`` took over all openings; of one that is going on, until the latest event."""
        return sum(
            max(0.0, self.changed - phase.started) if phase.seconds is None else phase.seconds
            for phase in self.phases
            if phase.name == name
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The networks trained in full. A study without a result has those whose training is over; they have no test
        score yet.
        """
        if self.result is not None:
            return [dict(row) for row in self.result.rows]
        return [
            {"name": name.removeprefix(TRAIN), "valid": result.get(self.metric), **result}
            for name, result in self.results.items()
            if name.startswith(TRAIN) or name == LINEAR
        ]

    @property
    def errors(self) -> list[str]:
        """What went wrong, a sentence each: trials and phases that failed, and what makes the study unreadable."""
        unreadable = [self.why_unreadable] if self.why_unreadable is not None else []
        trials = [
            f"trial {trial.id}: {trial.outcome.error or 'failed'}"
            for trial in self.history.finished
            if trial.outcome is not None and trial.outcome.status is Status.FAILED
        ]
        return [*unreadable, *(f"{p.name}: {p.result['error']}" for p in self.phases if p.failed), *trials]

    # -- the fold ------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises StudyError for one that is damaged, or that does not fit the ones before it."""
        read = record(event)
        try:
            self._take(read, event.time or time.time())
        except DAMAGES as error:
            raise damaged(event, error) from error
        except StudyError:
            raise
        except ArchsmithError as error:
            raise damaged(event, error) from error

    def _take(self, read: Record | None, now: float) -> None:
        if isinstance(read, Opened):
            self._cut(now)
            self.reason = None
        elif isinstance(read, Closed):
            self.reason = read.reason
        self.openings.take(read, now)
        self.started = self.started or now
        self.changed = max(self.changed, now)
        self._last = read
        if isinstance(read, Proposed | Reported | Prepared | Preparing | Finished):
            self._search(read, now)
        elif isinstance(read, PhaseRecord):
            self._phase(read, now)
        elif isinstance(read, ProgressRecord | Epoch):
            self._step(read)
        elif isinstance(read, StudyRecord):
            self.began, self.history = read, History(_problem(read.problem))
            self.history.take(read)
        elif isinstance(read, Note):
            self.notes.append(read.text)
        elif isinstance(read, Command):
            self.commands.append(read)
        elif isinstance(read, Extended):
            self.extensions.append(read)
            self._ended = False
            for name in VOID_AFTER_MORE_TIME:
                self.results.pop(name, None)
        elif isinstance(read, ResultRecord):
            self.result, self._ended, self._result_opening = read, True, len(self.openings.all)
            self.test_reads = max(self.test_reads, read.test_reads)

    def _cut(self, now: float) -> None:
        """A process opens the study: what one before it was at is not going on any more."""
        for phase in self.phases:
            if phase.running and (self.since is None or phase.started < self.since):
                phase.seconds, phase.cut, phase.latest = max(0.0, self.changed - phase.started), True, None
        if self.preparation.seconds is None:
            self.preparation.started = self.preparation.latest = None

    def _search(self, read: Proposed | Reported | Prepared | Preparing | Finished, now: float) -> None:
        if isinstance(read, Preparing):
            self._preparing(read, now)
            return
        if isinstance(read, Finished):
            self._finish(read)
            return
        self.history.take(read)
        self._most_pending = max(self._most_pending, len(self.history.pending))
        if isinstance(read, Prepared):
            preparation, phase = self.preparation, self.phase
            preparation.seconds, preparation.ended_at = read.seconds, self.openings.seconds
            preparation.notes, preparation.latest = read.notes, None
            if phase is not None:
                phase.latest = None

    def _finish(self, read: Finished) -> None:
        trial = self.history.trials[read.trial]
        before = self.history.best(trial.fidelity)
        self.history.take(read)
        if self.history.best(trial.fidelity) is not before:
            self.improved.add(trial.id)
        self.finished_at[trial.id] = self.openings.seconds
        self._claimed += read.outcome.seconds
        self.n_failed += trial.losses is None
        if (phase := self.phase) is not None:
            phase.n_trials += 1

    def _preparing(self, read: Preparing, now: float) -> None:
        preparation = self.preparation
        if preparation.started is None:
            preparation.started = now
        preparation.latest, points = read, preparation.points
        before: Mapping[str, Any] = {}
        while points and points[-1][0] >= read.step:
            # later ones are of an attempt that was killed; at the same step more is known now
            at, known = points.pop()
            before = known if at == read.step else {}
        points.append((read.step, {**before, **read.metrics}))
        if (phase := self.phase) is not None:
            phase.latest = read

    def _phase(self, read: PhaseRecord, now: float) -> None:
        if not read.ended:
            self.phases.append(Phase(read.name, now, read.forecast_seconds, detail=read.detail))
            return
        phase = next((p for p in reversed(self.phases) if p.name == read.name and p.running), None)
        if phase is None:
            phase = Phase(read.name, now - (read.seconds or 0.0))
            self.phases.append(phase)
        phase.seconds = now - phase.started if read.seconds is None else read.seconds
        phase.detail, phase.result, phase.latest = read.detail or phase.detail, read.result, None
        self.results[read.name] = read.result
        self.test_reads += read.name == TEST and bool(read.result.get("read", True))

    def _step(self, read: ProgressRecord | Epoch) -> None:
        if (phase := self.phase) is not None:
            phase.latest = read
        if isinstance(read, Epoch):
            training = self.trainings.setdefault(read.network, Training(read.network))
            training.epochs = read.epochs
            while training.curve and training.curve[-1][0] >= read.epoch:
                training.curve.pop()  # of an attempt that was killed; this one repeats it
            training.curve.append((read.epoch, read.metrics))

    # -- as data -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything above as JSON data."""
        began = self.began or StudyRecord()
        return {
            "id": self.id,
            "folder": None if self.folder is None else str(self.folder),
            "state": self.state,
            "why": self.why_unreadable or self.reason,
            "format": began.format,
            "space": began.space,
            "problem": began.problem,
            "strategy": began.strategy,
            "evaluator": began.evaluator,
            "seed": began.seed,
            "command": began.command,
            "metric": self.metric,
            "task": self.fit.get("task"),
            "settings": self.settings or None,
            "plan": self.plan or None,
            "forecast_trials": self.history.forecast_trials,
            "started": self.started,
            "changed": self.changed,
            "seconds": self.seconds,
            "simulated": self.simulated,
            "openings": [
                {**opening.by.to_data(), "started": opening.started, "last": opening.last, "reason": opening.reason}
                for opening in self.openings.all
            ],
            "phases": [_phase_data(phase) for phase in self.phases],
            "preparation": _preparation_data(self.preparation),
            "trials": [_trial_data(trial, self.finished_at.get(trial.id)) for trial in self.history.trials],
            "improved": sorted(self.improved),
            "best": None if self.best is None else self.best.id,
            "n_finished": self.n_finished,
            "n_failed": self.n_failed,
            "n_pending": len(self.history.pending),
            "trainings": {
                name: {"epochs": training.epochs, "curve": _points(training.curve)}
                for name, training in self.trainings.items()
            },
            "notes": list(self.notes),
            "commands": [command.to_data() for command in self.commands],
            "extensions": [extended.to_data() for extended in self.extensions],
            "rows": self.rows,
            "result": None if self.result is None else self.result.to_data(),
            "test_reads": self.test_reads,
            "errors": self.errors,
        }


def read_view(folder: Path | str) -> StudyView:
    """What the study in ``folder`` has logged so far. Raises StudyError when it cannot be read or has no beginning."""
    folder = Path(folder)
    store = SqliteStore(folder)
    view = StudyView(folder.resolve().name, folder)
    try:
        view.writer = store.holder is not None
        for event in store.read():
            if view.began is None and event.kind != StudyRecord.kind:
                raise StudyError(f"The study {view.id} has no first event.", "Start it again, or delete its folder.")
            view.apply(event)
        if view.began is None:
            raise StudyError(
                f"The study {view.id} has nothing in its log yet."
                if store.exists
                else f"There is no study in {str(folder)!r}."
            )
    finally:
        store.close()
    return view


def try_view(folder: Path | str) -> StudyView:
    """The same, but never raises: a study that cannot be read is in the state ``unreadable`` and says why."""
    try:
        return read_view(folder)
    except Exception as error:  # whatever is wrong with one study, nobody else is to be stopped by it
        view = StudyView(Path(folder).resolve().name, Path(folder))
        view.why_unreadable = str(error) if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {error}"
        return view


def _problem(data: Mapping[str, Any]) -> Problem:
    """Without its space, which is not needed to rank trials and may not be importable here."""
    objectives = [each for each in data["objectives"] if each]
    return Problem.from_dict(None, {**data, "objectives": objectives or [[Objective("score").metric, True]]})  # type: ignore[arg-type]


def _points(points: list[Point]) -> list[list[Any]]:
    return [[step, dict(metrics)] for step, metrics in points]


def _phase_data(phase: Phase) -> dict[str, Any]:
    data = {name: getattr(phase, name) for name in Phase.__dataclass_fields__ if name != "latest"}
    return {**data, "latest": None if phase.latest is None else phase.latest.to_data()}


def _preparation_data(preparation: Preparation) -> dict[str, Any] | None:
    if not preparation.points and preparation.seconds is None:
        return None
    return {
        "points": _points(preparation.points),
        "seconds": preparation.seconds,
        "ended_at": preparation.ended_at,
        "notes": dict(preparation.notes),
    }


def _trial_data(trial: Trial, finished_at: float | None) -> dict[str, Any]:
    return {
        "id": trial.id,
        "status": trial.status.value,
        "architecture": dict(trial.architecture),
        "fidelity": trial.fidelity,
        "parents": list(trial.parents),
        "notes": dict(trial.notes),
        "metrics": dict(trial.metrics),
        "feasible": trial.feasible,
        "seconds": None if trial.outcome is None else trial.outcome.seconds,
        "error": None if trial.outcome is None else trial.outcome.error,
        "curve": _points(trial.curve),
        "finished_at": finished_at,
    }
