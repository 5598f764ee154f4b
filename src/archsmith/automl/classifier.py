"""``ImageClassifier``: which class a picture belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from archsmith.automl.estimator import ImageEstimator
from archsmith.automl.watch import OnEpoch, OnTrial
from archsmith.core.errors import DataError


class ImageClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Searches, trains and exports a network that classifies images.

    ``time`` is the budget of ``fit`` (``"20m"`` or seconds; None with ``trials``), ``trials`` a limit on the search,
    ``seed`` where all randomness comes from; ``space`` and ``strategy`` are catalogue names with ``settings`` for their
    fields; ``weights`` says where trials have theirs from: ``own``, ``inherited``, ``shared`` or ``auto`` (the plan
    decides). ``balance`` makes rare classes count as much as common ones, ``side`` is the size in pixels that pictures
    are brought to (None: from their own sizes), ``image`` and ``target`` name the columns of a table.

    ``device`` is ``auto``, ``cpu``, ``cuda`` or ``mps``; ``workers`` trials run at once; ``memory_mb`` and ``disk_mb``
    limit trainings and what trials keep; ``workspace`` is where studies live (``~/.archsmith``). ``verbose`` 1 shows
    progress, 2 every trial too.

    ``on_trial(trial, history)`` is called after every trial and ``on_epoch(network, epoch, metrics)`` whenever a
    training was measured. One that returns True asks for an end: the job finishes soon with the best so far. What one
    raises ends the job; the study keeps what was finished.

    After ``fit``: ``classes_``, ``result_``, ``architecture_``, ``graph_``, ``history_``, ``bundle_`` (a folder) and
    ``report_`` (a file). A pickle of the estimator holds the path of its bundle, not the network: take the bundle along
    (``export``) to another machine.
    """

    kind = "classes"

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str = "conv_stages",
        strategy: str = "graph_gp",
        weights: str = "auto",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        balance: bool = False,
        side: int | None = None,
        image: str | None = None,
        target: str | None = None,
        device: str = "auto",
        workers: int = 1,
        memory_mb: float | None = None,
        disk_mb: float | None = None,
        workspace: str | None = None,
        verbose: int = 0,
        on_trial: OnTrial | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        super().__init__(
            time,
            trials=trials,
            seed=seed,
            space=space,
            strategy=strategy,
            weights=weights,
            settings=settings,
            side=side,
            image=image,
            target=target,
            device=device,
            workers=workers,
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            workspace=workspace,
            verbose=verbose,
            on_trial=on_trial,
            on_epoch=on_epoch,
        )
        self.balance = balance

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images ``X`` and labels ``y`` ``(n,)``, numbers or strings; or from one path or name in ``X``.

        Images are an array ``(n, h, w)`` or ``(n, h, w, c)`` (bytes, or numbers in 0..1), or a list of arrays, Pillow
        images or paths. Splits off its own validation and test splits. Raises DataError for what cannot be learnt from.
        """
        if y is not None and _are_fractions(np.asarray(y)):
            raise DataError(
                "The labels are fractions, but classes are wanted.",
                "Use whole numbers or strings; for numbers to predict, ImageRegressor.",
            )
        self._run(X, y, balance=self.balance)
        names = self._opened().classes
        # Labels keep the person's own type, and columns of probabilities are in their order, as everywhere in
        # scikit-learn.
        labels = np.asarray(names) if y is None else np.unique(np.asarray(y))
        known = {_name(label): label for label in labels}
        own = np.asarray([known.get(name, name) for name in names])
        self._order: NDArray[np.intp] = np.argsort(own, kind="stable")
        self.classes_: NDArray[Any] = own[self._order]
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` in the order of ``classes_``; ``X`` as in ``fit``."""
        return self._opened().predict_proba(self._pictures(X))[:, self._order]

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each image, ``(n,)``."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy in [0, 1] on images and labels that the search has not seen."""
        predicted, labels = self.predict(X), np.asarray(y)
        if len(predicted) != len(labels):
            raise DataError(
                f"There are {len(predicted):,} images but {len(labels):,} labels.", "Give one label for each image."
            )
        # folders named 0, 1, … and whole numbers are the same classes
        if {predicted.dtype.kind, labels.dtype.kind} & set("OU"):
            predicted, labels = np.asarray([*map(_name, predicted)]), np.asarray([*map(_name, labels)])
        return float(accuracy_score(labels, predicted, sample_weight=sample_weight))


def _name(label: Any) -> str:
    """What a class is called in the bundle: True is 1, and 3.0 is 3."""
    whole = isinstance(label, bool | np.bool_) or (isinstance(label, float | np.floating) and float(label).is_integer())
    return str(int(label)) if whole else str(label)


def _are_fractions(y: NDArray[Any]) -> bool:
    finite = y[np.isfinite(y)] if y.dtype.kind == "f" else y[:0]
    return bool((finite != np.rint(finite)).any()) if finite.size else False
