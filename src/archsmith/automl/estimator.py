"""What all estimators share: the main job in scikit-learn's manner.

The constructor stores its arguments only; ``fit`` runs the job and leaves results in attributes that end in ``_``.
Predictions come from the exported bundle, so that what is scored here is what leaves the house. A time budget makes the
result depend on the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from archsmith import catalog
from archsmith.analysis.leaderboard import Leaderboard, leaderboard
from archsmith.automl.card import card
from archsmith.automl.fit_result import FitResult
from archsmith.automl.glance import credit
from archsmith.automl.in_python import speaking_python
from archsmith.automl.progress import viewer
from archsmith.automl.settings import FitSettings
from archsmith.automl.watch import OnEpoch, OnTrial, watched
from archsmith.bundle.folder import author, copy, refuse_others
from archsmith.bundle.predictor import Predictor
from archsmith.core.architecture import Architecture
from archsmith.core.budget import parse_seconds
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.core.problem import Problem
from archsmith.graphs.graph import Graph
from archsmith.runtime.search import replayed
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.study_view import read_view
from archsmith.runtime.workspace import Workspace


class NotFitted(UsageError, NotFittedError):  # type: ignore[misc]  # scikit-learn has no types
    """Results were asked of an estimator that has none; scikit-learn's own error too, so that its tools recognise
    it.
    """


class Estimator(BaseEstimator):  # type: ignore[misc]
    """The common part of all estimators; use one of the subclasses, where the parameters are explained."""

    task: ClassVar[str]  # as FitSettings calls it
    modality: ClassVar[str]

    time: str | float | None
    trials: int | None
    seed: int
    space: str | None
    strategy: str
    weights: str
    settings: Mapping[str, Mapping[str, Any]] | None
    target: str | None
    device: str
    workers: int
    memory_mb: float | None
    disk_mb: float | None
    workspace: str | None
    verbose: int
    on_trial: OnTrial | None
    on_epoch: OnEpoch | None

    # -- fitting -------------------------------------------------------------------------------------------------------

    def _own(self) -> dict[str, Any]:
        """Settings of this kind of data besides the common ones."""
        return {}

    def _run(self, X: Any, y: Any, **more: Any) -> None:
        """Run the job on ``X`` (and ``y``, unless ``X`` names a data set) and keep its results. Raises DataError where
        ``y`` is the name of a column: scikit-learn's ``fit`` takes targets there.
        """
        if isinstance(y, str):
            raise DataError(
                f"The second argument of fit is the text {y!r}, but the targets themselves are wanted.",
                f"If it is the column to be predicted: {type(self).__name__}(target={y!r}).fit(X).",
            )
        if y is not None and self.target is not None:
            raise DataError(
                f"The targets are given twice: as the second argument of fit, and as the column {self.target!r}.",
                f"Leave y out to learn the column, {type(self).__name__}(target={self.target!r}).fit(X); or leave "
                "target out.",
            )
        with speaking_python():
            settings = FitSettings(
                data=os.fspath(X) if isinstance(X, os.PathLike) else X if y is None else (X, y),
                seconds=None if self.time is None else parse_seconds(self.time),
                trials=self.trials,
                seed=self.seed,
                modality=self.modality,
                space=self.space,
                strategy=self.strategy,
                weights=self.weights,
                settings=self.settings or {},
                target=self.target,
                device=self.device,
                workers=self.workers,
                memory_mb=self.memory_mb,
                disk_mb=self.disk_mb,
                workspace=self.workspace,
                task=self.task,
                **self._own(),
                **more,
            )
            if not isinstance(self.verbose, int):
                raise UsageError(f"verbose is of the type {type(self.verbose).__name__}.", "Give 0, 1 or 2.")
            show = viewer(int(self.verbose), settings.seconds)
            result = watched(settings, on_trial=self.on_trial, on_epoch=self.on_epoch, viewer=show)
        self._keep(result)

    def _keep(self, result: FitResult) -> None:
        """The results as plain attributes: they are to be had when the study is gone, and nothing is read or written by
        looking at one.
        """
        self.result_ = result
        study = self._study()
        began = read_view(study).began
        assert began is not None
        problem = Problem.from_dict(catalog.from_spec(began.space, "space"), began.problem)
        self.architecture_ = Architecture(result.architecture)
        self.graph_ = Graph.from_dict(json.loads((study / "final" / "graph.json").read_text(encoding="utf-8")))
        self.history_ = replayed(SqliteStore(study), problem)
        self.bundle_ = Path(result.model_dir)
        self.report_ = study / "final" / "report.html"
        self._predictor: Predictor | None = None
        self._keep_data(str(began.fit["data_folder"]))

    def _keep_data(self, folder: str) -> None:
        """What predictions need to know of the data in ``folder``."""

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

    def _given(self, X: Any) -> Any:
        """``X`` as the bundle takes it. Raises DataError."""
        return X

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
        """The networks trained in full (the best on validation data first), then the search's trials by their score. Of
        the trials only those that ended with a score after the longest training that any had: others do not compare.
        ``history_`` has them all.
        """
        self._check_fitted()
        return leaderboard((row.to_dict() for row in self.result_.rows), self.history_)

    def export(self, folder: str | Path, *, replace: bool = False) -> Path:
        """Copy the bundle to ``folder`` and return it. ``replace``: also where the bundle of another study lies there.

        Raises UsageError when something else lies there.
        """
        self._check_fitted()
        if not replace:
            refuse_others(folder, author(self.bundle_), "Give another folder, or replace=True.")
        target = copy(self.bundle_, folder)
        with contextlib.suppress(ArchsmithError, OSError):  # the study may be gone by now
            credit(self._study(), target)
        return target

    def _study(self) -> Path:
        """The study's folder. Raises StudyError when it was moved or deleted."""
        return Workspace(self.workspace).resolve(self.result_.study)

    # -- manners -------------------------------------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.time is not None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Without the open network, which cannot be copied. It is opened again from ``bundle_`` when it is needed."""
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
