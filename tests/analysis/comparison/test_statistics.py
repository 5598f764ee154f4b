from __future__ import annotations

import math

import numpy as np
import pytest

from archsmith.analysis.comparison.statistics import holm, typical, wilcoxon


def test_the_p_value_is_exact_without_ties() -> None:
    # All six positive: of 2⁶ choices of signs one gives this sum and one its mirror image.
    assert wilcoxon(np.array([1.0, 2, 3, 4, 5, 6])) == pytest.approx(2 / 64)
    # The smallest one negative: the sums 0 and 1 from below, and their mirror images.
    assert wilcoxon(np.array([-1.0, 2, 3, 4, 5, 6])) == pytest.approx(4 / 64)


def test_ties_share_the_middle_of_their_ranks_and_zeros_are_left_out() -> None:
    # Sizes 1, 1, 2 have ranks 1.5, 1.5, 3. One negative of the tied ones: the positive sum 4.5 of 6; sums of the 8
    # choices: 0, 1.5², 3², 4.5², 6.
    assert wilcoxon(np.array([-1.0, 1, 2, 0, 0])) == pytest.approx(2 * 3 / 8)
    assert wilcoxon(np.zeros(5)) == 1.0


def test_the_p_value_does_not_care_about_direction_or_infinity() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 40)
    assert wilcoxon(differences) == pytest.approx(wilcoxon(-differences))
    assert wilcoxon(np.array([math.inf, math.inf, 1, 2, 3, -0.5])) == wilcoxon(np.array([9.0, 9.0, 1, 2, 3, -0.5]))


@pytest.mark.parametrize(("n", "exactly"), [(12, True), (60, False), (400, False)])
def test_the_p_value_agrees_with_scipy(n: int, exactly: bool) -> None:
    stats = pytest.importorskip("scipy.stats")
    differences = np.random.default_rng(n).normal(0.15, 1, n)
    theirs = stats.wilcoxon(differences, method="exact" if exactly else "auto", correction=not exactly).pvalue
    assert wilcoxon(differences) == pytest.approx(theirs, rel=1e-9 if exactly else 0.02)


def test_false_alarms_are_as_rare_as_promised() -> None:
    """500 comparisons of equals at 5 %: 25 alarms are expected, sd 4.9. Fails falsely with a chance below 1e-5 (normal
    curve, 4.5 sd and more).
    """
    rng = np.random.default_rng(1)
    alarms = sum(wilcoxon(rng.normal(size=25)) < 0.05 for _ in range(500))
    assert 3 <= alarms <= 47


def test_blocks_are_ranked_apart_and_their_sums_added() -> None:
    # Sizes 1 to 3 twice, all positive but one 1: of 2⁶ choices the sums 0 and 1 (two of them) and their mirror images.
    one, other = np.array([1.0, 2, 3]), np.array([-1.0, 2, 3])
    assert wilcoxon(one, other) == pytest.approx(6 / 64)
    assert wilcoxon(1000 * one, other) == pytest.approx(6 / 64)  # units do not matter
    assert wilcoxon(np.concatenate([1000 * one, other])) == pytest.approx(4 / 64)  # here they would
    assert wilcoxon(one, np.zeros(3)) == wilcoxon(one)
    assert wilcoxon(np.zeros(3), np.zeros(2)) == 1.0


def test_the_typical_difference_of_a_text_book() -> None:
    """Depression scores before and after, Hollander and Wolfe 1999, table 3.1: examples 3.3 and 3.4 say 0.46, and 0.010
    to 0.786. The interval is R's, too: wilcox.test(before, after, paired = TRUE, conf.int = TRUE).
    """
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    middle, interval = typical(before - after)
    assert middle == pytest.approx(0.46)
    assert interval == pytest.approx((0.010, 0.786))
    assert wilcoxon(before - after) == pytest.approx(0.0390625)


def test_the_interval_leaves_zero_out_where_the_test_does() -> None:
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(200):
        differences = rng.normal(0.4, 1, rng.integers(6, 25))
        low, high = typical(differences)[1] or (0.0, 0.0)
        seen.add(low > 0 or high < 0)
        assert (low > 0 or high < 0) == (wilcoxon(differences) < 0.05)
    assert seen == {True, False}


def test_with_equal_sizes_the_interval_may_hold_zero_where_the_test_rejects_it() -> None:
    """As its docstring says: the critical sum of ranks is that of differences without ties."""
    differences = np.array([1.0, 2, 3, -3, 5, 6, 7, 8])
    assert wilcoxon(differences) == pytest.approx(2 * 6 / 2**8)
    assert (typical(differences)[1] or (1.0, 1.0))[0] == 0


def test_zeros_and_infinities_have_their_place_in_the_interval() -> None:
    assert typical(np.array([0.0] * 14 + [0.1] * 6))[1] == pytest.approx((0.0, 0.05))
    assert typical(np.array([math.inf, -math.inf, 1.0, 1, 1, 1])) == (1.0, (-math.inf, math.inf))
    assert typical(np.arange(5.0)) == (2.0, None)  # the widest interval of five is as sure as 94 %
    assert typical(np.arange(6.0)) == (2.5, (0.0, 5.0))


def test_intervals_of_many_pairs_are_as_wide_as_the_normal_curve_says() -> None:
    low, high = typical(np.random.default_rng(5).normal(size=400))[1] or (0.0, 0.0)
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(400 * 3 / math.pi), rel=0.15)  # efficiency 3 / π


def test_p_values_are_corrected_step_by_step() -> None:
    assert holm([0.01, 0.04, 0.03, None, 0.005]) == pytest.approx([0.03, 0.06, 0.06, None, 0.02])
    assert holm([]) == [] and holm([None, 0.7, 0.8]) == [None, 1.0, 1.0]
