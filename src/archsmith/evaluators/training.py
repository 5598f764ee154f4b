"""The training evaluator: build the network, train it for a few epochs, and measure it on the validation split.

Fidelity is a number of epochs and may be fractional; or it is work, in epochs of a reference network
(``archsmith.training.work``), so that all trials of one fidelity take about the same time. A trial trains at a constant
learning rate and is measured with its averaged weights. So a short training is the beginning of a longer one. A trial
whose parent is the same architecture at a lower fidelity goes on from the parent's checkpoint, if that still exists. A
child may also inherit weights of another architecture, and then it trains less (``archsmith.evaluators.inheritance``).

Decisions under ``recipe/`` replace fields of the evaluator's recipe. The test split is never read here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.fields import check_from_0, checked
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive
from archsmith.core.task import Task
from archsmith.core.trial import Outcome
from archsmith.data.examples import Pipeline, Splits
from archsmith.data.stored import opened, split_of
from archsmith.evaluators.inheritance import CHECKPOINT, begin, end, inherited_weights, remember
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network, inherit
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training import device as devices
from archsmith.training.goal import Goal
from archsmith.training.loop import Trained, train
from archsmith.training.memory import SMALLEST_BATCH, fitting
from archsmith.training.recipe import Recipe, decided
from archsmith.training.work import Training, counted, measured

# Most reports of one trial that have a score. On small data, measuring after each epoch would cost as much as training.
REPORTS = 8
SIZES = ("params", "macs")  # metrics that are counted from the graph


@checked
@dataclass(frozen=True)
class TrainingEvaluator:
    """Scores a network after ``fidelity`` epochs of training.

    ``space``: builds the networks, at the scale of the search.
    ``data``: the folder of stored splits.
    ``recipe``: how networks are trained, where the architecture does not decide it.
    ``augmentation``: fields of the data's augmentation that differ from its defaults, by name.
    ``n_train``, ``n_valid``: most examples of these splits that are used, the same ones in every trial,
        with the classes in the shares of the split; at least 2; None: all.
    ``anneal``: True: each trial runs the recipe's own schedule to its end. False: a constant rate, so that the training
        can go on later.
    ``precision``: ``auto``, ``float32``, ``bfloat16`` or, on CUDA, ``float16``.
    ``device``: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    ``memory_mb``: memory of one training, in 10⁶ bytes; None: no limit. If the forecast is higher, the batch is halved,
        down to 16.
    ``task``: what is learnt; it decides what is measured. None: the task of the data.
    ``inherit``: True: a trial begins with the weights that it shares with its parents, and trains less. The study must
        keep files.
    ``reference``: decisions of the network whose epochs count as units of work. None: fidelity is a number of epochs of
        the network itself.
    ``most_epochs``: of one training, whatever its work; None: no limit.
    ``timed``: the cost of an epoch, in units of work, is measured on this machine; False: it is counted from the graph,
        so that a study repeats exactly.
    ``inherited_epochs``: share of its fidelity that a trial trains if it inherits all its parameters; above 0, up to 1.
        If it inherits a part of them, the share is in proportion. The default is our own.

    Metrics on the validation split: ``accuracy``, ``balanced_accuracy`` (0 to 1) and ``log_loss`` (nats) in
    classification; ``r2``, ``rmse`` and ``mae`` (in units of the target) in regression. The main metric of the task
    comes first. ``params`` and ``macs`` are counted from the graph.

    Notes of a trial: ``train_loss`` (the mean of its last steps, as many as an epoch has), ``cost`` (units of work
    of one epoch, with a reference), ``batch_size`` if it is not the recipe's, and ``parent_lost`` if the trial began
    from scratch because the files of the shorter trial that it should go on from do not exist. With ``inherit`` also
    ``inherited`` (share of the parameters), ``parent`` (the trial that they come from), ``lineage_epochs`` (epochs that
    the oldest weights were trained for, over all trials), and ``parent_lost`` if no parent's files exist.
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
    reference: Mapping[str, Any] | None = field(default=None, hash=False)
    timed: bool = True
    most_epochs: float | None = None

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("n_train", "n_valid"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise UsageError(f"The evaluator's {name} is {value}.", "Give at least 2, or None for all.")
        if self.memory_mb is not None and not self.memory_mb > 0:
            raise UsageError(f"The evaluator's memory_mb is {self.memory_mb}.", "Give megabytes, or None for no limit.")
        check_from_0("TrainingEvaluator", most_epochs=self.most_epochs)
        if not 0 < self.inherited_epochs <= 1:
            raise UsageError(
                f"The evaluator's inherited_epochs is {self.inherited_epochs}.", "Give a share above 0, and at most 1."
            )

    @property
    def learnt(self) -> Task:
        """The task: ``task``, or the task of the data. Raises DataError when the data do not exist any more."""
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
        need_outputs(graph, splits.task)
        context.check()
        recipe = fitting(graph, wanted, self.memory_mb)
        beginning = begin(architecture, context, self.space.graph if self.inherit else None)
        if self.reference is not None and beginning.cost is None:
            ours = Training(graph, recipe, splits.pipeline(augmentation))
            beginning = replace(beginning, cost=self._cost(ours, splits, fidelity, context))
            remember(architecture, context, beginning)
        # In proportion, because a threshold would treat trials differently that inherit almost the same share.
        epochs = fidelity / (beginning.cost or 1.0) * (1 - (1 - self.inherited_epochs) * beginning.inherited)
        epochs = min(epochs, self.most_epochs or math.inf)
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
            **_last_loss(result),
            **({"cost": round(beginning.cost, 4)} if beginning.cost is not None else {}),
            **({"batch_size": recipe.batch_size} if recipe != wanted else {}),
            **(beginning.notes(result.epochs) if self.inherit else {"parent_lost": True} if beginning.lost else {}),
        }
        measured = {**result.score.metrics, "params": float(size.params), "macs": float(size.macs)}
        outcome = Outcome.success(measured, time.perf_counter() - started, notes)
        end(architecture, context, beginning, result.epochs)
        return outcome

    def at(self, space: NetworkSpace) -> TrainingEvaluator:
        """The same evaluator for another scale of the space."""
        return replace(self, space=space)

    def _cost(self, ours: Training, splits: Splits, work: float, context: Context) -> float:
        """Units of work of one epoch. ``work``: of the training that it is wanted for."""
        assert self.reference is not None
        reference = Architecture(self.reference)
        graph = self.space.graph(reference)
        if not self.timed:
            return counted(ours.graph, graph)
        wanted, augmentation = decided(self.recipe, splits.augmentation(**self.augmentation), reference)
        theirs = Training(graph, fitting(graph, wanted, self.memory_mb), splits.pipeline(augmentation))
        if (ours.graph, ours.recipe) == (theirs.graph, theirs.recipe):
            return 1.0
        goal, device = Goal.of(self.learnt, splits.target_statistics), devices.choose(self.device).torch
        return measured(ours, theirs, splits.train, goal, device, work=work, check=context.check)

    def _trained_in_memory(
        self, graph: Graph, recipe: Recipe, pipeline: Pipeline, epochs: float, context: Context
    ) -> tuple[Trained, Recipe]:
        """Train. If memory runs out, train once more with half the batch. Returns the result and the recipe that was
        used.
        """
        try:
            return self._trained(graph, recipe, pipeline, epochs, context), recipe
        except EvaluationError as error:
            if error.kind != "memory" or recipe.batch_size // 2 < SMALLEST_BATCH:
                raise
        # Not inside the handler: the traceback there still holds the tensors.
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
    """Raises EvaluationError when space, task and data do not fit together."""
    found = splits.task
    if task.target != found.target or task.classes != found.classes:
        raise EvaluationError(
            f"The evaluator's task is {_described(task)}, but the data are for {_described(found)}.",
            "Use the task of the data: splits.task.",
        )
    if space.inputs != found.inputs or space.n_outputs != found.outputs[0].n:
        ours, theirs = (
            ", ".join(f"{entry.name} {entry.shape}" for entry in inputs) for inputs in (space.inputs, found.inputs)
        )
        raise EvaluationError(
            f"The space builds networks for {ours} with {space.n_outputs} outputs, but the data are {theirs} with "
            f"{found.outputs[0].n}."
        )


def need_outputs(graph: Graph, task: Task) -> None:
    """Raises EvaluationError unless the network ends with the numbers that the task asks for."""
    wanted = (task.outputs[0].n,)
    for name in graph.outputs.values():
        shape = graph.node(name).shape
        if shape != wanted:
            raise EvaluationError(
                f"The network gives values of shape {shape}, and the task takes {wanted}.",
                "End with archsmith.graphs.layers.classifier(net, x, self.n_outputs), or a linear layer.",
            )


def _described(task: Task) -> str:
    return f"{task.target.name} with {len(task.classes)} classes" if task.classes else task.target.name


def _last_loss(result: Trained) -> dict[str, float]:
    losses = [
        metrics["train_loss"] for _, metrics in result.curve if math.isfinite(metrics.get("train_loss", math.nan))
    ]
    return {"train_loss": losses[-1]} if losses else {}


def _reported(metrics: Mapping[str, float], goal: Goal) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name in (*goal.metrics, "train_loss")}
