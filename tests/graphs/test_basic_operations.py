"""Rows that any kind of data is computed with."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.operations import OPERATIONS, infer


@pytest.mark.parametrize(
    ("op", "args", "shapes", "said"),
    [
        ("input", {"shape": (3,), "dtype": "text"}, (), "'text' is unknown"),
        ("linear", {"features": 3}, ((4, 9, 8),), "takes a vector"),
        ("batch_norm", {}, ((5, 6),), "not tokens"),
        ("layer_norm", {"axes": 3}, ((5, 6),), "3 axes"),
        ("softmax", {"axis": 2}, ((5, 6),), "no axis 2"),
        ("add", {}, ((5, 6), (6, 5)), "Only equal shapes"),
        ("concat", {}, ((5, 6), (5, 7)), "first length"),
        ("mul", {}, ((5, 6), (5,)), "cannot be multiplied"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        infer(op, args, shapes)


def test_layer_norm_covers_the_channels_of_tokens_and_all_of_an_image() -> None:
    assert infer("layer_norm", {}, ((5, 6),)).params["weight"] == (6,)
    assert infer("layer_norm", {"axes": 2}, ((5, 6),)).params["weight"] == (5, 6)
    assert infer("layer_norm", {}, ((2, 3, 4),)).params["weight"] == (2, 3, 4)


def test_an_argument_that_joined_a_row_is_left_out_where_it_has_its_default() -> None:
    assert infer("softmax", {"axis": 0}, ((5, 6),)).args == {}
    assert infer("softmax", {"axis": -1}, ((5, 6),)).args == {"axis": -1}
    assert OPERATIONS["softmax"].quiet == ("axis",)
