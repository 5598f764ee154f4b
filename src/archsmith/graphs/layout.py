"""A small layered layout for directed acyclic graphs, drawn from top to bottom.

It has the four classical steps (Sugiyama, Tagawa and Toda, 1981). First each box gets a layer, by longest path. Then
long edges get a point in each layer that they cross. Then each layer is ordered by barycentre sweeps. At last
everything gets coordinates. Three choices of our own keep drawings of networks easy to read:

- Long edges of one source share one trunk, because they carry the same value.
- A trunk is exactly vertical. So is the longest way through a network: a box stands right below the one that it takes
  most of its depth from. Each of these lines is one unknown of the coordinate problem. The horizontal positions
  minimise the sum of squared edge slants under minimum distances. This is a convex quadratic programme, solved by the
  alternating direction method of multipliers (Boyd et al., 2011).
- Edges bend only in the gaps between layers. Inside a layer they are vertical, so that no edge runs through a box.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.graphs.geometry import TRUNK, Box, Layout
from archsmith.graphs.ordering import Vertex, inversions, ordered
from archsmith.graphs.routing import routed
from archsmith.graphs.spacing import spaced

Links = Mapping[
    tuple[Vertex, Vertex], float
]  # piece of an edge -> how far right of the upper one the lower one belongs

ASIDE = 1.4  # a layout is so many times as wide as its widest layer where it runs aside


def arrange(boxes: Sequence[Box], edges: Sequence[tuple[str, str]], gap_x: float = 18.0, gap_y: float = 26.0) -> Layout:
    """Place ``boxes`` and route ``edges`` (source, target). Raises UsageError when the edges form a cycle."""
    by_name = {box.name: box for box in boxes}
    owner = owners(boxes)
    edges = list(dict.fromkeys(edges))
    layer = layers(boxes, edges)
    links = _links(edges, layer, by_name, owner)
    rows = _rows(boxes, layer, list(links))
    x = _coordinates(rows, links, by_name, layer, gap_x)
    # Where each box feeds several later ones, straight trunks make a network run aside. Then they may bend.
    if _spread(x.values()) > ASIDE * max((_spread([x[vertex] for vertex in row]) for row in rows), default=0.0):
        crooked = _coordinates(rows, links, by_name, layer, gap_x, upright=False)
        x = crooked if ASIDE * _spread(crooked.values()) < _spread(x.values()) else x
    return routed(by_name, owner, edges, layer, rows, x, gap_y)


def _spread(x: Collection[float]) -> float:
    return max(x, default=0.0) - min(x, default=0.0)


def owners(boxes: Sequence[Box]) -> dict[str, str]:
    """Where each value comes from: the name of a box, for itself and for each of its exits."""
    return {box.name: box.name for box in boxes} | {value: box.name for box in boxes for value in box.exits}


def layers(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The layer of every box, and of the values that leave it: first as high as its inputs allow, then down next to
    what it feeds if it has at most one input. So the edges do not get longer in sum. Raises UsageError when the edges
    form a cycle.
    """
    owner = owners(boxes)
    inputs: dict[str, list[str]] = {box.name: [] for box in boxes}
    outputs: dict[str, list[str]] = {box.name: [] for box in boxes}
    for source, target in edges:
        inputs[target].append(owner[source])
        outputs[owner[source]].append(target)
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
    bottom = max(layer.values(), default=0)
    layer.update((box.name, bottom) for box in boxes if box.last)
    first = {box.name for box in boxes if box.first}
    for name in reversed(ready):
        if outputs[name] and name not in first and len(set(inputs[name])) <= 1:
            layer[name] = min(layer[target] for target in outputs[name]) - 1
    return {value: layer[name] for value, name in owner.items()}


def _links(
    edges: Sequence[tuple[str, str]], layer: Mapping[str, int], boxes: Mapping[str, Box], owner: Mapping[str, str]
) -> Links:
    """The edges, cut into pieces between neighbouring layers. Edges of one value share their pieces."""
    links: dict[tuple[Vertex, Vertex], float] = {}
    for value, target in edges:
        source = owner[value]
        inner = [(value, i) for i in range(layer[value] + 1, layer[target])]
        path = [(source, layer[value]), *inner, (target, layer[target])]
        for upper, lower in pairwise(path):
            # points of an edge are shared by all its targets, so that only boxes have an axis
            out = boxes[source].axis if upper == path[0] else 0.0
            into = boxes[target].axis if lower == path[-1] else 0.0
            links[upper, lower] = out - into
    return links


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
    links: Links,
    boxes: Mapping[str, Box],
    layer: Mapping[str, int],
    gap: float,
    upright: bool = True,
) -> dict[Vertex, float]:
    """The horizontal centre of every vertex; ``upright`` keeps long edges straight."""

    def real(vertex: Vertex) -> bool:
        return vertex[0] in boxes and layer[vertex[0]] == vertex[1]

    def half(vertex: Vertex) -> float:
        return boxes[vertex[0]].width / 2 if real(vertex) else TRUNK

    def distance(a: Vertex, b: Vertex) -> float:
        return half(a) + half(b) + (gap if real(a) and real(b) else gap / 2)

    def bar(vertex: Vertex) -> bool:
        return real(vertex) and boxes[vertex[0]].bar

    heads = [(name, layer[name]) for name, box in boxes.items() if box.first and not box.height]
    feet = [(name, layer[name]) for name, box in boxes.items() if box.last]
    # what enters and leaves a frame at one point each does so in one line, or frames below each other would run aside
    through = list(zip(heads, feet, strict=True)) if len(heads) == len(feet) == 1 else []
    unknown, beside = _unknowns(rows, links, through, real, bar, upright)
    n = 1 + max(unknown.values(), default=-1)
    least: dict[tuple[int, int], float] = {}
    for row in rows:
        for a, b in pairwise(row):
            pair = unknown[a], unknown[b]
            needed = distance(a, b) + beside[a] - beside[b]
            least[pair] = max(least.get(pair, needed), needed)
    slant, pull = np.zeros((n, n)), np.zeros(n)
    fan = Counter(a for a, _ in links)
    for (a, b), shift in links.items():
        i, j = unknown[a], unknown[b]
        if i != j:
            # Many edges of one source cannot all be straight, and a bar grows towards its inputs by itself. So both
            # count less.
            weight = 1.0 / fan[a] if not bar(b) else 0.1
            slant[[i, j], [i, j]] += weight
            slant[i, j] -= weight
            slant[j, i] -= weight
            pull[j] += weight * (beside[a] + shift - beside[b])
            pull[i] -= weight * (beside[a] + shift - beside[b])
    x = spaced(slant, list(least.items()), pull)
    at = {v: float(x[unknown[v]] + beside[v]) for row in rows for v in row}
    left = min((at[v] - half(v) for v in at), default=0.0)
    return {v: position - left for v, position in at.items()}


