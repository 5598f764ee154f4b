"""What is measured over many steps: the evaluator's prepare phase, and final trainings with their learning curves.

A process that is killed repeats steps; only those of the last attempt stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.job_records import Epoch
from archsmith.core.records import Prepared, Preparing

Point = tuple[float, Mapping[str, Any]]  # (step, metrics): one point of a learning curve


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

    def take(self, read: Preparing, now: float) -> None:
        """How far it is."""
        self.started = now if self.started is None else self.started
        self.latest = read
        before: Mapping[str, Any] = {}
        while self.points and self.points[-1][0] >= read.step:
            # later ones are of an attempt that was killed; at the same step more is known now
            at, known = self.points.pop()
            before = known if at == read.step else {}
        self.points.append((read.step, {**before, **read.metrics}))

    def end(self, read: Prepared, clock: float) -> None:
        """It is complete; ``clock`` is the study's."""
        self.seconds, self.notes, self.ended_at, self.latest = read.seconds, read.notes, clock, None

    def cut(self) -> None:
        """Its process is gone."""
        if self.seconds is None:
            self.started = self.latest = None

    def to_dict(self) -> dict[str, Any] | None:
        """As JSON data; None where there was none."""
        if not self.points and self.seconds is None:
            return None
        return {
            "points": as_lists(self.points),
            "seconds": self.seconds,
            "ended_at": self.ended_at,
            "notes": dict(self.notes),
        }


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

    def take(self, read: Epoch) -> None:
        self.epochs = read.epochs
        while self.curve and self.curve[-1][0] >= read.epoch:
            self.curve.pop()  # of an attempt that was killed; this one repeats it
        self.curve.append((read.epoch, read.metrics))


def as_lists(points: Sequence[Point]) -> list[list[Any]]:
    """Points as JSON data."""
    return [[step, dict(metrics)] for step, metrics in points]
