"""Limits of a whole search, and the reasons why it ended."""

from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass

from archsmith.core.errors import UsageError

# Stop reasons, as they stand in the log.
SECONDS = "seconds"
TRIALS = "trials"
EXHAUSTED = "exhausted"
SETTLED = "settled"  # more training of the best one is worth more than more candidates
LATE = "late"  # what was worth trying next would not have been over in time
OUTDONE = "outdone"  # a network that needs no search is ahead, and more candidates are worth less than its training
CONVERGED = "converged"
REQUESTED = "requested"
INTERRUPTED = "interrupted"
FAILURES = "failures"
UNTRAINABLE = "untrainable"  # no network of the space can be trained, so there was no trial
FAILED = "failed"  # an error outside of the trials ended it
UNPREPARED = "unprepared"  # the evaluator's own first phase failed, so there was no trial
BROKEN = "broken"  # the strategy, or the space, failed behind the first trial, and a job went on without it
FOR_TIME = (SECONDS, LATE, OUTDONE)  # with more time the search goes on

DEFAULT_TRIALS = 100  # of a search that is given no budget
MOST_WORKERS = 1024  # processes at the same time, more than any machine has use for


@dataclass(frozen=True)
class Budget:
    """When a search stops. None: no limit.

    ``seconds``: of wall clock, or simulated ones for benchmark tables, above 0; a text such as ``"20m"`` is read.
    ``trials``: finished ones, a whole number above 0.
    ``patience``: finished trials without a better one (with several objectives: without a new point of the front),
        above 0.
    ``work``: that all trainings of a pool may take, the last one of the winner included, above 0. The search does not
        count it; strategies that share it out find it in the history.
    """

    seconds: float | None = None
    trials: int | None = None
    patience: int | None = None
    work: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.seconds, str):
            object.__setattr__(self, "seconds", parse_seconds(self.seconds))
        for name in ("seconds", "trials", "patience", "work"):
            value, whole = getattr(self, name), name in ("trials", "patience")
            if value is None:
                continue
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not (number and value > 0 and math.isfinite(value) and (not whole or value == int(value))):
                kind = "whole number above 0" if whole else "positive number"
                raise UsageError(f"The budget's {name} cannot be {value!r}.", f"Give a {kind}.")
            if whole:
                object.__setattr__(self, name, int(value))


UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def without_unit(text: str | None) -> list[str]:
    """A sentence that says how a length of time without a unit is taken; none where there is a unit."""
    if text is None or not re.fullmatch(r"\s*\+?\s*\d+(\.\d+)?\s*", text):
        return []
    given = "".join(text.split())  # with its sign: +20m is 20 minutes more
    n = given.lstrip("+")
    many = "" if float(n) == 1 else "s"
    return [f"The time {given} has no unit and is taken as {n} second{many}: write {given}s, or {given}m for minutes."]


def parse_seconds(text: str | float) -> float:
    """``"20m"``, ``"1h30m"``, ``"90"`` or ``90`` as seconds. Raises UsageError."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text) if abs(text) < 1e300 else math.inf
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(text).strip().lower())
        rebuilt = "".join(number + unit for number, unit in parts)
        if not parts or rebuilt != re.sub(r"\s+", "", str(text).lower()) or any(unit not in UNITS for _, unit in parts):
            raise UsageError(f"{text!r} is not a length of time.", "Write it like 90s, 20m or 1h30m.")
        if len(parts) > 1 and any(not unit for _, unit in parts):
            raise UsageError(f"A number in {text!r} has no unit.", "Write it like 90s, 20m or 1h30m.")
        seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(f"{text!r} is not a positive length of time.", "Write it like 90s, 20m or 1h30m.")
    return seconds


def parse_trials(text: str) -> int:
    """``"20"`` as a number of trials. Raises UsageError."""
    if not re.fullmatch(r"[0-9]{1,9}", str(text).strip()) or not int(text):
        raise UsageError(f"{str(text)[:40]!r} is not a number of trials.", "Write a whole number above 0, such as 20.")
    return int(text)
