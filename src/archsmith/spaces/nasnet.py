"""The NASNet search space: a normal and a reduction cell of five blocks, thirteen operations, two ways to combine; 50
decisions.

Source: Zoph, Vasudevan, Shlens, Le 2018 (arXiv 1707.07012), sections 3 and appendix A; stacking, widths and the
handling of shapes as in their released code. Differences: the released NASNet-A cells do not obey the paper's rule that
the *unused* states are concatenated, so ``output="chosen"`` makes that list part of the architecture (used by the zoo).
After ``concat`` a state is twice as wide; whatever reads it brings it back, and it leaves the cell as it is. An input
that leaves a reduction cell passes ReLU first.
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
from archsmith.graphs.layers import auxiliary_head, classifier, conv_bn, fit, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_layout import ENDS, Style, check_operations, lay_blocks, lone_cell
from archsmith.spaces.cells import Cell, Rules, choose_cell
from archsmith.spaces.growing import cell_growth

OPERATIONS = (
    "identity", "conv1x3_3x1", "conv1x7_7x1", "dil3x3", "avg3x3", "max3x3", "max5x5", "max7x7", "conv1x1", "conv3x3", "sep3x3", "sep5x5", "sep7x7",
)  # fmt: skip
COMBINES = ("add", "concat")
STEMS = ("cifar", "imagenet")


@dataclass(frozen=True)
class NasNetScale:
    """The network around the cells.

    ``filters`` F of the first cells, doubled at each reduction ("N @ P" of the paper: P = 24 F for NASNet-A, 20 F for
    PNASNet-5); ``cells`` N per stack, three stacks; ``stem``: ``cifar`` (3×3, ``stem_filters`` or 3 F) or ``imagenet``
    (3×3 of stride 2 with ``stem_filters`` or 32, then two reductions at F/4 and F/2); ``auxiliary``: a second
    classifier for training; ``keep``: share of paths kept by ScheduledDropPath in the last cell (paper: CIFAR 0.6,
    mobile 1.0); ``dropout`` before the classifier; ``skip_reduction_input``: the cell after a reduction reads the state
    before the reduction's input (large: yes); ``ends``: see archsmith.spaces.cell_layout.Style. Defaults: the paper's
    proxy size, N = 2, F = 32.
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
        if self.filters < 4 or self.cells < 1:
            raise UsageError(
                f"A scale of {self.filters} filters and {self.cells} cells is too small.",
                "Give at least 4 filters and 1 cell.",
            )
        if self.stem not in STEMS:
            raise UsageError(f"The stem cannot be {self.stem!r}.", f"It is one of: {', '.join(STEMS)}.")
        if self.ends not in ENDS:
            raise UsageError(
                f"The ends of a cell cannot be joined by {self.ends!r}.", f"It is one of: {', '.join(ENDS)}."
            )
        if not 0 < self.keep <= 1 or not 0 <= self.dropout < 1:
            raise UsageError(
                f"keep is {self.keep} and dropout {self.dropout}.",
                "keep is above 0 up to 1, dropout from 0 to below 1.",
            )


