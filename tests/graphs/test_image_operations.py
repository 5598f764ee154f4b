"""Rows that images are computed with."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.operations import OPERATIONS, infer


@pytest.mark.parametrize(
    ("op", "args", "shapes", "said"),
    [
        ("conv", {"filters": 6, "groups": 4}, ((6, 8, 8),), "4 groups"),
        ("shared_conv", {"filters": 6}, ((6, 8, 8),), "1 groups"),
        ("shared_conv", {"filters": 6, "groups": 2, "tiles": 2}, ((6, 8, 8),), "2 groups"),
        ("shared_conv", {"filters": 6, "tiles": (3, 1)}, ((6, 8, 8),), "cannot be cut"),
        ("max_pool", {}, ((7,),), "takes an image"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        infer(op, args, shapes)


def test_a_shared_convolution_has_the_weights_of_one_part() -> None:
    groups = infer("shared_conv", {"filters": 4, "groups": 3}, ((6, 8, 8),))
    assert (groups.shape, groups.params["weight"]) == ((12, 8, 8), (4, 2, 3, 3))
    tiles = infer("shared_conv", {"filters": 4, "tiles": (2, 4), "stride": 2}, ((6, 8, 8),))
    assert (tiles.shape, tiles.params["weight"]) == ((4, 4, 4), (4, 6, 3, 3))


def test_a_narrow_convolution_that_skips_pixels_runs_as_another_module() -> None:
    facts = infer("conv", {"filters": 6, "kernel": 1, "stride": 2}, ((4, 8, 8),))
    call = OPERATIONS["conv"].stand_in(facts.args, ((4, 8, 8),))
    assert call is not None and call.name == "NarrowConv"
    assert OPERATIONS["conv"].stand_in(facts.args, ((16, 8, 8),)) is None
