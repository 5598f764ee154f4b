"""What ``ImageClassifier`` and ``ImageRegressor`` share: the main job in scikit-learn's manner.

The constructor stores its arguments only; ``fit`` runs the job and leaves results in attributes that end in ``_``.
Predictions come from the exported bundle, so that what is scored here is what leaves the house. Two habits of
scikit-learn do not carry over to pictures: there is no ``n_features_in_`` (a picture has a size, not a number of
features, and every size is taken), and a time budget makes the result depend on the machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL.Image import Image
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from archsmith import catalog
from archsmith.analysis.leaderboard import Leaderboard, leaderboard
from archsmith.automl.card import card
from archsmith.automl.progress import viewer
from archsmith.automl.settings import FitResult, FitSettings
from archsmith.automl.watch import OnEpoch, OnTrial, watched
from archsmith.bundle.folder import copy
from archsmith.bundle.predictor import Predictor
from archsmith.core.architecture import Architecture
from archsmith.core.budget import parse_seconds
from archsmith.core.errors import DataError, UsageError
from archsmith.core.problem import Problem
from archsmith.data.images.read_arrays import as_pictures
from archsmith.data.images.store import open_splits
from archsmith.graphs.graph import Graph
from archsmith.runtime.search import replayed
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace


class NotFitted(UsageError, NotFittedError):  # type: ignore[misc]  # scikit-learn has no types
    """Results were asked of an estimator that has none; scikit-learn's own error too, so that its tools recognise it."""


class ImageEstimator(BaseEstimator):  # type: ignore[misc]
    """The common part of the estimators for images; use one of its subclasses, where the parameters are explained."""

    kind: ClassVar[str]  # of the target, as FitSettings calls it

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
        self.device = device
        self.workers = workers
        self.memory_mb = memory_mb
        self.disk_mb = disk_mb
        self.workspace = workspace
        self.verbose = verbose
        self.on_trial = on_trial
        self.on_epoch = on_epoch

    # -- fitting -------------------------------------------------------------------------------------------------------

    def _run(self, X: Any, y: Any, **more: Any) -> None:
        """Run the job on ``X`` (and ``y``, unless ``X`` names a data set) and keep its results."""
        X = X if y is None else _plain(X)
        settings = FitSettings(
            data=os.fspath(X) if isinstance(X, os.PathLike) else X if y is None else (X, y),
            seconds=None if self.time is None else parse_seconds(self.time),
            trials=self.trials,
            seed=self.seed,
            space=self.space,
            strategy=self.strategy,
            weights=self.weights,
            settings=self.settings or {},
            side=self.side,
            image=self.image,
            target=self.target,
            device=self.device,
            workers=self.workers,
            memory_mb=self.memory_mb,
            disk_mb=self.disk_mb,
            workspace=self.workspace,
            kind=self.kind,
            **more,
        )
        show = viewer(int(self.verbose), settings.seconds)
        result = watched(settings, on_trial=self.on_trial, on_epoch=self.on_epoch, viewer=show)
        self._keep(result)

    def _keep(self, result: FitResult) -> None:
        """The results as plain attributes: they are to be had when the study is gone, and nothing is read or written by
        looking at one.
        """
        self.result_ = result
        study = self._study()
        store = SqliteStore(study)
        began = next(store.read()).data
        self.architecture_ = Architecture(result.architecture)
        self.graph_ = Graph.from_dict(json.loads((study / "final" / "graph.json").read_text(encoding="utf-8")))
        self.history_ = replayed(store, Problem.from_dict(catalog.from_spec(began["space"], "space"), began["problem"]))
        self.bundle_ = Path(result.model_dir)
        self.report_ = study / "final" / "report.html"
        self._scale = open_splits(began["fit"]["data_folder"]).scale
        self._predictor: Predictor | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "result_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFitted(f"This {type(self).__name__} is not fitted yet.", "Call fit(X, y) first.")

    # -- predicting ----------------------------------------------------------------------------------------------------

    def _opened(self) -> Predictor:
        """The exported network, opened when it is first needed. Raises UsageError when the bundle is no longer where
        ``fit`` left it.
        """
        self._check_fitted()
        if self._predictor is None:
            self._predictor = Predictor(self.bundle_)
        return self._predictor

    def _pictures(self, X: Any) -> Any:
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

    # -- results -------------------------------------------------------------------------------------------------------

    def report(self, target: str | Path | None = None, *, browser: bool = False) -> Path:
        """The job's report, one HTML file: ``report_``, or written anew to ``target``; shown in a ``browser`` if asked
        to. Returns its path.
        """
        self._check_fitted()
        path = self.report_ if target is None else Path(target)
        if target is not None or not path.exists():
            from archsmith.analysis.report import write_report

            path = write_report(self._study(), path)
        if browser:
            import webbrowser

            webbrowser.open(path.resolve().as_uri())
        return path

    def leaderboard(self) -> Leaderboard:
        """The networks trained in full (the best on validation data first), then the search's trials by their score in
        the proxy.
        """
        self._check_fitted()
        return leaderboard((row.to_dict() for row in self.result_.rows), self.history_)

    def export(self, folder: str | Path) -> Path:
        """Copy the bundle to ``folder`` and return it. Raises UsageError when something else lies there."""
        self._check_fitted()
        return copy(self.bundle_, folder)

    def _study(self) -> Path:
        """The study's folder. Raises StudyError when it was moved or deleted."""
        return Workspace(self.workspace).resolve(self.result_.study)

    # -- manners -------------------------------------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        # (n, h, w); four axes and lists of pictures too, for which there is no tag
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True  # paths
        tags.input_tags.positive_only = True
        tags.target_tags.required = False  # X may name a data set that has its own labels
        tags.non_deterministic = self.time is not None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Without the open network, which cannot be copied: it is opened again from ``bundle_`` when it is next needed."""
        state: dict[str, Any] = dict(super().__getstate__())
        return {**state, "_predictor": None} if "_predictor" in state else state

    def _repr_html_inner(self) -> str:
        """scikit-learn's diagram before ``fit``, what came of it afterwards."""
        return self._card() if self.__sklearn_is_fitted__() else str(super()._repr_html_inner())

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle and self.__sklearn_is_fitted__():
            bundle["text/html"] = self._card()
        return bundle

    def _card(self) -> str:
        return card(type(self).__name__, self.result_, self.graph_)


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
