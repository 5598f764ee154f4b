"""Sentences about columns."""

from __future__ import annotations

import pytest

from archsmith.data.tables.cells import COMMA, MONTH_FIRST
from archsmith.data.tables.column_notes import Ignored, Seen, listed


def test_only_what_was_seen_is_told() -> None:
    assert Seen().notes([]) == ()


def test_columns_are_told_together_by_what_was_seen() -> None:
    seen = Seen(written={COMMA: ["a", "b"], MONTH_FIRST: ["day"]}, points=["c"])
    commas, dates, points, unused, other = seen.notes([Ignored("d", "why"), Ignored("e", "why"), Ignored("f", "so")])
    assert commas == "Numbers are written with decimal commas (1.234,5) in 'a', 'b'."
    assert dates.startswith("Dates such as 12/31/2024 (month, day, year)") and "'day'" in dates
    assert "taken for fractions in 'c'" in points
    assert (unused, other) == ("Not used: 'd', 'e' (why).", "Not used: 'f' (so).")


@pytest.mark.parametrize("name", ["customer_id", "userId", "Order No.", "ID"])
def test_columns_of_names_are_not_said_to_be_dates(name: str) -> None:
    one, other = Seen(scattered=[name, "valid", "started"]).notes([])
    assert f"seem to be names in {name!r}" in one and "leave them out" in one
    assert "in 'valid', 'started'. If they are dates or numbers" in other


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b", "c"], 2) == "'a', 'b' and 1 more"
