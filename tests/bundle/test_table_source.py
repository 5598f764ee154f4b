"""``network.py`` reads the values of a row exactly as the predictor does."""

from __future__ import annotations

import math
from typing import Any

import pytest

from archsmith.bundle import table_source
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.tables_export import TableExporter
from archsmith.data.tables.cells import COMMA, DATE, DAY_FIRST, GROUPED, MIXED, MONTH_FIRST, PLAIN
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import encode
from archsmith.data.tables.written import value_of

TEXTS = [
    *("3000,5", "900.125", "2540.78", "1,234", "1.234,5", "1,234.5", "1e5", "1,5E+03", "-,5", "1_000", " 12 ", "inf"),
    *("", "n/a", "x", "31.12.2024", "12/31/24", "31/12/2024", "3/4/2024", "2024-12-31 10:30:00+02:00", "2024-13-01"),
    *("2024/12/31", "2024/3/4 8:00", "2024/13/01"),
    *("3.4.69 12:00", "30/02/2024"),
]
WAYS = [(PLAIN, ""), (GROUPED, ""), (COMMA, ""), (COMMA, "."), (MIXED, "")]
WAYS += [(DATE, ""), (DAY_FIRST, ""), (DAY_FIRST, "/"), (MONTH_FIRST, "/")]


def source(*columns: Column) -> dict[str, Any]:
    exporter = TableExporter(TableIntake(columns))
    found: dict[str, Any] = {}
    exec("\n".join(["import torch", *exporter.imports()]) + "\n" + exporter.constants(), found)
    return found


@pytest.mark.parametrize(("written", "marks"), WAYS)
def test_numbers_and_dates_are_read_as_the_predictor_reads_them(written: str, marks: str) -> None:
    number = source(Column("x", "number", written=written, marks=marks))["number"]
    for text in TEXTS:
        expected = value_of(text, written, marks)
        if expected is None:
            with pytest.raises(ValueError, match=r"cannot be read|may mean"):
                number(text, "x")
        elif math.isfinite(expected):
            assert number(text, "x") == expected, text
        else:
            assert math.isnan(number(text, "x")), text


def test_a_column_without_dates_needs_no_words_on_them() -> None:
    assert "date" not in table_source.of_numbers([Column("x", "number")]).replace("day_first", "")


@pytest.mark.parametrize("value", ["00501", "501", 501, 501.0, "501.0", " 00501 ", None, "other", "x", math.nan])
def test_codes_get_their_zeros_back(value: object) -> None:
    column = Column("zip", "category", categories=("00501", "10115"))
    expected = encode([column], {"zip": [value]})["categories"][0, 0]
    assert source(column)["code"]("zip", value) == expected


@pytest.mark.parametrize("value", ["true", "TRUE", True, "True", "yes", "3.0", 3, 3.0, "3"])
def test_words_and_whole_numbers_have_one_name(value: object) -> None:
    column = Column("c", "category", categories=("True", "3"))
    expected = encode([column], {"c": [value]})["categories"][0, 0]
    assert source(column)["code"]("c", value) == expected