def _unknowns(
    rows: Sequence[Sequence[Vertex]],
    links: Links,
    through: Sequence[tuple[Vertex, Vertex]],
    real: Callable[[Vertex], bool],
    bar: Callable[[Vertex], bool],
    upright: bool,
) -> tuple[dict[Vertex, int], dict[Vertex, float]]:
    """The number of the unknown of each vertex, and how far right of it the vertex stands. Vertices with one number are
    one straight line: the points of a trunk, a box with its only trunk, and a box with the main box that it feeds. Some
    lines stay crooked where the orders of the layers contradict them.
    """
    below: dict[Vertex, list[Vertex]] = {}
    feeding: dict[Vertex, list[Vertex]] = {}
    for a, b in links:
        below.setdefault(a, []).append(b)
        feeding.setdefault(b, []).append(a)
    vertices = [v for row in rows for v in row]
    # The most boxes on a way from the top and to the bottom. (In layers all ways are equally long.)
    age, height = dict.fromkeys(vertices, 0), dict.fromkeys(vertices, 0)
    for vertex in vertices:
        age[vertex] = real(vertex) + max((age[a] for a in feeding.get(vertex, ())), default=0)
    for vertex in reversed(vertices):
        height[vertex] = real(vertex) + max((height[b] for b in below.get(vertex, ())), default=0)

    def straight(a: Vertex, b: Vertex) -> bool:
        if not real(b):
            return not real(a) or len(below[a]) == 1
        into = [other for other in feeding[b] if other != a and real(other)]
        outof = [other for other in below[a] if other != b and real(other)]
        main = all(height[b] > height[other] for other in outof) and all(age[a] > age[other] for other in into)
        return real(a) and main and not (bar(b) and into)

    trunks = [(a, b) for a, b in links if not real(b) and straight(a, b) and upright]
    lines = [(a, b) for a, b in links if real(b) and straight(a, b)]
    # trunks first: they may cross the whole drawing
    return _joined(rows, links, _possible(rows, links, _possible(rows, links, [], trunks), [*through, *lines]))


def _possible(
    rows: Sequence[Sequence[Vertex]],
    links: Links,
    joined: list[tuple[Vertex, Vertex]],
    wanted: list[tuple[Vertex, Vertex]],
) -> list[tuple[Vertex, Vertex]]:
    """``joined`` and as many of the ``wanted`` as the orders of the layers allow; half of them at a time."""
    number, _ = _joined(rows, links, joined + wanted)
    n = 1 + max(number.values(), default=-1)
    if _consistent({(number[a], number[b]) for row in rows for a, b in pairwise(row)}, n):
        return joined + wanted
    if len(wanted) == 1:
        return joined
    half = len(wanted) // 2
    return _possible(rows, links, _possible(rows, links, joined, wanted[:half]), wanted[half:])


def _joined(
    rows: Sequence[Sequence[Vertex]], links: Links, pieces: Sequence[tuple[Vertex, Vertex]]
) -> tuple[dict[Vertex, int], dict[Vertex, float]]:
    """The numbers and places of all vertices where these pieces are straight."""
    vertices = [v for row in rows for v in row]
    group = {v: [v] for v in vertices}
    beside = dict.fromkeys(vertices, 0.0)
    for a, b in pieces:
        if group[a] is not group[b]:
            shift = beside[a] + links.get((a, b), 0.0) - beside[b]
            beside.update((v, beside[v] + shift) for v in group[b])
            group[a] += group[b]
            group.update((v, group[a]) for v in group[b])
    leader = {v: group[v][0] for v in vertices}
    number = {v: k for k, v in enumerate(dict.fromkeys(leader.values()))}
    return {v: number[leader[v]] for v in vertices}, beside


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
