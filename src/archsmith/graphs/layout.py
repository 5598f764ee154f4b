"""A small layered layout for directed acyclic graphs, drawn from top to bottom.

It has the four classical steps (Sugiyama, Tagawa and Toda, 1981). First each box gets a layer, by longest path. Then
long edges get a point in each layer that they cross. Then each layer is ordered by barycentre sweeps. At last
everything gets coordinates. Three choices of our own keep drawings of networks easy to read:

- Long edges of one source share one trunk, because they carry the same value.
- A trunk is exactly vertical. So is a box with the only box that it feeds. Each of these is one unknown of the
  coordinate problem. The horizontal positions minimise the sum of squared edge slants under minimum distances. This is
  a convex quadratic programme, solved by the alternating direction method of multipliers (Boyd et al., 2011).
- Edges bend only in the gaps between layers. Inside a layer they are vertical, so that no edge runs through a box.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.graphs.ordering import Vertex, inversions, ordered
from archsmith.graphs.spacing import spaced

TRUNK = 7.0  # half the width that is kept free for a long edge, in pixels
LEAVE, ENTER = 3.0, 9.0  # straight pieces at the start and the end of an edge, in pixels; the arrowhead is at the end

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box before it is placed.

    ``name``: its name.
    ``width``, ``height``: its size in pixels.
    ``first``: True: it stands in the top layer.
    ``bar``: True: it grows to the width of what it joins.
    ``round``: True: it is a circle.
    """

    name: str
    width: float
    height: float
    first: bool = False
    bar: bool = False
    round: bool = False


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


@dataclass(frozen=True)
class Layout:
    """A finished layout.

    ``width``, ``height``: its size in pixels.
    ``boxes``: the placed boxes by name.
    ``routes``: the points of each edge from source to target, two for every gap between layers that it crosses.
    """

    width: float
    height: float
    boxes: Mapping[str, Placed]
    routes: Mapping[tuple[str, str], tuple[Point, ...]]


def arrange(boxes: Sequence[Box], edges: Sequence[tuple[str, str]], gap_x: float = 18.0, gap_y: float = 26.0) -> Layout:
    """Place ``boxes`` and route ``edges`` (source, target). Raises UsageError when the edges form a cycle."""
    by_name = {box.name: box for box in boxes}
    edges = list(dict.fromkeys(edges))
    layer = _layers(boxes, edges)
    links = _links(edges, layer)
    rows = _rows(boxes, layer, links)
    x = _coordinates(rows, links, by_name, layer, gap_x)
    return _routed(by_name, edges, layer, rows, x, gap_y)


