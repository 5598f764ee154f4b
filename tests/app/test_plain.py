from __future__ import annotations

import math

import pytest

from archsmith.app.plain import Plain


class Some(Plain):
    value: float
    points: tuple[tuple[float, float], ...] = ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Some(value=value)
    with pytest.raises(ValueError, match="finite"):
        Some(value=1.0, points=((1.0, value),))


def test_facts_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Some(value=1.0).value = 2.0
