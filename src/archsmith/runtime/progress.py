"""What is known about a running study, as a fold over its events. Whatever shows a study while it runs is a view of it:
panel, plain lines, notebook.

Besides the events of ``archsmith.core.events`` it reads those of the main job: ``phase`` {name, state:
started|finished, seconds, forecast_seconds, detail, result}, ``progress`` {what, done, total} (shown, never logged),
``epoch`` {network, epoch, epochs, metrics}, ``note`` {text} and ``result``. Unknown fields and kinds are passed over,
so that a newer log can still be watched.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.events import Event
from archsmith.core.wording import clock, metric_name, number

TIMES = ("seconds", "lead")  # in the results of phases
LAST_TRIALS = 8  # of the finished ones that views list
PREPARE = "prepare"  # the phase of an evaluator that prepares, outside of the main job
# what is said of it in one line; ``preparing`` holds all of it
PREPARING = ("train_loss", "reward", "baseline", "entropy", "best_reward")
DOING = {"decode": "decoding pictures", "wait": "waiting for another process that decodes the same pictures"}


@dataclass
class Phase:
    """One stretch of the work. Times in Unix seconds; ``seconds`` is set when it is over.

    ``detail`` is what it is about or, at its end, what came of it; ``doing`` where it stands meanwhile; ``n_trials``
    finished within it; ``failed`` says whether it ended with an error.
    """

    name: str
    started: float
    forecast_seconds: float | None = None
    seconds: float | None = None
    detail: str = ""
    doing: str = ""
    n_trials: int = 0
    failed: bool = False

    @property
    def text(self) -> str:
        """What is worth saying of it now."""
        return self.doing or self.detail


@dataclass
class Row:
    """One trial as it is shown."""

    id: int
    parents: tuple[int, ...] = ()
    architecture: Mapping[str, Any] = field(default_factory=dict)
    fidelity: float | None = None
    step: float | None = None
    value: float | None = None
    seconds: float | None = None
    error: str | None = None
    done: bool = False
    best: bool = False  # was the best of its fidelity when it finished


class Progress:
    """The state after some events. ``budget_seconds`` and ``budget_trials`` are limits, None when there is none; times
    are Unix seconds.
    """

    def __init__(self, budget_seconds: float | None = None, budget_trials: int | None = None) -> None:
        self.started = time.time()
        self.now = self.started  # of the latest event
        self.budget_seconds = budget_seconds
        self.budget_trials = budget_trials
        self.forecast_trials: float | None = None
        self.metric = "score"
        self.maximize = True
        self.phases: list[Phase] = []
        self.notes: list[str] = []
        self.trials: dict[int, Row] = {}
        self.last: deque[Row] = deque(maxlen=LAST_TRIALS)  # the latest that finished
        self.n_finished = 0
        self.n_failed = 0
        self.best: dict[float | None, Row] = {}  # by fidelity: scores of different fidelities are never compared
        self.preparing: Mapping[str, Any] = {}  # the latest report of the evaluator's prepare phase, with its ``step``
        self.result: Mapping[str, Any] | None = None
        self.closed: str | None = None
        self._score = ""  # of the network that is being trained, when it was last measured
        self._seconds_before = 0.0  # spent by earlier openings of the study
        self._last_time: float | None = None

    def apply(self, event: Event) -> None:
        now = event.time or time.time()
        if now < self.started:  # the log of an earlier opening, read on resume
            if event.kind != "opened" and self._last_time is not None:
                self._seconds_before += now - self._last_time
            self._last_time = now
        self.now = max(self.now, now)
        fold = getattr(self, f"_on_{event.kind}", None)
        if fold is not None:
            fold(event.data, now)

    # -- what views ask ------------------------------------------------------------------------------------------------

    @property
    def metric_name(self) -> str:
        return metric_name(self.metric)

    @property
    def phase(self) -> Phase | None:
        """The phase that is running, None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.seconds is None), None)

    @property
    def leader(self) -> Row | None:
        """The best trial at the highest fidelity that has one."""
        return self.best[max(self.best, key=lambda fidelity: fidelity or 0.0)] if self.best else None

    def elapsed(self, now: float | None = None) -> float:
        """Seconds spent on the study, over all of its openings that were folded in, until ``now`` (the latest event
        when left out).
        """
        return max(0.0, self._seconds_before + (now or self.now) - self.started)

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds left: of the budget, or forecast from the mean length of the trials so far; None when nothing is
        known.
        """
        elapsed = self.elapsed(now)
        if self.budget_seconds is not None:
            return max(0.0, self.budget_seconds - elapsed)
        if self.budget_trials and self.n_finished:
            return max(0.0, elapsed / self.n_finished * (self.budget_trials - self.n_finished))
        return None

    def fraction(self, now: float | None = None) -> float | None:
        """How much of the budget is spent, in [0, 1]; None without a limit that can be measured."""
        if self.result is not None:
            return 1.0
        if self.budget_seconds:
            return min(1.0, self.elapsed(now) / self.budget_seconds)
        trials = self.budget_trials or self.forecast_trials
        return min(1.0, self.n_finished / trials) if trials else None

    def changes(self, row: Row) -> list[str]:
        """Which decisions differ from the first parent, as ``path = answer``; empty for a trial without a known parent."""
        parent = self.trials.get(row.parents[0]) if row.parents else None
        if parent is None:
            return []
        missing = object()
        return [
            f"{path} = {answer}"
            for path, answer in row.architecture.items()
            if parent.architecture.get(path, missing) != answer
        ]

    def line(self) -> str:
        """The state of a job in one sentence."""
        if self.result is not None:
            exported = next((row["name"] for row in self.result.get("rows", ()) if row.get("exported")), "network")
            scores = [
                f"{part} {number(self.result[part])}" for part in ("valid", "test") if self.result.get(part) is not None
            ]
            return f"done: {exported}, {self.metric_name} {', '.join(scores)}"
        if not self.phases:
            return "reading and checking the data"
        phase = self.phase or self.phases[-1]
        text = self._searched(self.forecast_trials) if phase.n_trials and phase.seconds is None else phase.text
        return f"{phase.name}: {text}" if text else phase.name

    # -- the fold ------------------------------------------------------------------------------------------------------

    def _on_study(self, data: Mapping[str, Any], now: float) -> None:
        objectives = (data.get("problem") or {}).get("objectives") or []
        if objectives:
            self.metric, self.maximize = str(objectives[0][0]), bool(objectives[0][1])
        self.forecast_trials = data.get("forecast_trials")

    def _on_opened(self, data: Mapping[str, Any], now: float) -> None:
        seconds, trials = data.get("budget") or (None, None)
        self.budget_seconds, self.budget_trials = self.budget_seconds or seconds, self.budget_trials or trials
        self.closed = self.result = None
        # What a killed process was at is not going on any more; the reading of the present one began before it opened
        # the study.
        self.phases = [phase for phase in self.phases if phase.seconds is not None or phase.started >= self.started]

    def _on_note(self, data: Mapping[str, Any], now: float) -> None:
        self.notes.append(str(data.get("text", "")))

    def _on_phase(self, data: Mapping[str, Any], now: float) -> None:
        name = str(data.get("name", "work"))
        if data.get("state") != "finished":
            self._score = ""
            self.phases.append(Phase(name, now, data.get("forecast_seconds"), detail=str(data.get("detail") or "")))
            return
        phase = next((p for p in reversed(self.phases) if p.name == name and p.seconds is None), None)
        if phase is None:
            phase = Phase(name, now - (data.get("seconds") or 0.0))
            self.phases.append(phase)
        result = data.get("result") or {}
        phase.seconds, phase.failed = data.get("seconds", now - phase.started), "error" in result
        phase.detail, phase.doing = str(data.get("detail") or self._outcome(result) or phase.detail), ""

    def _on_progress(self, data: Mapping[str, Any], now: float) -> None:
        phase = self.phase
        if phase is None:
            return
        what, done, total = DOING.get(data["what"], str(data["what"])), data["done"], data.get("total")
        spent = now - phase.started
        left = (
            f", about {clock(spent / done * (total - done))} left" if total and 0 < done < total and spent > 1.0 else ""
        )
        phase.doing = f"{what}, {done:,} of {total:,}{left}" if total else what

    def _on_epoch(self, data: Mapping[str, Any], now: float) -> None:
        metrics, phase = data["metrics"], self.phase
        if self.metric in metrics:  # measured now and then; in between the last value stands
            self._score = f", {self.metric_name} {number(metrics[self.metric])}"
        loss = f", train loss {number(metrics['train_loss'])}" if "train_loss" in metrics else ""
        if phase is not None:
            phase.doing = f"epoch {_places(data['epoch'])} of {_places(data['epochs'])}{self._score or loss}"

    def _on_preparing(self, data: Mapping[str, Any], now: float) -> None:
        if self.phase is None:
            self.phases.append(Phase(PREPARE, now))
        assert self.phase is not None
        metrics = data["metrics"]
        self.preparing = {"step": data["step"], **metrics}
        of = f" of {_places(metrics['epochs'])}" if "epochs" in metrics else ""
        said = [f"{metric_name(name)} {number(metrics[name])}" for name in PREPARING if name in metrics]
        left = [f"about {clock(metrics['seconds_left'])} left"] if "seconds_left" in metrics else []
        self.phase.doing = ", ".join([f"preparing, epoch {_places(data['step'])}{of}", *said, *left])

    def _on_prepared(self, data: Mapping[str, Any], now: float) -> None:
        phase = self.phase
        if phase is not None:
            phase.doing = ""
        if phase is not None and phase.name == PREPARE:
            phase.seconds = data["seconds"]

    def _on_proposed(self, data: Mapping[str, Any], now: float) -> None:
        for trial in data["trials"]:
            self.trials[trial["id"]] = Row(
                trial["id"], tuple(trial.get("parents") or ()), trial["architecture"], trial.get("fidelity")
            )

    def _on_reported(self, data: Mapping[str, Any], now: float) -> None:
        row = self.trials.get(data["trial"])
        if row is not None:
            row.step, row.value = data["step"], data["metrics"].get(self.metric)

    def _on_finished(self, data: Mapping[str, Any], now: float) -> None:
        row = self.trials.setdefault(data["trial"], Row(data["trial"]))
        outcome = data["outcome"]
        row.done, row.seconds, row.error = True, outcome.get("seconds"), outcome.get("error")
        row.value = (outcome.get("metrics") or {}).get(self.metric)
        self.last.append(row)
        self.n_finished += 1
        if outcome.get("status") != "ok":
            self.n_failed += 1
            row.error = row.error or "failed"
        elif row.value is not None:
            leader = self.best.get(row.fidelity)
            if (
                leader is None
                or leader.value is None
                or (row.value > leader.value if self.maximize else row.value < leader.value)
            ):
                self.best[row.fidelity], row.best = row, True
        if self.phase is not None:
            self.phase.n_trials += 1

    def _on_result(self, data: Mapping[str, Any], now: float) -> None:
        self.result = data
        self.metric = str(data.get("metric") or self.metric)

    def _on_closed(self, data: Mapping[str, Any], now: float) -> None:
        self.closed = str(data.get("reason", "done"))

    # -- words ---------------------------------------------------------------------------------------------------------

    def _searched(self, forecast: float | None = None) -> str:
        """How many architectures were tried, of how many where that is known, and the best."""
        known = forecast if forecast is not None and forecast >= self.n_finished else None
        about = "" if known is None else f" of about {known:.0f}"
        things = "architecture" if round(known or self.n_finished) == 1 else "architectures"
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        leader = self.leader
        best = (
            f", best {self.metric_name} {number(leader.value)} (trial {leader.id})"
            if leader is not None and leader.value is not None
            else ""
        )
        return f"{self.n_finished}{about} {things}{failed}{best}"

    def _outcome(self, result: Mapping[str, Any]) -> str:
        """What came of a phase: of a search its best, of a training the main metric, else the numbers and short texts;
        times are shown elsewhere.
        """
        if "error" in result:
            return f"failed: {result['error']}"
        if "n_trials" in result:
            return self._searched()
        if self.metric in result:
            epochs = f", {_places(result['epochs'])} epochs" if "epochs" in result else ""
            return f"{self.metric_name} {number(result[self.metric])}{epochs}"
        plain = {
            name: value for name, value in result.items() if name not in TIMES and isinstance(value, str | int | float)
        }
        said = {
            name: value if isinstance(value, str) else number(value)
            for name, value in plain.items()
            if not isinstance(value, bool)
        }
        return ", ".join(f"{metric_name(name)} {value}" for name, value in said.items())


def _places(epochs: float) -> str:
    """With one place at most: trainings are often told of within an epoch."""
    return number(round(epochs, 1))
