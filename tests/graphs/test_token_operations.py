"""Rows that tokens are computed with."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.operations import OPERATIONS, infer


@pytest.mark.parametrize(
    ("op", "args", "shapes", "said"),
    [
        ("embedding", {"size": 3, "dim": 2}, ((5, 6),), "takes codes"),
        ("reshape", {"shape": (4, -1)}, ((5, 6),), "cannot be read as"),
        ("reshape", {"shape": (-1, -1)}, ((5, 6),), "cannot be read as"),
        ("permute", {"order": (1, 2)}, ((5, 6),), "no order"),
        ("matmul", {}, ((5, 6), (5, 6)), "cannot be multiplied as matrices"),
        ("matmul", {"transpose": True}, ((5, 6), (6, 5)), "transposed cannot"),
        ("matmul", {"scale": "half"}, ((5, 6), (6, 5)), "scaled by 'half'"),
        ("token_mean", {}, ((5,),), "takes tokens"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        infer(op, args, shapes)


def test_a_length_may_be_left_open() -> None:
    assert infer("reshape", {"shape": (3, -1)}, ((5, 6),)).args == {"shape": (3, 10)}


@pytest.mark.parametrize(
    ("scale", "written"),
    [(None, ""), ("sqrt", " * 6**-0.5"), (0.5, " * 4**-0.5"), (0.3, " * 0.3"), (-2.0, " * -2.0")],
)
def test_the_scale_of_a_product_reads_like_its_formula(scale: object, written: str) -> None:
    row, shapes = OPERATIONS["matmul"], ((5, 6), (6, 5))
    assert row.code is not None
    assert row.code(infer("matmul", {"scale": scale}, shapes).args, ["a", "b"]) == f"torch.matmul(a, b){written}"
