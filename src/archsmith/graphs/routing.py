"""Heights, and the points of every edge, for boxes whose layers and horizontal positions are known.

Edges are vertical inside a layer and bend in the gaps between layers only, so that no edge runs through a box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from archsmith.graphs.geometry import TRUNK, Box, Layout, Placed, Point
from archsmith.graphs.ordering import Vertex

LEAVE, ENTER = 3.0, 9.0  # straight pieces at the start and the end of an edge, in pixels; the arrowhead is at the end
BORDER = 0.55  # of a usual gap between layers is enough beside a layer of mere points


def routed(
    boxes: Mapping[str, Box],
    owner: Mapping[str, str],
    edges: Sequence[tuple[str, str]],
    layer: Mapping[str, int],
    rows: Sequence[Sequence[Vertex]],
    x: Mapping[Vertex, float],
    gap_y: float,
) -> Layout:
    """The finished layout. ``owner`` is the box of each value, ``x`` the horizontal centre of each vertex."""
    width = {name: box.width for name, box in boxes.items()}
    centre = {name: x[name, layer[name]] for name in boxes}
    inside = {edge: [(edge[0], i) for i in range(layer[edge[0]] + 1, layer[edge[1]])] for edge in edges}

    def start(value: str) -> float:
        return centre[owner[value]] + boxes[owner[value]].exits.get(value, 0.0)

    # where an edge comes from, seen by its target
    last = {edge: x[inside[edge][-1]] if inside[edge] else start(edge[0]) for edge in edges}
    for row in rows:
        for k, vertex in enumerate(row):
            name = vertex[0]
            if _real(boxes, layer, vertex) and boxes[name].bar:
                free = (row[k - 1] if k else None), (row[k + 1] if k + 1 < len(row) else None)
                _stretch(name, free, boxes, edges, layer, x, last, width, centre)
                for lower in rows[vertex[1] + 1 :]:
                    if len(lower) > 1 or not _real(boxes, layer, lower[0]):
                        break
                    centre[lower[0][0]] = centre[name]  # a box alone below a bar stands at its middle
    last = {edge: last[edge] if inside[edge] else start(edge[0]) for edge in edges}
    ports = _ports(boxes, edges, last, centre, width)
    leaves: dict[tuple[str, str], float] = {}
    for edge in edges:
        source = owner[edge[0]]
        leaves[edge] = start(edge[0])
        if boxes[source].bar:  # an edge leaves a bar right above its target
            aim, reach = x[inside[edge][0]] if inside[edge] else ports[edge], width[source] / 2 - 8
            leaves[edge] = min(max(aim, centre[source] - reach), centre[source] + reach)
    ways = {edge: [leaves[edge], *(x[v] for v in inside[edge]), ports[edge]] for edge in edges}
    heights = [
        max((boxes[name].height for name, i in row if _real(boxes, layer, (name, i))), default=0.0) for row in rows
    ]
    tops = _tops(heights, ways, layer, gap_y)
    placed = {
        name: Placed(centre[name], tops[layer[name]] + heights[layer[name]] / 2, width[name], box.height)
        for name, box in boxes.items()
    }
    routes: dict[tuple[str, str], tuple[Point, ...]] = {}
    for edge in edges:
        above, below, port = placed[owner[edge[0]]], placed[edge[1]], ports[edge]
        leave, top, bottom = leaves[edge], tops[layer[edge[1]]], tops[layer[edge[0]]] + heights[layer[edge[0]]]
        points: list[Point] = [(leave, above.bottom), (leave, bottom + LEAVE)]
        for vertex in inside[edge]:
            points += [(x[vertex], tops[vertex[1]]), (x[vertex], tops[vertex[1]] + heights[vertex[1]])]
        radius = below.width / 2
        into = max(0.0, radius**2 - (port - below.x) ** 2) ** 0.5 if boxes[edge[1]].round else below.height / 2
        points += [(port, top - ENTER), (port, below.y - into)]
        routes[edge] = tuple(points)
    # a broad box alone below a bar may reach out to the left of all others
    left = min([0.0, *(box.left for box in placed.values())])
    right = max([0.0, *(box.right for box in placed.values()), *(v + TRUNK for v in x.values())])
    height = tops[-1] + heights[-1] if rows else 0.0
    return Layout(right - left, height, placed, routes).moved(-left, 0.0)


def _real(boxes: Mapping[str, Box], layer: Mapping[str, int], vertex: Vertex) -> bool:
    """Is it a box, and not a point of a long edge?"""
    return vertex[0] in boxes and layer[vertex[0]] == vertex[1]


def _tops(
    heights: Sequence[float], ways: Mapping[tuple[str, str], Sequence[float]], layer: Mapping[str, int], gap_y: float
) -> list[float]:
    """The top of every layer. ``ways`` are the horizontal positions of each edge, from layer to layer."""
    gaps = [gap_y if above and below else BORDER * gap_y for above, below in pairwise(heights)]
    for edge, way in ways.items():
        for i, (a, b) in enumerate(pairwise(way), layer[edge[0]]):
            # a long way to the side needs height, or the curve is flat
            gaps[i] = max(gaps[i], min(gap_y * 2.6, gaps[i] if a == b else gap_y + 0.11 * abs(a - b)))
    return [sum(heights[:i]) + sum(gaps[:i]) for i in range(len(heights))]


def _stretch(
    name: str,
    free: tuple[Vertex | None, Vertex | None],
    boxes: Mapping[str, Box],
    edges: Sequence[tuple[str, str]],
    layer: Mapping[str, int],
    x: Mapping[Vertex, float],
    last: Mapping[tuple[str, str], float],
    width: dict[str, float],
    centre: dict[str, float],
) -> None:
    """Widen a bar over everything that enters it, as far as its neighbours leave room. So its edges are vertical."""
    sources = [last[edge] for edge in edges if edge[1] == name]
    if not sources:
        return
    low, high = (
        min([*sources, centre[name] - width[name] / 2 + 10]) - 10,
        max([*sources, centre[name] + width[name] / 2 - 10]) + 10,
    )
    for vertex, side in zip(free, (-1, 1), strict=True):
        if vertex is not None:
            # beside a bar that has grown already, there is less room
            at, reach = (centre[vertex[0]], width[vertex[0]] / 2) if _real(boxes, layer, vertex) else (x[vertex], TRUNK)
            limit = at - side * (reach + 8)
            low, high = (max(low, limit), high) if side < 0 else (low, min(high, limit))
    low = max(low, 0.0)
    if high - low >= width[name]:
        width[name], centre[name] = high - low, (low + high) / 2


def _ports(
    boxes: Mapping[str, Box],
    edges: Sequence[tuple[str, str]],
    last: Mapping[tuple[str, str], float],
    centre: Mapping[str, float],
    width: Mapping[str, float],
) -> dict[tuple[str, str], float]:
    """The horizontal position at which each edge enters its target, in the order of the edges from left to right."""
    entering: dict[str, list[tuple[str, str]]] = {}
    for edge in edges:
        entering.setdefault(edge[1], []).append(edge)
    ports: dict[tuple[str, str], float] = {}
    for name, group in entering.items():
        group.sort(key=lambda edge: last[edge])
        if boxes[name].bar:
            ports.update(
                zip(group, _along([last[edge] for edge in group], centre[name], width[name] / 2 - 8), strict=True)
            )
            continue
        if boxes[name].entries:
            ports.update((edge, centre[name] + boxes[name].entries[edge[0]]) for edge in group)
            continue
        reach = width[name] * (0.34 if boxes[name].round else 0.3)
        step = min(2 * reach / max(1, len(group) - 1), 22.0)
        # An edge from right above goes straight down, and the others enter beside it.
        middle = next(
            (float(k) for k, edge in enumerate(group) if abs(last[edge] - centre[name]) < 1.0), (len(group) - 1) / 2
        )
        step = min(step, reach / max(middle, len(group) - 1 - middle, 1.0))
        for k, edge in enumerate(group):
            ports[edge] = centre[name] + (k - middle) * step
    return ports


def _along(wanted: Sequence[float], centre: float, reach: float) -> list[float]:
    """``wanted`` (ascending), moved into ``centre ± reach`` and away from each other."""
    step = min(9.0, 2 * reach / max(1, len(wanted) - 1))
    got: list[float] = []
    for value in wanted:
        got.append(max(value, centre - reach, got[-1] + step if got else value))
    limit = centre + reach
    for k in range(len(got) - 1, -1, -1):
        got[k] = min(got[k], limit)
        limit = got[k] - step
    return got
