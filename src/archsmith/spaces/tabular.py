"""Networks for tables: an encoding of numbers, an embedding of categories, and a body of linear layers.

Sources: the MLP and the residual network of Gorishniy, Rubachev, Khrulkov and Babenko 2021, "Revisiting Deep Learning
Models for Tabular Data" (arXiv 2106.11959); the piecewise linear encoding of Gorishniy, Rubachev and Babenko 2022
(arXiv 2203.05556). Differences: standardised numbers stay beside their encoding, missing values are marked by an input
of their own, and the MLP normalises like the residual network. The ranges are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.fields import check_above_0, checked
from archsmith.core.space import Choose, Space
from archsmith.core.task import Input, Task
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import NetworkSpace

NUMBERS, CATEGORIES = "numbers", "categories"
# The first option of every decision makes the hand-made network.
ENCODINGS = ("piecewise", "none")
BINS = (16, 8, 32, 64)
DIMENSIONS = (8, 4, 16)
BODIES = ("residual", "mlp")
DEPTHS = (2, 1, 3, 4)
WIDTHS = (128, 256, 64, 512)
DROPOUTS = (0.1, 0.0, 0.3)


@checked
@dataclass(frozen=True)
class Tabular(NetworkSpace):
    """Networks for the rows of a table.

    Decisions: ``numbers/encoding`` (``none`` or ``piecewise``) and ``numbers/bins``; ``categories/dimension`` of the
    embedding; ``body`` (``mlp`` or ``residual``), its ``depth``, ``width`` and ``dropout``.

    ``numbers``: number columns; 0 for none.
    ``missing``: which of these lack values in training rows.
    ``categories``: category columns; 0 for none.
    ``n_codes``: different codes of all category columns together.
    ``n_outputs``, ``recipe``: see ``NetworkSpace``.
    """

    numbers: int = 8
    missing: tuple[int, ...] = ()
    categories: int = 0
    n_codes: int = 0
    n_outputs: int = 2
    recipe: Space | None = None

    cell_kinds: ClassVar[tuple[str, ...]] = ("Block", "Layer")

    def __post_init__(self) -> None:
        if self.numbers < 0 or self.categories < 0 or self.numbers + self.categories == 0:
            raise UsageError(
                f"A table has {self.numbers} number columns and {self.categories} category columns.",
                "It needs at least one column.",
            )
        check_above_0("Tabular", n_outputs=self.n_outputs)
        if self.categories and self.n_codes < self.categories:
            raise UsageError(f"{self.categories} category columns cannot have {self.n_codes} codes.")

    @property
    def inputs(self) -> tuple[Input, ...]:
        found = []
        if self.numbers:
            found.append(Input(NUMBERS, NUMBERS, (self.numbers,), missing=self.missing))
        if self.categories:
            found.append(Input(CATEGORIES, CATEGORIES, (self.categories,), n_codes=self.n_codes))
        return tuple(found)

    @classmethod
    def for_task(cls, task: Task, **fields: Any) -> Self:
        """This space for the columns and the target of a task. Raises UsageError for inputs that no table has."""
        known = {entry.kind: entry for entry in task.inputs}
        readable = all(_is_readable(entry) for entry in task.inputs) and len(known) == len(task.inputs)
        if len(task.outputs) != 1 or not known or not readable:
            given = ", ".join(f"{entry.name} ({entry.kind})" for entry in task.inputs)
            raise UsageError(f"{cls.__name__} takes the numbers and categories of a table; the task has {given}.")
        numbers, categories = known.get(NUMBERS), known.get(CATEGORIES)
        sizes: dict[str, Any] = {
            "numbers": 0 if numbers is None else numbers.shape[0],
            "missing": () if numbers is None else numbers.missing,
            "categories": 0 if categories is None else categories.shape[0],
            "n_codes": 0 if categories is None else categories.n_codes,
        }
        return cls(**{**sizes, "n_outputs": task.outputs[0].n, **fields})

    def first(self) -> Architecture:
        """The hand-made network: every decision at its first option."""
        return self.trace(lambda path, options, weights: options[0]).architecture  # type: ignore[index]

    def build(self, choose: Choose, net: Net) -> None:
        decided = self._decided(choose)
        features = [*self._numbers(decided, net), *self._categories(decided, net)]
        x = net.op("concat", *features) if len(features) > 1 else features[0]
        lay = _residual if decided["body"] == "residual" else _mlp
        x = lay(net, x, decided["depth"], decided["width"], decided["dropout"])
        net.output(net.op("linear", x, name="head", features=self.n_outputs))

    def layout(self, choose: Choose) -> None:
        self._decided(choose)

    def _decided(self, choose: Choose) -> dict[str, Any]:
        """Every decision by its path. None depends on what is laid out."""
        decided: dict[str, Any] = {}
        if self.numbers:
            decided["numbers/encoding"] = choose("numbers/encoding", ENCODINGS)
            if decided["numbers/encoding"] == "piecewise":
                decided["numbers/bins"] = choose("numbers/bins", BINS)
        if self.categories:
            decided["categories/dimension"] = choose("categories/dimension", DIMENSIONS)
        for path, options in (("body", BODIES), ("depth", DEPTHS), ("width", WIDTHS), ("dropout", DROPOUTS)):
            decided[path] = choose(path, options)
        return decided

    def _numbers(self, decided: Mapping[str, Any], net: Net) -> list[Value]:
        if not self.numbers:
            return []
        given = net.input(NUMBERS)
        features = [net.op("standardise", given)]
        if decided["numbers/encoding"] == "piecewise":
            features.append(net.op("piecewise_linear", given, bins=decided["numbers/bins"]))
        if self.missing:
            features.append(net.op("missing", given, columns=self.missing))
        return features

    def _categories(self, decided: Mapping[str, Any], net: Net) -> list[Value]:
        if not self.categories:
            return []
        codes = net.input(CATEGORIES)
        embedded = net.op("embedding", codes, size=self.n_codes, dim=decided["categories/dimension"])
        return [net.op("flatten", embedded)]


@checked
@dataclass(frozen=True)
class TableRecipe(Space):
    """How a network for tables is trained.

    Decisions: ``learning_rate`` (peak, AdamW), ``weight_decay``, ``label_smoothing``. The first options are the
    defaults for tables.
    """

    def decide(self, choose: Choose) -> None:
        choose("recipe/learning_rate", (2e-3, 5e-4, 5e-3))
        choose("recipe/weight_decay", (1e-2, 1e-4, 1e-1))
        choose("recipe/label_smoothing", (0.0, 0.1))

    def first(self) -> Architecture:
        """Every decision at its first option."""
        return self.trace(lambda path, options, weights: options[0]).architecture  # type: ignore[index]


def _is_readable(entry: Input) -> bool:
    """Is this an input of a table, with a known number of columns and, of categories, of codes?"""
    known = len(entry.shape) == 1 and entry.shape[0] is not None
    return known and (entry.kind == NUMBERS or (entry.kind == CATEGORIES and entry.n_codes is not None))


def _mlp(net: Net, x: Value, depth: int, width: int, dropout: float) -> Value:
    for i in range(depth):
        with net.scope(f"layer{i}", "Layer", x=x):
            x = net.op("relu", net.op("batch_norm", net.op("linear", x, features=width, bias=False)))
            x = net.op("dropout", x, p=dropout) if dropout else x
    return x


def _residual(net: Net, x: Value, depth: int, width: int, dropout: float) -> Value:
    x = net.op("linear", x, name="stem", features=width)
    for i in range(depth):
        with net.scope(f"block{i}", "Block", x=x):
            y = net.op("linear", net.op("batch_norm", x), name="up", features=2 * width)
            y = net.op("relu", y)
            y = net.op("dropout", y, p=dropout) if dropout else y
            x = net.op("add", x, net.op("linear", y, name="down", features=width))
    return net.op("relu", net.op("batch_norm", x, name="norm"))
