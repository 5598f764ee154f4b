"""The families of ``pictures`` for images whose pixels have no neighbours, or that are made of parts.

* ``mlp``: linear layers on all pixels. Nothing is lost where the pixels stand in any order.
* ``strips``: the first convolution is as tall as the image and a few columns wide, or as wide as the image and a few
  rows tall. So it reads what a whole group of columns says, such as a word whose letters are columns.
* ``channels``: one small network for every channel, with the same weights, for images whose channels are pictures of
  their own.
* ``tiles``: one small network for every tile of a grid, with the same weights, for images that show several pictures.

Channels are laid below one another, so that they are the tiles of a tall image: both families share all code. One
batch norm goes over all parts.
"""

from __future__ import annotations

from math import prod

from archsmith.graphs.net import Net, Value
from archsmith.spaces.picture_layers import (
    Decided,
    Family,
    Question,
    active,
    hidden,
    pooled,
    reduced,
    rounded,
    stepped,
)

MOST_STRIPED = 64  # mean side of an image that is cut into strips: they are cheap
MOST_TILED = 64  # the same for tiles


def _units(decided: Decided, name: str, scale: float) -> int:
    """A number of units; 0 stays 0."""
    return rounded(decided[name] * scale) if decided[name] else 0


def _mlp(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = net.op("flatten", reduced(net, x))
    for i in range(decided["depth"]):
        x = hidden(
            net,
            x,
            rounded(decided["width"] * scale),
            norm=decided["norm"],
            activation=decided["activation"],
            dropout=decided["dropout"],
            name=f"layer{i}",
        )
    return x


def _strips(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x, MOST_STRIPED)
    ways = ("columns", "rows") if decided["direction"] == "both" else (decided["direction"],)
    found = [_strip(net, x, way, decided, scale) for way in ways]
    x = net.op("concat", *found) if len(found) > 1 else found[0]
    return hidden(net, x, _units(decided, "hidden", scale), dropout=0.2, name="hidden")


def _strip(net: Net, x: Value, way: str, decided: Decided, scale: float) -> Value:
    _, height, width = x.shape
    size, step = decided["size"], decided["size"] if decided["step"] == "whole" else 1
    columns = way == "columns"
    kernel, stride = ((height, size), (1, step)) if columns else ((size, width), (step, 1))
    filters = rounded(decided["filters"] * scale)
    with net.scope(way, "Strip", x=x):
        x = active(net, stepped(net, x, filters, kernel, stride, "strip"))
        for i in range(decided["depth"]):
            x = active(net, net.op("conv", x, filters=filters, kernel=(1, 3) if columns else (3, 1), name=f"conv{i}"))
        return pooled(net, x, decided["head"])


def _channels(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    channels, height, width = x.shape
    below = net.op("reshape", x, shape=(1, channels * height, width), name="parts") if channels > 1 else x
    return _parts(net, below, (channels, 1), decided, scale)


def _tiles(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x, MOST_TILED)
    height, width = x.shape[1:]
    rows, columns = min(decided["grid"], height), min(decided["grid"], width)
    rests = height % rows, width % columns
    if any(rests):
        x = net.op("avg_pool", x, kernel=(rests[0] + 1, rests[1] + 1), stride=1, padding=0, name="divisible")
    return _parts(net, x, (rows, columns), decided, scale)


def _parts(net: Net, x: Value, tiles: tuple[int, int], decided: Decided, scale: float) -> Value:
    """The same network for each of ``tiles``, then what joins them."""
    with net.scope("part", "Part", x=x):
        if decided["body"] == "conv":
            filters = rounded(decided["filters"] * scale)
            for i in range(decided["depth"]):
                size = _size(x, tiles)
                stride = (2 if size[0] > 3 else 1, 2 if size[1] > 3 else 1)
                x = active(net, _shared(net, x, filters, (3, 3), stride, tiles, f"conv{i}"))
                filters = min(2 * filters, 128)
        # As large as a part: a linear layer that all parts share.
        size = _size(x, tiles)
        units = rounded(decided["features"] * scale)
        x = active(net, net.op("conv", x, filters=units, kernel=size, stride=size, padding=0, name="whole"))
        if decided["body"] == "mlp":
            x = active(net, net.op("conv", x, filters=units, kernel=1, name="again"))
    x = pooled(net, x, "flat" if decided["join"] == "concat" else decided["join"])
    return hidden(net, x, _units(decided, "hidden", scale), dropout=0.2, name="hidden")


def _size(x: Value, tiles: tuple[int, int]) -> tuple[int, int]:
    return x.shape[1] // tiles[0], x.shape[2] // tiles[1]


def _shared(
    net: Net,
    x: Value,
    filters: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    tiles: tuple[int, int],
    name: str,
) -> Value:
    if prod(tiles) == 1:
        return net.op("conv", x, filters=filters, kernel=kernel, stride=stride, name=name)
    return net.op("shared_conv", x, filters=filters, kernel=kernel, stride=stride, tiles=tiles, name=name)


_PART = (
    Question("body", ("conv", "mlp")),
    Question("filters", (32, 16, 64), given=("body", "conv"), least=16),
    Question("depth", (2, 3, 1), given=("body", "conv"), least=1),
    Question("features", (128, 64, 256), least=64),
    Question("join", ("concat", "mean", "max")),
    Question("hidden", (128, 0, 256)),
)

PARTS: dict[str, Family] = {
    "mlp": Family(
        (
            Question("depth", (2, 1, 3)),
            Question("width", (512, 256, 1024, 2048)),
            Question("norm", (True, False)),
            Question("activation", ("relu", "gelu")),
            Question("dropout", (0.2, 0.0, 0.5)),
        ),
        _mlp,
    ),
    "strips": Family(
        (
            Question("direction", ("columns", "rows", "both")),
            Question("size", (6, 1, 2, 3, 4, 8)),
            Question("step", ("whole", "one")),
            Question("filters", (128, 64, 256), least=64),
            Question("depth", (0, 1, 2)),
            Question("head", ("flat", "mean", "max")),
            Question("hidden", (128, 0, 512)),
        ),
        _strips,
    ),
    "channels": Family(_PART, _channels),
    "tiles": Family((Question("grid", (2, 4, 3)), *_PART), _tiles),
}
