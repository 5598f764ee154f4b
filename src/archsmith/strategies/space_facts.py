"""What a model-based strategy knows of a space before any trial: a sample of it, and a small space as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.seeds import generator
from archsmith.core.sketch import Sketch
from archsmith.core.space import Range, Space
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
    whole = _whole(space) if _seems_small(space, architectures) else None
    if whole is None:
        return SpaceFacts(sample, None, None)
    points, sketches = whole
    encoding = Encoding(sample)
    encoding.learn(sketches)
    usable = np.array([connected(sketch) for sketch in sketches])
    places = {architecture.key: i for i, architecture in enumerate(points)}
    return SpaceFacts(sample, AllPoints(points, places, encoding.rows(sketches), usable), encoding)


def _seems_small(space: Space, sample: Sequence[Architecture]) -> bool:
    """Whether ``space`` is worth enumerating, as estimated from a sample (Knuth 1975), which takes no time."""
    estimates = []
    for architecture in sample:
        options = [decision.options for decision in space.decisions(architecture)]
        if any(isinstance(each, Range) and not each.integer for each in options):
            return False
        widths = [int(each.high) - int(each.low) + 1 if isinstance(each, Range) else len(each) for each in options]
        estimates.append(math.prod(widths))
    return bool(estimates) and sum(estimates) / len(estimates) <= 3 * MOST_POINTS


@lru_cache(maxsize=1)
def _whole(space: Space) -> tuple[tuple[Architecture, ...], tuple[Sketch, ...]] | None:
    """All points of ``space`` and their sketches; None where they are too many. Kept for studies with other seeds."""
    try:
        points = list(islice(space.enumerate(), MOST_POINTS + 1))
    except (UsageError, RecursionError):
        return None
    if len(points) > MOST_POINTS:
        return None
    return tuple(points), tuple(space.sketch(architecture) for architecture in points)
