"""Rows that tables are computed with."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.operations import OPERATIONS, infer


@pytest.mark.parametrize(
    ("op", "args", "shapes", "said"),
    [
        ("standardise", {}, ((5, 6),), "takes numbers"),
        ("missing", {"columns": (0, 7)}, ((7,),), "7 numbers"),
        ("missing", {"columns": ()}, ((7,),), "7 numbers"),
        ("piecewise_linear", {"bins": 0}, ((7,),), "0 bins"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        infer(op, args, shapes)


def test_constants_are_buffers_and_no_parameters() -> None:
    for op, args in (("standardise", {}), ("piecewise_linear", {"bins": 4}), ("scale", {})):
        facts = infer(op, args, ((7,),))
        assert facts.buffers and not facts.params and OPERATIONS[op].fit is not None
