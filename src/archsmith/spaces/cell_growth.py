"""How the published cell spaces grow, block by block: what progressive search walks along.

Source: Liu et al. 2018 (arXiv 1712.00559), algorithm 1.

Every level is a point of the space as it is. The PNAS space asks for the number of blocks first, so that a cell of b
blocks is a point. In the other spaces the blocks that a cell does not have yet are *neutral*: block i adds ``identity``
of block i-1 to itself. (Block 0 of an empty cell adds ``identity`` of prev and of cur.) Where the unused states leave
the cell, this is the smaller cell itself, its last block times a power of two. Cells grow one after the other: first
the normal cell beside an empty reduction cell, then the reduction cell.

A NAS-Bench-201 cell grows by nodes. At level b the edges into nodes 1 to b are free. The edge from node b to the output
(node 3) is ``skip_connect``, and every other edge is ``none``. At b = 3 node b is the output, and all six edges are
free. The levels have 5, 125 and 15,625 points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.growth import Alphabet, Expansions, Grown, Growth, Tokens
from archsmith.spaces.cells import Rules, states

MAX_EXPANSIONS = 600_000  # a larger level is sampled; the paper's largest has 589,824
SAMPLED = 50_000  # expansions drawn from a level that is too large
QUESTIONS = ("left/input", "right/input", "left/op", "right/op", "combine")
NEUTRAL = "identity"
# NAS-Bench-201: the edges behind the first 1, 3 or 6 that are free.
COMPLETIONS = {1: ("none", "none", "none", "skip_connect", "none"), 3: ("none", "none", "skip_connect"), 6: ()}


def cell_growth(rules: Rules, cells: tuple[str, ...], *, sized: bool = False) -> Growth | None:
    """The growth of a space that asks for these cells one after the other.

    ``sized``: the space asks for the number of ``blocks`` first. None where no smaller cell is a point of the space: a
    cell chooses its output, the inputs of a block must differ, or there is no neutral block.
    """
    if (
        rules.output == "chosen"
        or rules.distinct
        or not (sized or (NEUTRAL in rules.operations and "add" in rules.combines))
    ):
        return None
    return BlockGrowth(rules, cells, sized)


@dataclass(frozen=True)
class BlockGrowth:
    """One more block at every level.

    The tokens of a block are both inputs, both operations and, where there is a choice, the combination.

    ``rules``: what may be chosen in a cell.
    ``cells``: the names of the cells, in the order in which they grow.
    ``sized``: whether the space asks for the number of blocks first.
    """

    rules: Rules
    cells: tuple[str, ...]
    sized: bool

    @property
    def n_levels(self) -> int:
        return len(self.cells) * self.rules.blocks

    @property
    def width(self) -> int:
        """Tokens of a block."""
        return 5 if len(self.rules.combines) > 1 else 4

    @property
    def alphabet(self) -> Alphabet:
        """One vocabulary each for states, operations and combinations. Every cell has its own slots for a block."""
        rules, width = self.rules, self.width
        vocabularies = (len(states(rules.blocks - 1)), len(rules.operations), len(rules.combines))[: width - 2]
        slots = (0, 0, 1, 1, 2)[:width] * len(self.cells)
        layout = tuple(c * width + i for c in range(len(self.cells)) for _ in range(rules.blocks) for i in range(width))
        return Alphabet(vocabularies, slots, layout)

    def expand(self, level: int, parents: Sequence[Grown], wanted: int, rng: np.random.Generator) -> Expansions:
        if level > self.n_levels:
            return Expansions.none()
        n_states, n_operations = 2 + (level - 1) % self.rules.blocks, len(self.rules.operations)
        sizes = (n_states, n_states, n_operations, n_operations, len(self.rules.combines))[: self.width]
        return _product(parents, _rows(sizes), self.architecture, rng)

    def architecture(self, tokens: Tokens) -> Architecture:
        """The point that a row of tokens stands for."""
        rules = self.rules
        blocks = tokens.reshape(-1, self.width).tolist()
        answers: dict[str, Scalar] = {"blocks": len(blocks)} if self.sized else {}
        for c, cell in enumerate(self.cells):
            own = blocks[c * rules.blocks : (c + 1) * rules.blocks]
            for i in range(len(own) if self.sized else rules.blocks):
                block = self._answers(own[i], i) if i < len(own) else _neutral(i)
                for question, answer in zip(QUESTIONS[: self.width], block, strict=False):
                    answers[f"{cell}/block{i}/{question}"] = answer
        return Architecture(answers)

    def _answers(self, block: Sequence[int], i: int) -> tuple[str, ...]:
        known, rules = states(i), self.rules
        left, right, left_op, right_op, *combine = block
        return (
            known[left],
            known[right],
            rules.operations[left_op],
            rules.operations[right_op],
            *(rules.combines[how] for how in combine),
        )


def _neutral(i: int) -> tuple[str, ...]:
    left, right = ("prev", "cur") if i == 0 else (f"block{i - 1}", f"block{i - 1}")
    return (left, right, NEUTRAL, NEUTRAL, "add")


@dataclass(frozen=True)
class NodeGrowth:
    """One more node of a NAS-Bench-201 cell at every level. The tokens are the operations on the edges into it.

    A slot is the node that an edge comes from.

    ``paths``: of the six edges, in the order of the table.
    ``operations``: the options of every edge.
    """

    paths: tuple[str, ...]
    operations: tuple[str, ...]

    n_levels = 3

    @property
    def alphabet(self) -> Alphabet:
        return Alphabet((len(self.operations),), (0, 0, 0), (0, 0, 1, 0, 1, 2))

    def expand(self, level: int, parents: Sequence[Grown], wanted: int, rng: np.random.Generator) -> Expansions:
        if level > self.n_levels:
            return Expansions.none()
        return _product(parents, _rows((len(self.operations),) * level), self.architecture, rng)

    def architecture(self, tokens: Tokens) -> Architecture:
        """The point that a row of 1, 3 or 6 tokens stands for."""
        names = [self.operations[token] for token in tokens.tolist()]
        return Architecture(zip(self.paths, [*names, *COMPLETIONS[len(names)]], strict=True))


@lru_cache(maxsize=64)
def _rows(sizes: tuple[int, ...]) -> Tokens:
    """Every row of tokens below ``sizes``, in lexicographic order, ``(n, len(sizes))``."""
    return np.indices(sizes, np.int16).reshape(len(sizes), -1).T


def _product(
    parents: Sequence[Grown], blocks: Tokens, architecture: Callable[[Tokens], Architecture], rng: np.random.Generator
) -> Expansions:
    """Every parent followed by every block, in lexicographic order. SAMPLED of them where there are too many."""
    total = len(parents) * len(blocks)
    chosen = (
        np.arange(total)
        if total <= MAX_EXPANSIONS
        else np.sort(rng.choice(total, SAMPLED, replace=False, shuffle=False))
    )
    at, block = np.divmod(chosen, len(blocks))
    tokens = np.concatenate([np.stack([parent.tokens for parent in parents])[at], blocks[block]], axis=1)
    return Expansions(tokens, at, lambda i: architecture(tokens[i]))
