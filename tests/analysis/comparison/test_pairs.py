"""Two strategies, run by run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from archsmith.analysis.comparison.pairs import against, corrected, differences
from archsmith.analysis.comparison.statistics import wilcoxon

REFERENCE = np.zeros(10)


def test_the_effect_is_the_share_won_less_the_share_lost() -> None:
    test = against("a", np.array([1.0, 2, 3, 4, 5, 6, 0, 0, -1, -2]), REFERENCE)
    assert (test.better, test.worse, test.ties) == (6, 2, 2)
    assert test.effect == pytest.approx(0.4)


def test_the_interval_goes_with_the_test() -> None:
    better = against("a", np.arange(1.0, 11), REFERENCE)
    assert better.clear is False  # not corrected yet
    assert corrected([better])[0].clear and corrected([better])[0].ahead
    assert better.interval is not None and better.interval[0] is not None and better.interval[0] > 0
    mixed = against("a", np.array([1.0, -2, 3, -4, 5, -6, 7, -8, 9, -10]), REFERENCE)
    assert mixed.interval is not None and mixed.interval[0] is not None and mixed.interval[1] is not None
    assert mixed.interval[0] < 0 < mixed.interval[1] and not corrected([mixed])[0].clear


def test_a_run_that_found_nothing_leaves_an_end_open() -> None:
    own = np.array([1.0] * 8 + [-math.inf] * 2)
    test = against("a", own, REFERENCE)
    assert test.interval == (None, 1.0) and test.worse == 2
    never = against("a", np.full(10, -math.inf), REFERENCE)
    assert (never.difference, never.interval, never.worse) == (None, None, 10)  # no interval that would hold 0
    assert against("a", np.full(10, -math.inf), np.full(10, -math.inf)).ties == 10


def test_few_pairs_have_no_interval_and_runs_that_must_not_be_tested_have_neither() -> None:
    assert against("a", np.ones(5), np.zeros(5)).interval is None
    unfit = against("a", np.arange(1.0, 11), REFERENCE, "they count once")
    assert (unfit.p, unfit.interval, unfit.why, unfit.better) == (None, None, "they count once", 10)


def test_only_tests_that_were_done_are_counted() -> None:
    one = replace(against("a", np.arange(1.0, 11), REFERENCE), p=0.02)
    none = against("b", REFERENCE, REFERENCE)
    assert [test.p_holm for test in corrected([one, none, replace(one, p=0.04)])] == [0.04, None, 0.04]


def test_scores_that_are_equal_up_to_rounding_are_ties() -> None:
    noise = np.array([0.0, 6e-8, -6e-8, 1e-16, 0.02, -0.02, 0.03, 0.04, 0.05, -math.inf])
    test = against("a", np.append(0.95 + noise[:9], -math.inf), np.append(np.full(9, 0.95), -math.inf))
    assert (test.better, test.worse, test.ties) == (4, 1, 5)
    tiny = against("a", np.full(10, 2.1e-5), np.full(10, 2e-5))  # small scores are not equal for being small
    assert tiny.better == 10


def test_differences_of_equal_size_share_their_rank_whatever_their_last_bits() -> None:
    first, last = -0.021012405554453495, 0.021012405554453606
    assert len(set(np.abs(differences(0.9 + np.array([first, last]), np.full(2, 0.9))))) == 1
    assert wilcoxon(differences(0.9 + np.array([first, last, 0.03]), np.full(3, 0.9))) == wilcoxon(
        np.array([-1.0, 1.0, 2.0])
    )


def test_an_infinite_difference_does_not_blur_the_others() -> None:
    own = np.array([-math.inf, 0.5, 1e9, 0.6])
    assert differences(own, np.array([0.5, 0.5, 0.5, 0.5])).tolist() == [-math.inf, 0.0, 1e9 - 0.5, pytest.approx(0.1)]
