"""Boxes within frames within frames.

Every frame is laid out by itself, the innermost ones first, and then is one box for the frame around it. An edge
between boxes of different frames is a piece in every frame that it crosses: it leaves a frame through a point at its
foot and enters one through a point at its head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsmith.graphs.columns import paged
from archsmith.graphs.geometry import TRUNK, Box, Layout, Point
from archsmith.graphs.layout import arrange

SIDE, CAPTION, FOOT = 10.0, 18.0, 6.0  # room in a frame beside, above and below what it holds, in pixels

Edges = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Frame:
    """A frame around boxes and other frames.

    ``name``: its name.
    ``caption``: the width of the text in its top corner, in pixels.
    ``inside``: the name of the frame around it; empty for none.
    """

    name: str
    caption: float = 0.0
    inside: str = ""


def nested(
    boxes: Sequence[Box], edges: Edges, frames: Sequence[Frame], inside: Mapping[str, str], pages: bool = True
) -> Layout:
    """Place ``boxes``, and ``frames`` around them. ``inside`` names the frame of each box that stands in one; a frame
    holds a box and comes after the one around it. All names are different. With ``pages`` what is high stands in
    columns. Raises UsageError when the edges form a cycle between the boxes and frames of one frame.
    """
    around = {frame.name: frame.inside for frame in frames} | {box.name: inside.get(box.name, "") for box in boxes}
    chains = {box.name: _chain(around, box.name) for box in boxes}
    layouts: dict[str, Layout] = {}
    closed: dict[str, Box] = {}
    shift: dict[str, float] = {}  # of what a frame holds, to the right
    for name, caption in [*((frame.name, frame.caption) for frame in reversed(frames)), ("", 0.0)]:
        held = [box for box in boxes if not name or name in chains[box.name]]
        within = dict.fromkeys(_part(name, chains[box.name]) for box in held)
        by_name = {box.name: box for box in held} | closed
        heads, feet, pieces = _pieces(name, edges, chains)
        parts = [
            *(Box(value, 2 * TRUNK, 0.0, first=True) for value in heads),
            *(by_name[part] for part in within),
            *(Box(_foot(value), 2 * TRUNK, 0.0, last=True) for value in feet),
        ]
        layout = layouts[name] = (paged if pages else arrange)(parts, pieces)
        entries = {value: layout.boxes[value].x for value in heads}
        # the caption stands to the left of all that enters
        shift[name] = max(SIDE, caption + 2 * SIDE - min(entries.values(), default=caption + SIDE))
        width = max(shift[name] + layout.width, caption + SIDE) + SIDE
        exits = {value: layout.boxes[_foot(value)].x for value in feet}
        closed[name] = Box(
            name,
            width,
            CAPTION + layout.height + FOOT,
            entries={value: x + shift[name] - width / 2 for value, x in entries.items()},
            exits={value: x + shift[name] - width / 2 for value, x in exits.items()},
        )
    for frame in frames:
        place = layouts[frame.inside].boxes[frame.name]
        layouts[frame.name] = layouts[frame.name].moved(place.left + shift[frame.name], place.top + CAPTION)
    placed = {name: layouts[around[name]].boxes[name] for name in around}
    routes = {edge: _route(edge, chains, layouts) for edge in edges}
    return Layout(layouts[""].width, layouts[""].height, placed, routes)


def _chain(around: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The frames around a box, outermost first, and the box."""
    chain = [name]
    while around[chain[0]]:
        chain.insert(0, around[chain[0]])
    return tuple(chain)


def _part(name: str, chain: Sequence[str]) -> str:
    """The part of the frame ``name`` (the whole drawing if empty) that is or holds the box of ``chain``."""
    return chain[chain.index(name) + 1 if name else 0]


def _foot(value: str) -> str:
    """The name of the point at which ``value`` leaves a frame."""
    return f"{value} out"


def _pieces(name: str, edges: Edges, chains: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str], Edges]:
    """The values that enter and leave a frame, and the pieces of edges within it."""
    heads: dict[str, None] = {}
    feet: dict[str, None] = {}
    pieces: dict[tuple[str, str], None] = {}
    for value, target in edges:
        starts, ends = (not name or name in chains[end] for end in (value, target))
        if starts and ends:
            parts = _part(name, chains[value]), _part(name, chains[target])
            if parts[0] != parts[1]:
                pieces[value, parts[1]] = None
        elif ends:
            heads[value] = None
            pieces[value, _part(name, chains[target])] = None
        elif starts:
            feet[value] = None
            pieces[value, _foot(value)] = None
    return list(heads), list(feet), list(pieces)


def _route(
    edge: tuple[str, str], chains: Mapping[str, Sequence[str]], layouts: Mapping[str, Layout]
) -> tuple[Point, ...]:
    """The points of an edge, from the frames of its source through those of its target."""
    value, target = edge
    source, end = chains[value][:-1], chains[target][:-1]
    left = [frame for frame in source if frame not in end]
    common = [frame for frame in source if frame in end]
    entered = [common[-1] if common else "", *(frame for frame in end if frame not in source)]
    points: list[Point] = []
    for frame in reversed(left):
        points += layouts[frame].routes[value, _foot(value)]
    for frame in entered:
        points += layouts[frame].routes[value, _part(frame, chains[target])]
    return tuple(points)
