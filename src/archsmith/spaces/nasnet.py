"""The NASNet search space: a normal and a reduction cell of five blocks, with 50 decisions.

Source: Zoph, Vasudevan, Shlens, Le 2018 (arXiv 1707.07012), section 3 and appendix A. There are thirteen operations and
two ways to combine. Stacking, widths and the handling of shapes are those of the released code.

Differences: the paper says that the *unused* states leave a cell. The released NASNet-A cells do not obey this rule. So
``output="chosen"`` makes the list of states a part of the architecture; the zoo uses it. After ``concat`` a state is
twice as wide. Whatever reads it brings it back, and it leaves the cell as it is. An input that leaves a reduction cell
passes ReLU first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archsmith.core.errors import UsageError
from archsmith.core.fields import check_above_0, checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier, conv_bn, fit, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.spaces.cell_layout import ENDS, CellStyle
from archsmith.spaces.cell_space import (
    STEMS,
    CellSpace,
    Stack,
    check_dropout,
    check_keep,
    check_one_of,
    check_size,
    kept_share,
    small_stem,
)
from archsmith.spaces.cells import Cell, Rules

OPERATIONS = (
    "identity",
    "conv1x3_3x1",
    "conv1x7_7x1",
    "dil3x3",
    "avg3x3",
    "max3x3",
    "max5x5",
    "max7x7",
    "conv1x1",
    "conv3x3",
    "sep3x3",
    "sep5x5",
    "sep7x7",
)
COMBINES = ("add", "concat")
IMAGENET_STEM_FILTERS = 32  # of the released code; NASNet-A large has 96


@checked
@dataclass(frozen=True)
class NasNetScale:
    """The network around the cells. Defaults: the paper's proxy size, N = 2 and F = 32.

    ``filters``: F of the first cells, 4 or more; doubled at each reduction. In "N @ P" of the paper P is 24 F for
        NASNet-A and 20 F for PNASNet-5.
    ``cells``: N in each of the three stacks, 1 or more.
    ``stem``: ``cifar`` is a 3×3 convolution. ``imagenet`` is one of stride 2, then two reductions at F/4 and F/2.
    ``stem_filters``: of the first convolution; None: 3 F for ``cifar``, 32 for ``imagenet``.
    ``auxiliary``: whether there is a second classifier for training.
    ``keep``: share of paths that drop path keeps in the last cell, above 0 up to 1 (paper: CIFAR 0.6, mobile 1.0).
    ``dropout``: before the classifier, 0 to below 1.
    ``skip_reduction_input``: whether the cell after a reduction reads the state before the reduction's input (large:
        yes).
    ``ends``: how the states that leave a cell are joined; see archsmith.spaces.cell_layout.CellStyle.
    """

    filters: int = 32
    cells: int = 2
    stem: str = "cifar"
    stem_filters: int | None = None
    auxiliary: bool = False
    keep: float = 1.0
    dropout: float = 0.0
    skip_reduction_input: bool = False
    ends: str = "concat"

    def __post_init__(self) -> None:
        check_above_0("NasNetScale", stem_filters=self.stem_filters)
        check_size(self.filters, 4, self.cells, 1, "cells")
        check_one_of("The stem cannot be", self.stem, STEMS)
        check_one_of("The ends of a cell cannot be joined by", self.ends, ENDS)
        check_keep(self.keep)
        check_dropout(self.dropout)


@checked
@dataclass(frozen=True)
class NasNet(CellSpace):
    """A normal and a reduction cell.

    ``operations``: the options for each side of a block.
    ``combines``: the options for how a block joins its two sides, ``add`` and ``concat``.
    ``blocks``: in each cell, 1 or more (paper: 5).
    ``output``: which states leave a cell: ``unused`` (the paper), ``all`` blocks, or ``chosen`` one by one.
    ``scale``: the network around the cells.
    """

    operations: tuple[str, ...] = OPERATIONS
    combines: tuple[str, ...] = COMBINES
    blocks: int = 5
    output: str = "unused"
    scale: NasNetScale = field(default_factory=NasNetScale)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.combines or any(combine not in COMBINES for combine in self.combines):
            raise UsageError(f"Blocks cannot combine by {self.combines}.", f"Choose from: {', '.join(COMBINES)}.")

    @property
    def rules(self) -> Rules:
        return Rules(self.blocks, self.operations, self.combines, self.output)

    def build(self, choose: Choose, net: Net) -> None:
        normal, reduction = self.choose_cells(choose)
        scale = self.scale
        stack = NasNetStack(net, scale, n_cells=3 * scale.cells + 2)
        stack.stem(reduction, "ReductionCell")
        for position in range(3 * scale.cells):
            before = stack.prev
            if position and position % scale.cells == 0:
                stack.reduce(reduction, "ReductionCell")
                stack.keep_size(normal, "NormalCell", prev=before if scale.skip_reduction_input else None)
            else:
                stack.keep_size(normal, "NormalCell")
            if scale.auxiliary and position == 2 * scale.cells - 1:
                stack.auxiliary(self.n_outputs)
        stack.classify(self.n_outputs)


class NasNetStack(Stack):
    """The network of NASNet and PNASNet.

    ``n_cells``: the cells behind the stem; drop path depends on it.
    """

    def __init__(self, net: Net, scale: NasNetScale, n_cells: int) -> None:
        small = scale.stem == "cifar"
        if small:
            stem = small_stem(net, scale.stem_filters or 3 * scale.filters)
        else:  # no padding: an image of 331 pixels becomes 165, 83 and 42, as published
            filters = scale.stem_filters or IMAGENET_STEM_FILTERS
            stem = conv_bn(net, net.input("image"), filters, 3, 2, padding=0, name="stem")
        super().__init__(net, stem, stem)
        self.scale = scale
        self.n_cells = n_cells + (0 if small else 2)
        self.filters = scale.filters

    def stem(self, reduction: Cell, kind: str) -> None:
        """The two cells of an ImageNet stem: stride 2, at a quarter and half of the filters."""
        if self.scale.stem == "imagenet":
            for divisor in (4, 2):
                self._lay(reduction, kind, self.scale.filters // divisor, stride=2)

    def reduce(self, cell: Cell, kind: str, prev: Value | None = None) -> None:
        """A cell of stride 2, which doubles the filters."""
        self.filters *= 2
        self._lay(cell, kind, self.filters, 2, prev)

    def keep_size(self, cell: Cell, kind: str, prev: Value | None = None) -> None:
        """A cell of stride 1."""
        self._lay(cell, kind, self.filters, 1, prev)

    def classify(self, n_outputs: int) -> None:
        self.net.output(classifier(self.net, self.cur, n_outputs, relu=True, dropout=self.scale.dropout))

    def _lay(self, cell: Cell, kind: str, filters: int, stride: int, prev: Value | None = None) -> None:
        keep = kept_share(self.scale.keep, (self.n_laid + 1) / self.n_cells)
        self.add(cell, kind, CellStyle(filters, stride, keep, ends=self.scale.ends), prepare, prev)


def prepare(net: Net, prev: Value, cur: Value, style: CellStyle) -> tuple[Value, Value]:
    """Both inputs in the width of the cell and the size of ``cur``. The first cell reads the stem as it is."""
    if prev.name != cur.name:
        prev = fit(net, prev, style.filters, 2 if prev.shape[1:] != cur.shape[1:] else 1, name="fit_prev")
    return prev, relu_conv_bn(net, cur, style.filters, 1, name="fit_cur")
