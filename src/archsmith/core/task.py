"""A task says what is learnt: inputs by name, kind and shape, outputs, classes, loss and metrics. Data make it, spaces
take it, strategies never see it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsmith.core.errors import UsageError


@dataclass(frozen=True)
class Input:
    """One input of the network. ``shape`` is without the batch axis, channels first for images ``(C, H, W)``; None
    means any length.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Output:
    """One output: ``kind`` is ``classes`` (``n`` logits, named by ``classes``) or ``number`` (``n`` values)."""

    name: str
    kind: str
    n: int
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.classes and len(self.classes) != self.n:
            raise UsageError(f"Output {self.name!r} has {self.n} values but {len(self.classes)} class names.")


@dataclass(frozen=True)
class Task:
    """What is learnt. ``loss`` and ``metrics`` are names that the training side knows (``cross_entropy``,
    ``squared_error``; ``accuracy``, ``r2``).

    The first metric is the main one: searches optimise it, tables and reports call it the score. More of it is better.
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
    def numeric(self) -> bool:
        """Is a number learnt, rather than a class?"""
        return self.outputs[0].kind == "number"

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Task:
        return cls(
            inputs=tuple(Input(i["name"], i["kind"], tuple(i["shape"])) for i in data["inputs"]),
            outputs=tuple(Output(o["name"], o["kind"], o["n"], tuple(o["classes"])) for o in data["outputs"]),
            loss=data["loss"],
            metrics=tuple(data["metrics"]),
        )


def image_classification(shape: tuple[int, int, int], classes: tuple[str, ...], *, balanced: bool = False) -> Task:
    """One image ``(C, H, W)`` in, one of ``classes`` out. ``balanced`` makes every class count alike: balanced accuracy
    is the main metric then.
    """
    if len(classes) < 2:
        raise UsageError(f"A classification task needs at least two classes, not {len(classes)}.")
    metrics = (
        ("balanced_accuracy", "accuracy", "log_loss") if balanced else ("accuracy", "balanced_accuracy", "log_loss")
    )
    return Task(
        (Input("image", "image", shape),),
        (Output("class", "classes", len(classes), classes),),
        "cross_entropy",
        metrics,
    )


def image_regression(shape: tuple[int, int, int], name: str = "value") -> Task:
    """One image ``(C, H, W)`` in, one number out, called ``name``."""
    return Task((Input("image", "image", shape),), (Output(name, "number", 1),), "squared_error", ("r2", "rmse", "mae"))
