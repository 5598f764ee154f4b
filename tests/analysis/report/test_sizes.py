from __future__ import annotations

from typing import Any

from archsmith.analysis.report.sizes import sizes_of
from archsmith.analysis.study import read_study


def test_the_front_has_no_trial_that_another_beats(make: Any) -> None:
    sizes = sizes_of(read_study(make(n_trials=60)))
    assert sizes is not None
    assert [params for params, _, _ in sizes.front] == sorted(params for params, _, _ in sizes.front)
    for params, value, _ in sizes.front:
        assert not any((dot.params or 0) <= params and (dot.value or 0) > value for dot in sizes.dots)
