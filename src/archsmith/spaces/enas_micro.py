"""The ENAS micro search space: a normal and a reduction cell of nodes that add two of five operations.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.4. Networks are those of the released code. A node reads any two
earlier states. The states that no node reads leave the cell.

``scale.shared`` is the form in which weights are shared during search. A reduction halves both inputs before a cell of
stride 1. In the released code the states that leave pass one 1×1 convolution to the cell's width, whose rows are picked
by what leaves. Here that is a sum of one 1×1 convolution for each state, which is the same function. Weights are shared
per cell, node, side, operation and state that is read.

Difference: in the released code both inputs of a shared reduction cell come from the last cell. Here the older input
keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import factorized_reduction, fit, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.spaces.cell_layout import CellStyle
from archsmith.spaces.cell_space import CellSpace, Stack, check_dropout, check_keep, check_size, kept_share, small_stem
from archsmith.spaces.cells import Rules

OPERATIONS = ("sep3x3", "sep5x5", "avg3x3", "max3x3", "identity")


@checked
@dataclass(frozen=True)
class EnasMicroScale:
    """The network around the cells. Defaults: the size of the paper's search network, in the final form.

    ``filters``: F of the first cells, 2 or more; doubled at each reduction (search 20, final 36).
    ``layers``: cells without the two reductions, 3 or more (search 6, final 15).
    ``shared``: whether the network has the form for weight sharing.
    ``auxiliary``: whether there is a second classifier for training.
    ``keep``: share of paths that drop path keeps in the last cell, above 0 up to 1 (paper: 0.6).
    ``dropout``: before the classifier, 0 to below 1 (final: 0.2).
    """

    filters: int = 20
    layers: int = 6
    shared: bool = False
    auxiliary: bool = False
    keep: float = 1.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_size(self.filters, 2, self.layers, 3, "layers")
        check_keep(self.keep)
        check_dropout(self.dropout)


@checked
@dataclass(frozen=True)
class EnasMicro(CellSpace):
    """A normal and a reduction cell.

    ``operations``: the options for each side of a node.
    ``nodes``: computed nodes in each cell, 1 or more. 5 here are 7 in the paper, which counts the two inputs too.
    ``scale``: the network around the cells.
    """

    operations: tuple[str, ...] = OPERATIONS
    nodes: int = 5
    scale: EnasMicroScale = field(default_factory=EnasMicroScale)

    @property
    def rules(self) -> Rules:
        return Rules(self.nodes, self.operations)

    def build(self, choose: Choose, net: Net) -> None:
        normal, reduction = self.choose_cells(choose)
        scale = self.scale
        filters = scale.filters
        ends = "project" if scale.shared else "concat"
        stem = small_stem(net, 3 * filters)
        stack = Stack(net, stem, stem)
        n_cells = scale.layers + 2
        third = scale.layers // 3
        for i in range(n_cells):
            keep = kept_share(scale.keep, (i + 1) / n_cells)
            if i in (third, 2 * third + 1):
                filters *= 2
                # In the shared form the inputs are halved before the cell, and the cell itself has stride 1.
                style = CellStyle(filters, 1 if scale.shared else 2, keep, factorized=True, ends=ends)
                stack.add(reduction, "ReductionCell", style, prepare_halved if scale.shared else prepare)
            else:
                style = CellStyle(filters, 1, keep, factorized=True, ends=ends)
                stack.add(normal, "NormalCell", style, prepare_shared if scale.shared else prepare)
            if scale.auxiliary and i == 2 * third + 2:
                stack.auxiliary(self.n_outputs)
        self._classify(net, stack.cur)

    def _classify(self, net: Net, x: Value) -> None:
        with net.scope("classifier", "Classifier", x=x):
            x = net.op("global_pool", net.op("relu", x), name="pool")
            if self.scale.dropout:
                x = net.op("dropout", x, p=self.scale.dropout)
            net.output(net.op("linear", x, features=self.n_outputs, bias=False))


def prepare(net: Net, prev: Value, cur: Value, style: CellStyle) -> tuple[Value, Value]:
    """The final form: the released network has a second 1×1 convolution on ``cur``."""
    prev, cur = prepare_shared(net, prev, cur, style)
    return prev, relu_conv_bn(net, cur, style.filters, 1, name="base")


def prepare_shared(net: Net, prev: Value, cur: Value, style: CellStyle) -> tuple[Value, Value]:
    """The form for weight sharing: both inputs in the width of the cell and the size of ``cur``."""
    # The older input may still be from before the last reduction.
    prev = fit(net, prev, style.filters, 2 if prev.shape[1:] != cur.shape[1:] else 1, name="fit_prev")
    return prev, fit(net, cur, style.filters, name="fit_cur")


def prepare_halved(net: Net, prev: Value, cur: Value, style: CellStyle) -> tuple[Value, Value]:
    """The inputs of a reduction cell in the form for weight sharing: each halved."""
    return (
        factorized_reduction(net, prev, style.filters, name="fit_prev"),
        factorized_reduction(net, cur, style.filters, name="fit_cur"),
    )
