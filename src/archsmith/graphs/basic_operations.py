"""The rows of the operation table that any kind of data is computed with: inputs, linear layers, norms, activations,
sums, dropout. See ``archsmith.graphs.operation`` for what a row says.
"""

from __future__ import annotations

from math import prod
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.operation import (
    BYTES,
    FLOAT,
    INPUT,
    INTEGER,
    REQUIRED,
    Args,
    Call,
    Ins,
    Operation,
    Shape,
    differing,
    register,
    same_shape,
    with_bias,
)


def _input_shape(args: Args, ins: Ins) -> Shape:
    if args["dtype"] not in (FLOAT, INTEGER):
        raise UsageError(f"An input of the type {args['dtype']!r} is unknown.", f"Use {FLOAT!r} or {INTEGER!r}.")
    return tuple(args["shape"])


def _linear_shape(args: Args, ins: Ins) -> Shape:
    if len(ins[0]) not in (1, 2):
        raise UsageError(
            f"A linear layer takes a vector (F,) or tokens (L, F), not the shape {ins[0]}.",
            "Put global_pool or flatten in front.",
        )
    return (*ins[0][:-1], args["features"])


def _normalised(args: Args, ins: Ins) -> Shape:
    """The trailing axes that layer norm covers: the last one of tokens, all of anything else."""
    shape, axes = ins[0], args.get("axes")
    if axes is None:
        axes = 1 if len(shape) == 2 else len(shape)
    if not 1 <= axes <= len(shape):
        raise UsageError(f"A layer norm over {axes} axes does not fit the shape {shape}.")
    return shape[len(shape) - axes :]


def _norm_shape(args: Args, ins: Ins) -> Shape:
    _normalised(args, ins)
    return ins[0]


def _softmax_dim(args: Args) -> int:
    axis: int = args.get("axis", 0)
    return axis + 1 if axis >= 0 else axis


def _softmax_shape(args: Args, ins: Ins) -> Shape:
    if not -len(ins[0]) <= args["axis"] < len(ins[0]):
        raise UsageError(f"The shape {ins[0]} has no axis {args['axis']}.", "Axes count from 0, without the batch.")
    return ins[0]


def _equal_shapes(args: Args, ins: Ins) -> Shape:
    if any(shape != ins[0] for shape in ins):
        raise UsageError(f"Only equal shapes can be added, not {', '.join(map(str, ins))}.")
    return ins[0]


def _broadcast(args: Args, ins: Ins) -> Shape:
    a, b = ins
    if len(a) != len(b) or any(x != y and 1 not in (x, y) for x, y in zip(a, b, strict=True)):
        raise UsageError(f"The shapes {a} and {b} cannot be multiplied.", "They must be equal, or 1 where they differ.")
    return tuple(max(x, y) for x, y in zip(a, b, strict=True))


def _concat_shape(args: Args, ins: Ins) -> Shape:
    if any(shape[1:] != ins[0][1:] for shape in ins):
        raise UsageError(
            f"Only shapes that differ in their first length can be concatenated, not {', '.join(map(str, ins))}."
        )
    return (sum(shape[0] for shape in ins), *ins[0][1:])


def _linear_params(args: Args, ins: Ins) -> dict[str, Shape]:
    return with_bias((args["features"], ins[0][-1]), args)


def _batch_norm_shape(args: Args, ins: Ins) -> Shape:
    if len(ins[0]) == 2:
        raise UsageError(f"Batch norm takes an image or a vector, not tokens {ins[0]}.", "Use layer_norm.")
    return ins[0]


def _norm_params(args: Args, ins: Ins) -> dict[str, Shape]:
    return {"weight": (ins[0][0],), "bias": (ins[0][0],)} if args["affine"] else {}


def _layer_norm_params(args: Args, ins: Ins) -> dict[str, Shape]:
    shape = _normalised(args, ins)
    return {"weight": shape, "bias": shape}


def _layer_norm_extra(args: Args, ins: Ins, out: Shape) -> int:
    return 2 * BYTES * prod(out) // prod(_normalised(args, ins))  # a mean and a deviation of each token


def _batch_norm_module(args: Args, ins: Ins) -> Call:
    kwargs = differing(args, eps=1e-5, momentum=0.1, affine=True)
    return Call("nn.BatchNorm2d" if len(ins[0]) == 3 else "nn.BatchNorm1d", (ins[0][0],), kwargs)


def _layer_norm_module(args: Args, ins: Ins) -> Call:
    shape = _normalised(args, ins)
    return Call("nn.LayerNorm", (shape[0] if len(shape) == 1 else shape,), differing(args, eps=1e-5))


def _element(name: str, code: str, keeps: str, label: str = "", **more: Any) -> Operation:
    """A row for a function of single values."""
    return Operation(
        name,
        same_shape,
        keeps=keeps,
        code=lambda args, x: f"{code}({x[0]})",
        keeps_channels=True,
        label=label,
        **more,
    )


