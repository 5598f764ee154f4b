"""The ENAS micro search space: a normal and a reduction cell whose nodes add two of five operations on earlier states;
unused nodes leave the cell.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.4; networks as in the released code. ``scale.shared`` is the form
in which weights are shared during search: a reduction halves both inputs before a cell of stride 1, and the states that
leave pass one 1×1 convolution to the cell's width, its rows picked by what leaves. Here that is a sum of one 1×1
convolution per state, the same function. Weights are shared per cell, node, side, operation and state read. Difference:
there both inputs of a shared reduction cell come from the last cell; here the older one keeps its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.growth import Growth
from archsmith.core.space import Choose, Trace, replaying
from archsmith.graphs.graph import Graph
from archsmith.graphs.layers import auxiliary_head, conv_bn, factorized_reduction, fit, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_layout import Style, check_operations, lay_blocks, lone_cell
from archsmith.spaces.cells import Cell, Rules, choose_cell
from archsmith.spaces.growing import cell_growth
from archsmith.spaces.nasnet import check_auxiliary

OPERATIONS = ("sep3x3", "sep5x5", "avg3x3", "max3x3", "identity")


@dataclass(frozen=True)
class EnasMicroScale:
    """The network around the cells: ``filters`` F (search 20, final 36), ``layers`` without the two reductions (search
    6, final 15).

    ``shared``: the form for weight sharing; ``keep``: share of paths kept by drop path in the last cell (0.6);
    ``dropout`` before the classifier (final 0.2). Defaults: the size of the search network, in the final form.
    """

    filters: int = 20
    layers: int = 6
    shared: bool = False
    auxiliary: bool = False
    keep: float = 1.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.filters < 2 or self.layers < 3:
            raise UsageError(
                f"A scale of {self.filters} filters and {self.layers} layers is too small.",
                "Give at least 2 filters and 3 layers.",
            )
        if not 0 < self.keep <= 1 or not 0 <= self.dropout < 1:
            raise UsageError(
                f"keep is {self.keep} and dropout {self.dropout}.",
                "keep is above 0 up to 1, dropout from 0 to below 1.",
            )


@dataclass(frozen=True)
class EnasMicro(ImageSpace):
    """Two cells of ``nodes`` computed nodes (5, where the paper counts its two inputs too and says 7)."""

    operations: tuple[str, ...] = OPERATIONS
    nodes: int = 5
    scale: EnasMicroScale = field(default_factory=EnasMicroScale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("NormalCell", "ReductionCell")

    def __post_init__(self) -> None:
        self._rules.check()
        check_operations(self.operations)

    @property
    def _rules(self) -> Rules:
        return Rules(self.nodes, self.operations)

    def layout(self, choose: Choose) -> None:
        self._cells(choose)

    def _cells(self, choose: Choose) -> tuple[Cell, Cell]:
        rules = self._rules
        return choose_cell(choose, "normal", rules), choose_cell(choose, "reduction", rules)

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        normal, reduction = self._cells(Trace(replaying(architecture)))
        return {"normal": lone_cell(normal), "reduction": lone_cell(reduction)}

    def growth(self) -> Growth | None:
        """Block by block, one cell after the other; a recipe is a part of the point too, and only a growth by decisions
        covers it.
        """
        return cell_growth(self._rules, ("normal", "reduction")) if self.recipe is None else None

    def build(self, choose: Choose, net: Net) -> None:
        normal, reduction = self._cells(choose)
        scale = self.scale
        filters = scale.filters
        prev = cur = conv_bn(net, net.input("image"), 3 * filters, 3, name="stem")
        n_cells = scale.layers + 2
        third = scale.layers // 3
        for i in range(n_cells):
            strided = i in (third, 2 * third + 1)
            filters *= 2 if strided else 1
            keep = 1 - (i + 1) / n_cells * (1 - scale.keep)
            style = Style(
                filters, 2 if strided else 1, keep, factorized=True, ends="project" if scale.shared else "concat"
            )
            prev, cur = cur, self._lay(net, f"cell{i}", reduction if strided else normal, prev, cur, style)
            if scale.auxiliary and i == 2 * third + 2:
                check_auxiliary(cur)
                net.output(auxiliary_head(net, cur, self.n_outputs), "auxiliary")
        self._classify(net, cur)

    def _lay(self, net: Net, name: str, cell: Cell, prev: Value, cur: Value, style: Style) -> Value:
        strided, filters = style.stride == 2, style.filters
        first = prev.name == cur.name
        with net.scope(
            name,
            "ReductionCell" if strided else "NormalCell",
            None,
            **({"cur": cur} if first else {"prev": prev, "cur": cur}),
        ):
            if strided and self.scale.shared:
                prev = factorized_reduction(net, prev, filters, name="fit_prev")
                cur = factorized_reduction(net, cur, filters, name="fit_cur")
                return lay_blocks(net, cell, prev, cur, style._replace(stride=1))
            # The older input may still be from before the last reduction.
            prev = fit(net, prev, filters, 2 if prev.shape[1:] != cur.shape[1:] else 1, name="fit_prev")
            cur = fit(net, cur, filters, name="fit_cur")
            if not self.scale.shared:
                # the released final network has this second 1×1 convolution
                cur = relu_conv_bn(net, cur, filters, 1, name="base")
            return lay_blocks(net, cell, prev, cur, style)

    def _classify(self, net: Net, x: Value) -> None:
        with net.scope("classifier", "Classifier", x=x):
            x = net.op("global_pool", net.op("relu", x), name="pool")
            if self.scale.dropout:
                x = net.op("dropout", x, p=self.scale.dropout)
            net.output(net.op("linear", x, features=self.n_outputs, bias=False))
