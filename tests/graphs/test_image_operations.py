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
        ("resize", {"size": 8}, ((7,),), "takes an image"),
        ("pad", {"sides": (0, 1, 0, 1)}, ((7,),), "takes an image"),
        ("affine", {"factors": (1.0, 2.0), "offsets": (0.0,) * 3}, ((3, 8, 8),), "2 factors for 3 channels"),
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


def test_zeros_may_be_put_at_one_side_only() -> None:
    assert infer("pad", {"sides": (0, 1, 2, 0)}, ((4, 8, 8),)).shape == (4, 9, 10)


def test_a_size_may_be_one_number() -> None:
    assert infer("resize", {"size": 12}, ((4, 8, 6),)).shape == (4, 12, 12)
