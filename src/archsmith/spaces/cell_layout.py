"""How a chosen cell is laid out: its blocks, and the join of the states that leave it.

Source: the published code of NASNet and PNASNet (slim), DARTS and ENAS. They agree on most points:

* ReLU stands before every convolution and batch norm after it.
* Separable convolutions are applied twice.
* Only operations that read an input of the cell have a stride.

They differ in two points. How the inputs are prepared is left to each space. A strided identity is a 1×1 convolution of
stride 2 (slim) or a factorized reduction (DARTS, ENAS). A state may have another width than the cell. The operation
that reads it brings it to the cell's width.
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
SAMPLE_SHAPE = (16, 8, 8)  # of both inputs where a cell is laid out by itself

# Lays out one operation: (net, x, filters, stride, name, role) to what comes out.
Builder = Callable[[Net, Value, int, int, str, str], Value]


class CellStyle(NamedTuple):
    """How the cell at one place of the network is laid out.

    ``filters``: of every operation.
    ``stride``: of the operations that read an input of the cell, 1 or 2.
    ``keep``: the share of operations that drop path keeps, above 0; 1 is no drop path.
    ``factorized``: whether a strided identity is a factorized reduction.
    ``ends``: how the states that leave are joined. ``concat`` puts them side by side. ``project`` gives each its own
        1×1 convolution and adds the results: one shape whatever was chosen, as weight sharing wants it (ENAS).
    """

    filters: int
    stride: int = 1
    keep: float = 1.0
    factorized: bool = False
    ends: str = "concat"


def _of(layer: Callable[..., Value], kernel: int) -> Builder:
    """A convolution of archsmith.graphs.layers with this kernel."""
    return lambda net, x, filters, stride, name, role: layer(net, x, filters, kernel, stride, name=name, role=role)


def _pool(kind: str, kernel: int) -> Builder:
    return lambda net, x, filters, stride, name, role: pool(
        net, x, kind, kernel, stride, filters=filters, name=name, role=role
    )


OPERATIONS: dict[str, Builder] = {
    "conv1x3_3x1": _of(factorized_conv, 3),
    "conv1x7_7x1": _of(factorized_conv, 7),
    "dil3x3": _of(dil_conv, 3),
    "dil_sep3x3": _of(dil_sep_conv, 3),
    "dil_sep5x5": _of(dil_sep_conv, 5),
    "avg3x3": _pool("avg", 3),
    "max3x3": _pool("max", 3),
    "max5x5": _pool("max", 5),
    "max7x7": _pool("max", 7),
    "conv1x1": _of(relu_conv_bn, 1),
    "conv3x3": _of(relu_conv_bn, 3),
    "sep3x3": _of(sep_conv, 3),
    "sep5x5": _of(sep_conv, 5),
    "sep7x7": _of(sep_conv, 7),
}
IDENTITY = "identity"


def check_operations(operations: tuple[str, ...]) -> None:
    """Raises UsageError for a name that no cell knows, or for no names."""
    unknown = [name for name in operations if name != IDENTITY and name not in OPERATIONS]
    if unknown or not operations:
        message = f"Cells have no operation {unknown[0]!r}." if unknown else "A cell needs operations."
        raise UsageError(message, f"They know {IDENTITY}, {', '.join(OPERATIONS)}.")


def lay_blocks(net: Net, cell: Cell, prev: Value, cur: Value, style: CellStyle) -> Value:
    """Lay out the blocks of ``cell`` on its two prepared inputs, and join what leaves it.

    The scope of the cell must be open. Weight keys name an operation by block, side, operation and the state that it
    reads. Cells that agree on these four share the weights (ENAS).
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


def graph_of_cell(cell: Cell) -> Graph:
    """The graph of one cell by itself, on two small inputs. This is what is compared when cells are compared."""
    net = Net(dict.fromkeys(INPUTS, SAMPLE_SHAPE))
    net.output(lay_blocks(net, cell, net.input("prev"), net.input("cur"), CellStyle(SAMPLE_SHAPE[0])), "state")
    return net.graph()


def _lay_block(net: Net, name: str, block: Block, values: dict[str, Value], style: CellStyle) -> Value:
    left, right = values[block.left.source], values[block.right.source]
    inputs = {"x": left} if left.name == right.name else {"left": left, "right": right}
    with net.scope(name, "Block", None, **inputs):
        return net.op(
            block.combine,
            _operate(net, "left", block.left, left, style),
            _operate(net, "right", block.right, right, style),
        )


def _operate(net: Net, name: str, side: Side, x: Value, style: CellStyle) -> Value:
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


def _matched(net: Net, state: str, x: Value, size: tuple[int, ...], style: CellStyle) -> Value:
    """An input of the cell that also leaves it: brought to the size and width of the states made inside."""
    if x.shape[1:] != size:
        return factorized_reduction(net, x, style.filters, name=f"match_{state}")
    return x if x.channels == style.filters else conv_bn(net, x, style.filters, 1, name=f"match_{state}")


def _project(net: Net, leaving: dict[str, Value], filters: int) -> Value:
    """The sum of one 1×1 convolution of each state.

    One 1×1 convolution of all states side by side computes the same. Here the weights have a fixed shape.
    """
    with net.scope("ends", "Ends", None, **leaving):
        parts = [
            net.op("conv", net.op("relu", x), filters=filters, kernel=1, name=f"from_{state}")
            for state, x in leaving.items()
        ]
        return net.op("batch_norm", net.op("add", *parts) if len(parts) > 1 else parts[0], name="bn")
