"""What the cell spaces have in common: NASNet, PNAS, ENAS micro and DARTS.

A cell space asks for one or two cells, and lays each of them out many times, one after the other. ``CellSpace`` holds
the questions, ``Stack`` the laying out. A space file adds what is its own: its rules, its scale, and how the stem and
the inputs of a cell are made.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.growth import Growth
from archsmith.core.space import Choose, Trace, replaying
from archsmith.graphs.graph import Graph
from archsmith.graphs.layers import auxiliary_head, conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_growth import cell_growth
from archsmith.spaces.cell_layout import CellStyle, check_operations, graph_of_cell, lay_blocks
from archsmith.spaces.cells import Cell, Rules, choose_cell

STEMS = ("cifar", "imagenet")
MIN_AUXILIARY_SIDE = 5  # an auxiliary head begins with a 5×5 pool without padding

# Brings the two inputs of a cell to its width and size: (net, prev, cur, style) to the prepared prev and cur.
Prepare = Callable[[Net, Value, Value, CellStyle], tuple[Value, Value]]


@dataclass(frozen=True)
class CellSpace(ImageSpace):
    """A space that asks for a few cells and lays out nothing but them, a stem and a classifier.

    ``cell_names`` are the first parts of the decision paths, one for each cell that is asked for.

    ``operations``: names from archsmith.spaces.cell_layout, one or more.
    """

    operations: tuple[str, ...] = ()

    cell_names: ClassVar[tuple[str, ...]] = ("normal", "reduction")
    cell_kinds: ClassVar[tuple[str, ...]] = ("NormalCell", "ReductionCell")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rules.check()
        check_operations(self.operations)

    @property
    @abstractmethod
    def rules(self) -> Rules:
        """What may be chosen in each cell."""

    def choose_cells(self, choose: Choose) -> tuple[Cell, ...]:
        """Ask every question about the network; one cell for each of ``cell_names``."""
        rules = self.rules
        return tuple([choose_cell(choose, name, rules) for name in self.cell_names])

    def layout(self, choose: Choose) -> None:
        self.choose_cells(choose)

    def known_size(self) -> int | None:
        if self.recipe is not None:
            return None
        rules = self.rules
        return math.prod(rules.n_cells(rules.blocks) for _ in self.cell_names)

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        chosen = self.choose_cells(Trace(replaying(architecture)))
        return {name: graph_of_cell(cell) for name, cell in zip(self.cell_names, chosen, strict=True)}

    def growth(self) -> Growth | None:
        """Block by block, one cell after the other. None with a recipe: blocks do not say how to train."""
        return cell_growth(self.rules, self.cell_names) if self.recipe is None else None


class Stack:
    """The cells of one network, laid out one after the other.

    ``prev``, ``cur``: the outputs of the last two cells, or of the stem.
    ``n_laid``: the cells laid out so far.
    """

    def __init__(self, net: Net, prev: Value, cur: Value) -> None:
        self.net = net
        self.prev, self.cur = prev, cur
        self.n_laid = 0

    def add(self, cell: Cell, kind: str, style: CellStyle, prepare: Prepare, prev: Value | None = None) -> None:
        """Lay out one more cell in a scope of this kind. ``prev`` replaces the output of the cell before the last."""
        prev, cur = prev or self.prev, self.cur
        inputs = {"cur": cur} if prev.name == cur.name else {"prev": prev, "cur": cur}
        with self.net.scope(f"cell{self.n_laid}", kind, None, **inputs):
            prepared_prev, prepared_cur = prepare(self.net, prev, cur, style)
            out = lay_blocks(self.net, cell, prepared_prev, prepared_cur, style)
        self.prev, self.cur = cur, out
        self.n_laid += 1

    def auxiliary(self, n_outputs: int) -> None:
        """A second classifier on the current state, for training. Raises UsageError where the image is too small."""
        height, width = self.cur.shape[1:]
        if min(height, width) < MIN_AUXILIARY_SIDE:
            raise UsageError(
                f"An auxiliary head needs at least 5×5 pixels at its place; here they are {height}×{width}.",
                "Set scale.auxiliary to False.",
            )
        self.net.output(auxiliary_head(self.net, self.cur, n_outputs), "auxiliary")


def small_stem(net: Net, filters: int) -> Value:
    """The stem for small images such as those of CIFAR: one 3×3 convolution with batch norm."""
    return conv_bn(net, net.input("image"), filters, 3, name="stem")


def kept_share(keep: float, depth: float) -> float:
    """The share of operations that drop path keeps at ``depth``, 0 to 1: it falls from 1 to ``keep`` in a straight
    line.

    Source: ScheduledDropPath, Zoph et al. 2018 (arXiv 1707.07012).
    """
    return 1 - depth * (1 - keep)


# Checks of the fields that the scales of cell spaces have in common. All raise UsageError.


MOST_STACKED = 1000  # cells or layers of a network; more are laid out for minutes, and trained by nobody


def check_size(filters: int, least_filters: int, n: int, least: int, what: str) -> None:
    """``what`` is the plural of what is counted by ``n``: cells or layers."""
    if filters < least_filters or n < least:
        raise UsageError(
            f"A scale of {filters} filters and {n} {what} is too small.",
            f"Give at least {least_filters} filters and {least} {what if least > 1 else what.removesuffix('s')}.",
        )
    if n > MOST_STACKED:
        raise UsageError(f"A scale of so many {what} is too large.", f"Give at most {MOST_STACKED:,} {what}.")


def check_one_of(subject: str, name: str, known: Sequence[str]) -> None:
    """``subject`` begins the sentence: ``The stem cannot be``."""
    if name not in known:
        raise UsageError(f"{subject} {name!r}.", f"It is one of: {', '.join(known)}.")


def check_keep(keep: float) -> None:
    if not 0 < keep <= 1:
        raise UsageError(f"keep is {keep}.", "Give a number above 0 up to 1.")


def check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout is {dropout}.", "Give a number from 0 to below 1.")
