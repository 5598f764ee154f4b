"""Rows as a server is sent them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import table_requests
from archsmith.bundle.table_requests import schema, sent_rows, uploaded_rows
from archsmith.bundle.tables import TableIntake
from archsmith.core.errors import DataError
from archsmith.data.tables.columns import Column

INTAKE = TableIntake(
    (
        Column("age", "number", 0.1, 50, 17.0, 38.0, 90.0),
        Column("hired", "number", 0.0, 9, 17_000.0, 18_000.0, 20_000.0, written="date"),
        Column("job", "category", 0.0, 3, categories=("clerk", "3", "True")),
    )
)
ROW = {"age": 30, "hired": "2019-01-31", "job": "clerk"}


def windows(*rows: Any) -> list[Any]:
    return list(sent_rows(INTAKE, rows))


def test_values_as_the_network_takes_them() -> None:
    (window,) = windows(ROW, {**ROW, "age": None, "job": 3.0}, {**ROW, "job": True}, {**ROW, "job": None})
    (call,) = window.calls
    np.testing.assert_array_equal(call.inputs["numbers"][:, 0], [30, np.nan, 30, 30])
    assert set(call.inputs["numbers"][:, 1]) == {17927.0}
    assert call.inputs["categories"].ravel().tolist() == ["clerk", "3", "True", ""]
    assert window.broken == {} and window.n == 4


def test_broken_rows_are_named_by_their_place() -> None:
    (window,) = windows(3, ROW, {**ROW, "age": "x"}, ROW, {"age": 1})
    assert sorted(window.broken) == [0, 2, 4] and window.n == 5
    (call,) = window.calls
    assert call.places.tolist() == [1, 3] and len(call.inputs["numbers"]) == 2


def test_only_broken_rows_are_no_call() -> None:
    (window,) = windows({}, None)
    assert window.calls == () and sorted(window.broken) == [0, 1]


def test_numbers_that_are_not_finite_are_refused() -> None:
    (window,) = windows({**ROW, "age": float("inf")}, {**ROW, "age": float("nan")})
    assert sorted(window.broken) == [0, 1]


def test_the_rows_of_a_file_are_read_as_any_table_is() -> None:
    csv = b"job;hired;age\nclerk;2019-01-31;30\n3;;x\n"
    (window,) = uploaded_rows(INTAKE, [("../../rows.csv", csv)])
    assert list(window.broken) == [1] and "row 3 (the headings are row 1) says 'x'" in window.broken[1]
    assert window.calls[0].inputs["numbers"].tolist() == [[30, 17927]]


def test_rows_of_a_file_are_called_as_a_spreadsheet_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_requests, "ROWS", 2)
    lines = ["clerk;;30", "", "clerk;;31", "clerk;;32", "clerk;;x"]
    found = list(uploaded_rows(INTAKE, [("rows.csv", "\n".join(["job;hired;age", *lines]).encode())]))
    assert sum(window.n for window in found) == 4
    assert "row 6 (the headings are row 1) says 'x'" in found[-1].broken[0]


def test_the_example_of_a_date_with_times_is_a_day_of_training_rows() -> None:
    seen = Column("seen", "number", 0.0, 9, 19726.4, 19800.6, 19800.7, written="date")
    assert schema((seen,))["example"] == {"seen": "2024-03-18"}


def test_a_file_that_is_sent_says_itself_how_its_numbers_are_written() -> None:
    intake = TableIntake((Column("price", "number", 0.0, 9, 100.0, 900.0, 3000.0, written="comma", marks="."),))
    (window,) = uploaded_rows(intake, [("rows.csv", b"price,n\n900.125,1\n2540.78,2\n")])
    assert window.broken == {} and window.calls[0].inputs["numbers"].tolist() == [[900.125], [2540.78]]


@pytest.mark.parametrize("day", ["31.12.2024", "12/31/24", "2024-12-31"])
def test_dates_that_are_clear_may_be_sent_in_any_form(day: str) -> None:
    (window,) = windows({**ROW, "hired": day})
    assert window.calls[0].inputs["numbers"][0, 1] == 20088.0


def test_a_date_that_may_be_another_is_refused() -> None:
    (window,) = windows({**ROW, "hired": "3/4/2024"})
    assert "can be read in two ways" in window.broken[0]


@pytest.mark.parametrize(
    "files, said",
    [
        ([("a.csv", b"x"), ("b.csv", b"y")], "There are 2 files"),
        ([("a.csv", b"")], "empty"),
        ([("a.csv", b"age,hired,job\n")], "no rows"),
        ([("a.csv", b"age,hired\n1,2019-01-31\n")], "job"),
        ([("a.csv.gz", b"\x1f\x8b\x08")], "not plain text"),
        ([("a.parquet", b"PAR1")], "not plain text"),
        ([("a.csv", b"age,hired,job\n1,2\n")], "2 values"),
        ([("a.csv", b"\x00\x01\x02")], "zero bytes"),
    ],
)
def test_files_that_are_no_table_are_refused(files: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        list(uploaded_rows(INTAKE, files))
    assert "/" not in str(error.value)


def test_the_schema_forbids_no_date_that_is_taken() -> None:
    found = schema(INTAKE.columns)["properties"]["hired"]
    assert found.keys() == {"type", "description"} and found["type"] == ["string", "null"]
    (window,) = windows(*({**ROW, "hired": day} for day in ("2024-12-31", "2024-12-31 10:00", "31.12.2024")))
    assert window.broken == {}


def test_the_schema_names_every_column_and_its_example_is_a_row() -> None:
    found = schema(INTAKE.columns)
    assert found["required"] == ["age", "hired", "job"] and json.dumps(found)
    (window,) = windows(found["example"])
    assert window.broken == {}


@pytest.mark.parametrize(("n", "shown"), [(3, "'c1', 'c2'. Others"), (40, "'c11', …. Others")])
def test_the_schema_says_that_more_categories_are_known_than_it_names(n: int, shown: str) -> None:
    column = Column("city", "category", 0.0, n, categories=tuple(f"c{i}" for i in range(n)))
    said = schema((column,))["properties"]["city"]["description"]
    assert shown in said and said.endswith(f"Others than these {n} count as unknown.")
