"""What a bundle takes in: one object for each kind of data, found by its name in the catalogue (kind ``intake``).

An ``Intake`` is all that manifest, predictor, export, verification, card and command line know of a kind of data. It
has two halves. The serving half, in this class, needs numpy and Pillow only: it turns what a person has into arrays for
``model.onnx``. The export half, ``archsmith.bundle.exporter``, needs torch. ``Intake.exporter`` looks it up in the
catalogue under the same name (kind ``exporter``) when it is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from archsmith import catalog
from archsmith.core.errors import DataError, UsageError
from archsmith.core.task import Task
from archsmith.data.examples import Splits

if TYPE_CHECKING:
    from archsmith.bundle.exporter import Exporter

KIND, EXPORTER = "intake", "exporter"  # in the catalogue


@dataclass(frozen=True)
class ModelInput:
    """One input of ``model.onnx``.

    ``name``: as the model calls it.
    ``type``: as onnxruntime calls it, such as ``tensor(uint8)``.
    ``shape``: with the batch axis; None stands for any length.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]

    def is_met_by(self, found: Any) -> bool:
        """Is it that input of an onnxruntime session?"""
        return (found.name, found.type, len(found.shape)) == (self.name, self.type, len(self.shape)) and all(
            wanted in (None, length) for wanted, length in zip(self.shape, found.shape, strict=True)
        )


@dataclass(frozen=True, eq=False)
class Call:
    """Examples that go through the model together.

    ``places``: ``(m,)``, where they stand in their window.
    ``inputs``: arrays of m rows, by the name of the model's input.
    ``large``: does the call take so much memory that it is given back afterwards?
    """

    places: NDArray[np.int64]
    inputs: Mapping[str, NDArray[Any]]
    large: bool = False


@dataclass(frozen=True, eq=False)
class Window:
    """Some examples that follow one another, few enough for the memory.

    ``n``: how many there are.
    ``calls``: what the model is given.
    ``broken``: why an example cannot be predicted, by its place from 0 to ``n`` - 1.
    """

    n: int
    calls: tuple[Call, ...]
    broken: Mapping[int, str] = field(default_factory=dict)


class Asked(ABC):
    """Examples that somebody wants predictions for, read one window after the other. A broken one does not stop the
    others.

    ``n``: how many there are, or nearly; None when only reading them would tell.
    """

    n: int | None

    @abstractmethod
    def windows(self, start: int = 0) -> Iterator[Window]:
        """All windows, or those from the example ``start`` on."""

    def fingerprint(self) -> str | None:
        """Changes whenever an example does; None for examples in memory. For files it is made of sizes and times."""
        return None

    @abstractmethod
    def name(self, place: int) -> str:
        """What a person would call the example at ``place``, counted from 0: a path, a row."""


