"""Columns of Arrow mean what the same values mean as Python objects, which are read one by one."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.arrow import raw_of_arrow
from archsmith.data.tables.cells import TEXTS, Repeated, raw
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import encode

pyarrow = pytest.importorskip("pyarrow")
NOON = datetime.datetime(2024, 2, 29, 12, 30)
COLUMNS = [
    pyarrow.array([1, 2, 2**40]),
    pyarrow.array([1, None, 3], "uint8"),
    pyarrow.array([1.5, None, float("nan")], "float32"),
    pyarrow.array([1.5, None, 2.0], "float16"),
    pyarrow.array([True, None, False]),
    pyarrow.array(["x", None, "y", "x"]),
    pyarrow.array(["x", None, "3.0"], "large_string"),
    pyarrow.array(["x", None, "y", "x"]).dictionary_encode(),
    pyarrow.array([3, None, 4, 3]).dictionary_encode(),
    pyarrow.DictionaryArray.from_arrays([0, None, 2], ["x", "y", None]),
    pyarrow.array([b"x", None, b"y"]),
    pyarrow.array([NOON.date(), None]),
    pyarrow.array([NOON.date(), None], "date64"),
    *(pyarrow.array([NOON, None], pyarrow.timestamp(unit)) for unit in ("s", "ms", "us")),
    pyarrow.array([NOON, None], pyarrow.timestamp("us", "Europe/Berlin")),
    pyarrow.array([decimal.Decimal("1.5"), None]),
    pyarrow.array([None, None]),
    pyarrow.array([], "string"),
]
KNOWN = ("1", "1.5", "2", "3", "4", "x", "True", "2024-02-29", "2024-02-29 12:30:00")


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_categories_are_those_of_python_objects(column: Any) -> None:
    columns = (Column("a", "category", categories=KNOWN),)
    expected, found = raw(column.to_pylist(), "a"), raw_of_arrow(column, "a")
    assert (
        encode(columns, {"a": found})["categories"].tolist() == encode(columns, {"a": expected})["categories"].tolist()
    )


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
@pytest.mark.parametrize("written", ["plain", "date"])
def test_numbers_and_complaints_are_those_of_python_objects(column: Any, written: str) -> None:
    columns = (Column("a", "number", written=written),)
    said: list[dict[int, str]] = [{}, {}]
    found = [
        encode(columns, {"a": values}, broken=broken, exact=True)["numbers"]
        for values, broken in zip((raw(column.to_pylist(), "a"), raw_of_arrow(column, "a")), said, strict=True)
    ]
    assert np.array_equal(*found, equal_nan=True)
    assert said[0] == said[1]


def test_each_text_is_looked_at_once() -> None:
    found = raw_of_arrow(pyarrow.array(["x", "y"] * 500), "a")
    assert found.form == TEXTS and isinstance(found.values, Repeated)
    assert len(found.values) == 1000 and set(found.values.texts) == {"x", "y", ""}


def test_a_dictionary_far_longer_than_the_column_is_not_read() -> None:
    column = pyarrow.DictionaryArray.from_arrays([7, 7], [f"text {place}" for place in range(1000)])
    found = raw_of_arrow(column, "a").values
    assert list(found) == ["text 7"] * 2 and len(found.texts) < 5


def test_other_values_are_refused() -> None:
    with pytest.raises(DataError, match="'a' holds values of the type list"):
        raw_of_arrow(pyarrow.array([[1], [2]]), "a")
