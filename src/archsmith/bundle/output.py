"""What a bundle gives: the one output of ``model.onnx``, and how it is made from what the network says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.targets import REGRESSION
from archsmith.core.task import Task


@dataclass(frozen=True)
class ModelOutput:
    """The output of ``model.onnx``, float32 ``(n, n_classes)`` or ``(n, 1)``.

    ``name``: as the model calls it, ``probabilities`` or ``value``.
    ``kind``: ``classification`` or ``regression``, a row of ``archsmith.core.targets``.
    ``classes``: their names, in the order of the columns; none for a regression target.
    ``temperature``: divides the network's logits before the softmax; 1 leaves them as trained.
    ``target``: what the regression target is called; empty for classes.
    ``mean``, ``std``: of the training split's regression targets. Target = ``mean + std * output of the network``.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    temperature: float = 1.0
    target: str = ""
    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise UsageError(f"The temperature is {self.temperature}.", "Give a positive number.")
        if not (math.isfinite(self.mean) and self.std > 0 and math.isfinite(self.std)):
            raise UsageError(
                f"The regression targets have the mean {self.mean} and the standard deviation {self.std}.",
                "Give finite ones, the standard deviation above zero.",
            )

    @classmethod
    def of(cls, task: Task, temperature: float = 1.0, statistics: tuple[float, float] | None = None) -> ModelOutput:
        """What a network of ``task`` gives. ``statistics`` are mean and standard deviation of regression targets.

        Raises UsageError where these do not belong together.
        """
        if task.is_regression == (statistics is None):
            raise UsageError(
                "The mean and standard deviation of the training targets (target_statistics) belong to a task with a "
                "regression target, and only to it."
            )
        name, kind = task.target.output, task.target.name
        if statistics is None:
            return cls(name, kind, task.classes, float(temperature))
        mean, std = map(float, statistics)
        return cls(name, kind, target=task.outputs[0].name, mean=mean, std=std)

    @property
    def is_regression(self) -> bool:
        """Is it a regression target, rather than classes?"""
        return self.kind == REGRESSION

    @property
    def n(self) -> int:
        """How many columns it has."""
        return len(self.classes) or 1

    def to_dict(self) -> dict[str, Any]:
        """JSON, with only the fields that this kind has."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.is_regression:
            return {**found, "target": self.target, "mean": self.mean, "std": self.std}
        return {**found, "classes": list(self.classes), "temperature": self.temperature}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelOutput:
        """From what ``to_dict`` gave; unknown keys are ignored."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**{**known, "classes": tuple(known.get("classes", ()))})