class Counted(Asked):
    """``Asked`` of which the number is known and any may be read."""

    n: int

    @abstractmethod
    def take(self, places: NDArray[np.int64]) -> Counted:
        """Only the examples at ``places``."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Examples with targets, on which a bundle is measured.

    ``examples``: n of them.
    ``targets``: ``(n,)``, whole numbers, floats or texts, as they came.
    ``split``: ``(n,)``, indexes into ``archsmith.data.examples.SPLITS``.
    ``name``: of the data.
    ``class_names``: of the targets 0, 1, …; None where targets are names themselves.
    ``skipped``: (name, reason) of examples that have no target.
    ``skipped_split``: the split of each of these, as in ``split``.
    ``notes``: what a person should know of how they were read, in sentences.
    """

    examples: Counted
    targets: NDArray[Any]
    split: NDArray[np.int8]
    name: str
    class_names: tuple[str, ...] | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    skipped_split: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Intake(ABC):
    """What a bundle takes in. Subclasses are frozen dataclasses, and say what an example is called."""

    kind: ClassVar[str]  # its name in the catalogue
    noun: ClassVar[str]
    nouns: ClassVar[str]
    reading: ClassVar[str] = "reading"  # what happens before the model and is no part of its time
    # Are calls so small that several of one thread each, at the same time, do more than one call of several threads?
    small_calls: ClassVar[bool] = False

    # What the manifest keeps

    @classmethod
    @abstractmethod
    def of(cls, splits: Splits) -> Self:
        """What networks that were trained on ``splits`` take in."""

    @abstractmethod
    def to_inputs(self) -> list[dict[str, Any]]:
        """JSON, one mapping for each input of the model, with at least ``name`` and ``kind``."""

    @classmethod
    @abstractmethod
    def from_inputs(cls, inputs: Sequence[Mapping[str, Any]]) -> Self:
        """From what ``to_inputs`` gave; unknown keys are ignored. Raises UsageError for what makes no sense."""

    @abstractmethod
    def fits(self, task: Task) -> bool:
        """Are these the inputs of ``task``?"""

    # What the model takes

    @property
    @abstractmethod
    def model_inputs(self) -> tuple[ModelInput, ...]:
        """The inputs of ``model.onnx``."""

    @abstractmethod
    def windows(self, given: Any) -> Iterator[Window]:
        """What ``Predictor`` is given, lazily. Raises DataError for the first example that is broken."""

    @abstractmethod
    def asked(self, names: Sequence[str], column: str | None = None) -> Asked:
        """What files are named on the command line. ``column`` names the column of examples in a table, where a kind of
        data has one. Raises UsageError.
        """

    @abstractmethod
    def labelled(
        self, data: Any, column: str | None = None, target: str | None = None, likely: str | None = None
    ) -> Labelled:
        """Labelled data in any form that is read for training. ``target`` names the column of targets; ``likely`` is
        taken where there is none and a table has a column of that name. Raises DataError.
        """

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Any:
        """``n`` random examples, read already, as ``Predictor`` is given them."""

    # What a server is sent

    def sent(self, examples: Sequence[Any], most_pixels: int) -> Iterator[Window]:
        """The examples of a request, as JSON gave them. A broken one is named and does not stop the others. Raises
        DataError where this kind of data cannot be sent.
        """
        raise DataError(f"{self.nouns.capitalize()} cannot be sent as JSON.")

    def uploaded(self, files: Sequence[tuple[str, bytes]], most_pixels: int) -> Iterator[Window]:
        """The examples in files, of which name and content are given. Raises DataError for files that hold none."""
        raise DataError(f"{self.nouns.capitalize()} cannot be sent as files.")

    def is_quick(self, given: Sequence[Any]) -> bool:
        """Does reading these examples, or contents of files, take no more time than their bytes tell? A small file can
        be a large picture.
        """
        return True

    def example_schema(self) -> dict[str, Any]:
        """JSON Schema of one example that ``sent`` takes, with an example of one."""
        return {}

    def exporter(self) -> Exporter:
        """The half that needs torch."""
        found: Exporter = catalog.get(EXPORTER, self.kind)(self)
        return found

    def form(self) -> dict[str, Any]:
        """What a page needs to know to ask a person for one example, as JSON: ``channels`` of a picture, or ``columns``
        of a row. Raises UsageError where no page asks for this kind of data.
        """
        raise UsageError(f"There is no web page that takes {self.nouns}.", "Predict with: archsmith predict")

    # Words

    @property
    @abstractmethod
    def material(self) -> str:
        """What a network takes, in the plural: ``grey pictures``."""

    @property
    @abstractmethod
    def size(self) -> str:
        """How much of it: ``1×28×28``."""

    @property
    @abstractmethod
    def takes(self) -> str:
        """The end of a sentence that begins with ``takes``."""

    @property
    @abstractmethod
    def usage(self) -> str:
        """An argument of ``Predictor.predict``, as source text."""

    @property
    @abstractmethod
    def tensors(self) -> str:
        """Source text that makes ``inputs``, what a session of onnxruntime takes, with numpy; Pillow reads pictures."""

    @abstractmethod
    def interface(self) -> list[str]:
        """What goes in, and what the model does with it first: sentences for the card."""

    @abstractmethod
    def limits(self) -> list[str]:
        """What predictions cannot be relied on for: sentences for the card."""

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
        """Heading and rows of a table that describes the inputs; None where words are enough."""
        return None


def intake_class(kind: str) -> type[Intake]:
    """The class for a kind of data. Raises UsageError for one that this version does not know."""
    # Only short names: a manifest that somebody sent must not name a module to be imported.
    if kind not in catalog.rows(KIND):
        raise UsageError(
            f"This bundle takes data of the kind {str(kind)[:40]!r}, which this Archsmith does not know.",
            f"It knows {', '.join(catalog.names(KIND))}; upgrade with: pip install --upgrade archsmith",
        )
    found: type[Intake] = catalog.get(KIND, kind)
    return found
