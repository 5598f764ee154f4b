"""Trials as dots of a chart: which are drawn, and where the hopeless ones go."""

from __future__ import annotations

import math
import statistics
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from archsmith.analysis.report.figures import score_axis
from archsmith.analysis.report.noted import finite
from archsmith.analysis.study import Study
from archsmith.analysis.wording import listing, rounded, score
from archsmith.core.seeds import generator
from archsmith.runtime.study_view import StudyView

HOUR, MINUTE = 3600.0, 60.0
LETTERS = string.ascii_uppercase  # stand for the rows of a job, in their order: names would cover points
MOST_DOTS = 800  # trials that a chart shows one by one
MANY_DOTS = 300  # from which on they are drawn smaller
LOW_OUTLIERS = 4.0  # scores further below the median than this many times the best is above it lie far below
PRESSED = 10.0  # times the range of all others, from which on those far below would press them together
LEAST = 0.01  # part of the best score that a chart is high at least


@dataclass(frozen=True)
class Dot:
    """One finished trial.

    trial: its number
    seconds: when it ended, on the clock that the limit of the study counts
    value: its score; None when it failed or is outside the limits
    params: its parameters, where they are known
    full: does its score compare with that of the best one: was it at the highest fidelity, or is it of a pool?
    first: did the search begin with it?
    error: why it has no value
    outside: is it outside the limits?
    """

    trial: int
    seconds: float
    value: float | None
    params: float | None
    full: bool
    first: bool = False
    error: str | None = None
    outside: bool = False


def dots_of(study: Study) -> list[Dot]:
    """One dot for each finished trial, in the order in which they ended."""
    highest, pooled = None if study.best is None else study.best.fidelity, study.view.pooled
    metric = study.history.problem.objectives[0].metric
    dots = []
    for trial in study.history.finished:
        outcome = trial.outcome
        value = trial.metrics.get(metric) if trial.ok else None
        error = None if trial.ok else (outcome.error if outcome and outcome.error else "outside the limits")
        first = trial.notes.get("operator") == "first"
        ended = study.finished_at.get(trial.id, 0.0)
        params = trial.metrics.get("params")
        full, outside = pooled or trial.fidelity == highest, trial.losses is not None and not trial.ok
        dots.append(Dot(trial.id, ended, value, params, full, first, error, outside))
    return dots


def time_scale(seconds: float) -> tuple[float, str]:
    """In what an axis of so many ``seconds`` counts: a unit in seconds, and its name."""
    return (HOUR, "hours") if seconds > 3 * HOUR else (MINUTE, "minutes") if seconds > 3 * MINUTE else (1.0, "seconds")


def explained(letters: Iterable[tuple[str, str]]) -> str:
    """``A = linear model and B = searched network``, of (letter, name) each."""
    return listing([f"{letter} = {name}" if letter else name for letter, name in letters])


def since(study: Study) -> str:
    """What an axis of time begins with, in words: the clock of a study stands still between two processes."""
    stops = ", without stops" * (len(study.view.openings.all) > 1)
    return f"since the start{stops}{' (simulated)' if study.simulated else ''}"


class OfTrial(Protocol):
    """What is drawn for one trial."""

    @property
    def trial(self) -> int: ...


Drawn = TypeVar("Drawn", bound=OfTrial)


def thinned(dots: Sequence[Drawn], kept: set[int], limit: int = MOST_DOTS) -> tuple[tuple[Drawn, ...], int]:
    """About ``limit`` dots at most, drawn by a fixed lot; those of the trials in ``kept`` always. And how many were
    left out.
    """
    if len(dots) <= limit:
        return tuple(dots), 0
    # Every so-manieth dot would flatter whatever happens at regular intervals.
    chosen = set(generator(0, "dots").choice(len(dots), limit, replace=False).tolist())
    some = tuple(dot for i, dot in enumerate(dots) if i in chosen or dot.trial in kept)
    return some, len(dots) - len(some)


def floor_of(study: Study, values: Sequence[float], others: Sequence[float] = ()) -> tuple[float, int]:
    """The score that the axis need not reach below, so that a few hopeless dots do not press all others together; and
    how many are below the axis, where they get a mark of their own at the edge. ``-inf`` where all have room.
    ``others``: what the axis has room for as well.
    """
    if not study.maximize or len(values) < 5:
        return -math.inf, 0
    best, median = max(values), statistics.median(values)
    floor = median - LOW_OUTLIERS * max(best - median, 0.002 * abs(best))
    inside = [value for value in values if value >= floor]
    if best - min(values) <= PRESSED * max(best - min(inside), LEAST * abs(best)):
        return -math.inf, 0
    low = score_axis([*others, *inside], study.metric, "").low
    return floor, sum(value < low for value in values)


def values_of(dots: Sequence[Dot]) -> list[float]:
    return [dot.value for dot in dots if dot.value is not None]


def highest(view: StudyView, metric: str) -> float:
    """The highest value of a trial. One accuracy above 1 says that none in the study is a share."""
    return max((finite(trial.metrics.get(metric)) or 0.0 for trial in view.history.finished), default=0.0)


def tip_of(dot: Dot, metric: str, most: float) -> str:
    """What a pointer on the dot reads. ``most``: the highest score of the study."""
    came = dot.error or "failed" if dot.value is None else score(metric, dot.value, most=most)
    told = f"trial {dot.trial}: {came}"
    return told[:160] + (f", {rounded(dot.params)} parameters" if dot.params else "")


def radius_of(n: int, large: float = 3.5) -> float:
    """Of one of ``n`` dots, in pixels."""
    return large if n < MANY_DOTS else 2.0
