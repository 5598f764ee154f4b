"""How good predictions are. This file needs numpy alone, so that a bundle can be measured with the light installation.

Classes: accuracy, balanced accuracy (mean recall of the classes that occur: Brodersen et al., "The balanced accuracy
and its posterior distribution", ICPR 2010), log loss in nats, confusion, precision, recall, F1 and the calibration
measures of Guo et al., "On Calibration of Modern Neural Networks" (2017, arXiv 1706.04599). Regression targets: R²,
RMSE, MAE. A metric that a class cannot have, because it never occurs, is None, never NaN. Predictions that are NaN give
NaN, which callers treat as diverged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsmith.core.errors import UsageError

Z95 = 1.959964  # of the normal distribution: 95 % lie within as many standard deviations
BINS = 15  # Guo et al. 2017, section 3
TINIEST = (
    1e-12  # a probability of 0 for the true class counts as this; else one example could make the log loss infinite
)


# -- how sure a share is -----------------------------------------------------------------------------------------------


def wilson(p: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share ``p`` of ``n`` (Wilson 1927, JASA 22): unlike the plain one it stays within 0 and 1
    and holds for small ``n``.
    """
    zz = Z95**2 / n
    middle, half = p + zz / 2, Z95 * math.sqrt(p * (1 - p) / n + zz / (4 * n))
    # Rounded, so that all of n and none of n have 1 and 0 as their ends.
    return max(0.0, round((middle - half) / (1 + zz), 12)), min(1.0, round((middle + half) / (1 + zz), 12))


# -- classes -----------------------------------------------------------------------------------------------------------


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """The share of right predictions. ``predicted`` and ``labels`` are class indexes ``(n,)``. Raises UsageError when
    there are none.
    """
    predictions, truth = _same_length(predicted, labels)
    return float((predictions == truth).mean())


def balanced_accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Mean recall of the classes that occur in ``labels`` ``(n,)``. Every such class counts alike, however few examples
    it has.
    """
    predictions, truth = _same_length(predicted, labels)
    _, which, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(which, weights=predictions == truth) / counts).mean())


def log_loss(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean of ``-log p(true class)`` in nats. ``probabilities`` ``(n, k)``, ``labels`` ``(n,)`` in 0..k-1."""
    table, truth = _table(probabilities, labels)
    return log_loss_of(table[np.arange(len(truth)), truth])


def log_loss_of(likelihood: ArrayLike) -> float:
    """The log loss from the probability of each true class, ``(n,)``."""
    loss = float(-np.log(np.maximum(np.asarray(likelihood, np.float64), TINIEST)).mean())
    return max(loss, 0.0) + 0.0  # rounded probabilities may be a little above 1; NaN stays, and there is no -0


