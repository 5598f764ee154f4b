"""A study that goes on: where it stands, the limits that it is given, and both in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from archsmith.core import budget as reasons
from archsmith.core.budget import Budget, parse_seconds, parse_trials
from archsmith.core.errors import UsageError
from archsmith.core.wording import amount, clock
from archsmith.runtime.resuming import AFRESH, AT_AN_END, MORE_TIME, MORE_TRIALS, THERE, bound, resume_command
from archsmith.runtime.study_view import StudyView
from archsmith.runtime.workspace import called

JOB_SECONDS = 10.0  # that one more training, a test and a verified export take on small data

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Standing:
    """Where a study stands before it goes on.

    ``study``: its id.
    ``before``: its limits so far.
    ``seconds``: spent, on the clock that its limit counts.
    ``trials``: asked for so far.
    ``done``: is there nothing left to do, unless it gets more?
    ``reason``: why its search ended; None where it did not.
    ``least``: seconds below which more time is of no use.
    ``began``: the data of its first event.
    ``called``: what commands call it, where that is not its id.
    """

    study: str
    before: Budget
    seconds: float
    trials: int
    done: bool = False
    reason: str | None = None
    least: float = 0.0
    began: Mapping[str, Any] = field(default_factory=dict)
    called: str | Path = ""

    @classmethod
    def of(cls, view: StudyView, *, simulated: bool = False) -> Standing:
        """``simulated``: are the seconds of a search those that its trials claim?"""
        told: dict[str, Any] = {
            "began": {} if view.began is None else view.began.to_data(),
            "called": "" if view.folder is None else called(view.folder),
        }
        if view.job.fit:
            limits = view.job.settings
            before = Budget(limits.get("seconds"), limits.get("trials"))
            reason = view.job.stopped_by if view.job.ended else None
            return cls(view.id, before, view.spent, len(view.history), view.complete, reason, JOB_SECONDS, **told)
        opened = view.openings.now
        before = Budget() if opened is None else Budget(opened.by.seconds, opened.by.trials)
        seconds = view.claimed if simulated else view.openings.seconds
        done = view.ended and view.reason in AT_AN_END
        reason = view.reason if view.ended else None
        return cls(view.id, before, seconds, len(view.history), done, reason, **told)

    def limits(self, time: str | None = None, trials: str | None = None) -> Budget:
        """The limits on the whole study from now on. ``1h`` is one; ``+20m`` is so much more than the limit so far, or
        than what is spent where that is more. One that is not given stays as it was, unless it leaves nothing to a
        study that is given more of the other. Raises UsageError.
        """
        seconds, most = self.before.seconds, self.before.trials
        if time is not None:
            seconds = _limit(time, parse_seconds, seconds, self.seconds)
        elif trials is not None and seconds is not None and (self.reason in reasons.FOR_TIME or self._late(seconds)):
            seconds = None
        if trials is not None:
            most = _limit(trials, parse_trials, most, self.trials)
        elif time is not None and most is not None and (self.reason == reasons.TRIALS or most <= self.trials):
            most = None
        return Budget(seconds, most)

    def refuse_idle(self, now: Budget) -> None:
        """Raises UsageError where the limits ``now`` leave nothing to do, or too little. What was cut off and is given
        no other limits goes on in any case: a job writes at least its bundle.
        """
        if now == self.before and not self.done:
            return
        if now == self.before:
            raise UsageError(f"{self.study} is finished, so there is nothing to go on with.", self._advice())
        if now.seconds is not None and now.seconds <= self.seconds:
            raise UsageError(
                f"A limit of {clock(now.seconds)} on the whole study leaves nothing: {clock(self.seconds)} are spent.",
                self._advice(),
            )
        if now.seconds is not None and self._late(now.seconds):
            left = now.seconds - self.seconds
            raise UsageError(
                f"A limit of {clock(now.seconds)} leaves {clock(left)}, too little to train, test and export.",
                f"{clock(self.seconds)} are spent. Give at least --time +20s.",
            )
        if now.trials is not None and (now.trials < self.trials or (now.trials == self.trials and self.done)):
            raise UsageError(
                f"A limit of {amount(now.trials, 'trial')} on the whole study leaves none: it has had {self.trials}.",
                self._advice(),
            )

    def told(self, now: Budget, since: float = 0.0) -> str:
        """The limits ``now`` in words, with what is spent of them. ``since``: seconds of the opening that goes on."""
        parts = []
        if now.seconds is not None:
            spent = self.seconds + since
            left = max(0.0, now.seconds - spent)
            parts.append(f"{clock(now.seconds)} in all ({clock(spent)} are spent, {clock(left)} are left)")
        if now.trials is not None:
            parts.append(
                f"{amount(now.trials, 'trial')} in all ({self.trials} {'was' if self.trials == 1 else 'were'} begun)"
            )
        kept = now == self.before
        text = f"The study goes on. Its limit is {'' if kept else 'now '}{' and '.join(parts)}."
        for name, what in (("seconds", "time"), ("trials", "trials")):
            if getattr(self.before, name) is not None and getattr(now, name) is None:
                text += f" The limit on {what} that it had no longer holds."
        return text

    def _late(self, seconds: float) -> bool:
        return seconds - self.seconds < self.least or seconds <= self.seconds

    def _advice(self) -> str:
        if self.reason == reasons.EXHAUSTED and not self.began.get("fit"):
            return AFRESH
        if bound(self.began):
            return f"Give it more {THERE}."
        more = MORE_TRIALS if self.before.seconds is None else MORE_TIME
        return f"Give it more: {resume_command(self.called or self.study, self.began, *more)}"


def _limit(text: str, read: Callable[[str], Number], before: Number | None, spent: Number) -> Number:
    text = text.strip()
    if not text.startswith("+"):
        return read(text)
    total = max(spent if before is None else before, spent) + read(text[1:])
    return type(total)(math.ceil(total))  # a limit is told and repeated in whole seconds
