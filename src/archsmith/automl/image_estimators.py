"""``ImageClassifier`` and ``ImageRegressor``: pictures in scikit-learn's manner.

Two habits of scikit-learn do not carry over to pictures: there is no ``n_features_in_`` (a picture has a size, not a
number of features), and every size is taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np
from PIL.Image import Image

from archsmith.automl.classifier import Classifier
from archsmith.automl.estimator import Estimator
from archsmith.automl.regressor import Regressor
from archsmith.automl.watch import OnEpoch, OnTrial
from archsmith.core.errors import DataError
from archsmith.data.images.examples import ImageSplits
from archsmith.data.images.read_arrays import as_pictures
from archsmith.data.stored import opened


class ImageEstimator(Estimator):
    """The common part of the estimators for images; the parameters are explained at ``ImageClassifier``."""

    modality = "image"

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str | None = None,
        strategy: str = "graph_gp",
        weights: str = "auto",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        side: int | None = None,
        image: str | None = None,
        target: str | None = None,
        pretrained: bool = True,
        device: str = "auto",
        workers: int = 1,
        memory_mb: float | None = None,
        disk_mb: float | None = None,
        workspace: str | None = None,
        verbose: int = 0,
        on_trial: OnTrial | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        self.time = time
        self.trials = trials
        self.seed = seed
        self.space = space
        self.strategy = strategy
        self.weights = weights
        self.settings = settings
        self.side = side
        self.image = image
        self.target = target
        self.pretrained = pretrained
        self.device = device
        self.workers = workers
        self.memory_mb = memory_mb
        self.disk_mb = disk_mb
        self.workspace = workspace
        self.verbose = verbose
        self.on_trial = on_trial
        self.on_epoch = on_epoch

    def _own(self) -> dict[str, Any]:
        return {"side": self.side, "image": self.image, "pretrained": self.pretrained}

    def _run(self, X: Any, y: Any, **more: Any) -> None:
        super()._run(X if y is None else _plain(X), y, **more)

    def _keep_data(self, folder: str) -> None:
        self._scale = cast(ImageSplits, opened(folder)).scale

    def _given(self, X: Any) -> Any:
        """``X`` as the bundle takes it: paths and Pillow images as they are, arrays as bytes on the scale that ``fit``
        saw. Raises DataError.
        """
        X = _plain(X)
        if _are_paths(X) or _are_pillow(X):
            return X
        first = np.asarray(X[0] if isinstance(X, list) and X else X)
        if first.dtype == np.uint8:
            return as_pictures(X, 1.0)
        scale = 255.0 if first.dtype == np.bool_ else self._scale
        if scale == 1.0 and np.issubdtype(first.dtype, np.floating) and 0.0 < float(np.max(first)) <= 1.0:
            raise DataError(
                "The images are fractions (0 to 1), but fit saw values up to 255.",
                "Give (255 * images).round().astype('uint8').",
            )
        return as_pictures(X, scale)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = (
            True  # (n, h, w); four axes and lists of pictures too, for which there is no tag
        )
        tags.input_tags.string = True  # paths
        tags.input_tags.positive_only = True
        return tags


class ImageClassifier(Classifier, ImageEstimator):
    """Searches, trains and exports a network that classifies images.

    ``time`` is the budget of ``fit`` (``"20m"`` or seconds; None with ``trials``), ``trials`` a limit on the search,
    ``seed`` where all randomness comes from; ``space`` and ``strategy`` are catalogue names with ``settings`` for their
    fields; ``weights`` says where trials have theirs from: ``own``, ``inherited``, ``shared`` or ``auto`` (the plan
    decides). ``balance`` makes rare classes count as much as common ones, ``side`` is the size in pixels that pictures
    are brought to (None: from their own sizes), ``image`` and ``target`` name the columns of a table. ``pretrained``
    compares with features that were learnt from ImageNet, if they are installed (the extra ``pretrained``).

    ``device`` is ``auto``, ``cpu``, ``cuda`` or ``mps``; ``workers`` trials run at once; ``memory_mb`` and ``disk_mb``
    limit trainings and what trials keep; ``workspace`` is where studies live (None: ``$ARCHSMITH_WORKSPACE`` or
    ``~/.archsmith``). ``verbose`` 1 shows progress, 2 every trial too.

    ``on_trial(trial, history)`` is called after every trial and ``on_epoch(network, epoch, metrics)`` whenever a
    training was measured. One that returns True asks for an end: the job finishes soon with the incumbent. What one
    raises ends the job; the study keeps what was finished.

    After ``fit``: ``classes_``, ``result_``, ``architecture_``, ``graph_``, ``history_``, ``bundle_`` (a folder) and
    ``report_`` (a file). A pickle of the estimator holds the path of its bundle, not the network: take the bundle along
    (``export``) to another machine.
    """

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str | None = None,
        strategy: str = "graph_gp",
        weights: str = "auto",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        balance: bool = False,
        side: int | None = None,
        image: str | None = None,
        target: str | None = None,
        pretrained: bool = True,
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
            pretrained=pretrained,
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
        return self._fit(X, y)


class ImageRegressor(Regressor, ImageEstimator):
    """Searches, trains and exports a network that predicts one number from an image.

    The parameters are those of ``ImageClassifier``, without ``balance``. After ``fit``: ``result_``, ``architecture_``,
    ``graph_``, ``history_``, ``bundle_`` and ``report_``. Scores are R².
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images ``X`` as ``ImageClassifier`` takes them and finite numbers ``y`` ``(n,)``; or from one path
        or name in ``X``.

        Splits off its own validation and test splits. Raises DataError for what cannot be learnt from.
        """
        return self._fit(X, y)


def _plain(X: Any) -> Any:
    """``X`` without the wrapping that its rows came in: a column of a table or an array of objects becomes a list."""
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUT" and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUT" and X.ndim == 1:
        return list(X)
    return list(X) if isinstance(X, tuple) else X


def _are_paths(X: Any) -> bool:
    return isinstance(X, str | os.PathLike) or (isinstance(X, list) and bool(X) and isinstance(X[0], str | os.PathLike))


def _are_pillow(X: Any) -> bool:
    return isinstance(X, Image) or (isinstance(X, list) and bool(X) and isinstance(X[0], Image))
