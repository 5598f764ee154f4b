"""Values of columns: what is missing, how numbers and dates are read, and what categories are called."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import (
    COMMA,
    DATE,
    DAY_FIRST,
    GROUPED,
    PLAIN,
    TEXTS,
    Raw,
    Repeated,
    canonical,
    is_padded,
    iso_text,
    parsed,
    raw,
)


@pytest.mark.parametrize("text", ["", " ", "?", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "<NA>", "NaT"])
def test_these_texts_say_that_a_value_is_missing(text: str) -> None:
    assert canonical(text) is None
    assert np.isnan(parsed(text, PLAIN))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"), [(" a ", "a"), ("1.0", "1"), ("01.0", "01"), ("1.50", "1.50"), ("TRUE", "True"), ("nano", "nano")]
)
def test_categories_have_one_name_however_they_are_written(text: str, name: str) -> None:
    assert canonical(text) == name


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("1.5", PLAIN, 1.5),
        (" -2e3 ", PLAIN, -2000.0),
        ("1_000", PLAIN, None),
        ("1,000", PLAIN, None),
        ("1,000", GROUPED, 1000.0),
        ("1,234,567.5", GROUPED, 1234567.5),
        ("12", GROUPED, 12.0),
        ("1,00", GROUPED, None),
        ("1,5", COMMA, 1.5),
        ("1.234,5", COMMA, 1234.5),
        ("1.234", COMMA, 1234.0),
        ("1.5", COMMA, None),
        ("1970-01-02", DATE, 1.0),
        ("1969-12-31 12:00", DATE, -0.5),
        ("1970-01-01T02:00:00+02:00", DATE, 0.0),
        ("1970-13-01", DATE, None),
        ("1970", DATE, None),
        ("1970/01/02", DATE, 1.0),
        ("1970/1/2", DATE, 1.0),
        ("1970/1/2", DAY_FIRST, 1.0),
        ("1970/01/02 6:00", DATE, 1.25),
        ("1970/01/02 06:00:00+06:00", DATE, 1.0),
        ("1970/13/01", DATE, None),
        ("1970/1-2", DATE, None),
        ("02.01.1970", DAY_FIRST, 1.0),
        ("2/1/1970", DAY_FIRST, 1.0),
        ("1970-01-02", DAY_FIRST, 1.0),
        ("02.13.1970", DAY_FIRST, None),
        ("2.1/1970", DAY_FIRST, None),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, written: str, number: float | None) -> None:
    assert parsed(text, written) == number


@pytest.mark.parametrize("days", [0.0, -0.5, 19_723.0, 19_723 + 3661 / 86_400])
def test_a_date_as_text_is_read_back(days: float) -> None:
    assert parsed(iso_text(days), DATE) == pytest.approx(days, abs=1e-9)


@pytest.mark.parametrize(
    ("texts", "padded"), [(["007", "12"], True), (["7", "12"], False), (["0", "1"], False), (["007", "x"], False)]
)
def test_whole_numbers_with_zeros_in_front_are_names(texts: list[str], padded: bool) -> None:
    assert is_padded(texts) is padded


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["a", "1"], "texts"),
        ([1, None, 2.5], "numbers"),
        ([Decimal("1.5"), np.float32(2)], "numbers"),
        ([None, None], "numbers"),
        ([True, False], "texts"),
        (np.array([True]), "texts"),
        (np.array([1, 2], np.uint8), "numbers"),
        (np.array(["a"]), "texts"),
        (np.array(["2024-01-01", "NaT"], "datetime64[ns]"), "dates"),
        ([datetime.date(2024, 1, 1), None], "dates"),
        ([1, "a"], "texts"),
        ([b"a"], "texts"),
    ],
)
def test_values_have_one_of_three_forms(values: Any, form: str) -> None:
    found = raw(values, "c")
    assert (found.form, len(found)) == (form, len(values))


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.zeros(2, complex), [[1]], [{}], 3, np.zeros(2, "m8[s]")])
def test_other_values_are_refused_by_the_name_of_their_column(values: Any) -> None:
    with pytest.raises(DataError, match="The column 'c'"):
        raw(values, "c")


def test_masked_values_are_missing() -> None:
    found = raw(np.ma.MaskedArray([1.0, 2.0], [False, True]), "c")
    np.testing.assert_array_equal(found.values, [1.0, np.nan])


def test_repeated_texts_are_a_sequence() -> None:
    texts = Repeated(["x", "y"], np.array([1, 0, 1]))
    assert list(texts) == ["y", "x", "y"] and list(texts[1:]) == ["x", "y"]
    taken = Raw(TEXTS, texts).take(np.array([2, 1]))
    assert list(taken.values) == ["y", "x"] and taken.shown(1) == "'x'"
