"""What regressors of every kind of data share."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from archsmith.automl.estimator import Estimator
from archsmith.core.errors import DataError


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """The common part of all regressors."""

    task = "regression"

    def _fit(self, X: Any, y: Any) -> Self:
        if y is not None and not isinstance(y, str):
            numbers = _targets(y)
            # a Series keeps its name, which says what is predicted
            named = hasattr(y, "name") and getattr(getattr(y, "dtype", None), "kind", "") in ("i", "u", "f")
            y = y if named else numbers
        self._run(X, y)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The regression target of each example, ``(n,)``, in its own unit."""
        return np.asarray(self._opened().predict(self._given(X)), dtype=np.float64).reshape(-1)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """R² on examples and targets that the search has not seen: 1 is best, 0 is what the mean of all targets
        gives.
        """
        predicted, truth = self.predict(X), _targets(y)
        if len(predicted) != len(truth):
            raise DataError(
                f"There are {len(predicted):,} examples but {len(truth):,} targets.", "Give one for each example."
            )
        return float(r2_score(truth, predicted, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False  # X may name a data set that has its own targets
        return tags


def _targets(y: Any) -> NDArray[np.float64]:
    """``y`` as ``(n,)`` floats. Raises DataError."""
    try:
        numbers = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            "The targets are not numbers.", "A regressor predicts numbers; for names of classes take a classifier."
        ) from error
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"The targets have the shape {numbers.shape}.", "Give one number for each example.")
    if not np.isfinite(numbers).all():
        raise DataError(
            f"{int((~np.isfinite(numbers)).sum()):,} targets are NaN or infinite.", "Leave those examples out."
        )
    return numbers
