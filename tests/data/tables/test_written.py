"""How numbers and dates are written: single values, columns, files."""

from __future__ import annotations

import math

import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import COMMA, DATE, DAY_FIRST, GROUPED, MIXED, MONTH_FIRST, PLAIN
from archsmith.data.tables.written import Evidence, commas_of, is_either, unclear, value_of, way_of


@pytest.mark.parametrize("written", [PLAIN, GROUPED, COMMA, MIXED])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5),
        ("3,5", 3.5),
        ("2540.78", 2540.78),
        ("2540,78", 2540.78),
        ("0.125", 0.125),
        ("0,125", 0.125),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("1,234,567", 1234567.0),
        (" 12 ", 12.0),
        ("-1e3", -1000.0),
        ("1,5E+03", 1500.0),
        ("abc", None),
        ("1,2,3", None),
    ],
)
def test_what_can_be_read_in_one_way_is_read_so(text: str, value: float | None, written: str) -> None:
    assert value_of(text, written) == value


@pytest.mark.parametrize(
    ("text", "written", "marks", "value"),
    [
        ("900.125", PLAIN, "", 900.125),
        ("900.125", GROUPED, "", 900.125),
        ("900.125", COMMA, ".", 900125.0),
        ("900.125", COMMA, "", None),
        ("900.125", MIXED, "", None),
        ("1,234", PLAIN, "", None),
        ("1,234", GROUPED, "", 1234.0),
        ("1,234", COMMA, "", 1.234),
        ("1,234", MIXED, "", None),
        ("3/4/2024", DATE, "", None),
        ("3/4/2024", DAY_FIRST, "", None),
        ("3/4/2024", DAY_FIRST, "/", 19816.0),
        ("3/4/2024", MONTH_FIRST, "/", 19786.0),
    ],
)
def test_what_can_be_read_in_two_ways_needs_a_column_that_tells(
    text: str, written: str, marks: str, value: float | None
) -> None:
    assert is_either(text, dates="/" in text)
    assert value_of(text, written, marks) == value


@pytest.mark.parametrize("written", [DATE, DAY_FIRST, MONTH_FIRST])
@pytest.mark.parametrize(
    "text", ["2024-12-31", "31.12.2024", "31/12/2024", "12/31/2024", "31.12.24", "12/31/24", "31.12.2024 00:00"]
)
def test_dates_that_are_clear_are_read_whatever_the_column_has(text: str, written: str) -> None:
    assert value_of(text, written) == 20088.0


@pytest.mark.parametrize(("text", "day"), [("01.01.69", -365), ("01.01.68", 35_794)])
def test_years_of_two_digits_are_those_from_1969_to_2068(text: str, day: int) -> None:
    assert value_of(text, DAY_FIRST) == day


def test_missing_values_are_missing_in_every_way() -> None:
    assert all(math.isnan(value_of("n/a", written) or 0) for written in (PLAIN, COMMA, DATE))
    assert not is_either("", dates=False)


@pytest.mark.parametrize(
    ("texts", "separator", "way"),
    [
        (["900.125", "2540.78"], ";", PLAIN),
        (["900.125", "2540,78"], ",", COMMA),
        (["1,234", "2,345.5"], ";", GROUPED),
        (["3,5", "3.5"], ",", MIXED),
        (["1,234", "1.234"], ",", MIXED),
        (["1,234"], ",", GROUPED),
        (["1,234"], ";", COMMA),
        (["1.234"], ";", PLAIN),
        (["12"], ";", PLAIN),
    ],
)
def test_a_column_is_written_as_its_values_and_its_file_say(texts: list[str], separator: str, way: str) -> None:
    assert way_of(Evidence.of(texts), None, separator)[0] == way


@pytest.mark.parametrize(
    ("texts", "commas", "way"),
    [("1.234", True, COMMA), ("1.234", False, PLAIN), ("1,234", True, COMMA), ("1,234", False, GROUPED)],
)
def test_where_a_column_does_not_tell_the_other_columns_do(texts: str, commas: bool, way: str) -> None:
    assert way_of(Evidence.of([texts]), commas, "")[0] == way


@pytest.mark.parametrize(
    ("text", "known", "marks", "separator", "found"),
    [
        ("900.125", COMMA, ".", ";", (COMMA, ".")),
        ("900.125", COMMA, ".", ",", (COMMA, "")),
        ("900.125", COMMA, "", ";", (COMMA, "")),
        ("900.125", PLAIN, "", ";", (PLAIN, "")),
        ("1,234", PLAIN, "", ",", (PLAIN, "")),
        ("1,234", PLAIN, "", ";", (COMMA, "")),
        ("1,234", GROUPED, "", "", (GROUPED, "")),
        ("12", COMMA, ".", ";", (COMMA, ".")),
    ],
)
def test_where_nothing_tells_what_was_known_counts(
    text: str, known: str, marks: str, separator: str, found: tuple[str, str]
) -> None:
    assert way_of(Evidence.of([text]), None, separator, known, marks) == found


@pytest.mark.parametrize(
    ("texts", "way"),
    [
        (["2023-01-18"], DATE),
        (["18.01.2023", "03.02.2023"], DAY_FIRST),
        (["18/01/2023", "03/02/2023"], DAY_FIRST),
        (["01/18/2023", "03/02/2023"], MONTH_FIRST),
        (["3/4/2023", "5/6/2023"], ""),
        (["18/01/2023", "01/18/2023"], DATE),
    ],
)
def test_how_dates_are_written_is_told_by_all_of_them(texts: list[str], way: str) -> None:
    assert way_of(Evidence.of(texts, dates=True), None, "")[0] == way


def test_columns_of_other_texts_tell_nothing_of_a_table() -> None:
    names, commas, points = Evidence.of(["3,5", "A,5"]), Evidence.of(["3,5"]), Evidence.of(["3.5"])
    assert commas_of([names]) is None
    assert commas_of([names, commas]) is True
    assert commas_of([points, names]) is False
    assert commas_of([points, commas]) is None


def test_a_column_can_be_looked_at_in_parts() -> None:
    seen = Evidence()
    for part in (["900.125"], ["2540.78", "1"], ["3.5", "7,25"], ["abc"]):
        seen.look(part)
    assert (seen.first, seen.second) == (True, True)


def test_a_refused_value_is_named_with_both_meanings() -> None:
    error = unclear("price", "row 3", "900.125", dates=False)
    assert isinstance(error, DataError)
    assert str(error).startswith("The column 'price' says '900.125' in row 3, which may mean 900.125 or 900125.")
    assert "2024-04-03 or 2024-03-04" in str(unclear("day", "row 1", "3/4/2024", dates=True))
