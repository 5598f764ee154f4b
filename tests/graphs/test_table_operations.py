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
        ("trees", {"features": 1, "groups": 1, "trees": 1, "forks": 1, "leaves": 2}, ((5, 6),), "takes numbers"),
        ("trees", {"features": 2, "groups": 1, "trees": 3, "forks": 1, "leaves": 2}, ((7,),), "3 trees for 2 outputs"),
        ("trees", {"features": 1, "groups": 1, "trees": 0, "forks": 1, "leaves": 2}, ((7,),), "0 trees"),
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


def test_trees_have_values_of_leaves_as_parameters_and_forks_as_buffers() -> None:
    sizes = {"features": 1, "groups": 2, "trees": 5, "forks": 3, "leaves": 4}
    facts = infer("trees", sizes, ((7,),))
    assert facts.params == {"value": (2, 5, 4)} and facts.n_params == 40
    assert facts.macs == 40 * 3 + 40
    assert set(facts.buffers) == {"feature", "threshold", "path", "count"}
    with_sets = infer("trees", {**sizes, "sets": 6, "sides": 30}, ((7,),)).buffers
    assert with_sets["column"] == with_sets["start"] == (2, 6) and with_sets["side"] == (30,)
