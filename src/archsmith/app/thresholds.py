"""What happens when a network's predictions are taken only where it is sure enough: a curve over all thresholds.

Of a class, an example is accepted where the class has at least the probability of the threshold; of all classes
together, where the most probable one has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from archsmith.analysis.report.classification import classes_of
from archsmith.analysis.study import Study
from archsmith.server.refusals import Refusal

STEPS = 100  # of the grid of thresholds
ROUNDING = 1e-6  # probabilities are float32


class ThresholdPoint(BaseModel):
    """One threshold. Shares are from 0 to 1, and null where nothing is accepted, or nothing was to be found."""

    threshold: float = Field(description="The least probability that is accepted.")
    accepted: float = Field(description="Share of all test examples that is accepted.")
    n_accepted: int = Field(description="How many these are.")
    precision: float | None = Field(description="Share of the accepted ones that is right.")
    recall: float | None = Field(description="Share of those to be found that is accepted and right.")
    f1: float | None = Field(description="Harmonic mean of both.")


class Thresholds(BaseModel):
    """A curve over thresholds."""

    label: int | None = Field(description="Place of the class in the list of classes; null for all together.")
    name: str = Field(description="Of the class; empty for all together.")
    n: int = Field(description="Labelled test examples.")
    n_sought: int = Field(description="How many of these are to be found.")
    points: list[ThresholdPoint] = Field(description="From 0 to 1 in steps of 0.01.")


def thresholds_of(study: Study, label: int | None) -> Thresholds:
    """The curve of the class ``label``, or of all classes. Raises Refusal where there is none."""
    test = study.test
    if test is None or test.outputs.ndim == 1:
        raise Refusal(
            409,
            "no_probabilities",
            "There are no probabilities of the test examples.",
            "A study of classes keeps them in its folder final.",
        )
    classes = classes_of(study, test)
    if label is not None and label >= len(classes):
        raise Refusal(404, "no_class", f"There is no class {label}.", f"There are {len(classes)}, counted from 0.")
    labels = test.labels.astype(np.int64)
    if label is None:
        sure, right = test.outputs.max(axis=1), test.outputs.argmax(axis=1) == labels
        n_sought = len(labels)
    else:
        sure, right = test.outputs[:, label], labels == label
        n_sought = int(right.sum())
    return Thresholds(
        label=label,
        name="" if label is None else classes[label],
        n=len(labels),
        n_sought=n_sought,
        points=_points(sure.astype(np.float64), right, n_sought),
    )


def _points(sure: NDArray[np.float64], right: NDArray[np.bool_], n_sought: int) -> list[ThresholdPoint]:
    order = np.argsort(sure, kind="stable")
    sure = sure[order]
    hits = np.concatenate([[0], np.cumsum(right[order][::-1])])  # among the surest ones
    points = []
    for step in range(STEPS + 1):
        threshold = step / STEPS
        n = len(sure) - int(np.searchsorted(sure, threshold - ROUNDING, side="left"))
        found = int(hits[n])
        points.append(
            ThresholdPoint(
                threshold=threshold,
                accepted=n / len(sure),
                n_accepted=n,
                precision=found / n if n else None,
                recall=found / n_sought if n_sought else None,
                f1=2 * found / (n + n_sought) if n + n_sought else None,
            )
        )
    return points
