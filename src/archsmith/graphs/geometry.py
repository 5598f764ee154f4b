"""Boxes before and after they are placed, and layouts: what the steps of a drawing hand to each other.

Positions are in pixels, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SAME = 0.05  # pixels: positions that are nearer are one
TRUNK = 7.0  # half the width that is kept free for a long edge, in pixels

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box before it is placed.

    ``name``: its name.
    ``width``, ``height``: its size in pixels.
    ``first``, ``last``: True: it stands in the top or in the bottom layer.
    ``bar``: True: it grows to the width of what it joins.
    ``round``: True: it is a circle.
    ``entries``: where the edges of some sources enter, in pixels to the right of the centre.
    ``exits``: values that leave a box of several, and where, in the same unit. An edge of one of them begins with its
        name instead of the name of the box.
    """

    name: str
    width: float
    height: float
    first: bool = False
    last: bool = False
    bar: bool = False
    round: bool = False
    entries: Mapping[str, float] = field(default_factory=dict)
    exits: Mapping[str, float] = field(default_factory=dict)

    @property
    def axis(self) -> float:
        """Where a line goes straight through, in pixels to the right of the centre: the one entry and the one exit,
        where they are above each other. Else it is the centre, so that a row of such boxes does not run aside.
        """
        ends = [*self.entries.values(), *self.exits.values()]
        one = max(len(self.entries), len(self.exits)) == 1 and max(ends) - min(ends) < SAME
        return ends[0] if one else 0.0


@dataclass(frozen=True)
class Placed:
    """A box after it is placed.

    ``x``, ``y``: its centre, in pixels.
    ``width``, ``height``: its final size, in pixels.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2

    def moved(self, dx: float, dy: float) -> Placed:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Layout:
    """A finished layout.

    ``width``, ``height``: its size in pixels.
    ``boxes``: the placed boxes by name.
    ``routes``: the points of each edge from source to target. A piece between two points of other heights and sides is
        a bend, every other piece is straight.
    """

    width: float
    height: float
    boxes: Mapping[str, Placed]
    routes: Mapping[tuple[str, str], tuple[Point, ...]]

    def moved(self, dx: float, dy: float) -> Layout:
        """The same one, further right and further down."""
        boxes = {name: box.moved(dx, dy) for name, box in self.boxes.items()}
        routes = {edge: tuple([(x + dx, y + dy) for x, y in points]) for edge, points in self.routes.items()}
        return Layout(self.width, self.height, boxes, routes)
