"""``ImageClassifier``: the main job in scikit-learn's manner.

The constructor stores its arguments only; ``fit`` runs the job and leaves results in attributes that end in ``_``. Predictions come from the exported bundle,
so that what is scored here is what leaves the house.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from archsmith import catalog
from archsmith.automl.job import fit as run_job
from archsmith.automl.settings import FitResult, FitSettings
from archsmith.bundle.export import check_target
from archsmith.bundle.predictor import Predictor
from archsmith.core.architecture import Architecture
from archsmith.core.budget import parse_seconds
from archsmith.core.errors import DataError, UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.data.arrays import as_labels, as_pictures, image_scale
from archsmith.graphs.graph import Graph
from archsmith.runtime.search import replayed
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Searches, trains and exports a network that classifies images.

    ``time`` is the budget of ``fit`` (``"20m"`` or seconds; None with ``trials``), ``trials`` a limit on the search, ``seed`` where all randomness comes from,
    ``space`` and ``strategy`` catalogue names with ``settings`` for their fields, ``workspace`` where studies live (``~/.archsmith``), ``verbose`` whether
    progress is shown. After ``fit``: ``classes_``, ``result_``, ``architecture_``, ``graph_``, ``bundle_`` (a folder) and ``history_``.
    """

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str = "conv_stages",
        strategy: str = "evolution",
        settings: dict[str, dict[str, Any]] | None = None,
        workers: int = 1,
        workspace: str | None = None,
        verbose: bool = False,
    ) -> None:
        self.time = time
        self.trials = trials
        self.seed = seed
        self.space = space
        self.strategy = strategy
        self.settings = settings
        self.workers = workers
        self.workspace = workspace
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images ``X`` ``(n, h, w)`` or ``(n, h, w, c)`` (bytes, or numbers in 0..1) and labels ``y`` ``(n,)``; or from one path or name in ``X``.

        Splits off its own validation and test parts. Raises DataError for what cannot be learnt from.
        """
        settings = FitSettings(
            data=X if y is None else (X, y),
            seconds=None if self.time is None else parse_seconds(self.time),
            trials=self.trials,
            seed=self.seed,
            space=self.space,
            strategy=self.strategy,
            settings=self.settings or {},
            workers=self.workers,
            workspace=self.workspace,
        )
        self.result_: FitResult = run_job(settings, _printer() if self.verbose else None)
        self.bundle_ = Path(self.result_.model_dir)
        self._predictor = Predictor(self.bundle_)
        names = self._predictor.classes
        values = names if y is None else np.unique(as_labels(y))
        self.classes_: NDArray[Any] = np.asarray([dict(zip(map(str, values), values, strict=True)).get(name, name) for name in names])
        self._scale = 1.0 if y is None else image_scale(X)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` in the order of ``classes_``; ``X`` as in ``fit``, or a list of paths."""
        return self._fitted().predict_proba(self._pictures(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each image, ``(n,)``."""
        best = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[best])

    def score(self, X: Any, y: Any) -> float:
        """Accuracy in [0, 1] on images and labels that the search has not seen."""
        predicted, labels = self.predict(X), as_labels(y)
        if len(predicted) != len(labels):
            raise DataError(f"There are {len(predicted):,} images but {len(labels):,} labels.", "Give one label for each image.")
        return float(np.mean(predicted.astype(str) == labels.astype(str)))

    def leaderboard(self) -> list[dict[str, Any]]:
        """The networks trained in full (best validation accuracy first), then the search's trials by their score in the proxy."""
        self._fitted()
        rows = sorted(self.result_.rows, key=lambda row: -1.0 if row.valid is None else row.valid, reverse=True)
        table = [{"kind": "final", **row.to_dict()} for row in rows]
        return table + [
            {
                "kind": "trial",
                "name": f"trial {trial.id}",
                "valid": trial.metrics["accuracy"],
                "seconds": trial.outcome.seconds if trial.outcome else None,
            }
            for trial in self.history_.ranking()
        ]

    def export(self, folder: str | Path) -> Path:
        """Copy the bundle to ``folder`` and return it. Raises UsageError when something else lies there."""
        self._fitted()
        target = check_target(folder)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(self.bundle_, target)
        return target

    @property
    def architecture_(self) -> Architecture:
        """The exported network's decisions."""
        return Architecture(self.result_.architecture)  # type: ignore[arg-type]

    @property
    def history_(self) -> History:
        """All trials of the search."""
        store = self._store()
        began = next(store.read()).data
        return replayed(store, Problem.from_dict(catalog.from_spec(began["space"], "space"), began["problem"]))

    @property
    def graph_(self) -> Graph:
        """The exported network as data."""
        folder = self._store().folder
        return Graph.from_dict(json.loads((folder / "final" / "graph.json").read_text(encoding="utf-8")))

    def _store(self) -> SqliteStore:
        self._fitted()
        return Workspace(self.workspace).open(self.result_.study)

    def _fitted(self) -> Predictor:
        if not hasattr(self, "_predictor"):
            raise UsageError("This ImageClassifier is not fitted yet.", "Call fit(X, y) first.")
        return self._predictor

    def _pictures(self, X: Any) -> Any:
        if isinstance(X, str | Path) or (isinstance(X, list | tuple) and X and isinstance(X[0], str | Path)):
            return X
        return as_pictures(X, self._scale)


def _printer() -> Callable[[Event], None]:
    """Plain lines on standard error; the live display belongs to the command line."""

    def show(event: Event) -> None:
        data = event.data
        if event.kind == "note":
            sys.stderr.write(f"{data['text']}\n")
        elif event.kind == "phase" and data["state"] == "started":
            sys.stderr.write(f"{data['name']}: {data.get('detail', '')}\n")
        elif event.kind == "finished" and data["outcome"]["status"] == "ok":
            sys.stderr.write(f"  trial {data['trial']}: {data['outcome']['metrics']['accuracy']:.4f}\n")

    return show
