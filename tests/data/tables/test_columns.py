"""What columns are, decided on training rows."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import raw
from archsmith.data.tables.columns import (
    MOST_CATEGORIES,
    Column,
    Fitted,
    code_offsets,
    columns_of,
    n_codes,
)
from archsmith.data.tables.encode import encode


def fit(**table: Any) -> Fitted:
    columns = {name: raw(values, name) for name, values in table.items()}
    n = len(next(iter(columns.values())))
    return columns_of(columns, np.arange(n))


def only(values: Any) -> Column:
    (column,) = fit(c=values).columns
    return column


def test_figures_of_a_number() -> None:
    column = only([3.0, 1.0, None, 2.0])
    assert (column.kind, column.missing, column.distinct) == ("number", 0.25, 3)
    assert (column.minimum, column.median, column.maximum) == (1.0, 2.0, 3.0)


def test_categories_come_by_frequency_and_then_by_name() -> None:
    column = only(["b", "b", "c", "c", "a", "a", "a", "once", ""])
    assert column.categories == ("a", "b", "c")
    assert column.distinct == 4
    assert column.missing == pytest.approx(1 / 9)
    assert column.top[0] == ("a", pytest.approx(3 / 9))


def test_only_the_most_frequent_categories_have_a_code() -> None:
    texts = [f"t{i}" for i in range(MOST_CATEGORIES + 5) for _ in range(3 if i < 7 else 2)]
    assert len(only(texts).categories) == MOST_CATEGORIES


@pytest.mark.parametrize("values", [["True", "False"] * 9, [True, False] * 9, np.array([True, False] * 9)])
def test_truth_values_are_categories(values: Any) -> None:
    assert only(values).categories == ("False", "True")


def test_a_number_that_is_there_or_missing_is_a_category() -> None:
    assert only(["1.50", "", "1.50"]).categories == ("1.50",)
    assert only([1.0, None, 1.0]).categories == ("1",)


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (["2024-05-01", "", "2024-05-01"], "2024-05-01"),
        (["31.12.2024", "31.12.2024", ""], "31.12.2024"),
        (["2,5", "", "2,5"], "2,5"),
        ([datetime.date(2024, 5, 1), None, datetime.date(2024, 5, 1)], "2024-05-01"),
    ],
)
def test_so_is_a_date_and_a_number_in_any_writing(values: list[Any], category: str) -> None:
    column = only(values)
    assert (column.kind, column.categories) == ("category", (category,))
    codes = encode([column], {"c": values})["categories"][:, 0]
    assert codes.tolist() == [int(bool(value)) for value in values]


def test_a_column_of_categories_is_not_said_to_hold_fractions() -> None:
    for second, kind in (("", "category"), ("2.345", "number")):
        fitted = columns_of({"c": raw(["1.234", second] * 9, "c")}, np.arange(18), separator=";")
        assert fitted.columns[0].kind == kind
        assert any("taken for fractions" in note for note in fitted.notes) == (kind == "number")


def test_columns_of_no_use_are_named_with_a_reason() -> None:
    n = 30
    fitted = fit(
        used=np.arange(n) % 7,
        constant=["x"] * n,
        empty=[None] * n,
        names=[f"n{i}" for i in range(n)],
        Index=np.arange(n),
    )
    assert {entry.name: entry.reason for entry in fitted.ignored} == {
        "constant": "has a single value",
        "empty": "has no values",
        "names": "has another text in nearly every row",
        "Index": "counts the rows",
    }
    assert [column.name for column in fitted.columns] == ["used"]


def test_texts_in_a_few_rows_are_not_said_to_be_in_every_row() -> None:
    fitted = fit(used=np.arange(100) % 7, remark=[f"remark {i}" if i < 30 else "" for i in range(100)])
    reason = "has another text in nearly every row where it is not empty"
    assert [(entry.name, entry.reason) for entry in fitted.ignored] == [("remark", reason)]


@pytest.mark.parametrize("value", ["late", 5.0])
def test_a_column_with_one_value_is_said_to_have_it_in_one_row(value: object) -> None:
    fitted = fit(used=np.arange(30) % 7, once=[value, *[None] * 29])
    assert [(entry.name, entry.reason) for entry in fitted.ignored] == [
        ("once", "has a value in one training row only")
    ]


def test_fractions_that_rise_do_not_count_the_rows() -> None:
    assert [column.name for column in fit(index=100.5 + np.arange(30) * 0.7).columns] == ["index"]


def test_a_few_texts_among_numbers_are_refused_with_their_row() -> None:
    with pytest.raises(DataError, match="'c' holds numbers, but row 31 says 'x'"):
        fit(c=[*map(str, range(30)), "x"])


@pytest.mark.parametrize(
    ("levels", "n", "n_texts"), [(5, 400, 1), (5, 1000, 1), (12, 300, 1), (3, 1000, 2), (1000, 1000, 102), (2, 10, 2)]
)
def test_texts_in_a_column_of_mostly_numbers_are_refused_however_few_different_ones_there_are(
    levels: int, n: int, n_texts: int
) -> None:
    values = [f"t{i}" if i < n_texts else str(i % levels + 1) for i in range(n)]
    with pytest.raises(DataError, match=r"'c' holds numbers, but row 1 says 't0'\.") as told:
        fit(c=values)
    assert "leave the cell empty" in str(told.value)


def test_categories_of_which_many_are_numbers_are_noted() -> None:
    said = "Many values of 'c' are numbers, but because of others such as 'low' all are taken for texts."
    for values in (["1", "2", "3", "low"] * 5, [*map(str, range(40)), *["low"] * 40, *map(str, range(40))]):
        fitted = fit(c=values)
        assert fitted.columns[0].kind == "category" and said in " ".join(fitted.notes)
    assert not fit(c=["1", "2", "three", "four", "five"] * 5).notes
    # half of the different values are numbers, but few of all
    assert not fit(c=[*["S", "M", "L"] * 40, *["38", "40", "42"] * 2]).notes


def test_numbers_among_texts_are_categories() -> None:
    assert only(["1", "2", "3+"] * 20).kind == "category"


def test_an_offset_keeps_values_apart_that_float32_merges() -> None:
    times = 1.7e9 + np.arange(100.0)
    column = only(times)
    assert column.offset == np.median(times)
    assert len(np.unique((times - column.offset).astype(np.float32))) == 100
    assert only(np.arange(100.0)).offset == 0.0


def test_semicolons_decide_what_one_comma_means() -> None:
    values = {"c": raw(["1,234", "2,345"], "c")}
    commas, groups = (columns_of(values, np.arange(2), decimal_commas=on).columns[0] for on in (True, False))
    assert (commas.minimum, groups.minimum) == (1.234, 1234.0)


def test_a_declared_category_stays_one_whatever_it_holds() -> None:
    values = {"c": raw(np.array([3, 3, 1, 1, 1]), "c")}
    (column,) = columns_of(values, np.arange(5), categorical=frozenset("c")).columns
    assert column.categories == ("1", "3")


def test_rows_that_are_not_for_training_change_nothing() -> None:
    train = np.arange(20)
    first = {"n": raw(np.arange(25.0), "n"), "c": raw(["a", "b"] * 12 + ["a"], "c")}
    second = {"n": raw(np.r_[np.arange(20.0), [np.nan] * 5], "n"), "c": raw(["a", "b"] * 10 + ["new"] * 5, "c")}
    assert columns_of(first, train) == columns_of(second, train)


def test_columns_own_codes_one_after_the_other() -> None:
    columns = (Column("a", "category", categories=("x", "y")), Column("n", "number"), Column("b", "category"))
    assert code_offsets(columns) == (0, 3)
    assert n_codes(columns) == 4


@pytest.mark.parametrize(
    "column",
    [only(["a", "a", "b"]), only([1.0, 2.0]), only(1.7e9 + np.arange(50.0)), only(["2024-01-01", "2024-01-02"])],
)
def test_round_trip_through_json(column: Column) -> None:
    assert Column.from_dict(json.loads(json.dumps(column.to_dict()))) == column


def test_a_table_without_a_useful_column_is_refused() -> None:
    with pytest.raises(DataError, match=r"No column can be learnt from: 'c' has a single value\."):
        fit(c=[1, 1])


def test_dates_with_the_day_first_are_days_since_1970() -> None:
    column = only(["18.01.2023", "03.02.2023", ""])
    assert (column.kind, column.written, column.is_date) == ("number", "day_first", True)
    assert (column.minimum, column.maximum) == (19375.0, 19391.0)


def test_numbers_may_be_written_in_both_ways_where_each_is_clear() -> None:
    found = fit(price=["3,5", "2540.78", "3.25", "7"])
    assert (found.columns[0].written, found.columns[0].maximum) == ("mixed", 2540.78)
    assert any("Some numbers are written with decimal points, and some with decimal commas" in n for n in found.notes)
    with pytest.raises(DataError, match=r"says '1\.234' in row 2, which may mean 1\.234 or 1234\."):
        fit(price=["3,5", "1.234", "3.25"])


@pytest.mark.parametrize(("texts", "marks"), [(["3,5", "1.234"], "."), (["3,5", "1234"], "")])
def test_a_column_keeps_whether_its_thousands_had_points(texts: list[str], marks: str) -> None:
    assert (only(texts).written, only(texts).marks) == ("comma", marks)


def test_rows_that_are_not_for_training_say_how_numbers_are_written() -> None:
    table = {"n": raw(["1.234", "2.345", "7,5"], "n")}
    assert columns_of(table, np.arange(2)).columns[0].maximum == 2345.0


@pytest.mark.parametrize(("separator", "said"), [(";", True), (",", False)])
def test_fractions_that_may_be_thousands_are_noted_where_semicolons_separate(separator: str, said: bool) -> None:
    found = columns_of({"n": raw(["1.234", "2.345"], "n")}, np.arange(2), separator=separator)
    assert found.columns[0].maximum == 2.345
    assert any("Numbers such as 1.234 are taken for fractions in 'n'" in note for note in found.notes) is said


@pytest.mark.parametrize("texts", [["57.6%", "3%"], ["12 €", "1.234,50 €"], ["$5", "$6"]])
def test_numbers_with_a_sign_are_texts_and_said(texts: list[str]) -> None:
    found = fit(n=texts * 2)
    assert found.columns[0].kind == "category"
    assert any("Numbers with a sign beside them" in note and "in 'n'" in note for note in found.notes)


def test_a_number_with_a_sign_is_shown_as_the_example() -> None:
    texts = [*["-"] * 4, *(f"{i} €" for i in range(10) for _ in range(2))]
    assert any("such as '0 €' in 'n'" in note for note in fit(n=texts).notes)


def test_numbers_with_a_sign_that_are_not_used_are_called_that() -> None:
    with pytest.raises(DataError, match="'n' holds numbers with a sign beside them"):
        fit(n=[f"{i}.5%" for i in range(30)])


def test_dates_with_the_month_first_and_years_of_two_digits() -> None:
    column = only(["12/31/24", "1/2/24"])
    assert (column.written, column.marks, column.maximum) == ("month_first", "/", 20088.0)


def test_dates_that_may_have_the_month_first_are_categories_with_a_note() -> None:
    found = fit(day=["3/4/2023", "5/6/2023", "3/4/2023", "5/6/2023"])
    assert found.columns[0].kind == "category"
    assert any("nothing says whether the day or the month comes first" in note for note in found.notes)


def test_dates_that_may_have_the_month_first_and_differ_in_every_row_are_not_called_categories() -> None:
    months = [f"{month}/1/{year}" for year in range(2019, 2024) for month in range(1, 13)]
    fitted = fit(month=months, used=np.arange(60) % 7)
    (note,) = fitted.notes
    assert note.startswith("Not used: 'month' (holds dates of which nothing says whether the day or the month comes")


def test_whole_numbers_that_rise_row_by_row_are_noted() -> None:
    told = [list(range(1001, 1031)), [7.5 + i for i in range(30)], [*range(29), 3]]
    notes = [fit(number=values).notes for values in told]
    assert ["rise from each row" in " ".join(found) for found in notes] == [True, False, False]


def test_categories_that_differ_by_their_case_are_noted() -> None:
    (note,) = fit(c=["Yes", "yes", "Yes", "yes", "no", "no"]).notes
    assert "'Yes' and 'yes' are two categories in 'c'" in note
    assert not fit(c=["Yes", "no", "Yes", "no"]).notes


def test_columns_without_a_heading_are_named() -> None:
    numbers = list(np.random.default_rng(0).normal(size=30))
    fitted = fit(**{"Unnamed: 1": numbers, "b": numbers})
    assert "No heading: what the table calls nothing is called 'Unnamed: 1'." in fitted.notes
    assert not fit(**{"Unnamed: 0": list(range(30)), "b": numbers}).notes[:-1]  # not used, and said so
