"""The DARTS search space as discrete cells, and the form of network in which DARTS and its followers compare cells.

Source: Liu, Simonyan, Yang 2019 (arXiv 1806.09055), section 3.2; stacking and shapes as in the released code:
reductions at one and two thirds of the cells, the older input through a factorized reduction after a reduction cell,
both inputs otherwise through ReLU, 1×1, batch norm. Differences: ``none`` is no operation of a discrete cell, as in the
released one. ``operations``, ``nodes``, ``distinct`` and ``output`` open the same network to other spaces: AmoebaNet's
cells (Real et al. 2019, arXiv 1802.01548) are five nodes of any two inputs with their own list of states that leave
(see zoo).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Choose, Trace, replaying
from archsmith.graphs.graph import Graph
from archsmith.graphs.layers import auxiliary_head, classifier, conv_bn, factorized_reduction, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_layout import ENDS, Style, check_operations, lay_blocks, lone_cell
from archsmith.spaces.cells import Cell, Rules, choose_cell
from archsmith.spaces.nasnet import STEMS, check_auxiliary

OPERATIONS = ("max3x3", "avg3x3", "identity", "sep3x3", "sep5x5", "dil_sep3x3", "dil_sep5x5")
AMOEBANET_OPERATIONS = ("identity", "sep3x3", "sep5x5", "sep7x7", "avg3x3", "max3x3", "dil_sep3x3", "conv1x7_7x1")


@dataclass(frozen=True)
class DartsScale:
    """The network around the cells: ``filters`` C of the first cells (search 16, final 36), ``cells`` in all (search 8,
    final 20).

    ``stem``: ``cifar`` (3×3 to 3 C) or ``imagenet`` (three 3×3 of stride 2); ``keep``: share of paths kept by drop path
    in the last cell (final: 0.8); ``auxiliary``: a second classifier for training; ``ends``: see
    archsmith.spaces.cell_layout.Style. Defaults: the search network.
    """

    filters: int = 16
    cells: int = 8
    stem: str = "cifar"
    auxiliary: bool = False
    keep: float = 1.0
    ends: str = "concat"

    def __post_init__(self) -> None:
        if self.filters < 2 or self.cells < 3:
            raise UsageError(
                f"A scale of {self.filters} filters and {self.cells} cells is too small.",
                "Give at least 2 filters and 3 cells.",
            )
        if self.stem not in STEMS:
            raise UsageError(f"The stem cannot be {self.stem!r}.", f"It is one of: {', '.join(STEMS)}.")
        if self.ends not in ENDS:
            raise UsageError(
                f"The ends of a cell cannot be joined by {self.ends!r}.", f"It is one of: {', '.join(ENDS)}."
            )
        if not 0 < self.keep <= 1:
            raise UsageError(f"keep is {self.keep}.", "Give a number above 0 up to 1.")


@dataclass(frozen=True)
class Darts(ImageSpace):
    """A normal and a reduction cell of ``nodes`` nodes, each the sum of two operations on two (``distinct``) earlier
    states.
    """

    operations: tuple[str, ...] = OPERATIONS
    nodes: int = 4
    distinct: bool = True
    output: str = "all"
    scale: DartsScale = field(default_factory=DartsScale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("NormalCell", "ReductionCell")

    def __post_init__(self) -> None:
        self._rules.check()
        check_operations(self.operations)

    @property
    def _rules(self) -> Rules:
        return Rules(self.nodes, self.operations, output=self.output, distinct=self.distinct)

    def layout(self, choose: Choose) -> None:
        self._cells(choose)

    def _cells(self, choose: Choose) -> tuple[Cell, Cell]:
        rules = self._rules
        return choose_cell(choose, "normal", rules), choose_cell(choose, "reduction", rules)

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        normal, reduction = self._cells(Trace(replaying(architecture)))
        return {"normal": lone_cell(normal), "reduction": lone_cell(reduction)}

    def build(self, choose: Choose, net: Net) -> None:
        normal, reduction = self._cells(choose)
        scale = self.scale
        filters = scale.filters
        prev, cur = self._stem(net)
        for i in range(scale.cells):
            strided = i in (scale.cells // 3, 2 * scale.cells // 3)
            filters *= 2 if strided else 1
            style = Style(
                filters, 2 if strided else 1, 1 - i / scale.cells * (1 - scale.keep), factorized=True, ends=scale.ends
            )
            chosen, kind = (reduction, "ReductionCell") if strided else (normal, "NormalCell")
            prev, cur = cur, lay_cell(net, f"cell{i}", chosen, kind, prev, cur, style)
            if scale.auxiliary and i == 2 * scale.cells // 3:
                check_auxiliary(cur)
                net.output(auxiliary_head(net, cur, self.n_outputs), "auxiliary")
        net.output(classifier(net, cur, self.n_outputs))

    def _stem(self, net: Net) -> tuple[Value, Value]:
        x, filters = net.input("image"), self.scale.filters
        if self.scale.stem == "cifar":
            x = conv_bn(net, x, 3 * filters, 3, name="stem")
            return x, x
        with net.scope("stem", "Stem", x=x):
            x = conv_bn(net, x, filters // 2, 3, 2, name="conv1")
            first = relu_conv_bn(net, x, filters, 3, 2, name="conv2")
            second = relu_conv_bn(net, first, filters, 3, 2, name="conv3")
        return first, second


def lay_cell(net: Net, name: str, cell: Cell, kind: str, prev: Value, cur: Value, style: Style) -> Value:
    """One cell in the DARTS form: both inputs brought to ``style.filters``, then its blocks."""
    with net.scope(name, kind, None, **({"cur": cur} if prev.name == cur.name else {"prev": prev, "cur": cur})):
        if prev.shape[1:] != cur.shape[1:]:
            fitted = factorized_reduction(net, prev, style.filters, name="fit_prev")
        else:
            fitted = relu_conv_bn(net, prev, style.filters, 1, name="fit_prev")
        return lay_blocks(net, cell, fitted, relu_conv_bn(net, cur, style.filters, 1, name="fit_cur"), style)
