"""A task says what is learnt: inputs by name, kind and shape, and one target.

Data make a task, and spaces take it. Strategies never see it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.targets import CLASSIFICATION, REGRESSION, TargetKind, target_kind


@dataclass(frozen=True)
class Input:
    """One input of the network.

    ``name``: in networks, batches and exported models.
    ``kind``: ``image``, ``numbers`` or ``categories``.
    ``shape``: without the batch axis; ``(C, H, W)`` for an image. None stands for any length.
    ``n_codes``: for codes, how many there are (0 to ``n_codes`` - 1); None for other values.
    ``missing``: indexes of columns with missing values in training rows.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    n_codes: int | None = None
    missing: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON. Fields with their default value are left out."""
        data: dict[str, Any] = {"name": self.name, "kind": self.kind, "shape": list(self.shape)}
        if self.n_codes is not None:
            data["n_codes"] = self.n_codes
        if self.missing:
            data["missing"] = list(self.missing)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Input:
        shape, missing = tuple(data["shape"]), tuple(data.get("missing", ()))
        return cls(data["name"], data["kind"], shape, data.get("n_codes"), missing)


@dataclass(frozen=True)
class Output:
    """One output of the network.

    ``name``: ``class``, or what the regression target is called.
    ``kind``: ``classification`` or ``regression``.
    ``n``: how many numbers it has: logits of classes, or predicted values.
    ``classes``: names of the classes; empty for a regression target.
    """

    name: str
    kind: str
    n: int
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", target_kind(self.kind).name)
        if self.classes and len(self.classes) != self.n:
            raise UsageError(f"Output {self.name!r} has {self.n} values but {len(self.classes)} class names.")


@dataclass(frozen=True)
class Task:
    """What is learnt.

    ``inputs``: of the network.
    ``outputs``: of the network.
    ``loss``: what training minimises, by its name in ``core.targets``.
    ``metrics``: what is measured, by names in ``core.targets``. The first is the main metric: searches optimise it, and
        reports call it the score. More of it is better.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    loss: str
    metrics: tuple[str, ...]

    @property
    def metric(self) -> str:
        """The main metric."""
        return self.metrics[0]

    @property
    def target(self) -> TargetKind:
        """The kind of target."""
        return target_kind(self.outputs[0].kind)

    @property
    def is_regression(self) -> bool:
        """Is a regression target learnt, rather than a class?"""
        return self.target.name == REGRESSION

    @property
    def balanced(self) -> bool:
        """Do all classes count alike?"""
        return self.metrics == self.target.balanced_metrics

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none for a regression target."""
        return self.outputs[0].classes

    def to_dict(self) -> dict[str, Any]:
        return {
            "inputs": [entry.to_dict() for entry in self.inputs],
            "outputs": [dataclasses.asdict(entry) for entry in self.outputs],
            "loss": self.loss,
            "metrics": list(self.metrics),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Task:
        """Raises ValueError, TypeError or KeyError for what is no task."""
        if not data["metrics"] or not all(isinstance(name, str) for name in data["metrics"]):
            raise ValueError("a task measures something")
        return cls(
            inputs=tuple(Input.from_dict(entry) for entry in data["inputs"]),
            outputs=tuple(Output(o["name"], o["kind"], o["n"], tuple(o["classes"])) for o in data["outputs"]),
            loss=data["loss"],
            metrics=tuple(data["metrics"]),
        )


def classification(inputs: Sequence[Input], classes: Sequence[str], *, balanced: bool = False) -> Task:
    """The task to predict one of ``classes`` from ``inputs``. ``balanced``: every class counts alike, and balanced
    accuracy is the main metric. Raises UsageError for fewer than two classes.
    """
    if len(classes) < 2:
        raise UsageError(f"A classification task needs at least two classes, not {len(classes)}.")
    row = target_kind(CLASSIFICATION)
    metrics = row.balanced_metrics if balanced else row.metrics
    return Task(tuple(inputs), (Output("class", row.name, len(classes), tuple(classes)),), row.loss, metrics)


def regression(inputs: Sequence[Input], name: str = "value") -> Task:
    """The task to predict the regression target ``name`` from ``inputs``."""
    row = target_kind(REGRESSION)
    return Task(tuple(inputs), (Output(name, row.name, 1),), row.loss, row.metrics)


def image_classification(shape: tuple[int, int, int], classes: tuple[str, ...], *, balanced: bool = False) -> Task:
    """The task to predict one of ``classes`` from an image ``(C, H, W)``."""
    return classification((Input("image", "image", shape),), classes, balanced=balanced)


def image_regression(shape: tuple[int, int, int], name: str = "value") -> Task:
    """The task to predict a regression target from an image ``(C, H, W)``."""
    return regression((Input("image", "image", shape),), name)
