"""The PNAS search space: one cell for both roles, eight operations, sums only, and every block leaves the cell.

Source: Liu et al. 2018 (arXiv 1712.00559), section 3. Stacking is that of the released PNASNet code: 3 N cells, of
which two have stride 2 and double the filters.

Differences: the number of blocks is the first decision. So every level of a progressive search is a point of this
space. The decision is weighted by the number of cells of each size. So random samples spread evenly over all points,
and nearly all of them are full-size cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from archsmith.core.fields import checked
from archsmith.core.growth import Growth
from archsmith.core.space import Choose
from archsmith.graphs.net import Net
from archsmith.spaces.cell_growth import cell_growth
from archsmith.spaces.cell_space import CellSpace
from archsmith.spaces.cells import Cell, Rules, choose_cell
from archsmith.spaces.nasnet import NasNetScale, NasNetStack

OPERATIONS = ("identity", "sep3x3", "sep5x5", "sep7x7", "conv1x7_7x1", "avg3x3", "max3x3", "dil3x3")


@checked
@dataclass(frozen=True)
class Pnas(CellSpace):
    """One cell, also used with stride 2.

    ``operations``: the options for each side of a block.
    ``blocks``: the most that the cell may have, 1 or more (paper: 5).
    ``scale``: the network around the cells; the default is the paper's proxy, N = 2 and F = 24.
    """

    operations: tuple[str, ...] = OPERATIONS
    blocks: int = 5
    scale: NasNetScale = field(default_factory=lambda: NasNetScale(filters=24, skip_reduction_input=True))

    cell_names: ClassVar[tuple[str, ...]] = ("cell",)
    cell_kinds: ClassVar[tuple[str, ...]] = ("Cell", "StridedCell")

    @property
    def rules(self) -> Rules:
        return Rules(self.blocks, self.operations, output="all")

    def choose_cells(self, choose: Choose) -> tuple[Cell, ...]:
        n_cells = _n_cells(self.rules)
        n_blocks = choose("blocks", tuple(range(1, self.blocks + 1)), n_cells)
        return (choose_cell(choose, "cell", self.rules, int(n_blocks)),)  # type: ignore[arg-type]

    def known_size(self) -> int | None:
        return sum(_n_cells(self.rules)) if self.recipe is None else None

    def growth(self) -> Growth | None:
        return cell_growth(self.rules, self.cell_names, sized=True) if self.recipe is None else None

    def build(self, choose: Choose, net: Net) -> None:
        (cell,) = self.choose_cells(choose)
        scale = self.scale
        n_cells = 3 * scale.cells
        stack = NasNetStack(net, scale, n_cells)
        stack.stem(cell, "StridedCell")
        before = stack.prev
        for position in range(n_cells):
            strided = position in (scale.cells, 2 * scale.cells)
            if scale.skip_reduction_input or not strided:
                before = stack.prev
            if strided:
                stack.reduce(cell, "StridedCell", prev=before)
            else:
                stack.keep_size(cell, "Cell", prev=before)
            if scale.auxiliary and position == 2 * scale.cells - 1:
                stack.auxiliary(self.n_outputs)
        stack.classify(self.n_outputs)


@lru_cache(maxsize=64)
def _n_cells(rules: Rules) -> tuple[int, ...]:
    """How many cells of 1, 2, … blocks there are."""
    return tuple(rules.n_cells(n_blocks) for n_blocks in range(1, rules.blocks + 1))
