"""Learning curves as points of a picture, thinned where they are long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archsmith.analysis.report.noted import finite
from archsmith.core.trial import Trial

MOST_POINTS = 60  # of a curve
DIGITS = 6  # of a number in a curve


def curve_of(metric: str, trials: Iterable[Trial]) -> list[tuple[float, float]]:
    """Of a network, over all of its ``trials``, oldest first."""
    points: list[tuple[float, float]] = []
    for trial in trials:
        ends = finite(trial.outcome_notes.get("epochs")) or trial.fidelity
        own = [(step, value) for step, metrics in trial.curve if (value := finite(metrics.get(metric))) is not None]
        if (value := finite(trial.metrics.get(metric))) is not None and (not own or own[-1][0] < ends):
            own.append((ends, value))
        while own and points and points[-1][0] >= own[0][0]:
            points.pop()  # it was repeated from a checkpoint
        points += own
    return [(rounded(x), rounded(y)) for x, y in thinned(points, MOST_POINTS)]


def thinned(points: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of them at even steps, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(i * step)] for i in range(most)]


def rounded(value: float) -> float:
    """With fewer digits, which no picture shows."""
    return float(f"{value:.{DIGITS}g}")
