"""The DARTS search space as discrete cells, and the network in which DARTS and its followers compare cells.

Source: Liu, Simonyan, Yang 2019 (arXiv 1806.09055), section 3.2. Stacking and shapes are those of the released code.
Reductions stand at one and two thirds of the cells. Behind a reduction cell the older input passes a factorized
reduction. All other inputs pass ReLU, a 1×1 convolution and batch norm. As in the released code, ``none`` is no
operation of a discrete cell, and drop path is as strong in the first cell as in the last (in NASNet it grows with
depth); over the training it grows from nothing.

Differences: drop path spares identities of stride 2 as it does all others. ``operations``, ``nodes``, ``distinct`` and
``output`` open the same network to other spaces. AmoebaNet's cells (Real et al. 2019, arXiv 1802.01548) are five nodes
of any two inputs, with their own list of states that leave (see archsmith.spaces.zoo).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier, conv_bn, factorized_reduction, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.spaces.cell_layout import ENDS, CellStyle
from archsmith.spaces.cell_space import (
    STEMS,
    CellSpace,
    Stack,
    check_keep,
    check_one_of,
    check_size,
    small_stem,
)
from archsmith.spaces.cells import Rules

OPERATIONS = ("max3x3", "avg3x3", "identity", "sep3x3", "sep5x5", "dil_sep3x3", "dil_sep5x5")
AMOEBANET_OPERATIONS = ("identity", "sep3x3", "sep5x5", "sep7x7", "avg3x3", "max3x3", "dil_sep3x3", "conv1x7_7x1")


@checked
@dataclass(frozen=True)
class DartsScale:
    """The network around the cells. Defaults: the paper's search network.

    ``filters``: C of the first cells, 2 or more; doubled at each reduction (search 16, final 36).
    ``cells``: in all, reductions included, 3 or more (search 8, final 20).
    ``stem``: ``cifar`` is a 3×3 convolution to 3 C, ``imagenet`` three of stride 2.
    ``auxiliary``: whether there is a second classifier for training.
    ``keep``: share of paths that drop path keeps in every cell at the end of training, above 0 up to 1 (final: 0.8).
    ``ends``: how the states that leave a cell are joined; see archsmith.spaces.cell_layout.CellStyle.
    """

    filters: int = 16
    cells: int = 8
    stem: str = "cifar"
    auxiliary: bool = False
    keep: float = 1.0
    ends: str = "concat"

    def __post_init__(self) -> None:
        check_size(self.filters, 2, self.cells, 3, "cells")
        check_one_of("The stem cannot be", self.stem, STEMS)
        check_one_of("The ends of a cell cannot be joined by", self.ends, ENDS)
        check_keep(self.keep)


@checked
@dataclass(frozen=True)
class Darts(CellSpace):
    """A normal and a reduction cell. Each node is the sum of two operations on two earlier states.

    ``operations``: the options for each side of a node.
    ``nodes``: in each cell, 1 or more (paper: 4).
    ``distinct``: whether the two states that a node reads must differ.
    ``output``: which states leave a cell: ``all`` nodes (the paper), ``unused`` states, or ``chosen`` one by one.
    ``scale``: the network around the cells.
    """

    operations: tuple[str, ...] = OPERATIONS
    nodes: int = 4
    distinct: bool = True
    output: str = "all"
    scale: DartsScale = field(default_factory=DartsScale)

    @property
    def rules(self) -> Rules:
        return Rules(self.nodes, self.operations, output=self.output, distinct=self.distinct)

    def growth(self) -> None:
        """None: the two inputs of a node differ, so that no smaller cell is a point of this space."""

    def build(self, choose: Choose, net: Net) -> None:
        normal, reduction = self.choose_cells(choose)
        scale = self.scale
        filters = scale.filters
        stack = Stack(net, *self._stem(net))
        for i in range(scale.cells):
            if i in (scale.cells // 3, 2 * scale.cells // 3):
                filters *= 2
                style = CellStyle(filters, 2, scale.keep, factorized=True, ends=scale.ends)
                stack.add(reduction, "ReductionCell", style, prepare)
            else:
                style = CellStyle(filters, 1, scale.keep, factorized=True, ends=scale.ends)
                stack.add(normal, "NormalCell", style, prepare)
            if scale.auxiliary and i == 2 * scale.cells // 3:
                stack.auxiliary(self.n_outputs)
        net.output(classifier(net, stack.cur, self.n_outputs))

    def _stem(self, net: Net) -> tuple[Value, Value]:
        filters = self.scale.filters
        if self.scale.stem == "cifar":
            x = small_stem(net, 3 * filters)
            return x, x
        x = net.input("image")
        with net.scope("stem", "Stem", x=x):
            x = conv_bn(net, x, filters // 2, 3, 2, name="conv1")
            first = relu_conv_bn(net, x, filters, 3, 2, name="conv2")
            second = relu_conv_bn(net, first, filters, 3, 2, name="conv3")
        return first, second


def prepare(net: Net, prev: Value, cur: Value, style: CellStyle) -> tuple[Value, Value]:
    """Both inputs in the width of the cell and the size of ``cur``."""
    if prev.shape[1:] != cur.shape[1:]:
        prev = factorized_reduction(net, prev, style.filters, name="fit_prev")
    else:
        prev = relu_conv_bn(net, prev, style.filters, 1, name="fit_prev")
    return prev, relu_conv_bn(net, cur, style.filters, 1, name="fit_cur")
