from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from archsmith.core.size import Pick, Size, estimate
from archsmith.testing.toys import Conditional, Flat, Recursive

RECURSIVE = {1: 2}  # depth -> how many expressions
for depth in range(2, 7):
    RECURSIVE[depth] = 2 + RECURSIVE[depth - 1] + 2 * RECURSIVE[depth - 1] ** 2


def lopsided(pick: Pick) -> bool:
    """1 + 3 ** 10 ends."""
    if pick("long", 2):
        for i in range(10):
            pick(f"x{i}", 3)
    return True


def guarded(pick: Pick) -> bool:
    """Of 1,000 ends, 729 are no dead ends."""
    return all(pick(f"x{i}", 10) != 7 for i in range(3))


def measured(walk: object, n_walks: int = 1000, seed: int = 0) -> Size:
    return estimate(walk, n_walks, np.random.default_rng(seed))  # type: ignore[arg-type]


def test_where_all_walks_are_alike_there_is_no_error() -> None:
    found = measured(lambda pick: all(pick(f"x{i}", 5) >= 0 for i in range(20)))
    assert found.number == pytest.approx(5**20) and found.relative_error < 1e-9
    assert not found.exact and found.unanimous and found.n_walks == 1000


@pytest.mark.parametrize(
    ("walk", "truth"),
    [(lopsided, 1 + 3**10), (guarded, 729)],
)
def test_the_interval_holds_the_truth(walk: object, truth: int) -> None:
    found = [measured(walk, seed=seed) for seed in range(20)]
    assert not any(size.rough for size in found)
    # 95 % each: fewer than 16 of 20 in one of 380 sets of seeds
    assert sum(size.low <= truth <= size.high for size in found) >= 16
    assert all(size.relative_error < 0.1 for size in found)


def test_what_earlier_walks_found_makes_the_error_smaller() -> None:
    # Of equally likely options, 1,000 walks have an error of 21 to 28 % here (Knuth's own estimator).
    sizes = [Recursive(4).size(seed=seed) for seed in range(5)]
    assert max(size.relative_error for size in sizes) < 0.1
    assert all(abs(size.number / RECURSIVE[4] - 1) < 5 * size.relative_error for size in sizes)


def test_more_walks_have_a_smaller_error() -> None:
    assert Conditional(6).size(4000).relative_error < 0.7 * Conditional(6).size(1000).relative_error


def test_a_rough_estimate_promises_no_more_than_it_can_keep() -> None:
    sizes = [Recursive(6).size(200, seed) for seed in range(20)]
    assert sum(size.rough for size in sizes) >= 15  # nearly all lies beneath answers that are hard to find by chance
    assert sum(size.low <= RECURSIVE[6] <= size.high for size in sizes) >= 18
    rough = next(size for size in sizes if size.rough)
    assert rough.low == pytest.approx(rough.number / 20) and rough.high == math.inf
    assert str(rough).startswith("more than ") and "differ a lot" in str(rough)


def test_equal_seeds_give_equal_estimates() -> None:
    assert Conditional(6).size(seed=3) == Conditional(6).size(seed=3) != Conditional(6).size(seed=4)


def test_nothing_but_dead_ends() -> None:
    found = measured(lambda pick: pick("x", 2) > 1)
    assert (found.number, found.low, found.high) == (0, 0, math.inf) and not found.exact
    assert str(found) == "no architecture was found in 1,000 random walks"


def test_questions_with_very_many_options_are_not_learnt() -> None:
    found = measured(lambda pick: pick("x", 10**12) >= 0, n_walks=10)
    assert found.number == pytest.approx(1e12)


@dataclass(frozen=True)
class Unknown(Flat):
    """A flat space that does not know its size."""

    def known_size(self) -> None:  # type: ignore[override]
        return None


def test_sizes_beyond_the_largest_float() -> None:
    found = Unknown(400, 10).size(20)
    assert isinstance(found.number, int)
    assert str(found) == "1.0e+400 architectures, as all 20 random walks say"
    assert str(Size(10**400)) == "1.000e+400 architectures, exactly"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Size(15_625), "15,625 architectures, exactly"),
        (Size(1), "1 architecture, exactly"),
        (
            Size(math.inf, reason="The decision 'x' is a real number."),
            "infinitely many architectures. The decision 'x' is a real number",
        ),
        (
            Size(8e10, 0.1, 500),
            "about 8.0e+10 architectures (6.0e+10 to 1.0e+11 with 95 % confidence), estimated from 500 random walks",
        ),
        (Size(16_384.0, 1e-16, 1000), "16,384 architectures, as all 1,000 random walks say"),
        (Size(2000.4, 0.001, 500), "about 2,000 architectures (1,995 to 2,005 with"),
    ],
)
def test_a_size_says_whether_it_is_exact(size: Size, text: str) -> None:
    assert str(size).startswith(text)
