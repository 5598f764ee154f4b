from __future__ import annotations

import math
from typing import Any

from archsmith.analysis.report.search import progress_of
from archsmith.analysis.report.trial_dots import dots_of, floor_of
from archsmith.analysis.study import read_study


def test_thinning_keeps_the_best_ones_and_flatters_nothing_that_is_regular(make: Any) -> None:
    progress = progress_of(read_study(make(n_trials=4000, failed=tuple(range(0, 4000, 50)))))
    assert progress is not None and progress.n_left_out + len(progress.dots) == 4000
    shown = {dot.seconds for dot in progress.dots}
    assert {seconds for seconds, _ in progress.incumbents} <= shown
    # 80 of 4000 failed, so about 16 of 800 that are shown; more than 40 would happen once in more than a million fixed
    # lots.
    assert sum(dot.value is None for dot in progress.dots) < 40


def test_a_failed_trial_says_why(make: Any) -> None:
    dots = dots_of(read_study(make(n_trials=4, failed=(2,))))
    assert [dot.value is None for dot in dots] == [False, False, True, False]
    assert dots[2].error == "Out of memory." and dots[0].first


def test_hopeless_scores_do_not_set_the_scale(make: Any) -> None:
    floor, n_below = floor_of(read_study(make()), [0.1, 0.80, 0.81, 0.82, 0.83, 0.84])
    assert 0.1 < floor < 0.80 and n_below == 1


def test_what_the_axis_has_room_for_is_not_counted_as_below(make: Any) -> None:
    floor, n_below = floor_of(read_study(make()), [0.455, 0.977, 0.977, *[1.0] * 9])
    assert floor > 0.977 and n_below == 1


def test_scores_that_have_room_are_drawn_where_they_are(make: Any) -> None:
    floor, n_below = floor_of(read_study(make()), [0.9345, 0.9956, 0.9869, 0.9956, 0.9956])
    assert floor == -math.inf and n_below == 0
