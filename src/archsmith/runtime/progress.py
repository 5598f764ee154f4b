"""What is said of a study while it runs: the words over ``archsmith.runtime.study_view``, for the panel of a terminal,
for plain lines and for a notebook.

A view that watches a running process counts time from the moment when the process began, which is before it opens the
study.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from archsmith.core.events import Event
from archsmith.core.front import Front
from archsmith.core.job_records import Epoch, ProgressRecord
from archsmith.core.records import Preparing
from archsmith.core.trial import Trial, came_from
from archsmith.core.wording import amount, clock, epochs, metric_name, network_name, number, phase_name, the_network
from archsmith.runtime.phases import Phase
from archsmith.runtime.study_view import StudyView

# in results that have a sentence each
TEMPERATURE, DIFFERENCE, CHOSEN, READY = "temperature", "max_difference", "network", "trials"
LITTLE = 0.05  # a temperature that is closer to 1 than this changes no probability that people would notice
TIMES = ("seconds", "lead")  # in the results of phases; they are shown elsewhere
LAST_TRIALS = 8  # of the finished ones that views list
PREPARE = "prepare"  # what the prepare phase of an evaluator is called outside of the main job
# what is said of a prepare phase in one line
PREPARING = ("train_loss", "reward", "baseline", "entropy", "best_reward")
DOING = {
    "read": "reading",
    "decode": "decoding pictures",
    "wait": "waiting for another process that decodes the same pictures",
}


class Progress:
    """The state of a running study in words.

    budget_seconds, budget_trials: limits; None when there is none, or when the log is to say it.
    started: Unix time at which this process began to work; now when None.
    exact: are exact terms told, too?
    view: what somebody else folds; None: this one folds itself.
    told_as: (metric, score) in words.
    """

    def __init__(
        self,
        budget_seconds: float | None = None,
        budget_trials: int | None = None,
        started: float | None = None,
        *,
        exact: bool = False,
        view: StudyView | None = None,
        told_as: Callable[[str, float], str] = lambda metric, value: number(value),
    ) -> None:
        self.exact = exact
        self._told_as = told_as
        self.started = time.time() if started is None else started
        self.view = StudyView(since=self.started) if view is None else view
        self._budget_seconds = budget_seconds
        self._budget_trials = budget_trials

    def apply(self, event: Event) -> None:
        self.view.apply(event)

    # -- numbers -------------------------------------------------------------------------------------------------------

    @property
    def budget_seconds(self) -> float | None:
        opened = self.view.openings.now
        return self._budget_seconds or (opened.by.seconds if opened is not None else None)

    @property
    def budget_trials(self) -> int | None:
        opened = self.view.openings.now
        return self._budget_trials or (opened.by.trials if opened is not None else None)

    @property
    def now(self) -> float:
        """Time of the latest event, at least of the beginning."""
        return max(self.started, self.view.changed)

    def elapsed(self, now: float | None = None) -> float:
        """Seconds spent on the study over all of its openings, until ``now`` (the latest event when None)."""
        before = self.view.openings.seconds_before(self.started)
        job, opening = self.view.job, self.view.openings.now
        ours = opening is not None and opening.started >= self.started  # its lead lies after the start of this process
        before += job.lead_before if ours else job.lead if before else 0.0
        return max(0.0, before + (now or self.now) - self.started)

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds left: of the budget, or of a search forecast from the mean length of the trials so far. None when
        nothing is known, as of a budget in the seconds of a table, where nothing more will come, and where a person
        asked it to finish.
        """
        if self.view.done_now or self.view.asked_to_stop or (self.view.reason is not None and not self.view.job.fit):
            return None
        elapsed, n_finished = self.elapsed(now), self.view.n_finished
        if self.budget_seconds is not None:
            return None if self.view.simulated else max(0.0, self.budget_seconds - elapsed)
        if self.budget_trials and n_finished and not self.view.job.fit:  # nobody knows how long a job trains after them
            return max(0.0, elapsed / n_finished * (self.budget_trials - n_finished))
        return None

    def fraction(self, now: float | None = None) -> float | None:
        """How much of the budget is spent, in [0, 1]; None without a limit that can be measured."""
        if self.view.done_now:
            return 1.0
        if self.budget_seconds:
            return min(1.0, (self.view.claimed if self.view.simulated else self.elapsed(now)) / self.budget_seconds)
        if self._has_searched:
            return None
        trials = self.budget_trials or self.view.history.forecast_trials
        return min(1.0, self.view.n_finished / trials) if trials else None

    @property
    def _has_searched(self) -> bool:
        """Is this a job whose search is over?"""
        search = next((phase for phase in reversed(self.view.phases.all) if phase.name == "search"), None)
        return search is not None and not search.running

    # -- trials --------------------------------------------------------------------------------------------------------

    @property
    def metric_name(self) -> str:
        return metric_name(self.view.metric)

    @property
    def metric_names(self) -> list[str]:
        """Of every objective, the main metric first."""
        return [self.metric_name, *(metric_name(each.metric) for each in self.view.problem.objectives[1:])]

    @property
    def front(self) -> Front | None:
        """What a search for several objectives has found so far; None with one objective."""
        return self.view.front

    @property
    def incumbent(self) -> Trial | None:
        """The best trial at the highest fidelity that has one."""
        return self.view.best

    @property
    def last(self) -> list[Trial]:
        """The latest that finished, oldest first."""
        return self.view.history.finished[-LAST_TRIALS:]

    def running(self, most: int) -> list[Trial]:
        """The first ``most`` trials that are not finished; none in a loop that has ended."""
        return [] if self.view.reason is not None else list(islice(self.view.history.pending.values(), most))

    def error(self, trial: Trial) -> str | None:
        """Why a trial failed; None for any other."""
        outcome = trial.outcome
        return None if outcome is None or outcome.ok else outcome.error or "failed"

    def score(self, trial: Trial) -> float | None:
        """The main metric of a trial; of one that is running, as it was last reported. None when nothing is known."""
        return self.scores(trial)[0]

    def scores(self, trial: Trial) -> list[float | None]:
        """The same of every objective, in the order of ``metric_names``."""
        known = trial.metrics if trial.outcome is not None else trial.curve[-1][1] if trial.curve else {}
        return [known.get(objective.metric) for objective in self.view.problem.objectives]

    def changes(self, trial: Trial) -> list[str]:
        """Which decisions differ from the first parent, as ``path = option``; empty for a trial without a known
        parent.
        """
        trials = self.view.history.trials
        if not trial.parents or not 0 <= trial.parents[0] < len(trials):
            return []
        parent, missing = trials[trial.parents[0]].architecture, object()
        return [f"{path} = {now}" for path, now in trial.architecture.items() if parent.get(path, missing) != now]

    # -- sentences -----------------------------------------------------------------------------------------------------

    @property
    def in_job(self) -> bool:
        """Are there phases of the main job, or of a comparison?"""
        return any(not phase.cut for phase in self.view.phases.all)

    @property
    def phases(self) -> list[Phase]:
        """Those of the main job that did not end with an earlier process; else the evaluator's prepare phase, if it has
        said something.
        """
        preparation = self.view.preparation
        if self.in_job or preparation.started is None:
            return [phase for phase in self.view.phases.all if not phase.cut]
        return [Phase(PREPARE, preparation.started, seconds=preparation.seconds, latest=preparation.latest)]

    @property
    def phase(self) -> Phase | None:
        """The phase that is going on, None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.running), None)

    def name(self, phase: Phase) -> str:
        """What a phase is called: what it does, or its name in the log where exact terms are asked for."""
        return phase.name if self.exact else phase_name(phase.name)

    def from_where(self, trial: Trial) -> str:
        """Which trial another one goes on from, or which ones it was made from; empty where there is none."""
        return came_from(trial, self.view.history.trials)

    def line(self) -> str:
        """The state of a job in one sentence."""
        result = self.view.job.result
        if result is not None and self.view.done_now:
            exported = next((network_name(row["name"]) for row in result.rows if row.get("exported")), "network")
            scores = [
                f"{split} {number(score)}"
                for split, score in (("valid", result.valid), ("test", result.test))
                if score is not None
            ]
            return f"done: {exported}, {self.metric_name} {', '.join(scores)}"
        phases = self.phases
        if not phases:
            return "reading and checking the data"
        phase = self.phase or phases[-1]
        searching = phase.n_trials and phase.running
        text = self._searched(self.view.history.forecast_trials) if searching else self.text(phase)
        return f"{self.name(phase)}: {text}" if text else self.name(phase)

    def text(self, phase: Phase) -> str:
        """What is worth saying of a phase: how far it is or, at its end, what came of it."""
        if not phase.running:
            return self._outcome(phase.result) or self._about(phase)
        latest = phase.latest
        if isinstance(latest, ProgressRecord):
            return self._counted(latest, phase)
        if isinstance(latest, Epoch):
            return self._trained(latest, phase)
        return _prepared(latest) if isinstance(latest, Preparing) else self._about(phase)

    def _about(self, phase: Phase) -> str:
        return (phase.exact or phase.detail) if self.exact else phase.detail

    def _counted(self, said: ProgressRecord, phase: Phase) -> str:
        what, done, total = DOING.get(said.what, said.what), said.done, said.total
        if not total:
            return what
        spent = self.view.changed - phase.started
        left = f", about {clock(spent / done * (total - done))} left" if 0 < done < total and spent > 1.0 else ""
        return f"{what}, {done:,} of {total:,}{left}"

    def _trained(self, said: Epoch, phase: Phase) -> str:
        """The score is measured now and then; in between the last value stands. Where time decides when a training
        ends, the epochs that it may have at most mean nothing.
        """
        metric = self.view.metric
        curve = self.view.trainings[said.network].curve
        measured = next((metrics[metric] for _, metrics in reversed(curve) if metric in metrics), None)
        score = "" if measured is None else f", {self.metric_name} {self._told_as(metric, measured)}"
        told = self.exact and "train_loss" in said.metrics
        loss = f", train loss {number(said.metrics['train_loss'])}" if told else ""
        of = "" if phase.forecast_seconds and not self.exact else f" of at most {_places(said.epochs)}"
        return f"epoch {_places(said.epoch)}{of}{score or loss}"

    def _searched(self, forecast: float | None = None, ended: Mapping[str, Any] | None = None) -> str:
        """How many trials there were, of how many where that is known, and the best. ``ended``: what the search came
        to, which may have gone on since with more time.
        """
        n_finished, n_failed, incumbent = self.view.n_finished, self.view.n_failed, self.incumbent
        if ended is not None and isinstance(ended["n_trials"], int) and ended["n_trials"] < n_finished:
            first = self.view.history.finished[: ended["n_trials"]]
            n_finished, n_failed = len(first), sum(trial.losses is None for trial in first)
            incumbent = self.view.best_of(first)  # not the one that was chosen to go on, which ``ended`` has
        known = forecast if forecast is not None and forecast >= n_finished else None
        of = "" if known is None else f"{n_finished} of about "
        trials = of + amount(n_finished if known is None else round(known), "trial")
        failed = f", {n_failed} failed" if n_failed else ""
        score = None if incumbent is None else self.score(incumbent)
        best = (
            f", best {self.metric_name} {self._told_as(self.view.metric, score)} (trial {incumbent.id})"
            if incumbent is not None and score is not None
            else ""
        )
        return f"{trials}{failed}{best}"

    def _outcome(self, result: Mapping[str, Any]) -> str:
        """What came of a phase. Of a search it is the best trial, of a training the main metric, of others the numbers
        and short texts.
        """
        if "error" in result:
            return f"failed: {result['error']}"
        if "n_trials" in result:
            return self._searched(ended=result)
        if isinstance(result.get(READY), Mapping):
            names = [the_network(str(name)) for name in result[READY]]
            return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} trained to the end"
        if "read" in result:  # what came of the test, the end of the job tells
            return "" if result["read"] else "known from before, so nothing was measured again"
        metric = self.view.metric
        if TEMPERATURE in result:
            exact = f" (temperature {number(result[TEMPERATURE])})" if self.exact else ""
            return _calibrated(result[TEMPERATURE]) + exact
        if DIFFERENCE in result:
            exact = f", within {number(result[DIFFERENCE])}" if self.exact else ""
            return f"the exported network predicts as the trained one does{exact}"
        if metric in result:
            learnt = f", {epochs(result['epochs'])}" if result.get("epochs") else ""
            return f"{self.metric_name} {self._told_as(metric, result[metric])}{learnt}"
        if CHOSEN in result and "valid" in result:
            score = f"{self.metric_name} {self._told_as(metric, result['valid'])} on the validation split"
            return f"{network_name(result[CHOSEN])}, {score}"
        said = {
            name: value if isinstance(value, str) else number(value)
            for name, value in result.items()
            if name not in TIMES and isinstance(value, str | int | float) and not isinstance(value, bool)
        }
        return ", ".join(f"{metric_name(name)} {value}" for name, value in said.items())


def _calibrated(temperature: float) -> str:
    """What a temperature does. It divides the logits, so one above 1 makes probabilities less extreme. How good they
    are then, only the test split can say.
    """
    if temperature == 1:
        return "its probabilities stay as they are"
    little = " a little" if abs(temperature - 1) < LITTLE else ""
    return f"its probabilities are {'softened' if temperature > 1 else 'sharpened'}{little} to fit the validation split"


def _prepared(said: Preparing) -> str:
    metrics = said.metrics
    total = metrics.get("epochs")
    step = f"step {number(said.step)}" if total is None else f"epoch {_places(said.step)} of {_places(total)}"
    numbers = [f"{metric_name(name)} {number(metrics[name])}" for name in PREPARING if name in metrics]
    left = [f"about {clock(metrics['seconds_left'])} left"] if "seconds_left" in metrics else []
    return ", ".join([f"preparing, {step}", *numbers, *left])


def _places(epochs: float) -> str:
    """In three digits, as ``core.wording.epochs``: trainings are often told of within an epoch."""
    return f"{epochs:.3g}"
