"""What a network's outputs mean: the loss that trains it, and the score that judges it.

The loop knows no task. It asks a ``Goal`` to turn labels into targets, outputs and targets into a loss, and outputs
into a score. Classes are logits under cross-entropy with label smoothing (Szegedy et al. 2016, arXiv 1512.00567). A
number is learnt in standard units, ``value = mean + std * output`` with the mean and deviation of the training labels,
under squared error: targets of any size then suit the same learning rates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from archsmith.core import metrics
from archsmith.core.errors import UsageError
from archsmith.core.task import Task

# The most that an example of a rare class may weigh, in units of the mean weight. In a batch of 128 one such example
# makes up at most a thirteenth of the loss; without a bound, a class of two examples among thousands would set the
# direction of every step that it occurs in, and be learnt by heart.
HEAVIEST = 10.0


@dataclass(frozen=True)
class Score:
    """``metrics`` by name, the main one first, over ``n`` examples: accuracies in [0, 1], log loss in nats, errors in
    the target's own units.
    """

    metrics: Mapping[str, float]
    n: int


@dataclass(frozen=True)
class Goal(ABC):
    """What is learnt. ``metrics`` names what a score holds, the main one first."""

    metrics: tuple[str, ...]

    @staticmethod
    def of(task: Task, statistics: tuple[float, float] | None = None) -> Goal:
        """The goal of a task. ``statistics``: mean and standard deviation of the training regression targets."""
        if not task.is_regression:
            return ClassGoal(task.metrics)
        mean, std = statistics or (0.0, 1.0)
        return RegressionGoal(task.metrics, mean, std or 1.0)  # all targets may be one number

    @abstractmethod
    def targets(self, labels: ArrayLike) -> Tensor:
        """Labels ``(n,)`` as the loss wants them."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss of outputs ``(n, k)``, a scalar in float32. ``smoothing`` is of labels and means nothing to
        numbers.
        """

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """What a person gets to see, float32: probabilities ``(n, k)``, or ``(n,)`` in the target's own unit."""

    @abstractmethod
    def score(self, outputs: Tensor, labels: ArrayLike) -> Score:
        """Every metric of outputs ``(n, k)`` on the CPU against labels ``(n,)`` as the data hold them."""

    @abstractmethod
    def balanced(self, labels: ArrayLike) -> Goal:
        """The same goal with every class of ``labels`` counting alike in the loss. Raises UsageError for numbers."""

    def _score(self, measured: Mapping[str, float], n: int) -> Score:
        return Score({name: measured[name] for name in self.metrics}, n)


@dataclass(frozen=True)
class ClassGoal(Goal):
    """One of ``k`` classes. ``weights`` ``(k,)`` multiply the loss of each class's examples (None: all 1)."""

    metrics: tuple[str, ...] = ("accuracy", "balanced_accuracy", "log_loss")
    weights: tuple[float, ...] | None = None

    def targets(self, labels: ArrayLike) -> Tensor:
        return torch.from_numpy(np.array(labels, dtype=np.int64))

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        if self.weights is None:
            return nn.functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing)
        each = nn.functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing, reduction="none")
        # torch's own weights divide by their sum in the batch, which pulls batches without a rare class up and those
        # with one down.
        return (each * torch.tensor(self.weights, device=targets.device)[targets]).mean()

    def predictions(self, outputs: Tensor) -> Tensor:
        return outputs.float().softmax(1)

    def score(self, outputs: Tensor, labels: ArrayLike) -> Score:
        truth = self.targets(labels)
        predicted = outputs.argmax(1).numpy()
        measured = {
            "accuracy": metrics.accuracy(predicted, truth.numpy()),
            "balanced_accuracy": metrics.balanced_accuracy(predicted, truth.numpy()),
            "log_loss": float(nn.functional.cross_entropy(outputs.double(), truth)),
        }
        return self._score(measured, len(truth))

    def balanced(self, labels: ArrayLike) -> Goal:
        return replace(self, weights=class_weights(np.bincount(np.asarray(labels, dtype=np.int64))))


@dataclass(frozen=True)
class RegressionGoal(Goal):
    """One number, ``mean + std * output``."""

    metrics: tuple[str, ...] = ("r2", "rmse", "mae")
    mean: float = 0.0
    std: float = 1.0

    def targets(self, labels: ArrayLike) -> Tensor:
        return torch.from_numpy(((np.asarray(labels, dtype=np.float64) - self.mean) / self.std).astype(np.float32))

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        return nn.functional.mse_loss(outputs.float().flatten(), targets)

    def predictions(self, outputs: Tensor) -> Tensor:
        return (self.mean + self.std * outputs.flatten().double()).float()

    def score(self, outputs: Tensor, labels: ArrayLike) -> Score:
        truth = np.asarray(labels, dtype=np.float64)
        predicted = self.mean + self.std * outputs.flatten().double().numpy()
        return self._score(metrics.regression(predicted, truth), len(truth))

    def balanced(self, labels: ArrayLike) -> Goal:
        raise UsageError("Only classes can be balanced.", "Leave balance out for numbers.")


def class_weights(counts: Sequence[int] | np.ndarray[Any, Any]) -> tuple[float, ...]:
    """The weight of an example of each class, in inverse proportion to its count ``(k,)``: mean 1 over all examples,
    none above ``HEAVIEST``.

    Without the bound this is n / (k * count). A class without examples weighs 1.
    """
    count = np.asarray(counts, dtype=np.float64)
    occurs = count > 0
    weights = np.where(occurs, count.sum() / (occurs.sum() * np.maximum(count, 1)), 0.0)
    bound = np.zeros(len(count), bool)
    # what the heaviest lose goes to the others, which may lift one of them over the bound
    while (weights[~bound] > HEAVIEST).any():
        bound |= weights > HEAVIEST
        weights[bound] = HEAVIEST
        weights[~bound] *= (count.sum() - HEAVIEST * count[bound].sum()) / (weights * count)[~bound].sum()
    return tuple(float(weight) for weight in np.where(occurs, weights, 1.0))
