"""What a model-based strategy knows of a space before any trial: a sample of it, and a small space as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.seeds import generator
from archsmith.core.sketch import Sketch
from archsmith.core.space import Space
from archsmith.surrogates.encoding import Array, Encoding, Rows

MOST_POINTS = 20_000  # a space with no more points is looked at as a whole
SAMPLE = 100  # random architectures that scales are measured on


def connected(sketch: Sketch) -> bool:
    """Can the output depend on the input, as far as the sketch says?"""
    return sketch.paths is None or bool(sketch.paths)


@dataclass(frozen=True)
class AllPoints:
    """All points of a small space, in the order of its enumeration.

    ``places``: key of an architecture to its place in ``architectures``.
    ``rows``: the encoded points.
    ``connected``: ``(n,)``, whether the output can depend on the input.
    """

    architectures: tuple[Architecture, ...]
    places: dict[str, int]
    rows: Rows
    connected: Array


@dataclass(frozen=True)
class SpaceFacts:
    """What is known of a space before any trial.

    ``sample``: sketches of random architectures.
    ``all_points``: and ``encoding``: of a small space; None where it has too many points.
    """

    sample: tuple[Sketch, ...]
    all_points: AllPoints | None
    encoding: Encoding | None


@lru_cache(maxsize=2)
def space_facts(space: Space, seed: int) -> SpaceFacts:
    """What is known of ``space``; ``seed`` is that of the sample."""
    rng = generator(seed, "sample")
    architectures = [space.sample(rng) for _ in range(SAMPLE)]
    sample = tuple(sketch for architecture in architectures if connected(sketch := space.sketch(architecture)))
    whole = _whole(space)
    if whole is None:
        return SpaceFacts(sample, None, None)
    points, sketches = whole
    encoding = Encoding(sample)
    encoding.learn(sketches)
    usable = np.array([connected(sketch) for sketch in sketches])
    places = {architecture.key: i for i, architecture in enumerate(points)}
    return SpaceFacts(sample, AllPoints(points, places, encoding.rows(sketches), usable), encoding)


@lru_cache(maxsize=1)
def _whole(space: Space) -> tuple[tuple[Architecture, ...], tuple[Sketch, ...]] | None:
    """All points of ``space`` and their sketches; None where they are too many, as a quick estimate says. Kept for
    studies with other seeds.
    """
    size = space.size(n_walks=SAMPLE)
    if size.number > 3 * MOST_POINTS or math.isinf(size.relative_error):  # dead ends say nothing of the points
        return None
    try:
        points = list(islice(space.enumerate(), MOST_POINTS + 1))
    except (UsageError, RecursionError):
        return None
    if len(points) > MOST_POINTS:
        return None
    return tuple(points), tuple(space.sketch(architecture) for architecture in points)
