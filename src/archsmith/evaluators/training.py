"""The honest evaluator: lay the network out, train it from scratch for a few epochs, measure it on the validation
split.

A trial trains at a constant rate and is judged by its averaged weights, so that a short training is the beginning of a
longer one (fidelity is a number of epochs and may be fractional): a trial whose parent is the same architecture at a
lower fidelity goes on from there, while the parent's files last. A child may also inherit weights, and then trains less
(``archsmith.evaluators.inheritance``). What the architecture says under ``recipe/`` replaces the evaluator's own
recipe. The test split is never opened here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive
from archsmith.core.task import Task
from archsmith.core.trial import Outcome
from archsmith.data.examples import Pipeline, Splits
from archsmith.data.stored import opened, split_of
from archsmith.evaluators.inheritance import CHECKPOINT, begin, end, inherited_weights
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network, inherit
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training import device as devices
from archsmith.training.goal import Goal
from archsmith.training.loop import Trained, train
from archsmith.training.memory import SMALLEST_BATCH, fitting
from archsmith.training.recipe import Recipe, decided

# of one trial at most with a score; on small data, measuring after every epoch would cost as much as training
REPORTS = 8
SIZES = ("params", "macs")  # what is counted besides what is measured


@dataclass(frozen=True)
class TrainingEvaluator:
    """How good a network is after ``fidelity`` epochs of training.

    ``space``: lays the networks out, at the scale of the search.
    ``data``: the folder of stored splits.
    ``recipe``: the defaults of training.
    ``augmentation``: fields of the data's augmentation by name, where they differ from its defaults.
    ``n_train``, ``n_valid``: caps on the examples that are used, class by class and the same ones in every trial; None:
        all.
    ``anneal``: each trial runs its recipe's own schedule to its end, instead of the continuable constant rate.
    ``precision``: ``auto``, ``float32``, ``bfloat16`` or, on CUDA, ``float16``.
    ``device``: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    ``memory_mb``: what one training may hold, in 10⁶ bytes; None: no limit. Where the graph predicts more, the batch is
        halved, down to 16.
    ``task``: what is learnt, which says what is measured; None: the task of the data.

    ``inherit`` True: a trial begins with the weights that it shares with its parents, and trains less:
    ``inherited_epochs`` (above 0, up to 1) is the share of its fidelity that one takes which inherits all of its
    parameters; one that inherits a part is as much nearer to all of its fidelity. The default is ours. Needs a study
    that keeps files.

    Metrics, on the validation split: ``accuracy`` and ``balanced_accuracy`` (shares of 1) and ``log_loss`` (nats) of
    classes, ``r2``, ``rmse`` and ``mae`` of numbers (errors in the target's own units), the main one of the task first;
    ``params`` and ``macs`` of the network. The note ``batch_size`` is there when it is not the recipe's. With
    ``inherit`` there are ``inherited`` (share of the parameters), ``parent`` (the trial that they come from),
    ``lineage_epochs`` (its own and those before, in which its oldest weights were trained), and ``parent_lost`` where
    it began from scratch because nothing is left of its parents.
    """

    space: NetworkSpace
    data: str
    recipe: Recipe = Recipe()
    augmentation: Mapping[str, Any] = field(default_factory=dict, hash=False)
    n_train: int | None = None
    n_valid: int | None = None
    anneal: bool = False
    precision: str = "auto"
    device: str = "auto"
    memory_mb: float | None = None
    task: Task | None = None
    inherit: bool = False
    inherited_epochs: float = 0.5

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("n_train", "n_valid"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise UsageError(f"The evaluator's {name} is {value}.", "Give at least 2, or None for all.")
        if self.memory_mb is not None and not self.memory_mb > 0:
            raise UsageError(f"The evaluator's memory_mb is {self.memory_mb}.", "Give megabytes, or None for no limit.")
        if not 0 < self.inherited_epochs <= 1:
            raise UsageError(
                f"The evaluator's inherited_epochs is {self.inherited_epochs}.", "Give a share above 0, and at most 1."
            )

    @property
    def learnt(self) -> Task:
        """The task, also where it is the data's own. Raises DataError when the data have gone."""
        return opened(self.data).task if self.task is None else self.task

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.learnt.metrics, *SIZES)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Train and measure one architecture. Raises EvaluationError (``memory``, ``diverged``, ``timeout``, ``nan``)
        and Stopped.
        """
        started = time.perf_counter()
        splits = opened(self.data)
        need_alike(self.space, self.learnt, splits)
        wanted, augmentation = decided(self.recipe, splits.augmentation(**self.augmentation), architecture)
        graph = self.space.graph(architecture)
        context.check()
        recipe = fitting(graph, wanted, self.memory_mb)
        beginning = begin(architecture, context, self.space.graph if self.inherit else None)
        # In proportion, so that no threshold parts those that inherit a little more from those that inherit a little
        # less.
        epochs = fidelity * (1 - (1 - self.inherited_epochs) * beginning.inherited)
        context = replace(context, seed=beginning.seed)
        result, recipe = self._trained_in_memory(graph, recipe, splits.pipeline(augmentation), epochs, context)
        if result.score is None:
            raise EvaluationError("There are no validation examples to measure on.")
        size = cost(graph)
        notes: dict[str, Scalar] = {
            "epochs": result.epochs,
            "steps": result.steps,
            "step_ms": round(1000 * result.step_seconds, 2),
            "precision": result.precision,
            **({"batch_size": recipe.batch_size} if recipe != wanted else {}),
            **(beginning.notes(result.epochs) if self.inherit else {}),
        }
        measured = {**result.score.metrics, "params": float(size.params), "macs": float(size.macs)}
        outcome = Outcome.success(measured, time.perf_counter() - started, notes)
        end(architecture, context, beginning, result.epochs)
        return outcome

    def at(self, space: NetworkSpace) -> TrainingEvaluator:
        """The same evaluator for another scale of the space."""
        return replace(self, space=space)

    def _trained_in_memory(
        self, graph: Graph, recipe: Recipe, pipeline: Pipeline, epochs: float, context: Context
    ) -> tuple[Trained, Recipe]:
        """Train, and once more with half the batch when memory runs out all the same; the recipe that worked comes with
        the result.
        """
        try:
            return self._trained(graph, recipe, pipeline, epochs, context), recipe
        except EvaluationError as error:
            if error.kind != "memory" or recipe.batch_size // 2 < SMALLEST_BATCH:
                raise
        # Outside of the handler, whose traceback holds on to the tensors that were too many.
        devices.release(devices.choose(self.device).torch)
        recipe = replace(recipe, batch_size=recipe.batch_size // 2)
        return self._trained(graph, recipe, pipeline, epochs, context), recipe

    def _trained(self, graph: Graph, recipe: Recipe, pipeline: Pipeline, epochs: float, context: Context) -> Trained:
        goal = Goal.of(self.learnt, opened(self.data).target_statistics)
        network = Network(graph, seed=derive(context.seed, "weights"))
        inherit(network, inherited_weights(context))
        return train(
            network,
            split_of(self.data, "train", self.n_train),
            recipe if self.anneal else recipe.proxy(),
            pipeline,
            goal=goal,
            device=devices.choose(self.device).torch,
            seed=derive(context.seed, "training"),
            valid=split_of(self.data, "valid", self.n_valid),
            epochs=epochs,
            check=context.check,
            report=lambda epoch, metrics: context.report(epoch, _reported(metrics, goal)),
            save_to=None if context.workspace is None else context.workspace / CHECKPOINT,
            arithmetic=self.precision,
            measure_every=max(1, round(epochs / REPORTS)),
        )


def need_alike(space: NetworkSpace, task: Task, splits: Splits) -> None:
    """Raises EvaluationError when space, task and data do not belong together."""
    found = splits.task
    if task.target != found.target or task.classes != found.classes:
        raise EvaluationError(
            f"The evaluator's task is {_described(task)}, the data are for {_described(found)}.",
            "Take the task of the data: splits.task.",
        )
    if space.inputs != found.inputs or space.n_outputs != found.outputs[0].n:
        ours, theirs = (
            ", ".join(f"{entry.name} {entry.shape}" for entry in inputs) for inputs in (space.inputs, found.inputs)
        )
        raise EvaluationError(
            f"The space lays out networks for {ours} with {space.n_outputs} outputs, the data are {theirs} with "
            f"{found.outputs[0].n}."
        )


def _described(task: Task) -> str:
    return f"{task.target.name} with {len(task.classes)} classes" if task.classes else task.target.name


def _reported(metrics: Mapping[str, float], goal: Goal) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name in (*goal.metrics, "train_loss")}
