"""Laws of search spaces, whatever the space's program does.

They say what sampling, mutation, crossover, neighbours, enumeration and JSON promise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice, pairwise
from typing import Any

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DeadEnd, InvalidArchitectureError, UsageError
from archsmith.core.fields import check_above_0, check_from_0, checked, said
from archsmith.core.space import Range, Space, changeable, replaying
from archsmith.testing.elsewhere import differs_elsewhere
from archsmith.testing.need import Broken, keeping, need
from archsmith.testing.nesting import NestingTrace
from archsmith.testing.randomness import global_randomness


@checked
def check_space(
    space: Space, *, scales: Iterable[Space] = (), n_samples: int = 20, enumerate_limit: int = 2000, seed: int = 0
) -> None:
    """Raises AssertionError when ``space`` breaks a law of spaces, with the law and what was found.

    A space of networks is also asked at other scales: with another image size, number of outputs and, where it has a
    field ``scale``, others of its numbers. Points that are a dead end there are left out, and so are
    scales that the space refuses by a UsageError or ValueError.

    ``scales``: the same space at more scales. There its points may not be dead ends.
    ``n_samples``: random points that are tried.
    ``enumerate_limit``: a space with at most so many points is counted point by point.
    ``seed``: of all that is drawn.
    """
    check_above_0("check_space", n_samples=n_samples)
    check_from_0("check_space", enumerate_limit=enumerate_limit, seed=seed)
    for place, other in enumerate(scales := tuple(scales)):
        if not isinstance(other, Space):
            raise UsageError(
                f"check_space.scales[{place}] {said(other)}.", "Give spaces: the same one at other scales."
            )
    rng = np.random.default_rng(seed)
    _configuration(space)
    samples = _samples(space, n_samples, rng)
    for architecture in samples:
        with keeping("sample"):
            _valid(space, architecture, "sample", "sample() gave")
        _identity(space, architecture)
        _round_trip(space, architecture)
        with keeping("own paths"):
            space.decide(NestingTrace(replaying(architecture)))
        _mistakes(space, architecture)
        _mutation(space, architecture, rng)
    _pairs(space, samples, rng)
    for architecture in samples[:3]:
        _neighbours(space, architecture, rng)
    _first(space)
    _reproducible(space, seed)
    _enumeration(space, samples, enumerate_limit)
    for other in scales:
        _same_questions(space, other, samples)
    for other in _other_scales(space):
        _same_questions(space, other, samples, dead_ends=True)


@keeping("questions")
def _samples(space: Space, n: int, rng: np.random.Generator) -> list[Architecture]:
    return [space.sample(rng) for _ in range(n)]


@keeping("first")
def _first(space: Space) -> None:
    first = space.first()
    if first is not None:
        _valid(space, first, "first", "first() names")


def _valid(space: Space, architecture: Architecture, law: str, what: str) -> None:
    try:
        space.validate(architecture)
    except InvalidArchitectureError as error:
        raise Broken(f"{law}: {what} an architecture outside of {space}: {error}") from error


@keeping("configuration")
def _configuration(space: Space) -> None:
    need(
        dataclasses.is_dataclass(space)
        and ("__dataclass_params__" in (own := vars(type(space))) or "__init__" not in own),
        "configuration",
        f"{type(space).__name__} is not a dataclass. Write @dataclass(frozen=True) above the class.",
    )
    need(
        dataclasses.replace(space) == space,
        "configuration",
        f"{type(space).__name__} with the same fields is not equal to itself.",
    )
    try:
        hash(space)
    except TypeError as error:
        raise Broken(
            f"configuration: {type(space).__name__} cannot be hashed; make it a frozen dataclass of plain fields."
        ) from error


@keeping("identity")
def _identity(space: Space, architecture: Architecture) -> None:
    again = Architecture.from_json(architecture.to_json())
    need(space.identity(again) == space.identity(architecture), "identity", f"{architecture} has two identities.")


@keeping("json")
def _round_trip(space: Space, architecture: Architecture) -> None:
    again = Architecture.from_json(architecture.to_json())
    need(again == architecture and list(again) == list(architecture), "json", f"{architecture} does not survive JSON.")
    need(again.key == architecture.key, "json", f"{architecture} has another key after JSON.")
    asked = [decision.path for decision in space.decisions(architecture)]
    need(
        asked == list(architecture),
        "same questions",
        f"a replay asks {asked}, the sample was asked {list(architecture)}.",
    )


@keeping("validation")
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


@keeping("mutation")
def _mutation(space: Space, architecture: Architecture, rng: np.random.Generator) -> None:
    open_to_change = [
        d
        for d in space.decisions(architecture)
        if (d.options.low < d.options.high if isinstance(d.options, Range) else changeable(d))
    ]
    for n_changes in (1, 3):
        child = space.mutate(architecture, rng, n_changes)
        _valid(space, child, "mutation", "mutate() made")
        need(child != architecture or not open_to_change, "mutation", f"mutate() changed nothing in {architecture}.")


@keeping("crossover")
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


@keeping("neighbours")
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


@keeping("generators only")
def _reproducible(space: Space, seed: int) -> None:
    name, before = type(space).__name__, global_randomness()
    first, second = (space.sample(np.random.default_rng(seed)) for _ in range(2))
    need(first == second, "generators only", f"{name} draws two samples from equal generators.")
    need(global_randomness() == before, "generators only", f"{name} draws from a global generator.")
    if not hasattr(space, "build"):  # the laws of networks compare these
        differs = differs_elsewhere(space, 3, seed)
        need(differs is None, "generators only", f"{name} is another space in another process: {differs}")


@keeping("enumeration")
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


@keeping("scale")
def _same_questions(space: Space, other: Space, samples: list[Architecture], dead_ends: bool = False) -> None:
    if not space.transferable:
        return
    hint = "where its options must depend on shapes, set transferable = False."
    for architecture in samples:
        try:
            there = other.decisions(architecture)
        except InvalidArchitectureError as error:
            if dead_ends and isinstance(error.__cause__, DeadEnd):
                continue
            raise Broken(
                f"scale: {space} and {other} ask different questions: {error.message} A space asks the same at every "
                f"scale; {hint}"
            ) from error
        here = space.decisions(architecture)
        need(here == there, "scale", f"{space} and {other} ask different questions; {hint}")


@keeping("scale")
def _other_scales(space: Any) -> list[Any]:
    """``space`` with other inputs and outputs, and around its cells other numbers than it has; nothing for a space
    without networks.
    """
    if not hasattr(space, "n_outputs"):
        return []
    changes: list[dict[str, Any]] = [{"n_outputs": space.n_outputs + 1}]
    shape = getattr(space, "input_shape", None)
    if shape is not None:
        changes += [{"input_shape": (*shape[:-2], *(int(side * factor) for side in shape[-2:]))} for factor in (0.5, 2)]
    scale: Any = getattr(space, "scale", None)
    numbers: dict[str, int] = {}
    if dataclasses.is_dataclass(scale) and not isinstance(scale, type):
        values = {f.name: getattr(scale, f.name) for f in dataclasses.fields(scale)}
        numbers = {name: n for name, n in values.items() if type(n) is int and n > 0}
    found: list[Any] = []
    for change in changes:
        with suppress(UsageError, ValueError):  # not every space exists at every scale
            found.append(dataclasses.replace(space, **change))
    for name, n in numbers.items():
        with suppress(UsageError, ValueError):
            found.append(dataclasses.replace(space, scale=dataclasses.replace(scale, **{name: 2 * n})))
    return found
