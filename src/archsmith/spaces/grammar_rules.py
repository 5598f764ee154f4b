"""The rules of the grammar space: what a module may be where a certain shape has been reached.

A *module* is a terminal, a chain of two modules, or a branch. A branch joins its two modules by ``add`` or ``concat``.
Three things are carried along: the shape, the limits of width and multiply-adds, and a shape that the module must end
in, if the other arm of a branch has set one. Only options that fit are offered. So nearly every derivation ends well.
Where no option fits the program raises ``DeadEnd``.
"""

from __future__ import annotations

from typing import NamedTuple

from archsmith.core.errors import DeadEnd
from archsmith.core.space import Choose

Shape = tuple[int, int, int]

CONVS = {"conv1": 1, "conv3": 3, "conv5": 5, "sep3": 3, "sep5": 5}
POOLS = ("max_pool", "avg_pool")
SHAPE_KEEPING = ("batch_norm", "relu", "silu", "squeeze_excite")
RULES = ("terminal", "chain", "branch")
RULE_WEIGHTS = (0.45, 0.35, 0.2)  # a module holds 1.1 others on average: the depth cap, not luck, ends a derivation
OPERATION_WEIGHTS = {"conv3": 2.0, "batch_norm": 2.0, "relu": 2.0}
WIDTHS = (1.0, 2.0, 0.5)
MIN_WIDTH = 4
MIN_SIDE = 4


class Terminal(NamedTuple):
    """One operation; ``filters`` and ``stride`` of what comes out."""

    operation: str
    filters: int
    stride: int


class Chain(NamedTuple):
    """One module after the other."""

    first: Module
    second: Module


class Branch(NamedTuple):
    """Two modules on the same input, joined by ``add`` or ``concat``."""

    combine: str
    left: Module
    right: Module


Module = Terminal | Chain | Branch


class Frame(NamedTuple):
    """What a module must respect.

    ``size``: the height and width that it must end in; None: free.
    ``width``: the number of channels that it must end in; None: free.
    ``floor``: no side of the image may go below it.
    ``limit``: the most channels.
    ``macs``: the multiply-adds that are left.
    """

    size: tuple[int, int] | None
    width: int | None
    floor: int
    limit: int
    macs: int


class Derived(NamedTuple):
    """A module, the shape it ends in and the multiply-adds it costs."""

    module: Module
    shape: Shape
    macs: int


def macs_of(operation: str, shape: Shape, filters: int, stride: int) -> int:
    """Multiply-adds of one terminal on ``shape``."""
    channels, height, width = shape
    pixels = -(-height // stride) * -(-width // stride)
    if operation in CONVS:
        taps = CONVS[operation] ** 2
        return pixels * (
            channels * filters * taps if operation.startswith("conv") else channels * taps + channels * filters
        )
    return 2 * channels * max(MIN_WIDTH, channels // 4) if operation == "squeeze_excite" else 0


def derive(choose: Choose, path: str, shape: Shape, frame: Frame, depth: int) -> Derived:
    """Derive one module at ``path`` on ``shape``; at ``depth`` 0 only terminals are offered. Raises DeadEnd."""
    rule = choose(f"{path}/rule", RULES, RULE_WEIGHTS) if depth > 0 else "terminal"
    if rule == "terminal":
        return _terminal(choose, path, shape, frame)
    if rule == "chain":
        side = min(frame.size) if frame.size else frame.floor
        open_frame = frame._replace(
            size=None, width=None, floor=max(side, frame.floor), macs=frame.macs // 2 if frame.size else frame.macs
        )
        first = derive(choose, f"{path}/first", shape, open_frame, depth - 1)
        second = derive(choose, f"{path}/second", first.shape, frame._replace(macs=frame.macs - first.macs), depth - 1)
        return Derived(Chain(first.module, second.module), second.shape, first.macs + second.macs)
    return _branch(choose, path, shape, frame, depth)


def _branch(choose: Choose, path: str, shape: Shape, frame: Frame, depth: int) -> Derived:
    # The first arm gets half of what is left. The second must end in the size that the first one found, and for a sum
    # in its width too.
    half = frame._replace(macs=frame.macs // 2)
    joins = ["add"]
    if frame.width is None and 2 * shape[0] <= frame.limit:
        joins.append("concat")
    combine = choose(f"{path}/combine", tuple(joins))
    room = frame.limit if combine == "add" else frame.limit - shape[0]
    left = derive(choose, f"{path}/left", shape, half._replace(limit=room), depth - 1)
    rest = frame.macs - left.macs
    channels, height, width = left.shape
    if combine == "add":
        frame_right = frame._replace(size=(height, width), width=channels, macs=rest)
    else:
        frame_right = frame._replace(size=(height, width), limit=frame.limit - channels, macs=rest)
    right = derive(choose, f"{path}/right", shape, frame_right, depth - 1)
    out = channels if combine == "add" else channels + right.shape[0]
    return Derived(Branch(str(combine), left.module, right.module), (out, height, width), left.macs + right.macs)


def _terminal(choose: Choose, path: str, shape: Shape, frame: Frame) -> Derived:
    channels = shape[0]
    strides = _strides(shape, frame)
    if not strides:
        raise DeadEnd(f"At {path!r} no stride leads from {shape} to the size {frame.size}.")
    widths = _widths(channels, frame)
    cheapest = (min(widths, default=0), max(strides))
    operations = [name for name in CONVS if widths and macs_of(name, shape, *cheapest) <= frame.macs]
    if frame.width in (None, channels):
        operations += POOLS
        if 1 in strides:
            operations += [name for name in SHAPE_KEEPING if macs_of(name, shape, channels, 1) <= frame.macs]
            if frame.size is not None:
                operations.append("identity")
    if not operations:
        raise DeadEnd(
            f"At {path!r} no operation leads from {shape} to the required shape within {frame.macs} multiply-adds."
        )
    operation = str(
        choose(f"{path}/op", tuple(operations), tuple(OPERATION_WEIGHTS.get(name, 1.0) for name in operations))
    )
    filters, stride = channels, 1
    if operation in CONVS:
        stride = _one(
            choose,
            f"{path}/stride",
            tuple(s for s in strides if macs_of(operation, shape, cheapest[0], s) <= frame.macs),
        )
        filters = _one(
            choose, f"{path}/filters", tuple(w for w in widths if macs_of(operation, shape, w, stride) <= frame.macs)
        )
    elif operation in POOLS:
        stride = _one(choose, f"{path}/stride", strides)
    shape_out = (filters, -(-shape[1] // stride), -(-shape[2] // stride))
    return Derived(Terminal(operation, filters, stride), shape_out, macs_of(operation, shape, filters, stride))


def _strides(shape: Shape, frame: Frame) -> tuple[int, ...]:
    """Strides that keep the floor, or the one that leads to the required size.

    Sides are halved by rounding up, so that strides multiply.
    """
    _, height, width = shape
    if frame.size is None:
        return (1, 2) if -(-min(height, width) // 2) >= frame.floor else (1,)
    return tuple(s for s in (1, 2, 4, 8, 16) if (-(-height // s), -(-width // s)) == frame.size)[:1]


def _widths(channels: int, frame: Frame) -> tuple[int, ...]:
    if frame.width is not None:
        return (frame.width,)
    return tuple(
        dict.fromkeys(w for w in (int(channels * factor) for factor in WIDTHS) if MIN_WIDTH <= w <= frame.limit)
    )


def _one(choose: Choose, path: str, options: tuple[int, ...]) -> int:
    """The answer. Where there is one option it is taken without a question."""
    return int(choose(path, options)) if len(options) > 1 else options[0]  # type: ignore[arg-type]
