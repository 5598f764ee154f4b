"""The PNAS search space: one cell for both roles, eight operations, sums only, every block leaves the cell.

Source: Liu et al. 2018 (arXiv 1712.00559), section 3; stacking as in the released PNASNet code: 3 N cells of which two
have stride 2 and double the filters. Differences: the number of blocks is the first decision, so that every level of a
progressive search is a point of this space. It is weighted by the number of cells of each size, so that random samples
spread evenly over all points (which makes nearly all of them full-size cells).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.architecture import Architecture
from archsmith.core.growth import Growth
from archsmith.core.space import Choose, Trace, replaying
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_layout import check_operations, lone_cell
from archsmith.spaces.cells import Cell, Rules, choose_cell
from archsmith.spaces.growing import cell_growth
from archsmith.spaces.nasnet import NasNetScale, Stack

OPERATIONS = ("identity", "sep3x3", "sep5x5", "sep7x7", "conv1x7_7x1", "avg3x3", "max3x3", "dil3x3")


@dataclass(frozen=True)
class Pnas(ImageSpace):
    """One cell of 1 to ``blocks`` blocks (5 in the paper). Default scale: N = 2, F = 24, the paper's proxy."""

    operations: tuple[str, ...] = OPERATIONS
    blocks: int = 5
    scale: NasNetScale = field(default_factory=lambda: NasNetScale(filters=24, skip_reduction_input=True))

    cell_kinds: ClassVar[tuple[str, ...]] = ("Cell", "StridedCell")

    def __post_init__(self) -> None:
        self._rules.check()
        check_operations(self.operations)

    @property
    def _rules(self) -> Rules:
        return Rules(self.blocks, self.operations, output="all")

    def layout(self, choose: Choose) -> None:
        self._cell(choose)

    def _cell(self, choose: Choose) -> Cell:
        sizes, weights = [], [1.0]
        for b in range(self.blocks):
            sizes.append(b + 1)
            weights.append(weights[-1] * ((b + 2) * len(self.operations)) ** 2)
        n_blocks = choose("blocks", tuple(sizes), tuple(weights[1:]))
        return choose_cell(choose, "cell", self._rules, int(n_blocks))  # type: ignore[arg-type]

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        return {"cell": lone_cell(self._cell(Trace(replaying(architecture))))}

    def growth(self) -> Growth | None:
        """Block by block; a recipe is a part of the point too, and only a growth by decisions covers it."""
        return cell_growth(self._rules, ("cell",), sized=True) if self.recipe is None else None

    def build(self, choose: Choose, net: Net) -> None:
        cell = self._cell(choose)
        scale = self.scale
        n_cells = 3 * scale.cells
        stack = Stack(net, scale, n_cells, self.n_outputs)
        stack.stem(cell, "StridedCell")
        before = stack.prev
        for position in range(n_cells):
            strided = position in (scale.cells, 2 * scale.cells)
            if scale.skip_reduction_input or not strided:
                before = stack.prev
            stack.cell(cell, "StridedCell" if strided else "Cell", stride=2 if strided else 1, prev=before)
            if position == 2 * scale.cells - 1:
                stack.auxiliary()
        stack.classify()