register(
    Operation(
        INPUT,
        _input_shape,
        (0, 0),
        {"shape": REQUIRED, "dtype": FLOAT},
        quiet=("dtype",),
        silent=True,
        family="port",
        about="what is fed into the network; `net.input(name)` lays it out",
    ),
    Operation(
        "linear",
        _linear_shape,
        defaults={"features": REQUIRED, "bias": True},
        params=_linear_params,
        macs=lambda args, ins, out: prod(out) * ins[0][-1],
        keeps="inputs",
        dense=True,
        module=lambda args, ins: Call("nn.Linear", (ins[0][-1], args["features"]), differing(args, bias=True)),
        disposable=True,
        n_sliced=2,
        roles=("in_channels", "filters"),
        starts_line=True,
        family="dense",
        rank=3,
        width="features",
        about="a linear layer over the last axis",
    ),
    Operation(
        "batch_norm",
        _batch_norm_shape,
        defaults={"eps": 1e-5, "momentum": 0.1, "affine": True, "gain": 1.0},
        params=_norm_params,
        buffers=lambda args, ins: {
            "running_mean": (ins[0][0],),
            "running_var": (ins[0][0],),
            "num_batches_tracked": (),
        },
        keeps="inputs",
        module=_batch_norm_module,
        disposable=True,
        silent=True,
        keeps_channels=True,
        init={"weight": "gain"},
        n_sliced=2,
        normalises=True,
        label="batch norm",
        about="batch normalisation of each channel; `gain` is where its weights start",
    ),
    Operation(
        "layer_norm",
        _norm_shape,
        defaults={"eps": 1e-5, "axes": None},
        quiet=("axes",),
        params=_layer_norm_params,
        keeps="inputs",
        extra=_layer_norm_extra,
        module=_layer_norm_module,
        silent=True,
        keeps_channels=True,
        init={"weight": "ones"},
        normalises=True,
        label="layer norm",
        about="layer normalisation: of a token over its channels, of anything else over all axes; `axes` says over "
        "how many last ones instead",
    ),
    _element(
        "relu",
        "F.relu",
        "output",
        "ReLU",
        inplace=lambda args, x: f"F.relu({x[0]}, inplace=True)",
        silent=True,
        about="the larger of 0 and x",
    ),
    _element("relu6", "F.relu6", "inputs", "ReLU6", about="ReLU that ends at 6"),
    _element("silu", "F.silu", "inputs", "SiLU", about="x times its sigmoid (swish)"),
    _element("gelu", "F.gelu", "inputs", "GELU", about="x times the normal distribution function of x"),
    _element("sigmoid", "torch.sigmoid", "output", about="the logistic function"),
    _element("tanh", "torch.tanh", "output", about="the hyperbolic tangent"),
    Operation(
        "softmax",
        _softmax_shape,
        defaults={"axis": 0},
        quiet=("axis",),
        keeps="output",
        code=lambda args, x: f"torch.softmax({x[0]}, dim={_softmax_dim(args)})",
        silent=True,
        keeps_channels=True,
        about="softmax over `axis`",
    ),
    Operation(
        "add",
        _equal_shapes,
        (2, None),
        code=lambda args, x: " + ".join(x),
        disposable=True,
        symmetric=True,
        silent=True,
        label="+",
        family="combine",
        form="circle",
        about="the sum of inputs of one shape",
    ),
    Operation(
        "mul",
        _broadcast,
        (2, 2),
        keeps="inputs",
        code=lambda args, x: " * ".join(x),
        symmetric=True,
        label="×",
        family="combine",
        form="circle",
        about="the product of two inputs; lengths of 1 are repeated",
    ),
    Operation(
        "concat",
        _concat_shape,
        (1, None),
        code=lambda args, x: f"torch.cat([{', '.join(x)}], dim=1)",
        disposable=True,
        symmetric=True,
        silent=True,
        family="joined",
        form="bar",
        about="inputs one after the other along the first axis, such as channels",
    ),
    Operation(
        "flatten",
        lambda args, ins: (prod(ins[0]),),
        takes="",
        code=lambda args, x: f"{x[0]}.flatten(1)",
        silent=True,
        about="all values as one vector",
    ),
    Operation(
        "identity",
        same_shape,
        takes="",
        view=lambda args: "same",
        code=lambda args, x: x[0],
        neutral=True,
        silent=True,
        keeps_channels=True,
        family="plain",
        about="the input itself",
    ),
    Operation(
        "dropout",
        same_shape,
        defaults={"p": REQUIRED},
        extra=lambda args, ins, out: BYTES * prod(out) if args["p"] else 0,
        random=True,
        module=lambda args, ins: Call("nn.Dropout", (args["p"],)),
        silent=True,
        keeps_channels=True,
        roles=("p",),
        drawn=False,
        about="in training, zeros with probability `p`",
    ),
    Operation(
        "drop_path",
        same_shape,
        defaults={"keep": REQUIRED},
        random=True,
        module=lambda args, ins: Call("DropPath", (args["keep"],)),
        silent=True,
        keeps_channels=True,
        roles=("keep",),
        label="drop path",
        drawn=False,
        about="in training, drops the whole input of an example; `keep` is the share that is kept at the end "
        "of training",
    ),
)
