from __future__ import annotations

import ast

import pytest

from archsmith.bundle.exporter import literal


@pytest.mark.parametrize(
    "values",
    [(), (0.1,), ("a", "b"), tuple(f"a text with a number {i}" for i in range(50)), ('quo"te', "new\nline", "ünï")],
)
def test_a_tuple_survives_as_text(values: tuple[object, ...]) -> None:
    text = literal(values)
    assert ast.literal_eval(text) == values
    assert max(map(len, text.splitlines())) <= 120
