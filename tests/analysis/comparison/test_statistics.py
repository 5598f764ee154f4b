from __future__ import annotations

import math

import numpy as np
import pytest

from archsmith.analysis.comparison.statistics import wilcoxon


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
