"""Numbers as people type them into a form, in Python and in a browser."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from typing import Any

import pytest

from archsmith.bundle.page import SITE
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.typed_rows import TypedError, beyond, typed_row
from archsmith.data.tables.columns import Column

AGE = Column("age", "number", 0.0, 9, 17.0, 38.0, 90.0)
HIRED = Column("hired", "number", 0.0, 9, 17_000.0, 18_000.0, 20_000.0, written="date")
JOB = Column("job", "category", 0.0, 2, categories=("clerk", "3"))
TYPED = (
    *(
        "44.1",
        "44,1",
        " 7 ",
        "4,400",
        "1.234",
        "1,234.5",
        "1.234,5",
        "1,234,567",
        "1.234.567",
        "-99999",
        "1e9",
        "1,5e3",
    ),
    *("", "NA", "?", "none", "abc", "1e999", "1_000", "4 4", "12 €", "45%", "0x1f", "Infinity", "--1", "5.", ".5"),
    *("+3", "00,5", "0,500", "0.500", "1,23,4", "1e31", "1e30"),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("44,1", 44.1), ("44.1", 44.1), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("-1e3", -1000.0), ("NA", None)],
)
def test_numbers_are_read_as_those_of_a_table(text: str, value: float | None) -> None:
    assert typed_row([AGE], {"age": text, "more": text}) == {"age": value, "more": text}


@pytest.mark.parametrize("text", ["abc", "1e999", "inf", "12 €", "4,400"])
def test_what_is_no_one_number_is_refused(text: str) -> None:
    with pytest.raises(TypedError) as refused:
        typed_row([AGE], {"age": text})
    assert refused.value.column == "age" and text in refused.value.message and refused.value.hint


@pytest.mark.parametrize("text", ["1e99", "1e999", "-2e30"])
def test_a_number_that_is_too_large_is_called_so(text: str) -> None:
    with pytest.raises(TypedError, match="too large. Write one up to 1e"):
        typed_row([AGE], {"age": text})


def test_a_column_that_was_written_with_groups_decides() -> None:
    grouped, comma = (Column("age", "number", written=written, marks=".") for written in ("grouped", "comma"))
    assert typed_row([grouped], {"age": "4,400"}) == {"age": 4400}
    assert typed_row([comma], {"age": "4,400"}) == {"age": 4.4}


def test_dates_texts_and_numbers_stay() -> None:
    row = {"age": 3, "hired": "2019-01-31", "job": "3"}
    assert typed_row([AGE, HIRED, JOB], row) == row
    assert typed_row([AGE], "no row") == "no row"


def test_what_lies_outside_of_training_rows_is_told() -> None:
    columns = [AGE, HIRED, JOB]
    assert beyond(columns, {"age": 17, "hired": "2019-01-31", "job": "x"}) == []
    assert beyond(columns, {"age": None, "hired": ["odd"]}) == [] == beyond(columns, {"age": float("nan")})
    age, hired = beyond(columns, {"age": 1e9, "hired": "1900-01-01"})
    assert age.startswith("'age' is 1000000000, and training rows had 17 to 90: ")
    assert "1900-01-01" in hired and "2016-07-18 to 2024-10-04" in hired


def test_dates_are_compared_by_their_days() -> None:
    seen = Column("seen", "number", 0.0, 9, 19726.4, 19800.0, 20072.3, written="date")
    for inside in ("2024-01-04", "2024-12-15", "2024-12-15 23:00"):
        assert beyond([seen], {"seen": inside}) == []
    (before,) = beyond([seen], {"seen": "2024-01-03"})
    (after,) = beyond([seen], {"seen": "2024-12-16"})
    assert "is 2024-01-03, and training rows had 2024-01-04 to 2024-12-15" in before and "2024-12-16" in after


def test_ends_are_told_as_they_can_be_typed() -> None:
    price = Column("price", "number", 0.0, 9, 1.25, 9.0, 249.995, written="comma", marks=".")
    (said,) = beyond([price], {"price": 1234.5})
    assert "training rows had 1.25 to 249.9950: " in said


@pytest.mark.parametrize("text", ["1.230", "1,230", "1.234"])
def test_what_a_refusal_advises_is_read(text: str) -> None:
    mixed = Column("price", "number", written="mixed")
    with pytest.raises(TypedError) as refused:
        typed_row([mixed], {"price": text})
    advice = str(refused.value.hint).removeprefix("Write ").removesuffix(".").split(" or ")
    assert {typed_row([mixed], {"price": each})["price"] for each in advice} == {
        float(text.replace(",", ".")),
        float(text.replace(",", "").replace(".", "")),
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize(
    ("written", "marks"), [("plain", ""), ("grouped", ""), ("comma", "."), ("comma", ""), ("mixed", "")]
)
def test_a_browser_reads_the_same(written: str, marks: str) -> None:
    column = Column("age", "number", 0.0, 9, 17.0, 38.125, 90.0, written=written, marks=marks)
    (form,) = TableIntake((column,)).form()["columns"]
    typed = (*TYPED, form["usual"])
    script = f"""
    import {{ beyond, numberOf }} from {json.dumps((SITE / "numbers.js").as_uri())};
    const read = (text) => {{ try {{ return numberOf(text, {json.dumps(form)}); }} catch {{ return "refused"; }} }};
    const told = (found) => (typeof found === "number" && Boolean(beyond(found, {json.dumps(form)})));
    console.log(JSON.stringify({json.dumps(typed)}.map(read).map((found) => [found, told(found)])));
    """
    said = _of_browser(script)
    assert said == [_read(column, text) for text in typed]
    assert said[-1] == [38.125, False]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_browser_advises_what_it_reads() -> None:
    (form,) = TableIntake((Column("price", "number", written="mixed"),)).form()["columns"]
    script = f"""
    import {{ numberOf }} from {json.dumps((SITE / "numbers.js").as_uri())};
    try {{ numberOf("1.230", {json.dumps(form)}); }} catch (error) {{ console.log(JSON.stringify(error.message)); }}
    """
    assert _of_browser(script).endswith("may mean 1.23 or 1230. Write 1.23 or 1230.")


def _of_browser(script: str) -> Any:
    """The JSON that a script logs."""
    node = ["node", "--input-type=module", "-e", script]
    return json.loads(subprocess.run(node, capture_output=True, text=True, check=True, timeout=60).stdout)


def _read(column: Column, text: str) -> list[Any]:
    try:
        row = typed_row([column], {"age": text})
    except TypedError:
        return ["refused", False]
    found = row["age"]
    return [None if found is None or math.isnan(found) else found, bool(beyond([column], row))]
