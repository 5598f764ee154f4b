"""What classifiers of every kind of data share: classes keep the person's own type and order."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from archsmith.automl.estimator import Estimator
from archsmith.core.errors import DataError
from archsmith.core.wording import visible
from archsmith.data.labels import label_array
from archsmith.data.values import NUMBER, PADDED


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """The common part of all classifiers.

    ``balance``: rare classes count as much as common ones.
    """

    task = "classification"

    balance: bool

    def _fit(self, X: Any, y: Any) -> Self:
        if y is not None and not isinstance(y, str) and _are_fractions(label_array(y)):
            raise DataError(
                "The labels are fractions, but classes are wanted.",
                "Use whole numbers or strings; for numbers to predict, take a regressor.",
            )
        self._run(X, y, balance=self.balance)
        names = self._opened().classes
        # Labels keep the person's own type, and columns of probabilities are in their order, as everywhere in
        # scikit-learn.
        labels = self._column(X) if y is None else y
        distinct = names if labels is None else _distinct(label_array(labels))
        known = {_name(label, names): label for label in distinct}
        known |= {str(label): label for label in distinct if str(label) in names}  # 'a' is 'a', though ' a' is, too
        own = np.asarray([known.get(name, name) for name in names])
        self._order: NDArray[np.intp] = np.argsort(own, kind="stable")
        self.classes_: NDArray[Any] = own[self._order]
        return self

    def _column(self, X: Any) -> Any:
        """The labels that a data frame has in a column; None where ``X`` is anything else."""
        if not (hasattr(X, "columns") and hasattr(X, "iloc")):
            return None
        target = str(self._opened().manifest.facts.data.get("target") or "target")
        places = [place for place, heading in enumerate(X.columns) if str(heading).strip() == target]
        return X.iloc[:, places[0]].dropna() if places else None

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` in the order of ``classes_``; ``X`` as in ``fit``."""
        return self._opened().predict_proba(self._given(X))[:, self._order]

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each example, ``(n,)``."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy in [0, 1] on examples and labels that the search has not seen."""
        predicted, labels = self.predict(X), np.asarray(y)
        if len(predicted) != len(labels):
            raise DataError(
                f"There are {len(predicted):,} examples but {len(labels):,} labels.", "Give one label for each example."
            )
        # folders named 0, 1, … and whole numbers are the same classes
        if {predicted.dtype.kind, labels.dtype.kind} & set("OU"):
            names = frozenset(self._opened().classes)
            predicted, labels = (np.asarray([_name(label, names) for label in given]) for given in (predicted, labels))
        return float(accuracy_score(labels, predicted, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False  # X may name a data set that has its own targets
        return tags


def _name(label: Any, names: Collection[str]) -> str:
    """What ``label`` is called among ``names``, the classes of the bundle: True is 1, and 3.0 is 3. Of texts, a table
    takes the blanks around them away, and reads whole numbers.
    """
    whole = isinstance(label, bool | np.bool_) or (isinstance(label, float | np.floating) and float(label).is_integer())
    text = str(label).strip()
    found = [str(int(label))] if whole else []
    found += [str(label), visible(str(label)), text, visible(text)]
    if re.fullmatch(NUMBER, text, re.IGNORECASE) and float(text).is_integer():
        found.append(str(int(text) if re.fullmatch(PADDED, text) else int(float(text))))
    return next((name for name in found if name in names), found[0])


def _distinct(y: NDArray[Any]) -> list[Any]:
    """Labels of any types that occur, missing ones among them."""
    return list(dict.fromkeys(y)) if y.dtype == object else list(np.unique(y))


def _are_fractions(y: NDArray[Any]) -> bool:
    return y.dtype.kind == "f" and bool((np.isfinite(y) & (y != np.rint(y))).any())
