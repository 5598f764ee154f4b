"""Examples and splits of any kind of data. Training, evaluators, jobs, bundles and reports know no other data.

``Examples`` are rows with their targets. ``Splits`` are the training, validation and test examples, and say what is
learnt from them. ``Pipeline`` turns a raw batch into what a network takes. Each kind of data (``data.images``,
``data.tables``) has its own subclasses of ``Examples`` and ``Splits``, and its own pipeline.
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
Batch = Mapping[str, "torch.Tensor"]  # by input name, one row for each example


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
        """What a network takes: inputs by name, kind and shape."""

    @abstractmethod
    def batch(self, indexes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The raw rows at ``indexes`` ``(b,)``, by the names that the pipeline knows. Copies these rows only."""

    @abstractmethod
    def take(self, indexes: Indexes) -> Self:
        """The examples at ``indexes``, in that order (a copy)."""

    @property
    @abstractmethod
    def n_bytes(self) -> int:
        """The memory that all rows take, in bytes."""

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
    """Random changes of training examples that leave their targets as they are. A kind of data that has some makes a
    subclass. Decisions under ``recipe/`` may set its fields.
    """


class Store(Protocol):
    """Opens splits of one kind that lie on disk. The catalogue names one such class for each kind of data."""

    @staticmethod
    def open(folder: str) -> Splits:
        """The splits stored in ``folder``. Raises DataError when they have gone or are damaged."""
        ...


class Pipeline(Protocol):
    """Turns a raw batch into what a network takes. Works on tensors on any device."""

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """A randomly changed copy of a raw training batch. All draws come from ``generator``, on the CPU."""
        ...

    def inputs(self, batch: Batch) -> Batch:
        """What the network takes, by input name."""
        ...


@dataclass(frozen=True, eq=False)
class Splits(ABC):
    """The training, validation and test examples.

    ``train``: the examples that networks learn from.
    ``valid``: the examples by which networks are compared.
    ``test``: the examples that are measured at the end.
    ``name``: what the data are called.
    ``made``: the splits that were cut from the training split.
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
        """What turns batches of these examples into inputs of networks, with constants of the training split."""

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
        """What is learnt from these examples."""
        if self.is_regression:
            return regression(self.train.inputs, self.target)
        return classification(self.train.inputs, self.classes, balanced=self.balanced)
