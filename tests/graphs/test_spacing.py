from __future__ import annotations

import numpy as np
import pytest

from archsmith.graphs.spacing import spaced


def slant(n: int, edges: list[tuple[int, int]]) -> np.ndarray:
    """The sum of squared slants of ``edges``, as the matrix of a quadratic form."""
    found = np.zeros((n, n))
    for i, j in edges:
        found[[i, j], [i, j]] += 1
        found[[i, j], [j, i]] -= 1
    return found


@pytest.mark.parametrize("seed", range(6))
def test_distances_hold_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 12
    edges = [tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(15)]
    least = [((i, i + 1), float(rng.uniform(5, 80))) for i in range(n - 1) if i % 4 != 3]
    x = spaced(slant(n, edges), least)  # type: ignore[arg-type]
    assert all(x[j] - x[i] >= distance - 1e-9 for (i, j), distance in least)


def test_edges_that_can_be_straight_are_straight() -> None:
    # two rows of two, each box above its own
    x = spaced(slant(4, [(0, 2), (1, 3)]), [((0, 1), 50.0), ((2, 3), 80.0)])
    assert x[0] == pytest.approx(x[2], abs=0.1)
    assert x[1] == pytest.approx(x[3], abs=0.1)
    assert x[1] - x[0] == pytest.approx(80.0, abs=2.0)


def test_one_between_two_stands_in_the_middle() -> None:
    x = spaced(slant(3, [(0, 2), (1, 2)]), [((0, 1), 60.0)])
    assert x[1] - x[0] == pytest.approx(60.0, abs=0.1)
    assert x[2] == pytest.approx((x[0] + x[1]) / 2, abs=0.1)


def test_without_distances_everything_is_in_one_place() -> None:
    assert spaced(slant(3, [(0, 1)]), []).tolist() == [0.0, 0.0, 0.0]


def test_what_hangs_on_nothing_does_not_float_away() -> None:
    x = spaced(np.zeros((3, 3)), [((0, 1), 10.0), ((1, 2), 10.0)])
    assert np.diff(x) == pytest.approx([10.0, 10.0], abs=0.5)
    assert np.abs(x).max() < 100


def test_a_pull_holds_two_at_a_distance() -> None:
    x = spaced(slant(3, [(0, 1), (1, 2)]), [((0, 1), 10.0)], np.array([-30.0, 30.0, 0.0]))
    assert x[1] - x[0] == pytest.approx(30.0, abs=0.1)
    assert x[2] == pytest.approx(x[1], abs=0.1)
    assert np.diff(spaced(slant(2, [(0, 1)]), [], np.array([-5.0, 5.0]))) == pytest.approx([5.0], abs=0.1)
