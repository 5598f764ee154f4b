from __future__ import annotations

from dataclasses import dataclass

import pytest

from archsmith.core.errors import DeadEnd
from archsmith.core.sketch import Sketch
from archsmith.core.space import Choose, Space
from archsmith.strategies.space_facts import SAMPLE, _whole, connected, space_facts
from archsmith.testing.toys import Flat, Mixed, Recursive


def test_a_small_space_is_known_as_a_whole() -> None:
    space = Flat(3, 4)
    points = space_facts(space, 0).all_points
    assert points is not None
    assert list(points.architectures) == list(space.enumerate())
    assert len(points.rows) == 64
    assert all(points.architectures[place].key == key for key, place in points.places.items())


def test_a_large_or_endless_space_is_known_by_a_sample() -> None:
    for space in (Flat(6, 10), Mixed()):
        facts = space_facts(space, 0)
        assert facts.all_points is None and facts.encoding is None
        assert len(facts.sample) == SAMPLE


@dataclass(frozen=True)
class Cheap(Space):
    """Few of very many answers are no dead end."""

    def decide(self, choose: Choose) -> None:
        options = tuple(range(300))
        if choose("a", options) + choose("b", options) > 3:  # type: ignore[operator]
            raise DeadEnd("too large")


def test_a_space_of_dead_ends_is_not_enumerated_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.core.space.MOST_ASKED", 1000)
    assert _whole(Cheap()) is None


def test_equal_seeds_give_equal_samples() -> None:
    first, second = (space_facts.__wrapped__(Recursive(), 7) for _ in range(2))
    assert first.sample == second.sample


def test_a_network_without_paths_is_not_connected() -> None:
    assert connected(Sketch({})) and connected(Sketch({}, paths={"conv": 1}))
    assert not connected(Sketch({}, paths={}))


def test_the_points_of_a_space_are_found_once_for_all_seeds() -> None:
    one, other = (space_facts(Flat(3, 4), seed) for seed in (0, 1))
    assert one.all_points is not None and other.all_points is not None
    assert one.all_points.architectures is other.all_points.architectures
    assert one.sample != other.sample
