"""The honest evaluator: lay the network out, train it from scratch for a few epochs, measure it on the validation part.

A trial trains at a constant rate and is judged by its averaged weights, so that a short training is the beginning of a longer one (fidelity is a
number of epochs and may be fractional): a trial whose parent is the same architecture at a lower fidelity goes on from there, while the parent's files
last. What the architecture says under ``recipe/`` replaces the evaluator's own recipe. The test part is never
opened here.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
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
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training import device as devices
from archsmith.training.batches import Normalisation
from archsmith.training.goal import Goal
from archsmith.training.loop import Trained, train
from archsmith.training.memory import SMALLEST_BATCH, fitting
from archsmith.training.recipe import Recipe

CHECKPOINT = "checkpoint.safetensors"
TRIAL = "trial.json"  # beside it: whose it is, and the seed of its training
REPORTS = 8  # of one trial at most with a score; on small data, measuring after every epoch would cost as much as training
METRICS = {
    "classes": ("accuracy", "balanced_accuracy", "log_loss"),
    "balanced": ("balanced_accuracy", "accuracy", "log_loss"),
    "numbers": ("r2", "rmse", "mae"),
}


@dataclass(frozen=True)
class TrainingEvaluator:
    """How good a network is after ``fidelity`` epochs of training.

    ``space`` lays the networks out, at the scale of the search; ``data`` is the folder of stored splits (``data.cache``); ``recipe`` the
    defaults of training; ``n_train`` and ``n_valid`` cap the pictures used, class by class and the same ones in every trial (None: all); ``anneal``
    True lets each trial run its recipe's own schedule to its end instead of the continuable constant rate; ``precision`` is ``auto``, ``float32``,
    ``bfloat16`` or, on CUDA, ``float16``; ``device`` is ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``memory_mb`` what one training may hold
    (10⁶ bytes, None: no limit): where the graph predicts more, the batch is halved, down to 16. ``task`` is ``classes``, ``balanced`` (classes, of
    which each counts alike) or ``numbers``.

    Metrics, on the validation part: ``accuracy`` and ``balanced_accuracy`` (shares of 1) and ``log_loss`` (nats) of classes, ``r2``, ``rmse`` and
    ``mae`` of numbers (errors in the target's own units), the main one of the task first; ``params`` and ``macs`` of the network. The note
    ``batch_size`` is there when it is not the recipe's.
    """

    space: NetworkSpace
    data: str
    recipe: Recipe = Recipe()
    n_train: int | None = None
    n_valid: int | None = None
    anneal: bool = False
    precision: str = "auto"
    device: str = "auto"
    memory_mb: float | None = None
    task: str = "classes"

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("n_train", "n_valid"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise UsageError(f"The evaluator's {name} is {value}.", "Give at least 2, or None for all.")
        if self.memory_mb is not None and not self.memory_mb > 0:
            raise UsageError(f"The evaluator's memory_mb is {self.memory_mb}.", "Give megabytes, or None for no limit.")
        if self.task not in METRICS:
            raise UsageError(f"The evaluator's task is {self.task!r}.", f"It takes one of {', '.join(METRICS)}.")

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*METRICS[self.task], "params", "macs")

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Train and measure one architecture. Raises EvaluationError (``memory``, ``diverged``, ``timeout``, ``nan``) and Stopped."""
        started = time.perf_counter()
        splits = _opened(self.data)
        self._check(splits)
        wanted = self.recipe.with_decisions(architecture)
        graph = self.space.graph(architecture)
        context.check()
        recipe = fitting(graph, wanted, self.memory_mb)
        context = replace(context, seed=_take_up(architecture, context))
        result, recipe = self._trained_in_memory(graph, recipe, splits, fidelity, context)
        if result.score is None:
            raise EvaluationError("There are no validation pictures to measure on.")
        size = cost(graph)
        notes: dict[str, Scalar] = {
            "epochs": result.epochs,
            "steps": result.steps,
            "step_ms": round(1000 * result.step_seconds, 2),
            "precision": result.precision,
            **({"batch_size": recipe.batch_size} if recipe != wanted else {}),
        }
        measured = {**result.score.metrics, "params": float(size.params), "macs": float(size.macs)}
        return Outcome.success(measured, time.perf_counter() - started, notes)

    def at(self, space: NetworkSpace) -> TrainingEvaluator:
        """The same evaluator for another scale of the space."""
        return replace(self, space=space)

    def _check(self, splits: Splits) -> None:
        """Raises EvaluationError when space, task and data do not belong together."""
        task = splits.task
        if task.numeric != (self.task == "numbers"):
            raise EvaluationError(f"The evaluator's task is {self.task!r}, the data hold {'numbers' if task.numeric else 'classes'}.")
        wanted, found = (self.space.input_shape, self.space.n_outputs), (splits.train.shape, task.outputs[0].n)
        if wanted != found:
            raise EvaluationError(
                f"The space lays out networks for images {wanted[0]} with {wanted[1]} outputs, the data are {found[0]} with {found[1]}."
            )

    def _trained_in_memory(self, graph: Graph, recipe: Recipe, splits: Splits, fidelity: float, context: Context) -> tuple[Trained, Recipe]:
        """Train, and once more with half the batch when memory runs out all the same; the recipe that worked comes with the result."""
        try:
            return self._trained(graph, recipe, splits, fidelity, context), recipe
        except EvaluationError as error:
            if error.kind != "memory" or recipe.batch_size // 2 < SMALLEST_BATCH:
                raise
        # Outside of the handler, whose traceback holds on to the tensors that were too many.
        devices.release(devices.choose(self.device).torch)
        recipe = replace(recipe, batch_size=recipe.batch_size // 2)
        return self._trained(graph, recipe, splits, fidelity, context), recipe

    def _trained(self, graph: Graph, recipe: Recipe, splits: Splits, fidelity: float, context: Context) -> Trained:
        goal = replace(Goal.of(splits), metrics=METRICS[self.task])
        return train(
            Network(graph, seed=derive(context.seed, "weights")),
            _part(self.data, "train", self.n_train),
            recipe if self.anneal else recipe.proxy(),
            Normalisation(*splits.statistics),
            goal=goal,
            device=devices.choose(self.device).torch,
            seed=derive(context.seed, "training"),
            valid=_part(self.data, "valid", self.n_valid),
            epochs=fidelity,
            check=context.check,
            report=lambda epoch, metrics: context.report(epoch, _reported(metrics, goal)),
            save_to=None if context.workspace is None else context.workspace / CHECKPOINT,
            arithmetic=self.precision,
            measure_every=max(1, round(fidelity / REPORTS)),
        )


def _take_up(architecture: Architecture, context: Context) -> int:
    """The seed to train ``architecture`` with, whose folder then holds the checkpoint to go on from, if there is one: its own after a kill, else that of a
    parent that is the same architecture. The seed is that of whoever began, so that it ends as one long training would have."""
    folder = context.workspace
    if folder is None:
        return context.seed
    seed = _seed_of(folder / TRIAL, architecture)
    for parent in context.parents if seed is None else ():
        theirs = folder.parent / str(parent)
        seed = _seed_of(theirs / TRIAL, architecture)
        if seed is None:
            continue
        if (theirs / CHECKPOINT).exists():
            _replace(folder / CHECKPOINT, partial(shutil.copyfile, theirs / CHECKPOINT))
        break
    seed = context.seed if seed is None else seed
    known = json.dumps({"architecture": dict(architecture), "seed": seed})
    _replace(folder / TRIAL, lambda draft: draft.write_text(known, encoding="utf-8"))
    return seed


def _seed_of(file: Path, architecture: Architecture) -> int | None:
    """The seed in ``file`` when it is about ``architecture``."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return int(known["seed"]) if known["architecture"] == dict(architecture) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _replace(target: Path, write: Callable[[Path], object]) -> None:
    """In one step: a kill leaves no half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}")
    write(draft)
    os.replace(draft, target)


def _reported(metrics: Mapping[str, float], goal: Goal) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name in (*goal.metrics, "train_loss")}


@lru_cache(maxsize=4)
def _opened(folder: str) -> Splits:
    return open_splits(folder)


@lru_cache(maxsize=8)
def _part(folder: str, name: str, limit: int | None) -> ImageSet:
    """A part of the stored splits, cut to ``limit`` pictures, of classes each by its share; the same ones whatever the trial."""
    part = _opened(folder).parts[name]
    if limit is None or limit >= len(part):
        return part
    chosen = stratified(part.labels, len(part.classes), limit, 0, f"limit_{name}")
    return ImageSet(np.ascontiguousarray(part.images[chosen]), part.labels[chosen], part.classes)
