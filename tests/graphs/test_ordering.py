from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from archsmith.graphs.ordering import Vertex, inversions, ordered

Links = list[tuple[Vertex, Vertex]]


def crossings(rows: list[list[Vertex]], links: Links) -> int:
    """Pairs of links between the same two rows that end the other way round than they start."""
    place = {vertex: (i, k) for i, row in enumerate(rows) for k, vertex in enumerate(row)}
    ends = [(place[a], place[b]) for a, b in links]
    return sum(a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for (a, b), (c, d) in combinations(ends, 2))


def layers(*widths: int) -> list[list[Vertex]]:
    return [[(f"b{i}_{k}", i) for k in range(width)] for i, width in enumerate(widths)]


def random_links(rows: list[list[Vertex]], seed: int) -> Links:
    rng = np.random.default_rng(seed)
    links = []
    for upper, lower in pairwise(rows):
        for vertex in lower:
            chosen = rng.choice(len(upper), size=min(2, len(upper)), replace=False)
            links += [(upper[k], vertex) for k in chosen]
    return links


@pytest.mark.parametrize("seed", range(8))
def test_an_order_is_never_worse_than_the_given_one(seed: int) -> None:
    rows = layers(4, 6, 5, 3)
    links = random_links(rows, seed)
    found = ordered(rows, links)
    assert [sorted(row) for row in found] == [sorted(row) for row in rows]
    assert crossings(found, links) <= crossings(rows, links)


def test_crossings_that_can_go_are_gone() -> None:
    rows = layers(4, 4, 4)
    links = [(rows[i][k], rows[i + 1][3 - k]) for i in (0, 1) for k in range(4)]
    assert crossings(rows, links) == 12
    assert crossings(ordered(rows, links), links) == 0


def test_two_that_must_cross_cross_once() -> None:
    rows = layers(2, 2)
    links = [(upper, lower) for upper in rows[0] for lower in rows[1]]
    assert crossings(ordered(rows, links), links) == 1


def test_an_order_without_crossings_stays_as_it_is() -> None:
    rows = layers(3, 3)
    links = list(zip(*rows, strict=True))
    assert ordered(rows, links) == rows


def test_the_given_rows_are_left_alone_and_the_answer_repeats() -> None:
    rows = layers(4, 5, 4)
    links = random_links(rows, 3)
    before = [list(row) for row in rows]
    assert ordered(rows, links) == ordered(rows, links)
    assert rows == before


def test_nothing_has_an_order_too() -> None:
    assert ordered([], []) == []
    assert ordered(layers(2), []) == layers(2)


@pytest.mark.parametrize(("order", "expected"), [([], 0), ([1, 2, 3], 0), ([3, 2, 1], 3), ([2, 1, 3], 1), ([1, 1], 0)])
def test_inversions_are_pairs_in_the_wrong_order(order: list[int], expected: int) -> None:
    assert inversions(order) == expected
