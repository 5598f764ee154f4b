"""Spaces that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.space import Choose, Space
from archsmith.testing.laws import check_space
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive

_calls = itertools.count()


@dataclass(frozen=True)
class Moody(Flat):
    """Asks another last question each time."""

    def decide(self, choose: Choose) -> None:
        super().decide(choose)
        choose(f"mood{next(_calls)}", (0, 1))


@dataclass(frozen=True)
class OwnDice(Flat):
    """Samples without the generator that it is given."""

    n_decisions: int = 8
    n_options: int = 10  # two draws agree by chance once in 10^8

    def sample(self, rng: np.random.Generator) -> Architecture:
        return super().sample(np.random.default_rng())


@dataclass(frozen=True)
class Idle(Flat):
    """Mutates into the same."""

    def mutate(self, architecture: Architecture, rng: np.random.Generator, n_changes: int = 1) -> Architecture:
        return architecture


@dataclass(frozen=True)
class SelfNeighbour(Flat):
    """Is its own neighbour."""

    def neighbours(self, architecture: Architecture, rng: np.random.Generator | None = None) -> Iterator[Architecture]:
        yield architecture


@dataclass(frozen=True)
class Forgetful(Flat):
    """Leaves half of its points out of its enumeration, and of its size."""

    def enumerate(self) -> Iterator[Architecture]:
        points = list(super().enumerate())
        yield from points[: len(points) // 2]

    def count(self, limit: int | None = None, on_progress: Callable[[int], object] | None = None) -> int:
        return self.known_size()

    def known_size(self) -> int:
        return super().known_size() // 2


@dataclass(frozen=True)
class Twice(Flat):
    """Enumerates every point twice."""

    def enumerate(self) -> Iterator[Architecture]:
        for point in super().enumerate():
            yield from (point, point)


@dataclass(frozen=True)
class WrongFormula(Flat):
    """Knows a size that it does not have."""

    def known_size(self) -> int:
        return self.n_decisions * self.n_options


@dataclass(frozen=True)
class WrongFormulaOfMany(WrongFormula):
    """Has more points than the laws count."""

    n_decisions: int = 8


@dataclass(frozen=True)
class WrongFirst(Flat):
    """Names a first architecture that it does not have."""

    def first(self) -> Architecture:
        return Architecture({"x0": 0})


@dataclass(frozen=True)
class Credulous(Flat):
    """Takes anything for valid."""

    def __contains__(self, architecture: object) -> bool:
        return True


@dataclass(frozen=True)
class Fickle(Flat):
    """Has a new identity for the same architecture each time."""

    def identity(self, architecture: Architecture) -> str:
        return str(next(_calls))


WRONG: dict[type[Space], str] = {
    Moody: "sample",
    OwnDice: "generators only",
    Idle: "mutation",
    SelfNeighbour: "neighbours",
    Forgetful: "enumeration",
    Twice: "size",
    WrongFormula: "size",
    WrongFormulaOfMany: "size",
    WrongFirst: "first",
    Credulous: "validation",
    Fickle: "identity",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_space_is_caught_by_the_law_that_it_breaks(wrong: type[Space]) -> None:
    with pytest.raises(AssertionError, match=f"^{WRONG[wrong]}: "):
        check_space(wrong())


@pytest.mark.parametrize(
    "space", [Flat(), Flat(1, 1), Flat(6, 10), Conditional(), Recursive(), Recursive(3, max_nodes=4), Mixed()], ids=str
)
def test_toy_spaces_pass(space: Space) -> None:
    check_space(space)


def test_another_scale_must_ask_the_same() -> None:
    check_space(Flat(3), scales=[Flat(3)])
    with pytest.raises(AssertionError, match=r"^scale: "):
        check_space(Flat(3), scales=[Flat(4)])
    with pytest.raises(AssertionError, match=r"^scale: .* different questions"):
        check_space(Flat(3, 3), scales=[Flat(3, 4)])
