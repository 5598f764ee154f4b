from __future__ import annotations

import math

import pytest

from archsmith.analysis.report.noted import finite


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None), (math.nan, None), (math.inf, None)],
)
def test_only_finite_numbers_count(value: object, number: float | None) -> None:
    assert finite(value) == number
