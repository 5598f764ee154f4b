"""What is known about a running study, as a fold over its events; the live display and the plain lines are two views of it.

Besides the events of ``archsmith.core.events`` it reads those of the main job: ``phase`` {name, state: started|finished, seconds, forecast_seconds,
detail, result} and ``epoch`` {network, epoch, epochs, metrics}. Unknown fields and kinds are passed over, so that a newer log can still be watched.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.cli.output import duration, number
from archsmith.core.events import Event

DOING = {"decode": "decoding pictures,", "wait": "another process decodes these pictures,"}


@dataclass
class Phase:
    """One stretch of the work. Times in Unix seconds; ``seconds`` is set when it is over."""

    name: str
    started: float
    forecast_seconds: float | None = None
    seconds: float | None = None
    detail: str = ""


@dataclass
class Row:
    """One trial as the display shows it."""

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
    """The state after some events. ``budget_seconds`` and ``budget_trials`` are limits, None when there is none."""

    def __init__(self, budget_seconds: float | None = None, budget_trials: int | None = None) -> None:
        self.started = time.time()
        self.budget_seconds = budget_seconds
        self.budget_trials = budget_trials
        self.metric = "score"
        self.maximize = True
        self.phases: list[Phase] = []
        self.trials: dict[int, Row] = {}
        self.n_finished = 0
        self.n_failed = 0
        self.best: dict[float | None, Row] = {}  # by fidelity: scores of different fidelities are never compared
        self.closed: str | None = None
        self._seconds_before = 0.0  # spent by earlier openings of the study
        self._last_time: float | None = None

    def apply(self, event: Event) -> None:
        if event.time and event.time < self.started:  # the log of an earlier opening, read on resume
            if event.kind != "opened" and self._last_time is not None:
                self._seconds_before += event.time - self._last_time
            self._last_time = event.time
        fold = getattr(self, f"_on_{event.kind}", None)
        if fold is not None:
            fold(event.data, event.time or time.time())

    @property
    def phase(self) -> Phase | None:
        """The phase that is running, None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.seconds is None), None)

    @property
    def leader(self) -> Row | None:
        """The best trial at the highest fidelity that has one."""
        return self.best[max(self.best, key=lambda fidelity: fidelity or 0.0)] if self.best else None

    def elapsed(self, now: float | None = None) -> float:
        """Seconds spent on the study, over all of its openings that were folded in."""
        return self._seconds_before + (now or time.time()) - self.started

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds left: of the budget, or forecast from the mean length of the trials so far; None when nothing is known."""
        elapsed = self.elapsed(now)
        if self.budget_seconds is not None:
            return max(0.0, self.budget_seconds - elapsed)
        if self.budget_trials and self.n_finished:
            return max(0.0, elapsed / self.n_finished * (self.budget_trials - self.n_finished))
        return None

    def changes(self, row: Row) -> list[str]:
        """Which decisions differ from the first parent, as ``path = answer``; empty for a trial without a known parent."""
        parent = self.trials.get(row.parents[0]) if row.parents else None
        if parent is None:
            return []
        missing = object()
        return [f"{path} = {answer}" for path, answer in row.architecture.items() if parent.architecture.get(path, missing) != answer]

    def _on_study(self, data: Mapping[str, Any], now: float) -> None:
        objectives = (data.get("problem") or {}).get("objectives") or []
        if objectives:
            self.metric, self.maximize = objectives[0][0], bool(objectives[0][1])

    def _on_opened(self, data: Mapping[str, Any], now: float) -> None:
        seconds, trials = data.get("budget") or (None, None)
        self.budget_seconds, self.budget_trials = self.budget_seconds or seconds, self.budget_trials or trials
        self.closed = None

    def _on_phase(self, data: Mapping[str, Any], now: float) -> None:
        name = str(data.get("name", "work"))
        if data.get("state") == "finished":
            phase = next((p for p in reversed(self.phases) if p.name == name and p.seconds is None), None)
            if phase is None:
                phase = Phase(name, now - (data.get("seconds") or 0.0))
                self.phases.append(phase)
            phase.seconds = data.get("seconds", now - phase.started)
            phase.detail = data.get("detail") or _in_words(data.get("result") or {}) or phase.detail
        else:
            self.phases.append(Phase(name, now, data.get("forecast_seconds"), detail=data.get("detail") or ""))

    def _on_progress(self, data: Mapping[str, Any], now: float) -> None:
        phase = self.phase
        if phase is not None and data["total"]:
            done, spent = data["done"], now - phase.started
            left = f", about {duration(spent / done * (data['total'] - done))} left" if done and spent > 1.0 else ""
            what = DOING.get(data["what"], data["what"])
            phase.detail = f"{what} {done:,} of {data['total']:,}{left}"

    def _on_epoch(self, data: Mapping[str, Any], now: float) -> None:
        phase = self.phase
        if phase is not None:
            phase.detail = f"epoch {number(round(data['epoch'], 1))} of {number(round(data['epochs'], 1))}, {_in_words(data['metrics'])}"

    def _on_proposed(self, data: Mapping[str, Any], now: float) -> None:
        for trial in data["trials"]:
            self.trials[trial["id"]] = Row(trial["id"], tuple(trial.get("parents") or ()), trial["architecture"], trial.get("fidelity"))

    def _on_reported(self, data: Mapping[str, Any], now: float) -> None:
        row = self.trials.get(data["trial"])
        if row is not None:
            row.step, row.value = data["step"], data["metrics"].get(self.metric)

    def _on_finished(self, data: Mapping[str, Any], now: float) -> None:
        row = self.trials.setdefault(data["trial"], Row(data["trial"]))
        outcome = data["outcome"]
        row.done, row.seconds, row.error = True, outcome.get("seconds"), outcome.get("error")
        row.value = (outcome.get("metrics") or {}).get(self.metric)
        self.n_finished += 1
        if outcome.get("status") != "ok":
            self.n_failed += 1
            row.error = row.error or "failed"
        elif row.value is not None:
            leader = self.best.get(row.fidelity)
            if leader is None or leader.value is None or (row.value > leader.value if self.maximize else row.value < leader.value):
                self.best[row.fidelity], row.best = row, True

    def _on_closed(self, data: Mapping[str, Any], now: float) -> None:
        self.closed = str(data.get("reason", "done"))


def _in_words(result: Mapping[str, Any]) -> str:
    """Numbers and short texts as ``valid 0.98, log loss 0.1``; the time is shown elsewhere."""
    plain = {
        name: value for name, value in result.items() if isinstance(value, str | int | float) and not isinstance(value, bool) and name != "seconds"
    }
    return ", ".join(f"{name.replace('_', ' ')} {value if isinstance(value, str) else number(value)}" for name, value in plain.items())
