"""Examples and splits of any kind of data: what training, evaluators, jobs, bundles and reports know of data.

``Examples`` are rows with their targets. ``Splits`` are the training, validation and test examples, and what is to be
learnt from them. ``Pipeline`` brings a raw batch to what a network takes. Each kind of data (``data.images``,
``data.tables``) has its own subclass of the first two and its own pipeline.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.task import Input, Task, classification, regression

if TYPE_CHECKING:
    import torch

SPLITS = ("train", "valid", "test")
Indexes = NDArray[np.int64] | Sequence[int]
Batch = Mapping[str, "torch.Tensor"]  # by input name, one row an example


class Examples(ABC):
    """Rows of one kind of data, with their targets. Subclasses are frozen dataclasses that hold the rows.

    ``targets``: ``(n,)``, int64 indexes into ``classes``, or float64 regression targets.
    ``classes``: names of the classes; empty for a regression target.
    """

    targets: NDArray[Any]
    classes: tuple[str, ...]

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def inputs(self) -> tuple[Input, ...]:
        """What a network takes of these, by name, kind and shape."""

    @abstractmethod
    def batch(self, indexes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The rows at ``indexes`` ``(b,)``, raw, by the names that the pipeline knows; copies only those."""

    @abstractmethod
    def take(self, indexes: Indexes) -> Self:
        """The examples at ``indexes``, in that order (a copy)."""

    @property
    @abstractmethod
    def n_bytes(self) -> int:
        """What all rows take in memory."""

    @property
    def is_regression(self) -> bool:
        """Are the targets regression targets, rather than classes?"""
        return bool(np.issubdtype(self.targets.dtype, np.floating))

    def counts(self) -> NDArray[np.int64]:
        """How many examples each class has, ``(len(classes),)``; empty for a regression target."""
        if self.is_regression:
            return np.zeros(0, np.int64)
        return np.bincount(self.targets, minlength=len(self.classes)).astype(np.int64)

    def _check_targets(self) -> None:
        if self.targets.shape != (len(self),):
            raise DataError(
                f"There are {len(self):,} examples but {len(self.targets):,} targets.", "Give one for each example."
            )


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training batches that do not change their targets. A kind of data that has some subclasses
    this; decisions under ``recipe/`` may set the fields.
    """


class Store(Protocol):
    """Where splits of one kind lie on disk. The catalogue names one class for each kind of data."""

    @staticmethod
    def open(folder: str) -> Splits:
        """The splits stored in ``folder``. Raises DataError when they have gone or are damaged."""
        ...


class Pipeline(Protocol):
    """From a raw batch to what a network takes. Works on tensors on any device."""

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """A randomly changed copy of a raw training batch. All draws come from ``generator``, on the CPU."""
        ...

    def inputs(self, batch: Batch) -> Batch:
        """What the network takes, by input name."""
        ...


@dataclass(frozen=True, eq=False)
class Splits(ABC):
    """The training, validation and test examples.

    ``name``: what the data are called.
    ``made``: the splits that were cut from the training split here.
    ``notes``: what was converted while reading, in sentences.
    ``skipped``: (name, reason) of examples that could not be read.
    ``target``: what a regression target is called.
    ``balanced``: does every class count alike?
    ``folder``: where the splits are stored; None for those in memory.
    """

    train: Examples
    valid: Examples
    test: Examples
    name: str
    made: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    target: str = "value"
    balanced: bool = False
    folder: str | None = None

    kind: ClassVar[str]  # the name of this kind of data in the catalogue
    augmentation: ClassVar[type[Augmentation]] = Augmentation

    @abstractmethod
    def pipeline(self, augmentation: Augmentation | None = None) -> Pipeline:
        """From batches of these examples to what networks take, with constants of the training split."""

    @property
    def by_name(self) -> Mapping[str, Examples]:
        """The examples of each split."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.train.classes

    @property
    def is_regression(self) -> bool:
        """Is a regression target learnt, rather than a class?"""
        return self.train.is_regression

    @property
    def target_statistics(self) -> tuple[float, float] | None:
        """Mean and standard deviation of the training split's regression targets; None for classes."""
        targets = self.train.targets
        return (float(targets.mean()), float(targets.std())) if self.is_regression else None

    @property
    def task(self) -> Task:
        """What is learnt from these."""
        if self.is_regression:
            return regression(self.train.inputs, self.target)
        return classification(self.train.inputs, self.classes, balanced=self.balanced)