def _layers(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The layer of every box: first as high as its inputs allow, then down next to what it feeds if it has at most one
    input. So the edges do not get longer in sum.
    """
    inputs: dict[str, list[str]] = {box.name: [] for box in boxes}
    outputs: dict[str, list[str]] = {box.name: [] for box in boxes}
    for source, target in edges:
        inputs[target].append(source)
        outputs[source].append(target)
    layer: dict[str, int] = {}
    waiting = {name: len(sources) for name, sources in inputs.items()}
    ready = [box.name for box in boxes if not waiting[box.name]]
    for name in ready:  # it grows while it is read
        layer[name] = 1 + max((layer[source] for source in inputs[name]), default=-1)
        for target in outputs[name]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(layer) < len(boxes):
        raise UsageError("The boxes of the drawing depend on one another in a circle.", "Draw at another depth.")
    first = {box.name for box in boxes if box.first}
    for name in reversed(ready):
        if outputs[name] and name not in first and len(set(inputs[name])) <= 1:
            layer[name] = min(layer[target] for target in outputs[name]) - 1
    return layer


def _links(edges: Sequence[tuple[str, str]], layer: Mapping[str, int]) -> list[tuple[Vertex, Vertex]]:
    """The edges, cut into pieces between neighbouring layers. Edges of one source share their pieces."""
    links: dict[tuple[Vertex, Vertex], None] = {}
    for source, target in edges:
        path = [(source, i) for i in range(layer[source], layer[target])] + [(target, layer[target])]
        links.update(dict.fromkeys(pairwise(path)))
    return list(links)


def _rows(boxes: Sequence[Box], layer: Mapping[str, int], links: Sequence[tuple[Vertex, Vertex]]) -> list[list[Vertex]]:
    """The vertices of each layer from left to right, with few crossings and the inputs in their own order."""
    vertices: dict[Vertex, None] = {(box.name, layer[box.name]): None for box in boxes}
    for link in links:
        vertices.update(dict.fromkeys(link))
    rows: list[list[Vertex]] = [[] for _ in range(1 + max(layer.values(), default=-1))]
    for vertex in vertices:
        rows[vertex[1]].append(vertex)
    rows = ordered(rows, links)
    rank = {box.name: k for k, box in enumerate(boxes)}
    first = [rank[name] for name, i in rows[0] if layer[name] == i] if rows else []
    return [row[::-1] for row in rows] if inversions(first) > len(first) * (len(first) - 1) / 4 else rows


def _coordinates(
    rows: Sequence[Sequence[Vertex]],
    links: Sequence[tuple[Vertex, Vertex]],
    boxes: Mapping[str, Box],
    layer: Mapping[str, int],
    gap: float,
) -> dict[Vertex, float]:
    """The horizontal centre of every vertex."""

    def real(vertex: Vertex) -> bool:
        return layer[vertex[0]] == vertex[1]

    def half(vertex: Vertex) -> float:
        return boxes[vertex[0]].width / 2 if real(vertex) else TRUNK

    def distance(a: Vertex, b: Vertex) -> float:
        return half(a) + half(b) + (gap if real(a) and real(b) else gap / 2)

    unknown = _unknowns(rows, links, real)
    n = 1 + max(unknown.values(), default=-1)
    least: dict[tuple[int, int], float] = {}
    for row in rows:
        for a, b in pairwise(row):
            pair = unknown[a], unknown[b]
            least[pair] = max(least.get(pair, 0.0), distance(a, b))
    slant = np.zeros((n, n))
    fan = Counter(a for a, _ in links)
    for a, b in links:
        i, j = unknown[a], unknown[b]
        if i != j:
            # Many edges of one source cannot all be straight, and a bar grows towards its inputs by itself. So both
            # count less.
            weight = 1.0 / fan[a] if not (real(b) and boxes[b[0]].bar) else 0.1
            slant[[i, j], [i, j]] += weight
            slant[i, j] -= weight
            slant[j, i] -= weight
    x = spaced(slant, list(least.items()))
    left = min((x[unknown[v]] - half(v) for row in rows for v in row), default=0.0)
    return {v: float(x[unknown[v]] - left) for row in rows for v in row}


def _unknowns(
    rows: Sequence[Sequence[Vertex]], links: Sequence[tuple[Vertex, Vertex]], real: Callable[[Vertex], bool]
) -> dict[Vertex, int]:
    """The number of the unknown of each vertex. Vertices with one number share one horizontal position: the points of a
    trunk, a box with its only trunk, and a box with the main box that it feeds.

    Where the orders of the layers contradict this, boxes are separated first, then trunks.
    """
    below: dict[Vertex, list[Vertex]] = {}
    feeding: dict[Vertex, list[Vertex]] = {}
    height: dict[Vertex, int] = {}  # the longest path down, in layers
    for a, b in links:
        below.setdefault(a, []).append(b)
        if real(a) and real(b):
            feeding.setdefault(b, []).append(a)
    for row in reversed(rows):
        for vertex in row:
            height[vertex] = max((1 + height[b] for b in below.get(vertex, ())), default=0)

    def straight(a: Vertex, b: Vertex) -> bool:
        if not real(b):
            return not real(a) or len(below[a]) == 1
        others = [height[other] for other in below[a] if other != b and real(other)]
        return bool(real(a)) and len(feeding[b]) == 1 and all(height[b] > other for other in others)

    boxes_too = [(a, b) for a, b in links if straight(a, b)]
    trunks_too = [(a, b) for a, b in boxes_too if not real(b)]
    trunks = [(a, b) for a, b in trunks_too if not real(a)]
    vertices = [v for row in rows for v in row]
    for joined in (boxes_too, trunks_too, trunks, []):
        leader = {v: v for v in vertices}
        for a, b in sorted(joined, key=lambda link: link[0][1]):
            leader[b] = leader[a]
        number = {v: k for k, v in enumerate(dict.fromkeys(leader.values()))}
        unknown = {v: number[leader[v]] for v in vertices}
        if _consistent({(unknown[a], unknown[b]) for row in rows for a, b in pairwise(row)}, len(number)):
            return unknown
    raise AssertionError("single vertices cannot contradict each other")


def _consistent(pairs: set[tuple[int, int]], n: int) -> bool:
    """Can the unknowns be put in one order from left to right?"""
    after: dict[int, list[int]] = {}
    waiting = [0] * n
    for a, b in pairs:
        after.setdefault(a, []).append(b)
        waiting[b] += 1
    ready = [k for k in range(n) if not waiting[k]]
    for k in ready:
        for other in after.get(k, ()):
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return len(ready) == n


def _routed(
    boxes: Mapping[str, Box],
    edges: Sequence[tuple[str, str]],
    layer: Mapping[str, int],
    rows: Sequence[Sequence[Vertex]],
    x: Mapping[Vertex, float],
    gap_y: float,
) -> Layout:
    """Vertical positions and the points of every edge."""
    width = {name: box.width for name, box in boxes.items()}
    centre = {name: x[name, layer[name]] for name in boxes}
    inside = {edge: [(edge[0], i) for i in range(layer[edge[0]] + 1, layer[edge[1]])] for edge in edges}
    # where an edge comes from, seen by its target
    last = {edge: x[inside[edge][-1]] if inside[edge] else centre[edge[0]] for edge in edges}
    for row in rows:
        for k, vertex in enumerate(row):
            name = vertex[0]
            if boxes[name].bar and layer[name] == vertex[1]:
                free = (row[k - 1] if k else None), (row[k + 1] if k + 1 < len(row) else None)
                _stretch(name, free, boxes, edges, layer, x, last, width, centre)
                for below in rows[vertex[1] + 1 :]:
                    if len(below) > 1 or below[0][1] != layer[below[0][0]]:
                        break
                    centre[below[0][0]] = centre[name]  # a box alone below a bar stands at its middle
    last = {edge: last[edge] if inside[edge] else centre[edge[0]] for edge in edges}
    heights = [max((boxes[name].height for name, i in row if layer[name] == i), default=0.0) for row in rows]
    ports = _ports(boxes, edges, last, centre, width)
    gaps = [gap_y] * max(0, len(rows) - 1)
    for edge in edges:
        ends = [centre[edge[0]], *(x[v] for v in inside[edge]), ports[edge]]
        for k, (a, b) in enumerate(pairwise(ends)):
            i = layer[edge[0]] + k
            # a long way to the side needs height, or the curve is flat
            gaps[i] = max(gaps[i], min(gap_y * 2.6, gap_y + 0.11 * abs(a - b)))
    tops = [sum(heights[:i]) + sum(gaps[:i]) for i in range(len(rows))]
    placed = {
        name: Placed(centre[name], tops[layer[name]] + heights[layer[name]] / 2, width[name], box.height)
        for name, box in boxes.items()
    }
    routes: dict[tuple[str, str], tuple[Point, ...]] = {}
    for edge in edges:
        source, target = placed[edge[0]], placed[edge[1]]
        start, end = layer[edge[0]], layer[edge[1]]
        leave = source.x
        if boxes[edge[0]].bar:  # an edge leaves a bar right above its target
            reach = source.width / 2 - 8
            leave = min(max(x[inside[edge][0]] if inside[edge] else ports[edge], source.x - reach), source.x + reach)
        points: list[Point] = [(leave, source.y + source.height / 2), (leave, tops[start] + heights[start] + LEAVE)]
        for vertex in inside[edge]:
            points += [(x[vertex], tops[vertex[1]]), (x[vertex], tops[vertex[1]] + heights[vertex[1]])]
        entry = target.y - target.height / 2
        if boxes[edge[1]].round:
            radius = target.width / 2
            entry = target.y - (max(0.0, radius**2 - (ports[edge] - target.x) ** 2)) ** 0.5
        points += [(ports[edge], tops[end] - ENTER), (ports[edge], entry)]
        routes[edge] = tuple(points)
    right = max([0.0, *(p.x + p.width / 2 for p in placed.values()), *(v + TRUNK for v in x.values())])
    return Layout(right, (tops[-1] + heights[-1]) if rows else 0.0, placed, routes)


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
            reach = boxes[vertex[0]].width / 2 if layer[vertex[0]] == vertex[1] else TRUNK
            limit = x[vertex] - side * (reach + 8)
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
