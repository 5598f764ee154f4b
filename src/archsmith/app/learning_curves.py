"""Learning curves as points of a picture, thinned where they are long, and what trials count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.sharing import judged_by_sharing
from archsmith.analysis.study import Study
from archsmith.core.problem import Fidelity
from archsmith.core.trial import Trial
from archsmith.runtime.study_view import StudyView

MOST_POINTS = 60  # of a curve
DIGITS = 6  # of a number in a curve
EPOCHS, STEPS = "epochs", "steps"


def counted(view: StudyView) -> bool:
    """Does its fidelity say how long a trial was trained? Most problems leave theirs at one epoch, whether or not
    anything is trained, and with shared weights a trial is only looked at.
    """
    return view.pooled or not (
        view.problem.fidelity == Fidelity() or judged_by_sharing(Study(view, view.folder or Path()))
    )


def unit_of(view: StudyView, trials: Iterable[Trial]) -> str:
    """What the curves of ``trials`` count. An evaluator may report after anything: these are steps."""
    fidelity, reported = view.problem.fidelity, [trial for trial in trials if trial.curve]
    if view.pooled or not (reported or counted(view)):
        return EPOCHS
    if not reported:
        return fidelity.name.replace("_", " ")
    # a training ends with a whole step, which may be a little later
    whole = all(trial.curve[-1][0] <= math.ceil(trial.fidelity) for trial in reported)
    return EPOCHS if fidelity.name == EPOCHS and whole else STEPS


def curve_of(view: StudyView, trials: Sequence[Trial], unit: str) -> list[tuple[float, float]]:
    """Scores by the first objective of a network, over all of its ``trials``, oldest first. Where nobody knows after
    how many of ``unit`` a trial ended, its end is no point.
    """
    metric, ends_known = view.problem.objectives[0].metric, unit != STEPS and counted(view)
    points: list[tuple[float, float]] = []
    for trial in trials:
        learnt = finite(trial.outcome_notes.get("epochs"))
        ends = learnt or trial.fidelity
        own = [(step, score) for step, metrics in trial.curve if (score := finite(metrics.get(metric))) is not None]
        value = finite(trial.metrics.get(metric)) if ends_known or (learnt and unit == EPOCHS) else None
        if value is not None and (not own or own[-1][0] < ends):
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
