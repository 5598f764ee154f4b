"""``ImageRegressor``: which number belongs to a picture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from archsmith.automl.estimator import ImageEstimator
from archsmith.core.errors import DataError


class ImageRegressor(RegressorMixin, ImageEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Searches, trains and exports a network that predicts one number from an image.

    The parameters are those of ``ImageClassifier``, without ``balance``. After ``fit``: ``result_``, ``architecture_``,
    ``graph_``, ``history_``, ``bundle_`` and ``report_``. Scores are R²: 1 is best, 0 is what the mean of all targets
    gives.
    """

    kind = "number"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images ``X`` as ``ImageClassifier`` takes them and finite numbers ``y`` ``(n,)``; or from one path
        or name in ``X``.

        Splits off its own validation and test splits. Raises DataError for what cannot be learnt from.
        """
        self._run(X, None if y is None else _numbers(y))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """One number for each image, ``(n,)``, in the units of the target."""
        return np.asarray(self._opened().predict(self._pictures(X)), dtype=np.float64).reshape(-1)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """R² on images and numbers that the search has not seen."""
        predicted, truth = self.predict(X), _numbers(y)
        if len(predicted) != len(truth):
            raise DataError(
                f"There are {len(predicted):,} images but {len(truth):,} numbers.", "Give one number for each image."
            )
        return float(r2_score(truth, predicted, sample_weight=sample_weight))


def _numbers(y: Any) -> NDArray[np.float64]:
    """``y`` as ``(n,)`` floats. Raises DataError."""
    try:
        numbers = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            "The targets are not numbers.", "ImageRegressor predicts numbers; for names of classes use ImageClassifier."
        ) from error
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"The targets have the shape {numbers.shape}.", "Give one number for each image.")
    if not np.isfinite(numbers).all():
        raise DataError(
            f"{int((~np.isfinite(numbers)).sum()):,} targets are NaN or infinite.", "Leave those images out."
        )
    return numbers
