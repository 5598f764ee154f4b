"""The growth that every space has: by its decisions, in the order in which they are asked."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.growth import ABSENT, START, VOCABULARY, Expansions, Grown, Prefixes, growth_of
from archsmith.core.space import Space
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive


def beam_of(expansions: Expansions) -> list[Grown]:
    return [Grown(expansions.architecture(i), expansions.tokens[i]) for i in range(len(expansions))]


@pytest.mark.parametrize("space", [Flat(3, 3), Conditional(), Recursive(2)], ids=repr)
def test_all_levels_together_reach_every_point_of_a_small_space(space: Space) -> None:
    growth, rng = growth_of(space), np.random.default_rng(0)
    beam, reached = [START], set()
    for level in range(1, 20):
        expansions = growth.expand(level, beam, 1000, rng)
        beam = beam_of(expansions)
        reached |= {point.architecture for point in beam}
        if not beam:
            break
    assert not beam
    assert reached == set(space.enumerate())


@pytest.mark.parametrize(
    "space", [Flat(6, 10), Conditional(3), Recursive(4), Recursive(3, max_nodes=5), Mixed()], ids=repr
)
def test_what_is_offered_are_points_that_keep_what_was_grown(space: Space) -> None:
    growth, rng = Prefixes(space), np.random.default_rng(0)
    beam = [START]
    for level in range(1, growth.n_levels + 1):
        expansions = growth.expand(level, beam, 20, rng)
        assert len(expansions) <= 200
        assert bool(((expansions.tokens >= ABSENT) & (expansions.tokens < VOCABULARY)).all())
        for i, at in enumerate(expansions.parents):
            space.validate(expansions.architecture(i))
            before = beam[at].tokens
            assert expansions.tokens[i, : len(before)].tolist() == before.tolist()
        beam = beam_of(expansions)[-5:]  # in most toys the largest points


def test_levels_are_groups_of_decisions() -> None:
    assert [Prefixes(Flat(n, 2)).n_levels for n in (1, 4, 5, 6, 10, 50)] == [1, 4, 5, 3, 5, 5]
    first = Prefixes(Flat(10, 3)).expand(1, [START], 20, np.random.default_rng(0))
    assert sorted(tuple(first.architecture(i).values()) for i in range(len(first))) == [
        (a, b, *[0] * 8) for a in range(3) for b in range(3)
    ]


def test_numbers_are_offered_in_bins() -> None:
    first = Prefixes(Mixed()).expand(
        2, [Grown(Mixed().sample(np.random.default_rng(0)), np.zeros(1, np.int16))], 20, np.random.default_rng(0)
    )
    assert sorted(first.architecture(i)["n_layers"] for i in range(len(first))) == list(range(1, 9))
