"""A long drawing as a page of columns: each is read from top to bottom, and arrows lead from the foot of one column to
the head of the next.

The layers are cut where few values cross. A value that crosses a cut becomes a point at the foot of one column and a
point at the head of the next; between them it runs below, beside and above everything else, with right angles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archsmith.graphs.geometry import TRUNK, Box, Layout, Placed, Point
from archsmith.graphs.layout import arrange, layers

TALL = 1000.0  # pixels: what is higher gets more than one column, so that it can be seen at once on a screen
SHAPE = 1.6  # width by height that a drawing of many columns has at most
MOST_CROSSING = 3  # values that may run from column to column; more of them would be hard to follow
EVEN = 1.25  # a highest column of so many times the least height is taken, where fewer values cross then
WORTH = 0.7  # of the height is the most that may be left, or it is not worth it
LANE = 9.0  # pixels between two lines that run side by side
AISLE = 22.0  # pixels between a column and the lines beside it


def paged(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> Layout:
    """``arrange``, in columns where the layout is high and can be cut. Raises UsageError when the edges form a
    cycle.
    """
    whole = arrange(boxes, edges)
    n = min(-(-whole.height // TALL), (SHAPE * whole.height / max(whole.width, 1.0)) ** 0.5)
    if n < 2:
        return whole
    layer = layers(boxes, edges)
    cuts = _cuts(boxes, edges, layer, whole, int(n))
    return _joined(boxes, edges, layer, cuts) if cuts else whole


def _crossing(edges: Sequence[tuple[str, str]], layer: dict[str, int], after: int) -> list[str]:
    """The values that cross the cut after a layer."""
    return list(dict.fromkeys(value for value, target in edges if layer[value] <= after < layer[target]))


def _cuts(
    boxes: Sequence[Box], edges: Sequence[tuple[str, str]], layer: dict[str, int], whole: Layout, n: int
) -> list[int]:
    """The layers after which columns end: ``n`` columns or fewer, as even as they can be, and with as few crossing
    values as that allows. None where that would help little.
    """
    n_layers = 1 + max(layer.values())
    tops, bottoms = [whole.height] * n_layers, [0.0] * n_layers
    for box in boxes:
        i, placed = layer[box.name], whole.boxes[box.name]
        tops[i], bottoms[i] = min(tops[i], placed.top), max(bottoms[i], placed.bottom)
    crossing = [len(_crossing(edges, layer, i)) for i in range(n_layers - 1)]
    found: list[tuple[float, list[int]]] = []
    for most in range(1, MOST_CROSSING + 1):
        allowed = [i for i, values in enumerate(crossing) if values <= most]
        found.append(_even(tops, bottoms, allowed, n))
    lowest = min(height for height, _ in found)
    if lowest > WORTH * whole.height:
        return []
    return next(cuts for height, cuts in found if height <= EVEN * lowest)


def _even(tops: Sequence[float], bottoms: Sequence[float], allowed: Sequence[int], n: int) -> tuple[float, list[int]]:
    """The height of the highest of ``n`` columns or fewer, and the cuts that make it least (by bisection)."""
    low, high = bottoms[-1] / n, bottoms[-1]
    best: list[int] = []
    while high - low > 1.0:
        limit = (low + high) / 2
        cuts = _filled(tops, bottoms, allowed, limit)
        if cuts is None or len(cuts) >= n:
            low = limit
        else:
            high, best = limit, cuts
    return high, best


def _filled(tops: Sequence[float], bottoms: Sequence[float], allowed: Sequence[int], limit: float) -> list[int] | None:
    """The cuts where each column takes as much as ``limit`` lets it; None where it lets too little."""
    cuts: list[int] = []
    start, end, last = 0, -1, len(bottoms) - 1
    for i in [*allowed, last]:
        if bottoms[i] - tops[start] > limit:
            if end < start:
                return None
            cuts.append(end)
            start = end + 1
            if bottoms[i] - tops[start] > limit:
                return None
        end = i
    return cuts


def _foot(value: str) -> str:
    """The name of the point at which ``value`` leaves a column."""
    return f"{value} below"


def _joined(
    boxes: Sequence[Box], edges: Sequence[tuple[str, str]], layer: dict[str, int], cuts: Sequence[int]
) -> Layout:
    """The columns between the cuts, side by side, and the edges through all of them."""
    ends = [-1, *cuts, max(layer.values())]
    crossing = [[], *(_crossing(edges, layer, cut) for cut in cuts), []]
    room = LANE * (1 + max(len(values) for values in crossing))  # above the columns
    columns: list[Layout] = []
    placed: dict[str, Placed] = {}
    right = 0.0
    for k, (before, end) in enumerate(pairwise(ends)):
        own = [box for box in boxes if before < layer[box.name] <= end]
        heads = [Box(value, 2 * TRUNK, 0.0, first=True) for value in crossing[k]]
        feet = [Box(_foot(value), 2 * TRUNK, 0.0, last=True) for value in crossing[k + 1]]
        inner = [(value, target) for value, target in edges if before < layer[target] <= end]
        inner += [(value, _foot(value)) for value in crossing[k + 1]]
        column = arrange([*heads, *own, *feet], inner).moved(right, room)
        placed.update((box.name, column.boxes[box.name]) for box in own)
        columns.append(column)
        right += column.width + 2 * AISLE + LANE * (len(crossing[k + 1]) - 1)
    passages = [_passages(*pair, values, room) for pair, values in zip(pairwise(columns), crossing[1:-1], strict=True)]
    routes: dict[tuple[str, str], tuple[Point, ...]] = {}
    for value, target in edges:
        points: tuple[Point, ...] = ()
        for k, end in enumerate(ends[1:]):
            if layer[target] <= end:
                routes[value, target] = (*points, *columns[k].routes[value, target])
                break
            if layer[value] <= end:
                points += (*columns[k].routes[value, _foot(value)], *passages[k][value])
    below = [LANE * (len(values) + 1) if values else 0.0 for values in crossing[1:]]
    height = max(column.height + lanes for column, lanes in zip(columns, below, strict=True))
    return Layout(right - 2 * AISLE + LANE, room + height, placed, routes)


def _passages(column: Layout, following: Layout, values: Sequence[str], room: float) -> dict[str, tuple[Point, ...]]:
    """The points of each value between the foot of one column and the head of the next. The order from left to right
    stays, so that lines cross only where the order of the heads is another one.
    """
    feet = {value: column.boxes[_foot(value)] for value in values}
    edge = max(box.right for box in column.boxes.values())
    passages: dict[str, tuple[Point, ...]] = {}
    for rank, value in enumerate(sorted(values, key=lambda value: feet[value].x)):
        low = room + column.height + LANE * (len(values) - rank)
        beside = edge + AISLE + LANE * (len(values) - 1 - rank)
        high = room - LANE * (rank + 1)
        foot, head = feet[value].x, following.boxes[value].x
        passages[value] = ((foot, low), (beside, low), (beside, high), (head, high))
    return passages
