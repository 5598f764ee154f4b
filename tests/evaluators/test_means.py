"""Means of trainings that are as good as they look."""

from __future__ import annotations

import itertools
import math

import numpy as np

from archsmith.evaluators.means import mean


def test_as_many_right_answers_are_as_good_however_they_are_spread() -> None:
    spread = [[a, b, 1701 - a - b] for a, b in itertools.product(range(500, 630, 7), repeat=2)]
    shares = np.array(spread) / 698
    assert len(set(shares.mean(1))) > 1  # why the means are rounded
    assert len(set(mean(shares))) == 1
    assert mean([602 / 698, 601 / 698, 601 / 698]) > mean([601 / 698] * 3)


def test_what_was_not_recorded_is_left_out() -> None:
    assert mean([1.0, math.nan, 2.0]) == 1.5
    assert mean([[3.0, 5.0], [math.nan, 7.0]]).tolist() == [4.0, 7.0]
    assert np.isnan(mean([math.nan, math.nan])) and np.isnan(mean([]))


def test_digits_are_kept_whatever_the_size() -> None:
    for size in (1e-9, 1.0, 1e12):
        assert abs(mean([1.2345678901 * size]) / (1.2345678901 * size) - 1) < 1e-12
    assert mean([0.0]) == 0.0 and mean([1e12 + 1]) == 1e12 + 1
