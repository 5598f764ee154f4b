"""Texts of a form as values; ``test_form`` asks for them by their names."""

from __future__ import annotations

import pytest

from archsmith.app.fields import LARGEST, Field, value_of


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "1,000,000", 1_000_000),
        ("int", "-5", -5),
        ("int", f"{LARGEST:,}", LARGEST),
        ("float", "1,000.25", 1000.25),
        ("float", "1e-3", 0.001),
        ("list", "1, 2.5", [1.0, 2.5]),
        ("list", "a, b", ["a", "b"]),
        ("bool", "no", False),
        ("str", "", None),
    ],
)
def test_a_text_has_a_value(kind: str, text: str, value: object) -> None:
    assert value_of(Field("f", "F", "", kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "2,5"), ("int", "1,0000"), ("int", ",5"), ("int", "1_0"), ("float", "2,5"), ("float", "inf")],
)
def test_what_may_be_meant_otherwise_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        value_of(Field("f", "F", "", kind), text)


def test_a_whole_number_has_a_limit() -> None:
    with pytest.raises(ValueError, match="too large"):
        value_of(Field("f", "F", "", "int"), "9" * 500)
