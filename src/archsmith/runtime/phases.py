"""The phases of a study: the stretches of its main job, and how far each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.job_records import Epoch, PhaseRecord, ProgressRecord
from archsmith.core.records import Preparing

Step = ProgressRecord | Epoch | Preparing  # what says how far a phase is


@dataclass
class Phase:
    """One stretch of the work within one opening. Times are Unix seconds.

    name: ``read``, ``search``, ``train fixed``, ….
    started: when it began.
    forecast_seconds: what it was expected to take; None when nobody guessed.
    seconds: what it took; None while it runs.
    detail: what it is about or, at its end, what came of it.
    exact: what it is about in exact terms, where these are others.
    result: what it ended with; ``error`` in it says why it failed.
    cut: it was going on when the process that worked on the study was gone.
    latest: what was last said of how far it is; None where nothing is worth saying any more.
    n_trials: how many trials finished within it.
    ended_at: when it ended, on the study's clock; None before.
    trial: whose training goes on in it; None where there is none.
    opening: how often the study had been opened by then.
    """

    name: str
    started: float
    forecast_seconds: float | None = None
    seconds: float | None = None
    detail: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    cut: bool = False
    latest: Step | None = None
    n_trials: int = 0
    exact: str = ""
    ended_at: float | None = None
    trial: int | None = None
    opening: int = 0

    @property
    def running(self) -> bool:
        return self.seconds is None

    @property
    def failed(self) -> bool:
        return "error" in self.result

    def to_dict(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in Phase.__dataclass_fields__}
        return {**data, "result": dict(self.result), "latest": None if self.latest is None else self.latest.to_data()}


@dataclass
class Phases:
    """All phases so far, oldest first; one that was repeated is there several times."""

    all: list[Phase] = field(default_factory=list)
    n_openings: int = 0

    @property
    def running(self) -> Phase | None:
        """The phase that is going on, None between phases."""
        return next((phase for phase in reversed(self.all) if phase.running), None)

    def take(self, read: PhaseRecord, now: float, clock: float | None = None) -> None:
        """A phase begins or ends ``now``, which is ``clock`` on the study's. One that only ends counts too."""
        if not read.ended:
            phase = Phase(read.name, now, read.forecast_seconds, detail=read.detail, opening=self.n_openings)
            phase.exact, phase.trial = read.exact, read.trial
            self.all.append(phase)
            return
        begun = next((p for p in reversed(self.all) if p.name == read.name and p.running), None)
        if begun is None:
            begun = Phase(read.name, now - (read.seconds or 0.0), opening=self.n_openings)
            self.all.append(begun)
        begun.seconds = now - begun.started if read.seconds is None else read.seconds
        begun.detail, begun.result, begun.latest = read.detail or begun.detail, read.result, None
        begun.ended_at = clock

    def step(self, read: Step | None) -> None:
        """How far the phase is that is going on; None: nothing is worth saying any more."""
        if (phase := self.running) is not None:
            phase.latest = read

    def cut(self, until: float, since: float | None) -> None:
        """A process opens the study: what one before it was at, ``until`` its last event, is not going on any more.
        What began after ``since`` is the new process's own.
        """
        self.n_openings += 1
        for phase in self.all:
            if phase.running and (since is None or phase.started < since):
                phase.seconds, phase.cut, phase.latest = max(0.0, until - phase.started), True, None

    def seconds_of(self, name: str, until: float) -> float:
        """What the phase ``name`` took over all openings; one that is going on counts ``until`` then."""
        return sum(
            max(0.0, until - phase.started) if phase.seconds is None else phase.seconds
            for phase in self.all
            if phase.name == name
        )
