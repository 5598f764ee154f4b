"""The operation table: every primitive that a graph may hold, declared in one row.

A row says how many inputs there are, which arguments with which defaults, the shape that comes out, the parameters and
buffers, the multiply-adds (as ``torch.utils.flop_counter`` counts them, halved), what autograd keeps for the backward
pass, and either the torch module or the expression that computes it. Module and expression are text-like data, so that
the runnable network and the written-out source come from the same row.

Shapes are without the batch axis. Images are ``(C, H, W)``, vectors ``(F,)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from archsmith.core.errors import DeadEnd, UsageError

Shape = tuple[int, ...]
Args = Mapping[str, Any]
Ins = tuple[Shape, ...]

REQUIRED = object()  # stands for "no default" in a row


@dataclass(frozen=True)
class Call:
    """A module's constructor call as data: ``Call("nn.Linear", (8, 10))``. Names without ``nn.`` are classes of
    archsmith.graphs.network.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"


@dataclass(frozen=True)
class Operation:
    """One row of the table.

    ``complete`` turns arguments into their full form (pairs, computed padding); ``keeps`` is ``input`` or ``output``
    where autograd keeps that for the backward pass, ``extra`` the bytes per example that it keeps besides; ``alias``
    says that the output is the memory of the first input; ``symmetric`` that the order of the inputs does not matter;
    ``random`` that training mode draws random numbers. Exactly one of ``module`` (a Call) and ``code`` (an expression
    over input names) is given, except for ``input``. ``inplace`` is the expression that overwrites its input.
    """

    name: str
    shape: Callable[[Args, Ins], Shape]
    arity: tuple[int, int | None] = (1, 1)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    complete: Callable[[dict[str, Any], Ins], dict[str, Any]] = lambda args, ins: args
    params: Callable[[Args, Ins], dict[str, Shape]] = lambda args, ins: {}
    buffers: Callable[[Args, Ins], dict[str, Shape]] = lambda args, ins: {}
    macs: Callable[[Args, Ins, Shape], int] = lambda args, ins, out: 0
    keeps: str = ""
    extra: Callable[[Args, Ins, Shape], int] = lambda args, ins, out: 0
    alias: Callable[[Args], bool] = lambda args: False
    symmetric: bool = False
    random: bool = False
    module: Callable[[Args, Ins], Call] | None = None
    code: Callable[[Args, Sequence[str]], str] | None = None
    inplace: Callable[[Args, Sequence[str]], str] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the table says about one operation with given arguments and input shapes, per example. ``signature`` is None
    without parameters.
    """

    args: Args
    shape: Shape
    params: Mapping[str, Shape]
    buffers: Mapping[str, Shape]
    n_params: int
    macs: int
    signature: str | None
    keeps: str
    extra_bytes: int
    alias: bool


_MEMORY: dict[tuple[Any, ...], Facts] = {}  # a net asks the same few hundred questions again and again


def infer(op: str, args: Args, ins: Ins) -> Facts:
    """The facts of ``op`` on inputs of shapes ``ins``. Raises UsageError for what cannot be meant, DeadEnd where an
    image shrinks to nothing.
    """
    key = (op, tuple(args.items()), ins)
    try:
        return _MEMORY[key]
    except KeyError:
        pass
    except TypeError:
        raise UsageError(f"The arguments of {op!r} must be scalars and tuples, not {dict(args)}.") from None
    facts = _infer(op, args, ins)
    if len(_MEMORY) > 50_000:
        _MEMORY.clear()
    _MEMORY[key] = facts
    return facts


def _infer(op: str, args: Args, ins: Ins) -> Facts:
    row = OPERATIONS.get(op)
    if row is None:
        raise UsageError(f"There is no operation {op!r}.", f"The table has {', '.join(OPERATIONS)}.")
    unknown = [name for name in args if name not in row.defaults]
    if unknown:
        raise UsageError(
            f"The operation {op!r} has no argument {unknown[0]!r}.", f"It takes {', '.join(row.defaults) or 'none'}."
        )
    low, high = row.arity
    if len(ins) < low or (high is not None and len(ins) > high):
        count = f"{low}" if high == low else f"{low} or more" if high is None else f"{low} to {high}"
        raise UsageError(f"The operation {op!r} got {len(ins)} inputs.", f"It takes {count}.")
    full = {**row.defaults, **args}
    missing = [name for name, value in full.items() if value is REQUIRED]
    if missing:
        raise UsageError(f"The operation {op!r} needs the argument {missing[0]!r}.")
    full = row.complete(full, ins)
    shape = row.shape(full, ins)
    if any(size < 1 for size in shape):
        raise DeadEnd(f"The operation {op!r} with {full} turns {ins[0] if ins else ()} into {shape}: nothing is left.")
    params = row.params(full, ins)
    return Facts(
        args=full,
        shape=shape,
        params=params,
        buffers=row.buffers(full, ins),
        n_params=sum(prod(s) for s in params.values()),
        macs=row.macs(full, ins, shape),
        signature="+".join("x".join(map(str, s)) for s in params.values()) if params else None,
        keeps=row.keeps,
        extra_bytes=row.extra(full, ins, shape),
        alias=row.alias(full),
    )


# Shape rules


def _image(op: str, ins: Ins) -> tuple[int, int, int]:
    if len(ins[0]) != 3:
        raise UsageError(f"The operation {op!r} takes an image (C, H, W), not the shape {ins[0]}.")
    channels, height, width = ins[0]
    return channels, height, width


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _window(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    """Kernel, stride, dilation and padding as pairs. Without ``padding`` the image keeps its size at stride 1 (odd
    kernels).
    """
    args["kernel"], args["stride"] = _pair(args["kernel"]), _pair(args["stride"])
    dilation = _pair(args.get("dilation", 1))
    if "dilation" in args:
        args["dilation"] = dilation
    padding = args["padding"]
    args["padding"] = (
        tuple((k - 1) * d // 2 for k, d in zip(args["kernel"], dilation, strict=True))
        if padding is None
        else _pair(padding)
    )
    return args


def _slid(args: Args, size: tuple[int, int]) -> tuple[int, int]:
    windows = zip(size, args["kernel"], args["stride"], args.get("dilation", (1, 1)), args["padding"], strict=True)
    height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, d, p in windows)
    return height, width


def _conv_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("conv", ins)
    if channels % args["groups"] or args["filters"] % args["groups"]:
        raise UsageError(
            f"A convolution from {channels} to {args['filters']} channels cannot have {args['groups']} groups."
        )
    return (args["filters"], *_slid(args, (height, width)))


def _pool_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("pool", ins)
    return (channels, *_slid(args, (height, width)))


def _same_shape(args: Args, ins: Ins) -> Shape:
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
        raise UsageError(f"Only images of one size can be concatenated along channels, not {', '.join(map(str, ins))}.")
    return (sum(shape[0] for shape in ins), *ins[0][1:])


def _linear_shape(args: Args, ins: Ins) -> Shape:
    if len(ins[0]) != 1:
        raise UsageError(
            f"A linear layer takes a vector (F,), not the shape {ins[0]}.", "Put global_pool or flatten in front."
        )
    return (args["features"],)


def _strided(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("zero", ins)
    return (channels, -(-height // args["stride"]), -(-width // args["stride"]))


def _shift_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("shift", ins)
    return (channels, height - 1 + args["padding"][0], width - 1 + args["padding"][1])


# Parameters, multiply-adds, modules and expressions


def _conv_params(args: Args, ins: Ins) -> dict[str, Shape]:
    weight = (args["filters"], ins[0][0] // args["groups"], *args["kernel"])
    return {"weight": weight, "bias": (args["filters"],)} if args["bias"] else {"weight": weight}


def _conv_macs(args: Args, ins: Ins, out: Shape) -> int:
    kernel_height, kernel_width = args["kernel"]
    return prod(out) * (ins[0][0] // int(args["groups"])) * int(kernel_height * kernel_width)


def _conv_module(args: Args, ins: Ins) -> Call:
    usual = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "bias": True}
    kwargs = {name: args[name] for name, value in usual.items() if args[name] != value}
    return Call("nn.Conv2d", (ins[0][0], args["filters"], args["kernel"]), kwargs)


def _linear_params(args: Args, ins: Ins) -> dict[str, Shape]:
    weight = (args["features"], ins[0][0])
    return {"weight": weight, "bias": (args["features"],)} if args["bias"] else {"weight": weight}


def _norm_params(args: Args, ins: Ins) -> dict[str, Shape]:
    return {"weight": (ins[0][0],), "bias": (ins[0][0],)} if args["affine"] else {}


def _batch_norm_module(args: Args, ins: Ins) -> Call:
    kwargs = {
        name: args[name]
        for name, default in (("eps", 1e-5), ("momentum", 0.1), ("affine", True))
        if args[name] != default
    }
    return Call("nn.BatchNorm2d" if len(ins[0]) == 3 else "nn.BatchNorm1d", (ins[0][0],), kwargs)


def _max_pool(args: Args, x: Sequence[str]) -> str:
    return f"F.max_pool2d({x[0]}, {args['kernel']}, stride={args['stride']}, padding={args['padding']})"


def _avg_pool(args: Args, x: Sequence[str]) -> str:
    return f"F.avg_pool2d({x[0]}, {args['kernel']}, stride={args['stride']}, padding={args['padding']}, count_include_pad=False)"


def _shift(args: Args, x: Sequence[str]) -> str:
    below, right = args["padding"]
    padded = f"F.pad({x[0]}, (0, {right}, 0, {below}))" if below or right else x[0]
    return f"{padded}[:, :, 1:, 1:]"


def _zero(args: Args, x: Sequence[str]) -> str:
    stride = args["stride"]
    return f"torch.zeros_like({x[0]})" if stride == 1 else f"torch.zeros_like({x[0]}[:, :, ::{stride}, ::{stride}])"


def _pad_pair(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    args["padding"] = _pair(args["padding"])
    return args


def _calls(name: str) -> Callable[[Args, Sequence[str]], str]:
    return lambda args, x: f"{name}({x[0]})"


def _element(name: str, code: str, keeps: str, inplace: str | None = None) -> Operation:
    """A row for a function of single values."""
    return Operation(
        name,
        _same_shape,
        keeps=keeps,
        code=_calls(code),
        inplace=None if inplace is None else lambda args, x: inplace.format(x[0]),
    )


_WINDOW = {"kernel": 3, "stride": 1, "padding": None}
_FLOAT = 4  # bytes

# fmt: off
OPERATIONS: dict[str, Operation] = {
    row.name: row
    for row in (
        Operation("input", lambda args, ins: tuple(args["shape"]), (0, 0), {"shape": REQUIRED}),
        Operation(
            "conv", _conv_shape, defaults={"filters": REQUIRED, "kernel": 3, "stride": 1, "padding": None, "dilation": 1, "groups": 1, "bias": False},
            complete=_window, params=_conv_params, macs=_conv_macs, keeps="input", module=_conv_module,
        ),
        Operation(
            "linear", _linear_shape, defaults={"features": REQUIRED, "bias": True}, params=_linear_params,
            macs=lambda args, ins, out: ins[0][0] * out[0], keeps="input",
            module=lambda args, ins: Call("nn.Linear", (ins[0][0], args["features"]), {} if args["bias"] else {"bias": False}),
        ),
        Operation(
            "batch_norm", _same_shape, defaults={"eps": 1e-5, "momentum": 0.1, "affine": True, "gain": 1.0}, params=_norm_params,
            buffers=lambda args, ins: {"running_mean": (ins[0][0],), "running_var": (ins[0][0],), "num_batches_tracked": ()},
            keeps="input", module=_batch_norm_module,
        ),
        Operation(
            "layer_norm", _same_shape, defaults={"eps": 1e-5}, params=lambda args, ins: {"weight": ins[0], "bias": ins[0]},
            keeps="input", module=lambda args, ins: Call("nn.LayerNorm", (ins[0],), {} if args["eps"] == 1e-5 else {"eps": args["eps"]}),
        ),
        _element("relu", "F.relu", "output", "F.relu({}, inplace=True)"),
        _element("relu6", "F.relu6", "input"),
        _element("silu", "F.silu", "input"),
        _element("gelu", "F.gelu", "input"),
        _element("sigmoid", "torch.sigmoid", "output"),
        _element("tanh", "torch.tanh", "output"),
        Operation("softmax", _same_shape, keeps="output", code=lambda args, x: f"torch.softmax({x[0]}, dim=1)"),
        Operation("add", _equal_shapes, (2, None), symmetric=True, code=lambda args, x: " + ".join(x)),
        Operation("mul", _broadcast, (2, 2), keeps="input", symmetric=True, code=lambda args, x: " * ".join(x)),
        Operation("concat", _concat_shape, (1, None), symmetric=True, code=lambda args, x: f"torch.cat([{', '.join(x)}], dim=1)"),
        Operation(
            "max_pool", _pool_shape, defaults=_WINDOW, complete=_window, keeps="input", extra=lambda args, ins, out: 8 * prod(out), code=_max_pool,
        ),  # 8 bytes: indices are int64
        Operation("avg_pool", _pool_shape, defaults=_WINDOW, complete=_window, keeps="input", code=_avg_pool),
        Operation("global_pool", lambda args, ins: (_image("global_pool", ins)[0],), code=lambda args, x: f"{x[0]}.mean((2, 3))"),
        Operation(
            "spatial_mean", lambda args, ins: (_image("spatial_mean", ins)[0], 1, 1),
            code=lambda args, x: f"{x[0]}.mean((2, 3), keepdim=True)",
        ),
        Operation("flatten", lambda args, ins: (prod(ins[0]),), code=lambda args, x: f"{x[0]}.flatten(1)"),
        Operation(
            "shift", _shift_shape, defaults={"padding": 0}, complete=_pad_pair, alias=lambda args: args["padding"] == (0, 0), code=_shift,
        ),  # the image one pixel up and to the left
        Operation("zero", _strided, defaults={"stride": 1}, code=_zero),
        Operation("identity", _same_shape, alias=lambda args: True, code=lambda args, x: x[0]),
        Operation(
            "dropout", _same_shape, defaults={"p": REQUIRED}, extra=lambda args, ins, out: _FLOAT * prod(out) if args["p"] else 0, random=True,
            module=lambda args, ins: Call("nn.Dropout", (args["p"],)),
        ),
        Operation("drop_path", _same_shape, defaults={"keep": REQUIRED}, random=True, module=lambda args, ins: Call("DropPath", (args["keep"],))),
        Operation(
            "scale", _same_shape, buffers=lambda args, ins: {"mean": (ins[0][0],), "std": (ins[0][0],)},
            module=lambda args, ins: Call("Scale", (ins[0][0],)),
        ),  # (x - mean) / std per channel, with constants fitted on training data
    )
}
# fmt: on
