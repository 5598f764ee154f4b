"""Encoding: the same whatever the table came from, in training and in serving."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import raw
from archsmith.data.tables.columns import Column, columns_of
from archsmith.data.tables.encode import as_columns, encode
from archsmith.data.tables.read_csv import CsvFile

N = 40
TABLE: dict[str, list[Any]] = {
    "n": [None if i == 5 else i / 7 for i in range(N)],
    "whole": list(range(N)),
    "c": [None if i == 6 else "red" if i % 3 else "blue" for i in range(N)],
    "yes": [i % 4 == 0 for i in range(N)],
    "day": [datetime.datetime(2024, 1, 1 + i % 28, i % 24) for i in range(N)],
    "big": [1.7e9 + i for i in range(N)],
}


def fitted() -> tuple[Column, ...]:
    return columns_of({name: raw(values, name) for name, values in TABLE.items()}, np.arange(N)).columns


COLUMNS = fitted()


def from_csv(folder: Path) -> dict[str, Any]:
    cells = [["" if value is None else str(value) for value in row] for row in zip(*TABLE.values(), strict=True)]
    path = folder / "t.csv"
    path.write_text("\n".join(",".join(row) for row in [list(TABLE), *cells]), encoding="utf-8")
    (chunk,) = CsvFile(path).chunks()
    return chunk


def from_frame(folder: Path) -> Any:
    return pytest.importorskip("pandas").DataFrame(TABLE)


def from_records(folder: Path) -> Any:
    return [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]


def from_array(folder: Path) -> Any:
    return np.array(list(zip(*TABLE.values(), strict=True)), object)


def from_arrays(folder: Path) -> Any:
    arrays = {name: np.array(values) for name, values in TABLE.items()}
    return {**arrays, "day": arrays["day"].astype("datetime64[ns]"), "n": np.array(TABLE["n"], np.float64)}


@pytest.mark.parametrize("source", [from_csv, from_frame, from_records, from_array, from_arrays])
def test_every_source_gives_the_same_arrays(tmp_path: Path, source: Any) -> None:
    wanted = encode(COLUMNS, TABLE)
    found = encode(COLUMNS, as_columns(source(tmp_path), list(TABLE)))
    np.testing.assert_array_equal(found["numbers"], wanted["numbers"])
    np.testing.assert_array_equal(found["categories"], wanted["categories"])


@pytest.mark.parametrize("source", [from_csv, from_frame, from_records, from_arrays])
def test_every_source_gives_the_same_columns(tmp_path: Path, source: Any) -> None:
    table = as_columns(source(tmp_path))
    assert columns_of({n: raw(v, n) for n, v in table.items()}, np.arange(N)).columns == COLUMNS


def test_shapes_and_types() -> None:
    found = encode(COLUMNS, TABLE)
    assert found["numbers"].dtype == np.float32 and found["numbers"].shape == (N, 4)
    assert found["categories"].dtype == np.int64 and found["categories"].shape == (N, 2)
    assert np.isnan(found["numbers"][5, 0])
    assert found["categories"].max() < sum(column.n_codes for column in COLUMNS)


def test_a_row_alone_is_encoded_as_in_its_table() -> None:
    every = encode(COLUMNS, TABLE)
    for row in range(N):
        one = encode(COLUMNS, {name: [values[row]] for name, values in TABLE.items()})
        np.testing.assert_array_equal(one["numbers"][0], every["numbers"][row])
        np.testing.assert_array_equal(one["categories"][0], every["categories"][row])


def test_missing_rare_and_unknown_categories_share_the_first_code_of_their_column() -> None:
    columns = (Column("a", "category", categories=("x",)), Column("b", "category", categories=("1", "y")))
    found = encode(columns, {"a": ["x", "?", "new"], "b": [1.0, None, 2.0]})["categories"]
    np.testing.assert_array_equal(found, [[1, 3], [0, 2], [0, 2]])


@pytest.mark.parametrize(("names", "found"), [(("00501", "04109"), True), (("0501", "04109"), False)])
def test_names_that_lost_their_zeros_on_the_way_are_known(names: tuple[str, ...], found: bool) -> None:
    column = columns_of({"place": raw([names[i % 2] for i in range(N)], "place")}, np.arange(N)).columns
    numbers = [*map(int, names)]
    for lost in (np.array(numbers), [*map(str, numbers)], [names[0], numbers[1]]):
        codes = encode(column, {"place": lost})["categories"]
        assert np.array_equal(codes, encode(column, {"place": list(names)})["categories"]) == found


def test_order_and_other_columns_do_not_matter() -> None:
    turned = {"other": [object()] * N, **dict(reversed(TABLE.items()))}
    np.testing.assert_array_equal(encode(COLUMNS, turned)["numbers"], encode(COLUMNS, TABLE)["numbers"])


def test_a_kind_without_columns_has_no_array() -> None:
    assert set(encode((Column("n", "number"),), {"n": [1]})) == {"numbers"}
    assert set(encode((Column("c", "category"),), {"c": [1]})) == {"categories"}


def test_no_rows_give_empty_arrays() -> None:
    found = encode(COLUMNS, {name: [] for name in TABLE})
    assert found["numbers"].shape == (0, 4) and found["categories"].shape == (0, 2)


def test_the_offset_is_subtracted_before_rounding() -> None:
    big = encode(COLUMNS, TABLE)["numbers"][:, 3]
    np.testing.assert_array_equal(np.diff(big), 1)


def test_a_missing_column_is_named_with_all_that_are_wanted() -> None:
    with pytest.raises(DataError, match=r"no column 'n'. It needs the columns 'n', 'whole', 'c', 'yes', 'day', 'big'"):
        encode(COLUMNS, {name: values for name, values in TABLE.items() if name != "n"})


def test_a_heading_in_other_letters_is_named() -> None:
    table = {name.upper(): values for name, values in TABLE.items()}
    with pytest.raises(DataError, match=r"no column 'n'. Rename 'N' to 'n' if you mean that. It needs the columns"):
        encode(COLUMNS, table)


@pytest.mark.parametrize("value", ["abc", True, datetime.date(2024, 1, 1)])
def test_what_is_no_number_is_named_with_its_row(value: Any) -> None:
    columns = (Column("n", "number"),)
    with pytest.raises(DataError, match=r"'n' holds numbers, but row 102 says '(abc|True|2024-01-01)'"):
        encode(columns, {"n": [None, value]}, first_row=100)


def test_a_number_in_a_column_of_dates_is_refused() -> None:
    with pytest.raises(DataError, match="'d' holds dates, but row 1 says '5'"):
        encode((Column("d", "number", written="date"),), {"d": [5]})


def test_what_no_network_can_calculate_with_counts_as_missing() -> None:
    found = encode((Column("n", "number"),), {"n": [np.inf, -1e31, 10**400, "1e999", 1.0]})["numbers"][:, 0]
    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, np.nan, 1.0])


def test_arrays_need_as_many_columns_as_in_training() -> None:
    with pytest.raises(DataError, match=r"has 2 columns, but there should be 3.*'a', 'b', 'c'"):
        as_columns(np.zeros((4, 2)), ["a", "b", "c"])


def test_a_heading_that_comes_twice_is_refused() -> None:
    frame = pytest.importorskip("pandas").DataFrame(np.zeros((2, 2)), columns=["a", " a"])
    with pytest.raises(DataError, match="two columns named 'a'"):
        as_columns(frame)


def test_structured_arrays_have_names() -> None:
    array = np.array([(1, "x")], [("n", "i4"), ("c", "U1")])
    assert list(as_columns(array)) == ["n", "c"]


def test_serving_needs_numpy_alone() -> None:
    heavy = ("torch", "pandas", "pyarrow", "sklearn", "scipy")
    code = (
        "import sys, archsmith.data.tables.encode, archsmith.data.tables.read_csv\n"
        f"sys.exit(', '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_broken_rows_are_listed_where_they_may_be_passed_over() -> None:
    columns = (Column("a", "number"), Column("b", "number", written="date"))
    table = {"a": ["1", "", "x", "1_0"], "b": ["2024-01-02", "soon", "soon", ""]}
    broken: dict[int, str] = {}
    found = encode(columns, table, first_row=10, broken=broken)["numbers"]
    assert np.isnan(found).tolist() == [[False, False], [True, True], [True, True], [True, True]]
    assert [(row, text.split(".")[0]) for row, text in sorted(broken.items())] == [
        (1, "The column 'b' holds dates, but row 12 says 'soon'"),
        (2, "The column 'a' holds numbers, but row 13 says 'x'"),
        (3, "The column 'a' holds numbers, but row 14 says '1_0'"),
    ]
    with pytest.raises(DataError, match="row 13 says 'x'"):
        encode(columns, table, first_row=10)


def test_dates_with_the_day_first_are_read_as_in_training() -> None:
    column = Column("d", "number", written="day_first")
    found = encode((column,), {"d": ["18.01.2023", "18/01/2023", "2023-01-18"]})
    assert found["numbers"].ravel().tolist() == [19375.0] * 3
    with pytest.raises(DataError, match="holds dates, but row 1"):
        encode((column,), {"d": ["soon"]})
