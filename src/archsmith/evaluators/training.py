"""The honest evaluator: lay the network out, train it from scratch for a few epochs, measure it on the validation part.

A trial trains at a constant rate and is judged by its averaged weights, so that a short training is the beginning of a longer one (fidelity is a
number of epochs and may be fractional). What the architecture says under ``recipe/`` replaces the evaluator's own recipe. The test part is never
opened here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive
from archsmith.core.trial import Outcome
from archsmith.data.cache import open_splits
from archsmith.data.images import ImageSet
from archsmith.data.splits import Splits, stratified
from archsmith.graphs.cost import cost
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.batches import Normalisation
from archsmith.training.loop import train
from archsmith.training.recipe import Recipe

CHECKPOINT = "checkpoint.safetensors"
REPORTS = 8  # of one trial at most with a score; on small data, measuring after every epoch would cost as much as training


@dataclass(frozen=True)
class TrainingEvaluator:
    """Accuracy after ``fidelity`` epochs of training.

    ``space`` lays the networks out, at the scale of the search; ``data`` is the folder of stored splits (``data.cache.write``); ``recipe`` the
    defaults of training; ``n_train`` and ``n_valid`` cap the pictures used, class by class and the same ones in every trial (None: all); ``anneal``
    True lets each trial run its recipe's own schedule to its end instead of the continuable constant rate; ``precision`` is ``auto``, ``float32`` or
    ``bfloat16``.

    Metrics: ``accuracy`` (share of 1) and ``log_loss`` (nats) on the validation part, ``params`` and ``macs`` of the network.
    """

    space: NetworkSpace
    data: str
    recipe: Recipe = Recipe()
    n_train: int | None = None
    n_valid: int | None = None
    anneal: bool = False
    precision: str = "auto"

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "log_loss", "params", "macs")
    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("n_train", "n_valid"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise UsageError(f"The evaluator's {name} is {value}.", "Give at least 2, or None for all.")

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Train and measure one architecture. Raises EvaluationError (``memory``, ``diverged``, ``timeout``, ``nan``) and Stopped."""
        started = time.perf_counter()
        splits = _opened(self.data)
        if splits.train.shape != self.space.input_shape or len(splits.classes) != self.space.n_outputs:
            wanted, found = (self.space.input_shape, self.space.n_outputs), (splits.train.shape, len(splits.classes))
            raise EvaluationError(
                f"The space lays out networks for images {wanted[0]} of {wanted[1]} classes, the data are {found[0]} of {found[1]}."
            )
        recipe = self.recipe.with_decisions(architecture)
        graph = self.space.graph(architecture)
        context.check()
        size = cost(graph)
        result = train(
            Network(graph, seed=derive(context.seed, "weights")),
            _part(self.data, "train", self.n_train),
            recipe if self.anneal else recipe.proxy(),
            Normalisation(*splits.statistics),
            seed=derive(context.seed, "training"),
            valid=_part(self.data, "valid", self.n_valid),
            epochs=fidelity,
            check=context.check,
            report=lambda epoch, metrics: context.report(epoch, _scores(metrics)),
            save_to=None if context.workspace is None else context.workspace / CHECKPOINT,
            arithmetic=self.precision,
            measure_every=max(1, round(fidelity / REPORTS)),
        )
        if result.score is None:
            raise EvaluationError("There are no validation pictures to measure on.")
        measured = {"accuracy": result.score.accuracy, "log_loss": result.score.log_loss, "params": float(size.params), "macs": float(size.macs)}
        notes: dict[str, Scalar] = {
            "epochs": result.epochs,
            "steps": result.steps,
            "step_ms": round(1000 * result.step_seconds, 2),
            "precision": result.precision,
        }
        return Outcome.success(measured, time.perf_counter() - started, notes)

    def at(self, space: NetworkSpace) -> TrainingEvaluator:
        """The same evaluator for another scale of the space."""
        return replace(self, space=space)


def _scores(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name in ("accuracy", "log_loss", "train_loss")}


@lru_cache(maxsize=4)
def _opened(folder: str) -> Splits:
    return open_splits(folder)


@lru_cache(maxsize=8)
def _part(folder: str, name: str, limit: int | None) -> ImageSet:
    """A part of the stored splits, cut class by class to ``limit`` pictures; the same ones whatever the trial."""
    part = _opened(folder).parts[name]
    if limit is None or limit >= len(part):
        return part
    chosen = stratified(part.labels, len(part.classes), limit, 0, f"limit_{name}")
    return ImageSet(np.ascontiguousarray(part.images[chosen]), part.labels[chosen], part.classes)
