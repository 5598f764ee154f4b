"""The rows of the operation table that images ``(C, H, W)`` are computed with: convolutions, pools, and changes of size
and values. See ``archsmith.graphs.operation`` for what a row says.

``shared_conv`` is one convolution whose weights several parts of an image share. The parts are groups of channels, or
the tiles of a grid, such as the icons of a picture that shows several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.operation import (
    BYTES,
    REQUIRED,
    Args,
    Call,
    Ins,
    Operation,
    Shape,
    differing,
    pair,
    register,
    with_bias,
)

NARROW = 16  # channels; see NarrowConv in archsmith.graphs.modules


def _image(op: str, ins: Ins) -> tuple[int, int, int]:
    if len(ins[0]) != 3:
        raise UsageError(f"The operation {op!r} takes an image (C, H, W), not the shape {ins[0]}.")
    channels, height, width = ins[0]
    return channels, height, width


def _window(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    """Kernel, stride, dilation and padding as pairs. Without ``padding`` the image keeps its size at stride 1 (odd
    kernels).
    """
    args["kernel"], args["stride"] = pair(args["kernel"]), pair(args["stride"])
    dilation = pair(args.get("dilation", 1))
    if "dilation" in args:
        args["dilation"] = dilation
    if "tiles" in args:
        args["tiles"] = pair(args["tiles"])
    padding = args["padding"]
    args["padding"] = (
        tuple((k - 1) * d // 2 for k, d in zip(args["kernel"], dilation, strict=True))
        if padding is None
        else pair(padding)
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


def _shared_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("shared_conv", ins)
    groups, (rows, columns) = args["groups"], args["tiles"]
    if (groups > 1) == (rows * columns > 1):
        raise UsageError(
            f"A shared convolution has {groups} groups of channels and {rows}×{columns} tiles.",
            "Give it groups or tiles, more than one of them.",
        )
    if channels % groups or height % rows or width % columns:
        raise UsageError(
            f"An image {ins[0]} cannot be cut into {groups} groups of channels and {rows}×{columns} tiles."
        )
    tall, wide = _slid(args, (height // rows, width // columns))
    return args["filters"] * groups, rows * tall, columns * wide


def _pool_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("pool", ins)
    return (channels, *_slid(args, (height, width)))


def _strided(args: Args, ins: Ins) -> Shape:
    if args["stride"] == 1:
        return ins[0]
    channels, height, width = _image("zero", ins)
    return (channels, -(-height // args["stride"]), -(-width // args["stride"]))


def _shift_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("shift", ins)
    return (channels, height - 1 + args["padding"][0], width - 1 + args["padding"][1])


def _resized_shape(args: Args, ins: Ins) -> Shape:
    return (_image("resize", ins)[0], *args["size"])


def _size_pair(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    args["size"] = pair(args["size"])
    return args


def _padded_shape(args: Args, ins: Ins) -> Shape:
    channels, height, width = _image("pad", ins)
    top, bottom, left, right = args["sides"]
    return (channels, top + height + bottom, left + width + right)


def _pad(args: Args, x: Sequence[str]) -> str:
    top, bottom, left, right = args["sides"]
    return f"F.pad({x[0]}, {(left, right, top, bottom)})"


def _affine_complete(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    for name in ("factors", "offsets"):
        args[name] = tuple(float(value) for value in args[name])
    return args


def _affine_shape(args: Args, ins: Ins) -> Shape:
    channels = _image("affine", ins)[0]
    for name in ("factors", "offsets"):
        if len(args[name]) not in (1, channels):
            raise UsageError(f"The operation 'affine' has {len(args[name])} {name} for {channels} channels.")
    return ins[0]


def _pad_pair(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    args["padding"] = pair(args["padding"])
    return args


def _conv_params(args: Args, ins: Ins) -> dict[str, Shape]:
    return with_bias((args["filters"], ins[0][0] // args["groups"], *args["kernel"]), args)


def _conv_macs(args: Args, ins: Ins, out: Shape) -> int:
    return prod(out) * (ins[0][0] // int(args["groups"])) * prod(args["kernel"])


_CONV_OPTIONS = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}


def _conv_module(args: Args, ins: Ins) -> Call:
    return Call("nn.Conv2d", (ins[0][0], args["filters"], args["kernel"]), differing(args, **_CONV_OPTIONS, bias=True))


def _narrow(args: Args, ins: Ins) -> Call | None:
    """The module that goes round a defect of oneDNN where a convolution would meet it."""
    plain = args["groups"] == 1 and args["padding"] == (0, 0) and args["dilation"] == (1, 1)
    if args["kernel"] == (1, 1) and args["stride"] != (1, 1) and plain and ins[0][0] < NARROW:
        call = _conv_module(args, ins)
        return Call("NarrowConv", call.args, call.kwargs)
    return None


def _shared_module(args: Args, ins: Ins) -> Call:
    parts = {"parts": args["groups"]} if args["groups"] > 1 else {"tiles": args["tiles"]}
    options = differing(args, stride=(1, 1), padding=(0, 0), dilation=(1, 1), bias=True)
    return Call("SharedConv", (ins[0][0] // args["groups"], args["filters"], args["kernel"]), {**parts, **options})


def _he(args: Args) -> tuple[str, ...]:
    start = ("nn.init.kaiming_normal_(module.weight)",)
    return (*start, "if module.bias is not None:\n    nn.init.zeros_(module.bias)") if args["bias"] else start


def _max_pool(args: Args, x: Sequence[str]) -> str:
    return f"F.max_pool2d({x[0]}, {args['kernel']}, stride={args['stride']}, padding={args['padding']})"


def _avg_pool(args: Args, x: Sequence[str]) -> str:
    window = f"{args['kernel']}, stride={args['stride']}, padding={args['padding']}"
    return f"F.avg_pool2d({x[0]}, {window}, count_include_pad=False)"


def _pool_module(name: str, average: bool) -> Callable[[Args, Ins], Call]:
    def written(args: Args, ins: Ins) -> Call:
        kwargs = {"stride": args["stride"], "padding": args["padding"]}
        # says nothing where nothing is padded
        more = {"count_include_pad": False} if average and args["padding"] != (0, 0) else {}
        return Call(name, (args["kernel"],), {**kwargs, **more})

    return written


def _shift(args: Args, x: Sequence[str]) -> str:
    below, right = args["padding"]
    padded = f"F.pad({x[0]}, (0, {right}, 0, {below}))" if below or right else x[0]
    return f"{padded}[:, :, 1:, 1:]"


def _zero(args: Args, x: Sequence[str]) -> str:
    stride = args["stride"]
    return f"torch.zeros_like({x[0]})" if stride == 1 else f"torch.zeros_like({x[0]}[:, :, ::{stride}, ::{stride}])"


_WINDOW = {"kernel": 3, "stride": 1, "padding": None}

register(
    Operation(
        "conv",
        _conv_shape,
        defaults={"filters": REQUIRED, **_WINDOW, "dilation": 1, "groups": 1, "bias": False},
        complete=_window,
        params=_conv_params,
        macs=_conv_macs,
        keeps="inputs",
        module=_conv_module,
        stand_in=_narrow,
        disposable=True,
        init={"weight": "he"},
        written_init=_he,
        n_sliced=2,
        roles=("in_channels", "filters", "kernel"),
        options=_CONV_OPTIONS,
        starts_line=True,
        family="convolution",
        rank=1,
        width="filters",
        about="a convolution; without `padding` the image keeps its size at stride 1, if the kernel is odd",
    ),
    Operation(
        "shared_conv",
        _shared_shape,
        defaults={"filters": REQUIRED, **_WINDOW, "dilation": 1, "groups": 1, "tiles": 1, "bias": False},
        complete=_window,
        params=_conv_params,
        macs=_conv_macs,
        extra=lambda args, ins, out: BYTES * prod(ins[0]),  # a copy of the input, cut into parts
        module=_shared_module,
        init={"weight": "he"},
        written_init=_he,
        n_sliced=2,
        roles=("in_channels", "filters", "kernel"),
        options={"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
        starts_line=True,
        label="shared conv",
        family="convolution",
        rank=1,
        width="filters",
        about="one convolution whose weights groups of channels or tiles of the image share",
    ),
    Operation(
        "max_pool",
        _pool_shape,
        defaults=_WINDOW,
        complete=_window,
        keeps="inputs",
        extra=lambda args, ins, out: 8 * prod(out),  # indices are int64
        code=_max_pool,
        written=_pool_module("nn.MaxPool2d", False),
        roles=("kernel",),
        options={"padding": (0, 0)},
        label="max pool",
        rank=2,
        family="pooling",
        keeps_channels=True,
        about="the largest value of each window",
    ),
    Operation(
        "avg_pool",
        _pool_shape,
        defaults=_WINDOW,
        complete=_window,
        keeps="inputs",
        code=_avg_pool,
        written=_pool_module("nn.AvgPool2d", True),
        roles=("kernel",),
        options={"padding": (0, 0)},
        label="avg pool",
        rank=2,
        family="pooling",
        keeps_channels=True,
        about="the mean of each window; padding does not count",
    ),
    Operation(
        "global_pool",
        lambda args, ins: (_image("global_pool", ins)[0],),
        code=lambda args, x: f"{x[0]}.mean((2, 3))",
        label="global avg pool",
        family="pooling",
        keeps_channels=True,
        about="the mean of each channel, as a vector",
    ),
    Operation(
        "global_max",
        lambda args, ins: (_image("global_max", ins)[0],),
        keeps="inputs",
        code=lambda args, x: f"{x[0]}.amax((2, 3))",
        label="global max pool",
        family="pooling",
        keeps_channels=True,
        about="the largest value of each channel, as a vector",
    ),
    Operation(
        "spatial_mean",
        lambda args, ins: (_image("spatial_mean", ins)[0], 1, 1),
        code=lambda args, x: f"{x[0]}.mean((2, 3), keepdim=True)",
        keeps_channels=True,
        about="the mean of each channel, as an image of one pixel",
    ),
    Operation(
        "shift",
        _shift_shape,
        defaults={"padding": 0},
        complete=_pad_pair,
        view=lambda args: "same" if args["padding"] == (0, 0) else "",
        code=_shift,
        silent=True,
        keeps_channels=True,
        about="the image without its first row and column; `padding` adds rows and columns of zeros at the end",
    ),
    Operation(  # pixels as squares (no corners aligned)
        "resize",
        _resized_shape,
        defaults={"size": REQUIRED},
        complete=_size_pair,
        code=lambda args, x: f'F.interpolate({x[0]}, size={args["size"]}, mode="bilinear", align_corners=False)',
        keeps_channels=True,
        about="the image in another size, bilinear; meant for larger sizes, since it does not smooth",
    ),
    Operation(
        "pad",
        _padded_shape,
        defaults={"sides": REQUIRED},
        complete=lambda args, ins: {**args, "sides": tuple(args["sides"])},
        code=_pad,
        silent=True,
        keeps_channels=True,
        drawn=False,
        about="zeros around the image: `sides` are top, bottom, left, right",
    ),
    Operation(
        "affine",
        _affine_shape,
        defaults={"factors": REQUIRED, "offsets": REQUIRED},
        complete=_affine_complete,
        buffers=lambda args, ins: {"factors": ins[0][:1], "offsets": ins[0][:1]},
        module=lambda args, ins: Call("Affine", (ins[0][0], args["factors"], args["offsets"])),
        roles=("in_channels", "factor", "offset"),
        silent=True,
        keeps_channels=True,
        about="each channel times a fixed factor, plus a fixed offset; one of each is for all channels",
    ),
    Operation(
        "zero",
        _strided,
        defaults={"stride": 1},
        code=_zero,
        cuts=True,
        keeps_channels=True,
        label="none",
        family="plain",
        about="zeros, which depend on nothing",
    ),
)
