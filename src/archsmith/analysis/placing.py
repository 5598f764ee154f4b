"""Where words of a chart go, so that they do not run through one another, nor through points and lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Box = tuple[float, float, float, float]  # left, base, width, height: in pixels
STEP = 12.0  # pixels of a line for which one box stands
MOST_BOXES = 2000  # of a line


def around(x: float, y: float, r: float) -> Box:
    """The box around a point."""
    return x - r, y + r, 2 * r, 2 * r


def along(points: Sequence[tuple[float, float]]) -> list[Box]:
    """Small boxes along the line through ``points``."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(points):
        n = max(1, math.ceil(max(abs(x1 - x0), abs(y1 - y0)) / STEP))
        found += [around(x0 + (x1 - x0) * i / n, y0 + (y1 - y0) * i / n, 1.0) for i in range(n + 1)]
        if len(found) >= MOST_BOXES:
            break
    return found


def freest(
    places: Sequence[tuple[float, float]], width: float, height: float, words: Sequence[Box], others: Sequence[Box]
) -> tuple[float, float]:
    """Of ``places`` (left, base) for a word the first one where it covers nothing; else where it covers the fewest
    other words, and then the fewest ``others``.
    """

    def covered(place: tuple[float, float]) -> tuple[int, int]:
        own = (*place, width, height)
        return sum(overlap(own, box) for box in words), sum(overlap(own, box) for box in others)

    return min(places, key=covered)


def overlap(a: Box, b: Box) -> bool:
    """Do two boxes share any space?"""
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] - a[3] < b[1] and b[1] - b[3] < a[1]


def apart(wanted: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Places near the ``wanted`` ones, which ascend, at least ``step`` from one another and between ``low`` and
    ``high`` as far as they have room there.
    """
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + step if places else low))
    for i in reversed(range(len(places))):
        high = min(places[i], high)
        places[i] = high
        high -= step
    return places
