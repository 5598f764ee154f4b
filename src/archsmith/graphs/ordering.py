"""The order of vertices within the layers of a drawing, with few crossings between them.

Barycentre sweeps (Sugiyama, Tagawa and Toda, 1981) down and up, each followed by swaps of neighbours that remove
crossings; the best order seen is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

Vertex = tuple[str, int]  # (box, its layer), or a point of the trunk of ``box`` in a later layer

SWEEPS = 12  # more than this never helped a cell or a network of the spaces here


def ordered(rows: Sequence[Sequence[Vertex]], links: Sequence[tuple[Vertex, Vertex]]) -> list[list[Vertex]]:
    """``rows`` with the vertices of each from left to right; ``links`` run from one row to the next."""
    above: dict[Vertex, list[Vertex]] = {}
    below: dict[Vertex, list[Vertex]] = {}
    for upper, lower in links:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    now = [list(row) for row in rows]
    best, fewest = [list(row) for row in now], _crossings(now, below)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        near = above if downwards else below
        order = range(1, len(now)) if downwards else range(len(now) - 2, -1, -1)
        for i in order:
            place = {vertex: k for k, vertex in enumerate(now[i - 1 if downwards else i + 1])}
            before = {vertex: k for k, vertex in enumerate(now[i])}
            # Equal barycentres keep their order on the way down and change it on the way up, which leaves some local
            # minima.
            tie = 1 if downwards or sweep % 4 == 1 else -1
            centre = {
                v: sum(place[n] for n in near[v]) / len(near[v]) if near.get(v) else float(before[v]) for v in now[i]
            }
            now[i].sort(key=lambda v, centre=centre, before=before, tie=tie: (centre[v], tie * before[v]))  # type: ignore[misc]
        _exchange(now, above, below)
        crossings = _crossings(now, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in now], crossings
    return best


def _crossings(rows: Sequence[Sequence[Vertex]], below: Mapping[Vertex, Sequence[Vertex]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        place = {vertex: k for k, vertex in enumerate(lower)}
        ends = [sorted(place[n] for n in below.get(vertex, ())) for vertex in upper]
        total += sum(_inversions(ends[i], ends[j]) for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


def _inversions(left: Sequence[int], right: Sequence[int]) -> int:
    """Crossings between the edges of a vertex and those of one to its right, given where they end."""
    return sum(a > b for a in left for b in right)


def inversions(order: Sequence[int]) -> int:
    return sum(a > b for k, a in enumerate(order) for b in order[k + 1 :])


def _exchange(
    rows: list[list[Vertex]], above: Mapping[Vertex, Sequence[Vertex]], below: Mapping[Vertex, Sequence[Vertex]]
) -> None:
    """Swap neighbours while that removes crossings."""
    places = [{vertex: k for k, vertex in enumerate(row)} for row in rows]
    for _ in range(4):
        changed = False
        for i, row in enumerate(rows):
            up = places[i - 1] if i else {}
            down = places[i + 1] if i + 1 < len(rows) else {}
            for k in range(len(row) - 1):
                a, b = row[k], row[k + 1]
                now = then = 0
                for near, place in ((above, up), (below, down)):
                    ends_a, ends_b = [place[n] for n in near.get(a, ())], [place[n] for n in near.get(b, ())]
                    now += _inversions(ends_a, ends_b)
                    then += _inversions(ends_b, ends_a)
                if then < now:
                    row[k], row[k + 1] = b, a
                    places[i][a], places[i][b] = k + 1, k
                    changed = True
        if not changed:
            return
