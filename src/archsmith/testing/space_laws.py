"""Laws of search spaces, whatever the space's program does.

They say what sampling, mutation, crossover, neighbours, enumeration and JSON promise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from itertools import islice, pairwise

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DeadEnd, InvalidArchitectureError
from archsmith.core.space import Range, Space
from archsmith.testing.need import need


def check_space(
    space: Space, *, scales: Iterable[Space] = (), n_samples: int = 20, enumerate_limit: int = 2000, seed: int = 0
) -> None:
    """Raises AssertionError when ``space`` breaks a law of spaces.

    ``scales``: the same space at other scales.
    ``n_samples``: random points that are tried.
    ``enumerate_limit``: a space with at most so many points is counted point by point.
    ``seed``: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    samples = [space.sample(rng) for _ in range(n_samples)]
    _configuration(space)
    for architecture in samples:
        _valid(space, architecture, "sample", "sample() gave")
        _round_trip(space, architecture)
        _mistakes(space, architecture)
        _mutation(space, architecture, rng)
    _pairs(space, samples, rng)
    for architecture in samples[:3]:
        _neighbours(space, architecture, rng)
    first = space.first()
    if first is not None:
        _valid(space, first, "first", "first() names")
    _reproducible(space, seed)
    _enumeration(space, samples, enumerate_limit)
    for other in scales:
        _same_questions(space, other, samples)


def _valid(space: Space, architecture: Architecture, law: str, what: str) -> None:
    try:
        space.validate(architecture)
    except InvalidArchitectureError as error:
        raise AssertionError(f"{law}: {what} an architecture outside of {space}: {error}") from error


def _configuration(space: Space) -> None:
    need(dataclasses.is_dataclass(space), "configuration", f"{type(space).__name__} is not a dataclass.")
    need(
        dataclasses.replace(space) == space,
        "configuration",
        f"{type(space).__name__} with the same fields is not equal to itself.",
    )
    try:
        hash(space)
    except TypeError as error:
        raise AssertionError(
            f"configuration: {type(space).__name__} cannot be hashed; make it a frozen dataclass of plain fields."
        ) from error


def _round_trip(space: Space, architecture: Architecture) -> None:
    again = Architecture.from_json(architecture.to_json())
    need(again == architecture and list(again) == list(architecture), "json", f"{architecture} does not survive JSON.")
    need(again.key == architecture.key, "json", f"{architecture} has another key after JSON.")
    need(space.identity(again) == space.identity(architecture), "identity", f"{architecture} has two identities.")
    asked = [decision.path for decision in space.decisions(architecture)]
    need(
        asked == list(architecture),
        "same questions",
        f"a replay asks {asked}, the sample was asked {list(architecture)}.",
    )


def _mistakes(space: Space, architecture: Architecture) -> None:
    wrong: list[tuple[str, Mapping[str, Scalar]]] = [
        ("with an unknown decision", architecture.replace({"no such decision": 1}))
    ]
    decisions = space.decisions(architecture)
    if decisions:
        path = decisions[-1].path
        wrong += [
            ("with a decision missing", Architecture((p, answer) for p, answer in architecture.items() if p != path)),
            (f"with an impossible answer to {path!r}", architecture.replace({path: "no such option"})),
        ]
    for what, broken in wrong:
        need(broken not in space, "validation", f"an architecture {what} passes for valid.")


def _mutation(space: Space, architecture: Architecture, rng: np.random.Generator) -> None:
    open_to_change = [
        d
        for d in space.decisions(architecture)
        if (d.options.low < d.options.high if isinstance(d.options, Range) else len(d.options) > 1)
    ]
    for n_changes in (1, 3):
        child = space.mutate(architecture, rng, n_changes)
        _valid(space, child, "mutation", "mutate() made")
        need(child != architecture or not open_to_change, "mutation", f"mutate() changed nothing in {architecture}.")


def _pairs(space: Space, samples: list[Architecture], rng: np.random.Generator) -> None:
    for a, b in pairwise(samples):
        try:
            child = space.crossover(a, b, rng)
        except DeadEnd:
            continue  # two parents may have no valid child, and then it says so
        _valid(space, child, "crossover", "crossover() made")
    _valid(space, space.crossover(samples[0], samples[0], rng), "crossover", "crossover() made")
    need(
        space.crossover(samples[0], samples[0], rng) == samples[0],
        "crossover",
        "two equal parents have a child that differs from them.",
    )


def _neighbours(space: Space, architecture: Architecture, rng: np.random.Generator) -> None:
    plain = list(space.neighbours(architecture))
    need(
        plain == list(space.neighbours(architecture)),
        "neighbours",
        "without a generator, two calls give two neighbourhoods.",
    )
    for neighbour in [*plain, *space.neighbours(architecture, rng)]:
        _valid(space, neighbour, "neighbours", "neighbours() gave")
        need(neighbour != architecture, "neighbours", f"{architecture} is among its own neighbours.")


def _reproducible(space: Space, seed: int) -> None:
    first, second = (space.sample(np.random.default_rng(seed)) for _ in range(2))
    need(first == second, "generators only", f"{type(space).__name__} draws two samples from equal generators.")


def _enumeration(space: Space, samples: list[Architecture], limit: int) -> None:
    size, known = space.count(limit), space.known_size()
    if size is None:
        need(known is None or known > limit, "size", f"known_size() says {known}; there are more than {limit} points.")
        return
    need(known in (None, size), "size", f"known_size() says {known}; there are {size} points.")
    points = list(islice(space.enumerate(), limit + 1))
    unique = set(points)
    need(
        size == len(points) == len(unique),
        "size",
        f"count() says {size}; the enumeration has {len(points)} points, {len(unique)} of them different.",
    )
    for point in points:
        _valid(space, point, "enumeration", "enumerate() gave")
    for sample in samples:
        need(sample in unique, "enumeration", f"sample() gave {sample}, which enumerate() never does.")


def _same_questions(space: Space, other: Space, samples: list[Architecture]) -> None:
    if not space.transferable:
        return
    for architecture in samples:
        _valid(other, architecture, "scale", f"{space} has, but another scale of it does not allow,")
        here, there = space.decisions(architecture), other.decisions(architecture)
        need(
            here == there,
            "scale",
            f"{space} and {other} ask different questions; set transferable = False if they must.",
        )
