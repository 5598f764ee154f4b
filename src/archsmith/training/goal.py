"""What the outputs of a network mean: the loss that trains it, and the score that judges it.

The training loop knows no task. A ``Goal`` turns labels into targets, outputs and targets into a loss, and outputs into
a score. For classes, outputs are logits, and the loss is cross-entropy with label smoothing (Szegedy et al. 2016, arXiv
1512.00567). A regression target is learnt in standard units: ``prediction = mean + std * output``, with the mean and
standard deviation of the training labels. The loss is the squared error. So the same learning rates suit targets of any
size.
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

# The most that an example of a rare class may weigh, in units of the mean weight. In a batch of 128, one such example
# is at most a thirteenth of the loss. Without a limit, a class of two examples among thousands would decide the
# direction of every step that it is in, and the network would memorise it.
HEAVIEST = 10.0


@dataclass(frozen=True)
class Score:
    """How good predictions are.

    ``metrics``: value by name, the main metric first, in the units of ``core.targets``.
    ``n``: how many examples were measured.
    """

    metrics: Mapping[str, float]
    n: int


@dataclass(frozen=True)
class Goal(ABC):
    """What is learnt.

    ``metrics``: names of the metrics of a score, the main one first.
    """

    metrics: tuple[str, ...]

    @staticmethod
    def of(task: Task, statistics: tuple[float, float] | None = None) -> Goal:
        """The goal of a task. ``statistics``: mean and standard deviation of the training regression targets."""
        if not task.is_regression:
            return ClassGoal(task.metrics)
        mean, std = statistics or (0.0, 1.0)
        return RegressionGoal(task.metrics, mean, std or 1.0)  # std is 0 where all targets are equal

    @abstractmethod
    def targets(self, labels: ArrayLike) -> Tensor:
        """Labels ``(n,)`` as the loss takes them."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss of outputs ``(n, k)``, a scalar in float32. ``smoothing``: of labels, for classes only."""

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """The predictions, float32: probabilities ``(n, k)``, or ``(n,)`` in the unit of the regression target."""

    @abstractmethod
    def score(self, outputs: Tensor, labels: ArrayLike) -> Score:
        """The metrics of outputs ``(n, k)`` on the CPU, against the labels ``(n,)`` of the data."""

    @abstractmethod
    def errors(self, outputs: Tensor, labels: ArrayLike) -> np.ndarray[Any, Any]:
        """What each example ``(n,)`` adds to the error that the main metric measures, but for a common factor."""

    @abstractmethod
    def balanced(self, labels: ArrayLike) -> Goal:
        """The same goal, where every class of ``labels`` counts alike in the loss. UsageError for regression."""

    def _score(self, measured: Mapping[str, float], n: int) -> Score:
        return Score({name: measured[name] for name in self.metrics}, n)


@dataclass(frozen=True)
class ClassGoal(Goal):
    """One of ``k`` classes.

    ``metrics``: see ``Goal``.
    ``weights``: ``(k,)``, multiply the loss of the examples of each class; None: all 1.
    """

    metrics: tuple[str, ...] = ("accuracy", "balanced_accuracy", "log_loss")
    weights: tuple[float, ...] | None = None

    def targets(self, labels: ArrayLike) -> Tensor:
        return torch.from_numpy(np.array(labels, dtype=np.int64))

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        if self.weights is None:
            return nn.functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing)
        each = nn.functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing, reduction="none")
        # torch divides by the sum of the weights in the batch, so that batches without a rare class would count more
        # than those with one.
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

    def errors(self, outputs: Tensor, labels: ArrayLike) -> np.ndarray[Any, Any]:
        truth = np.asarray(labels, dtype=np.int64)
        wrong = (outputs.argmax(1).numpy() != truth).astype(np.float64)
        return wrong / np.bincount(truth)[truth] if self.metrics[0] == "balanced_accuracy" else wrong

    def balanced(self, labels: ArrayLike) -> Goal:
        return replace(self, weights=class_weights(np.bincount(np.asarray(labels, dtype=np.int64))))


@dataclass(frozen=True)
class RegressionGoal(Goal):
    """One regression target, ``mean + std * output``.

    ``metrics``: see ``Goal``.
    ``mean``: of the training labels.
    ``std``: standard deviation of the training labels.
    """

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

    def errors(self, outputs: Tensor, labels: ArrayLike) -> np.ndarray[Any, Any]:
        truth = np.asarray(labels, dtype=np.float64)
        return (self.mean + self.std * outputs.flatten().double().numpy() - truth) ** 2

    def balanced(self, labels: ArrayLike) -> Goal:
        raise UsageError("Only classes can be balanced.", "Leave out --balance for a regression target.")


def class_weights(counts: Sequence[int] | np.ndarray[Any, Any]) -> tuple[float, ...]:
    """The weight of an example of each class, in inverse proportion to its count ``(k,)``. The mean over all examples
    is 1, and no weight is above ``HEAVIEST``.

    Without that limit the weight is n / (k * count). A class without examples weighs 1.
    """
    count = np.asarray(counts, dtype=np.float64)
    occurs = count > 0
    weights = np.where(occurs, count.sum() / (occurs.sum() * np.maximum(count, 1)), 0.0)
    bound = np.zeros(len(count), bool)
    # the others get what the heaviest lose, which may lift one of them above the limit, too
    while (weights[~bound] > HEAVIEST).any():
        bound |= weights > HEAVIEST
        weights[bound] = HEAVIEST
        weights[~bound] *= (count.sum() - HEAVIEST * count[bound].sum()) / (weights * count)[~bound].sum()
    return tuple(float(weight) for weight in np.where(occurs, weights, 1.0))
