"""The rows of the operation table that tokens ``(L, C)`` are computed with: embeddings, products of matrices, and what
brings axes into another shape or order. See ``archsmith.graphs.operation`` for what a row says.

``token_layers.attention`` is written with these rows. An embedding starts as U(±1/√dim), as Gorishniy et al. 2021
(arXiv 2106.11959, section 3.3 and its code) start the embeddings of categories. So an embedded code has about the same
length whatever ``dim`` is, and it does not outweigh the numbers beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.operation import INTEGER, REQUIRED, Args, Call, Ins, Operation, Shape, register


def _tokens(op: str, ins: Ins) -> Shape:
    if len(ins[0]) != 2:
        raise UsageError(f"The operation {op!r} takes tokens (L, C), not the shape {ins[0]}.")
    return ins[0]


def _embedding_shape(args: Args, ins: Ins) -> Shape:
    if len(ins[0]) != 1:
        raise UsageError(f"An embedding takes codes (L,), not the shape {ins[0]}.")
    return (ins[0][0], args["dim"])


def _embedding_start(args: Args) -> tuple[str, ...]:
    return ("nn.init.uniform_(module.weight, -(module.embedding_dim**-0.5), module.embedding_dim**-0.5)",)


def _reshape_complete(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    """The one length that may be -1 filled in."""
    shape, size = tuple(args["shape"]), prod(ins[0])
    known = prod(n for n in shape if n != -1)
    open_lengths = shape.count(-1)
    if open_lengths == 1 and known > 0 and size % known == 0:
        shape = tuple(size // known if n == -1 else n for n in shape)
    if prod(shape) != size or any(n < 1 for n in shape):
        raise UsageError(f"The shape {ins[0]} cannot be read as {shape}.", "Both must hold as many values.")
    return {**args, "shape": shape}


def _permute_shape(args: Args, ins: Ins) -> Shape:
    order = args["order"]
    if sorted(order) != list(range(len(ins[0]))):
        raise UsageError(
            f"{order} is no order of the axes of the shape {ins[0]}.", "Axes count from 0, without the batch."
        )
    return tuple(ins[0][axis] for axis in order)


def _permuted(args: Args, x: Sequence[str]) -> str:
    return f"{x[0]}.permute({', '.join(str(axis) for axis in (0, *(a + 1 for a in args['order'])))})"


def _matmul_shape(args: Args, ins: Ins) -> Shape:
    a, b = ins
    fits = len(a) == len(b) >= 2 and a[:-2] == b[:-2]
    columns, rows = (b[-2], b[-1]) if fits and args["transpose"] else (b[-1], b[-2]) if fits else (0, 0)
    if not fits or a[-1] != rows:
        second = " transposed" if args["transpose"] else ""
        raise UsageError(f"The shapes {a} and {b}{second} cannot be multiplied as matrices.")
    if not (args["scale"] is None or isinstance(args["scale"], float)):
        raise UsageError(f"A product of matrices cannot be scaled by {args['scale']!r}.", "Use a float or 'sqrt'.")
    return (*a[:-1], columns)


def _matmul(args: Args, x: Sequence[str]) -> str:
    second = f"{x[1]}.transpose(-2, -1)" if args["transpose"] else x[1]
    product = f"torch.matmul({x[0]}, {second})"
    scale = args["scale"]
    if scale is None:
        return product
    root = round(scale**-2) if scale > 0 else 0
    return f"{product} * {f'{root}**-0.5' if root and root**-0.5 == scale else repr(scale)}"


def _matmul_complete(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    """The scale as a number."""
    return {**args, "scale": float(ins[0][-1]) ** -0.5 if args["scale"] == "sqrt" else args["scale"]}


register(
    Operation(
        "embedding",
        _embedding_shape,
        defaults={"size": REQUIRED, "dim": REQUIRED},
        takes=INTEGER,
        params=lambda args, ins: {"weight": (args["size"], args["dim"])},
        extra=lambda args, ins, out: 8 * ins[0][0],  # codes are int64
        module=lambda args, ins: Call("nn.Embedding", (args["size"], args["dim"])),
        disposable=True,
        written_init=_embedding_start,
        roles=("size", "filters"),
        starts_line=True,
        family="dense",
        rank=1,
        width="dim",
        about="a learnt vector of `dim` values for each of `size` codes",
    ),
    Operation(
        "reshape",
        lambda args, ins: tuple(args["shape"]),
        defaults={"shape": REQUIRED},
        complete=_reshape_complete,
        takes="",
        code=lambda args, x: f"{x[0]}.reshape({', '.join(map(str, (-1, *args['shape'])))})",
        view=lambda args: "same",
        dense=True,
        silent=True,
        drawn=False,
        about="the same values in another shape; one length may be -1",
    ),
    Operation(
        "permute",
        _permute_shape,
        defaults={"order": REQUIRED},
        takes="",
        code=_permuted,
        view=lambda args: "permuted",
        silent=True,
        drawn=False,
        about="axes in another order; the batch is not counted",
    ),
    Operation(  # (…, n, k) @ (…, k, m); "sqrt" is 1/√k, as in attention (Vaswani et al. 2017, arXiv 1706.03762)
        "matmul",
        _matmul_shape,
        (2, 2),
        defaults={"transpose": False, "scale": None},
        complete=_matmul_complete,
        keeps="inputs",
        dense=True,
        macs=lambda args, ins, out: prod(out) * ins[0][-1],
        code=_matmul,
        label="matrix product",
        family="combine",
        about='a product of two matrices; `transpose` turns the second, `scale` multiplies (`"sqrt"` is 1/√k)',
    ),
    Operation(
        "token_mean",
        lambda args, ins: (_tokens("token_mean", ins)[1],),
        code=lambda args, x: f"{x[0]}.mean(1)",
        label="mean of tokens",
        family="pooling",
        about="the mean of all tokens, as a vector",
    ),
)
