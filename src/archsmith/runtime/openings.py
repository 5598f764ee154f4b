"""The clock of a study: how long processes worked on it, over all its openings. It stands still between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsmith.core.records import Closed, Opened, Proposed, Record


@dataclass
class Opening:
    """One stretch of time in which a process worked on the study. Times are Unix seconds.

    by: who opened it, and with which limits.
    started: when.
    last: time of the latest event in it.
    reason: why its loop ended; None while it runs and for one that was killed.
    proposed: how many trials were begun in it.
    killed: did its process end without leaving the study in order, as far as that was seen?
    """

    by: Opened
    started: float
    last: float
    reason: str | None = None
    proposed: int = 0
    killed: bool = False

    @property
    def seconds(self) -> float:
        return self.last - self.started


@dataclass
class Openings:
    """All openings of a study so far, oldest first."""

    all: list[Opening] = field(default_factory=list)
    _before: float = 0.0  # seconds of all but the last one

    def take(self, record: Record | None, time: float) -> None:
        """Fold one event in: what it says (None: nothing that is known here), and when it was logged."""
        if isinstance(record, Opened):
            self.see(record.left, time)
            self._before = self.seconds
            self.all.append(Opening(record, time, time))
        elif self.all:
            self.all[-1].last = max(self.all[-1].last, time)
            self.all[-1].proposed += isinstance(record, Proposed)
            if isinstance(record, Closed):
                self.all[-1].reason = record.reason

    def see(self, left: float | None, now: float) -> None:
        """The process of the latest opening was killed, and gave its last sign of life when it had ``left`` (None: it
        ended otherwise). What it did after its last event counts, too.
        """
        if self.all and left is not None:
            self.all[-1].last = max(self.all[-1].last, min(left, now))
            self.all[-1].killed = True

    @property
    def now(self) -> Opening | None:
        """The latest one."""
        return self.all[-1] if self.all else None

    @property
    def seconds(self) -> float:
        """Spent over all openings; of one that was killed, up to its last sign of life."""
        return self._before + (self.all[-1].seconds if self.all else 0.0)

    def seconds_before(self, time: float) -> float:
        """Spent in the openings that began before ``time``."""
        return sum(opening.seconds for opening in self.all if opening.started < time)