def classification(probabilities: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """``accuracy``, ``balanced_accuracy`` and ``log_loss`` of probabilities ``(n, k)``."""
    table, truth = _table(probabilities, labels)
    predicted = table.argmax(axis=1)
    return {
        "accuracy": accuracy(predicted, truth),
        "balanced_accuracy": balanced_accuracy(predicted, truth),
        "log_loss": log_loss(table, truth),
    }


def confusion(predicted: ArrayLike, labels: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Counts ``(k, k)``: row = true class, column = predicted class. Raises UsageError for an index outside 0..k-1."""
    predictions, truth = _same_length(predicted, labels)
    for what, indexes in (("predicted", predictions), ("labels", truth)):
        if indexes.min() < 0 or indexes.max() >= n_classes:
            raise UsageError(
                f"{what} holds the class {int(indexes.min() if indexes.min() < 0 else indexes.max())}, outside "
                f"0..{n_classes - 1}."
            )
    pairs = truth.astype(np.int64) * n_classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=n_classes * n_classes).reshape(n_classes, n_classes).astype(np.int64)


@dataclass(frozen=True)
class ClassScore:
    """How good the predictions of one class are.

    ``n``: how many examples are of this class.
    ``precision``: the share of right predictions among those of this class; None when it is never predicted.
    ``recall``: the share of right predictions among its examples; None when there are none.
    ``f1``: the harmonic mean of precision and recall; None when one of them is.
    """

    n: int
    precision: float | None
    recall: float | None
    f1: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def per_class(confused: NDArray[np.int64]) -> tuple[ClassScore, ...]:
    """One ``ClassScore`` a class, in order, from a confusion matrix ``(k, k)``."""
    return tuple(
        _class_score(int(right), int(truly), int(named))
        for right, truly, named in zip(np.diag(confused), confused.sum(axis=1), confused.sum(axis=0), strict=True)
    )


def _class_score(right: int, truly: int, named: int) -> ClassScore:
    precision = right / named if named else None
    recall = right / truly if truly else None
    f1 = 2 * right / (truly + named) if truly and named else None
    return ClassScore(truly, precision, recall, f1)


def most_confused(confused: NDArray[np.int64], limit: int = 10) -> list[tuple[int, int, int]]:
    """The most frequent mistakes as (true class, predicted class, how many), the most frequent first. Ties stay in the
    order of the classes.
    """
    mistakes = np.array(confused)
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = ((int(i) // len(mistakes), int(i) % len(mistakes)) for i in order)
    return [(true, named, int(mistakes[true, named])) for true, named in pairs if mistakes[true, named]]


# -- calibration -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions whose confidence lies in (``lower``, ``upper``].

    ``lower``, ``upper``: 0 to 1.
    ``n``: how many predictions.
    ``confidence``: their mean; None when there are none.
    ``accuracy``: of these predictions; None when there are none.
    """

    lower: float
    upper: float
    n: int
    confidence: float | None
    accuracy: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """``bins`` bins of equal width over confidence, which is the highest probability of a row of ``probabilities``
    ``(n, k)``.
    """
    table, truth = _table(probabilities, labels)
    return reliability_of(table.max(axis=1), table.argmax(axis=1) == truth, bins)


def reliability_of(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The same from the confidence of each prediction and whether it was right, both ``(n,)``."""
    sure, correct = _same_length(np.asarray(confidence, np.float64), np.asarray(right, np.float64))
    # Searched from the left, a confidence on an edge goes into the bin below, as in the paper.
    edges = np.linspace(0.0, 1.0, bins + 1)
    which = np.searchsorted(edges[1:-1], sure, side="left")
    counts = np.bincount(which, minlength=bins)
    sums = np.bincount(which, weights=sure, minlength=bins)
    hits = np.bincount(which, weights=correct, minlength=bins)
    return tuple(
        ReliabilityBin(
            float(edges[i]),
            float(edges[i + 1]),
            int(counts[i]),
            float(sums[i] / counts[i]) if counts[i] else None,
            float(hits[i] / counts[i]) if counts[i] else None,
        )
        for i in range(bins)
    )


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """The mean difference between confidence and accuracy over the bins of ``reliability``, weighted by their counts
    (Guo et al. 2017, equation 3). 0 is best.
    """
    return calibration_error(reliability(probabilities, labels, bins))


def calibration_error(rows: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error from the bins ``rows``."""
    gaps = sum(
        row.n * abs(row.accuracy - row.confidence)
        for row in rows
        if row.accuracy is not None and row.confidence is not None
    )
    return float(gaps / sum(row.n for row in rows))


# -- regression targets ------------------------------------------------------------------------------------------------


def r2(predicted: ArrayLike, truth: ArrayLike) -> float:
    """``1 - squared error / squared deviation from the mean``. 1 is best. To predict the mean of ``truth`` ``(n,)``
    gives 0, and to do worse gives less than 0.

    Where all of ``truth`` is one number, it is 1 for exact predictions and else 0, as in scikit-learn.
    """
    predictions, values = _numbers(predicted, truth)
    # scaled, since squares of very large numbers overflow
    deviation = values - values.mean()
    error = values - predictions
    scale = max(float(np.abs(deviation).max()), float(np.abs(error).max()))
    if scale == 0.0:
        return 1.0
    total = float(((deviation / scale) ** 2).sum())
    return 0.0 if total == 0.0 else 1.0 - float(((error / scale) ** 2).sum()) / total


def rmse(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Root of the mean squared error, in the unit of ``truth`` ``(n,)``."""
    predictions, values = _numbers(predicted, truth)
    return float(np.sqrt(((predictions - values) ** 2).mean()))


def mae(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean absolute error, in the unit of ``truth`` ``(n,)``."""
    predictions, values = _numbers(predicted, truth)
    return float(np.abs(predictions - values).mean())


def regression(predicted: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """``r2``, ``rmse`` and ``mae`` of predictions ``(n,)``."""
    return {"r2": r2(predicted, truth), "rmse": rmse(predicted, truth), "mae": mae(predicted, truth)}


# -- shapes ------------------------------------------------------------------------------------------------------------


def _same_length(predicted: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    predictions, truth = np.asarray(predicted), np.asarray(labels)
    if predictions.ndim != 1 or predictions.shape != truth.shape:
        raise UsageError(
            f"predicted has the shape {predictions.shape}, labels {truth.shape}.",
            "Both are (n,), one entry for each example.",
        )
    if not len(truth):
        raise UsageError("There are no predictions to measure.")
    return predictions, truth


def _numbers(predicted: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _same_length(np.asarray(predicted, np.float64), np.asarray(truth, np.float64))


def _table(probabilities: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    table, truth = np.asarray(probabilities), np.asarray(labels)
    if table.ndim != 2 or truth.shape != table.shape[:1]:
        raise UsageError(
            f"probabilities has the shape {table.shape}, labels {truth.shape}.", "They are (n, k) and (n,)."
        )
    if not len(truth):
        raise UsageError("There are no predictions to measure.")
    if truth.min() < 0 or truth.max() >= table.shape[1]:
        raise UsageError(
            f"labels holds the class {int(truth.max() if truth.min() >= 0 else truth.min())}, outside "
            f"0..{table.shape[1] - 1}."
        )
    return table, truth