@dataclass(frozen=True)
class NasNet(ImageSpace):
    """Two cells of ``blocks`` blocks. ``output``: which states leave a cell, ``unused`` (the paper), ``all`` blocks, or
    ``chosen`` one by one.
    """

    operations: tuple[str, ...] = OPERATIONS
    combines: tuple[str, ...] = COMBINES
    blocks: int = 5
    output: str = "unused"
    scale: NasNetScale = field(default_factory=NasNetScale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("NormalCell", "ReductionCell")

    def __post_init__(self) -> None:
        self._rules.check()
        check_operations(self.operations)
        if not self.combines or any(combine not in COMBINES for combine in self.combines):
            raise UsageError(f"Blocks cannot combine by {self.combines}.", f"Choose from: {', '.join(COMBINES)}.")

    @property
    def _rules(self) -> Rules:
        return Rules(self.blocks, self.operations, self.combines, self.output)

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
        stack = Stack(net, self.scale, n_cells=3 * self.scale.cells + 2, n_outputs=self.n_outputs)
        stack.stem(reduction, "ReductionCell")
        scale = self.scale
        for position in range(3 * scale.cells):
            before = stack.prev
            if position and position % scale.cells == 0:
                stack.cell(reduction, "ReductionCell", stride=2)
                stack.cell(normal, "NormalCell", prev=before if scale.skip_reduction_input else None)
            else:
                stack.cell(normal, "NormalCell")
            if position == 2 * scale.cells - 1:
                stack.auxiliary()
        stack.classify()


class Stack:
    """Cells laid out one after the other; ``prev`` and ``cur`` are the outputs of the last two. ``n_cells`` without
    those of an ImageNet stem.
    """

    def __init__(self, net: Net, scale: NasNetScale, n_cells: int, n_outputs: int) -> None:
        self.net = net
        self.scale = scale
        self.n_cells = n_cells + (2 if scale.stem == "imagenet" else 0)
        self.n_outputs = n_outputs
        self.n_laid = 0
        self.filters = float(scale.filters)
        self.prev: Value | None = None
        self.cur = net.input("image")

    def stem(self, reduction: Cell, kind: str) -> None:
        """The first convolution, and for ImageNet two cells of stride 2 at a quarter and half of the filters."""
        scale = self.scale
        if scale.stem == "cifar":
            self.cur = conv_bn(self.net, self.cur, scale.stem_filters or 3 * scale.filters, 3, name="stem")
            return
        # No padding: a 331 pixel image becomes 165, 83, 42 as published.
        self.cur = conv_bn(self.net, self.cur, scale.stem_filters or 32, 3, 2, padding=0, name="stem")
        for divisor in (4, 2):
            self.filters = scale.filters / divisor
            self.cell(reduction, kind, stride=2, grow=False)
        self.filters = float(scale.filters)

    def cell(self, cell: Cell, kind: str, stride: int = 1, prev: Value | None = None, grow: bool = True) -> None:
        """One more cell; a strided one doubles the filters unless ``grow`` is False. ``prev`` replaces the output of
        the cell before the last.
        """
        net, scale = self.net, self.scale
        if stride == 2 and grow:
            self.filters *= 2
        filters = int(self.filters)
        prev, cur = prev or self.prev or self.cur, self.cur
        first = prev.name == cur.name
        keep = 1 - (self.n_laid + 1) / self.n_cells * (1 - scale.keep)
        with net.scope(f"cell{self.n_laid}", kind, None, **({"cur": cur} if first else {"prev": prev, "cur": cur})):
            if not first:  # the first cell reads the stem twice, once untouched
                prev = fit(net, prev, filters, 2 if prev.shape[1:] != cur.shape[1:] else 1, name="fit_prev")
            fitted = relu_conv_bn(net, cur, filters, 1, name="fit_cur")
            out = lay_blocks(net, cell, prev, fitted, Style(filters, stride, keep, factorized=False, ends=scale.ends))
        self.prev, self.cur = cur, out
        self.n_laid += 1

    def auxiliary(self) -> None:
        """The second classifier on the current state, if the scale wants one. Raises UsageError where the image has
        become too small for it.
        """
        if self.scale.auxiliary:
            check_auxiliary(self.cur)
            self.net.output(auxiliary_head(self.net, self.cur, self.n_outputs), "auxiliary")

    def classify(self) -> None:
        self.net.output(classifier(self.net, self.cur, self.n_outputs, relu=True, dropout=self.scale.dropout))


def check_auxiliary(x: Value) -> None:
    """Raises UsageError where an auxiliary head does not fit."""
    if min(x.shape[1:]) < 5:
        height, width = x.shape[1:]
        raise UsageError(
            f"An auxiliary head needs at least 5×5 pixels at its place; here they are {height}×{width}.",
            "Set scale.auxiliary to False.",
        )
