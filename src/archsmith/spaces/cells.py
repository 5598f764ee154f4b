"""Cells as data: the decisions that NASNet, PNAS, ENAS micro and DARTS share.

A cell takes two tensors: ``prev``, the output of the cell before the last (c_{k-2}), and ``cur``, that of the last one
(c_{k-1}). It builds blocks. Each block takes two earlier states, applies one operation to each and combines the
results. The output of the cell joins some of the states.

Source: Zoph et al. 2018 (arXiv 1707.07012), sections 3 and A. The order of questions within a block is theirs, and that
of PNAS and ENAS: both inputs, both operations, combination. States have names here where the papers use numbers. The
numbers count from c_{k-1} in one code base and from c_{k-2} in others.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

from archsmith.core.errors import UsageError
from archsmith.core.space import Choose

INPUTS = ("prev", "cur")
OUTPUTS = ("unused", "all", "chosen")


MOST_BLOCKS = 100  # of a cell; with more, laying one out takes minutes


class Rules(NamedTuple):
    """What may be chosen in a cell.

    ``blocks``: how many, 1 or more.
    ``operations``: the options for each side of a block.
    ``combines``: the options for how a block joins its two sides; with one option there is no question.
    ``output``: which states leave the cell: the ``unused`` ones (NASNet), ``all`` blocks (PNAS, DARTS), or those
        ``chosen`` by one more yes-or-no decision for each state. Some published cells follow no rule and need the last.
    ``distinct``: whether the two inputs of a block must differ (DARTS).
    """

    blocks: int
    operations: tuple[str, ...]
    combines: tuple[str, ...] = ("add",)
    output: str = "unused"
    distinct: bool = False

    def check(self) -> None:
        """Raises UsageError for rules that describe no cell."""
        if self.blocks < 1:
            raise UsageError(f"A cell needs at least one block, not {self.blocks}.")
        if self.blocks > MOST_BLOCKS:
            raise UsageError(
                "A cell cannot have so many blocks.", f"Give at most {MOST_BLOCKS}; published ones have 5."
            )
        if self.output not in OUTPUTS:
            raise UsageError(f"The output of a cell cannot be {self.output!r}.", f"It is one of: {', '.join(OUTPUTS)}.")

    def n_cells(self, n_blocks: int) -> int:
        """How many cells of this many blocks there are."""
        sides = len(self.operations) ** 2 * len(self.combines)
        n = math.prod(sides * (k * (k - 1) // 2 if self.distinct else k * k) for k in range(2, n_blocks + 2))
        return n * (2 ** (n_blocks + 2) - 1) if self.output == "chosen" else n


class Side(NamedTuple):
    """One half of a block: an operation and the state that it reads."""

    source: str
    operation: str


class Block(NamedTuple):
    """Two operations on earlier states, and how their results are combined (``add`` or ``concat``)."""

    left: Side
    right: Side
    combine: str


class Cell(NamedTuple):
    """A chosen cell; ``output`` names the states that leave it, in order."""

    blocks: tuple[Block, ...]
    output: tuple[str, ...]


@cache
def states(n_blocks: int) -> tuple[str, ...]:
    """The names of the states that exist after ``n_blocks`` blocks."""
    return (*INPUTS, *(f"block{i}" for i in range(n_blocks)))


@cache
def _paths(cell: str, block: int) -> tuple[str, str, str, str, str]:
    prefix = f"{cell}/block{block}"
    return (
        f"{prefix}/left/input",
        f"{prefix}/right/input",
        f"{prefix}/left/op",
        f"{prefix}/right/op",
        f"{prefix}/combine",
    )


@cache
def _pairs_left(n: int) -> tuple[float, ...]:
    # How many pairs (i, j > i) begin with state i. As weights they make every pair of distinct inputs equally likely.
    return tuple(float(n - 1 - i) for i in range(n - 1))


def choose_cell(choose: Choose, name: str, rules: Rules, n_blocks: int | None = None) -> Cell:
    """Ask every question of one cell. Paths are ``<name>/block<i>/left/input`` and so on.

    ``n_blocks``: how many blocks this cell has; None: ``rules.blocks``.
    """
    blocks = []
    operations, combines = rules.operations, rules.combines
    for i in range(rules.blocks if n_blocks is None else n_blocks):
        left_input, right_input, left_op, right_op, combine = _paths(name, i)
        known = states(i)
        if rules.distinct:
            a = choose(left_input, known[:-1], _pairs_left(len(known)))
            b = choose(right_input, known[known.index(a) + 1 :])
        else:
            a = choose(left_input, known)
            b = choose(right_input, known)
        left = Side(a, choose(left_op, operations))  # type: ignore[arg-type]
        right = Side(b, choose(right_op, operations))  # type: ignore[arg-type]
        how = choose(combine, combines) if len(combines) > 1 else combines[0]
        blocks.append(Block(left, right, how))  # type: ignore[arg-type]
    return Cell(tuple(blocks), _choose_output(choose, name, rules.output, blocks))


def _choose_output(choose: Choose, name: str, output: str, blocks: list[Block]) -> tuple[str, ...]:
    known = states(len(blocks))
    if output == "all":
        return known[2:]
    if output == "unused":
        used = {side.source for block in blocks for side in (block.left, block.right)}
        return tuple(state for state in known if state not in used)
    chosen: list[str] = []
    for state in known:
        # The last state has no choice when nothing was chosen before it: an empty output is no cell.
        if choose(f"{name}/output/{state}", (False, True) if chosen or state != known[-1] else (True,)):
            chosen.append(state)
    return tuple(chosen)
