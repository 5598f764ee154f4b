"""Laying out a chosen cell: its operations on its two inputs, its blocks, and the join of the states that leave it.

Source: the published code of NASNet and PNASNet (slim), DARTS and ENAS, which agree on most: ReLU before every
convolution and batch norm after it, separable convolutions twice, stride only in operations that read an input of the
cell. They differ in how the inputs are prepared (done by each space) and in what a strided identity is: a 1×1
convolution of stride 2 (slim) or a factorized reduction (DARTS, ENAS). A state of another width than the cell's is
brought to it by the operation that reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from archsmith.core.errors import UsageError
from archsmith.graphs.graph import Graph
from archsmith.graphs.layers import (
    conv_bn,
    dil_conv,
    dil_sep_conv,
    factorized_conv,
    factorized_reduction,
    pool,
    relu_conv_bn,
    sep_conv,
)
from archsmith.graphs.net import Net, Value
from archsmith.spaces.cells import INPUTS, Block, Cell, Side

ENDS = ("concat", "project")
LONE_SHAPE = (16, 8, 8)  # of the inputs of a cell that is looked at by itself

Builder = Callable[[Net, Value, int, int, str, str], Value]


class Style(NamedTuple):
    """How the cell at one place of the network is laid out.

    ``filters`` of every operation; ``stride`` of those that read an input of the cell; ``keep``: share of operations
    that drop path keeps (1: no drop path); ``factorized``: a strided identity is a factorized reduction; ``ends``:
    states that leave are joined by ``concat``, or each gets its own 1×1 convolution and they are added (``project``),
    which gives one shape whatever was chosen, as weight sharing wants it (ENAS).
    """

    filters: int
    stride: int = 1
    keep: float = 1.0
    factorized: bool = False
    ends: str = "concat"


def _sep(kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: sep_conv(net, x, filters, kernel, stride, name=name, role=role)


def _dil_sep(kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: dil_sep_conv(
        net, x, filters, kernel, stride, name=name, role=role
    )


def _conv(kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: relu_conv_bn(
        net, x, filters, kernel, stride, name=name, role=role
    )


def _factorized(kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: factorized_conv(
        net, x, filters, kernel, stride, name=name, role=role
    )


def _pool(kind: str, kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: pool(
        net, x, kind, kernel, stride, filters=filters, name=name, role=role
    )


OPERATIONS: dict[str, Builder] = {
    "conv1x3_3x1": _factorized(3),
    "conv1x7_7x1": _factorized(7),
    "dil3x3": lambda net, x, filters, stride, name, role: dil_conv(net, x, filters, 3, stride, name=name, role=role),
    "dil_sep3x3": _dil_sep(3),
    "dil_sep5x5": _dil_sep(5),
    "avg3x3": _pool("avg", 3),
    "max3x3": _pool("max", 3),
    "max5x5": _pool("max", 5),
    "max7x7": _pool("max", 7),
    "conv1x1": _conv(1),
    "conv3x3": _conv(3),
    "sep3x3": _sep(3),
    "sep5x5": _sep(5),
    "sep7x7": _sep(7),
}
IDENTITY = "identity"


def check_operations(operations: tuple[str, ...]) -> None:
    """Raises UsageError for a name that no cell knows, or for no names."""
    unknown = [name for name in operations if name != IDENTITY and name not in OPERATIONS]
    if unknown or not operations:
        message = f"Cells have no operation {unknown[0]!r}." if unknown else "A cell needs operations."
        raise UsageError(message, f"They know {IDENTITY}, {', '.join(OPERATIONS)}.")


def lay_blocks(net: Net, cell: Cell, prev: Value, cur: Value, style: Style) -> Value:
    """Lay out the blocks of ``cell`` on its two prepared inputs, inside the scope of the cell that is open, and join
    what leaves it.

    Weight keys name an operation by block, side, operation and the state it reads: cells that agree on these four share
    the weights (ENAS).
    """
    values = {"prev": prev, "cur": cur}
    for i, block in enumerate(cell.blocks):
        values[f"block{i}"] = _lay_block(net, f"block{i}", block, values, style)
    size = values[f"block{len(cell.blocks) - 1}"].shape[1:]
    leaving = {
        state: _matched(net, state, values[state], size, style) if state in INPUTS else values[state]
        for state in cell.output
    }
    if style.ends == "project":
        return _project(net, leaving, style.filters)
    return next(iter(leaving.values())) if len(leaving) == 1 else net.op("concat", *leaving.values(), name="output")


def lone_cell(cell: Cell) -> Graph:
    """The graph of one cell by itself, on two small inputs: what is compared when cells are compared."""
    net = Net(dict.fromkeys(INPUTS, LONE_SHAPE))
    net.output(lay_blocks(net, cell, net.input("prev"), net.input("cur"), Style(LONE_SHAPE[0])), "state")
    return net.graph()


def _lay_block(net: Net, name: str, block: Block, values: dict[str, Value], style: Style) -> Value:
    left, right = values[block.left.source], values[block.right.source]
    inputs = {"x": left} if left.name == right.name else {"left": left, "right": right}
    with net.scope(name, "Block", None, **inputs):
        return net.op(
            block.combine,
            _operate(net, "left", block.left, left, style),
            _operate(net, "right", block.right, right, style),
        )


def _operate(net: Net, name: str, side: Side, x: Value, style: Style) -> Value:
    stride = style.stride if side.source in INPUTS else 1
    role = f"{name}.{side.operation}.from_{side.source}"
    if side.operation == IDENTITY:
        if stride == 1 and x.channels == style.filters:
            return x
        if style.factorized and stride == 2:
            return factorized_reduction(net, x, style.filters, name=name, role=role)
        return relu_conv_bn(net, x, style.filters, 1, stride, name=name, role=role)
    y = OPERATIONS[side.operation](net, x, style.filters, stride, name, role)
    return net.op("drop_path", y, keep=style.keep, name=f"{name}_path") if style.keep < 1 else y


def _matched(net: Net, state: str, x: Value, size: tuple[int, ...], style: Style) -> Value:
    """An input of the cell that leaves it, in the size and width of the states made inside."""
    if x.shape[1:] != size:
        return factorized_reduction(net, x, style.filters, name=f"match_{state}")
    return x if x.channels == style.filters else conv_bn(net, x, style.filters, 1, name=f"match_{state}")


def _project(net: Net, leaving: dict[str, Value], filters: int) -> Value:
    """The sum of a 1×1 convolution of each state: the same as one 1×1 convolution of their concatenation, with weights
    that have a fixed shape.
    """
    with net.scope("ends", "Ends", None, **leaving):
        parts = [
            net.op("conv", net.op("relu", x), filters=filters, kernel=1, name=f"from_{state}")
            for state, x in leaving.items()
        ]
        return net.op("batch_norm", net.op("add", *parts) if len(parts) > 1 else parts[0], name="bn")
