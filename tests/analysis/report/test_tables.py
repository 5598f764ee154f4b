from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report.mistakes import mistakes_of
from archsmith.analysis.report.tables import _gap, columns_of, describe, shown_mistakes_of
from archsmith.analysis.study import Study, read_study
from archsmith.analysis.wording import NB


class Wide(list[dict[str, object]]):
    """Rows that are read by their index."""

    def rows(self, indexes: Any) -> list[dict[str, object]]:
        return [self[i] for i in indexes]


@pytest.fixture
def study(make: Any, tables: Any) -> Study:
    return read_study(make(classes=("no", "yes"), n=90, data=tables(("no", "yes"), 90), kind="table"))


def test_rows_are_described_by_their_columns(study: Study) -> None:
    assert describe(study).replace(NB, " ") == "rows of 2 columns (1 number and 1 category)"


def test_columns_say_what_they_hold(study: Study) -> None:
    found = columns_of(study)
    assert found is not None
    age, work = found.rows
    assert (age.kind, age.missing, age.distinct, age.values) == ("number", "–", "40", "17 to 90, median 37.5")
    assert work.missing == f"25{NB}%"
    assert work.values.replace(NB, " ") == "private (70 %), state (20 %), none (5 %) and 9 more"
    assert found.lead.replace(NB, " ") == "One column has gaps, “work <b>”: 25 % of its values are missing."


def test_dates_are_shown_as_dates(study: Study) -> None:
    born = SimpleNamespace(
        name="born", kind="number", missing=0.0, distinct=3, minimum=0.0, median=59.0, maximum=366.0, is_date=True
    )
    study.splits = SimpleNamespace(train=SimpleNamespace(columns=(born,)))  # type: ignore[assignment]
    found = columns_of(study)
    assert found is not None and found.rows[0].values == "1970-01-01 to 1971-01-02, median 1970-03-01"


def test_times_of_day_belong_to_their_day_and_are_told_as_exactly_as_they_are_kept(study: Study) -> None:
    at = SimpleNamespace(
        name="at",
        kind="number",
        missing=0.0,
        distinct=3,
        minimum=0.84,
        median=1.5,
        maximum=9.7,
        is_date=True,
        offset=0.0,
    )
    rows: list[dict[str, object]] = [{"at": "2021-01-01 06:59:02"}, {"at": "2021-01-02"}, {"at": None}]
    train = Wide(rows)
    train.columns = (at,)  # type: ignore[attr-defined]
    study.splits = SimpleNamespace(train=train)  # type: ignore[assignment]
    found = columns_of(study)
    assert found is not None and found.head is not None
    assert found.rows[0].values == "1970-01-01 to 1970-01-10, median 1970-01-02"
    assert found.head.cells == (("≈ 2021-01-01 07:00",), ("≈ 2021-01-02 00:00",), ("missing",))
    at.offset = 18_628.0  # with one, seconds are exact
    found = columns_of(study)
    assert found is not None and found.head is not None and found.head.cells[0] == ("2021-01-01 06:59:02",)


def test_columns_that_are_not_used_say_why(study: Study) -> None:
    ignored = SimpleNamespace(name="id", reason="is different in every row.")
    study.splits.ignored = (ignored,)  # type: ignore[union-attr]
    found = columns_of(study)
    assert found is not None and found.ignored == (("id", "is different in every row."),)
    assert found.lead.startswith("One column that is used has gaps, “work <b>”")


def test_gaps_are_told_of_the_columns_that_are_used(study: Study) -> None:
    whole, gap = (SimpleNamespace(name=name, kind="number", missing=part) for name, part in (("a", 0.0), ("b", 0.5)))
    empty = SimpleNamespace(name="remark", reason="has no values.")
    leads = []
    for columns, ignored in (((whole,), ()), ((whole,), (empty,)), ((gap, gap, whole), (empty,))):
        study.splits = SimpleNamespace(  # type: ignore[assignment]
            train=SimpleNamespace(columns=columns), ignored=ignored
        )
        found = columns_of(study)
        assert found is not None
        leads.append(found.lead.replace(NB, " "))
    assert leads[:2] == ["No value is missing.", "No value is missing in the columns that are used."]
    assert leads[2].startswith("2 of 3 columns that are used have gaps.")


def test_the_first_rows_say_what_gaps_are(study: Study) -> None:
    found = columns_of(study)
    assert found is not None and found.head is not None
    assert found.head.names == ("age", "work <b>") and found.head.cells[:2] == (
        ("17", "missing or rare"),
        ("18", "job 1"),
    )


def test_mistakes_are_rows_with_their_values(study: Study) -> None:
    found = shown_mistakes_of(study)
    assert found is not None and found.told == ("It is", "Taken for") and found.names == ("age", "work <b>")
    told, cells = found.mistakes[0]
    assert told[0] in ("no", "yes") and len(cells) == 2


def test_wide_tables_show_some_columns_and_say_so(study: Study) -> None:
    wide = {f"c{i}": float(i) for i in range(30)}
    study.splits = SimpleNamespace(test=Wide([wide] * 90), classes=("no", "yes"))  # type: ignore[assignment]
    found = shown_mistakes_of(study)
    assert found is not None and len(found.names) == 12 and found.n_hidden == 18


def test_rows_that_are_not_there_cost_only_their_values(study: Study) -> None:
    study.splits = None
    found = shown_mistakes_of(study)
    assert found is not None and found.names == () and found.mistakes[0][1] == ()
    assert columns_of(study) is None


def test_columns_that_say_nothing_of_themselves_are_listed_by_name(study: Study) -> None:
    bare = SimpleNamespace(name="a", kind="category")
    study.splits = SimpleNamespace(train=SimpleNamespace(columns=(bare,)))  # type: ignore[assignment]
    found = columns_of(study)
    assert found is not None and found.head is None
    assert [(row.name, row.missing, row.distinct, row.values) for row in found.rows] == [("a", "–", "–", "–")]


def test_mistakes_have_the_numbers_of_their_rows_and_can_be_downloaded(study: Study) -> None:
    places = np.arange(90) * 2 + 2
    object.__setattr__(study.splits.test, "places", places)
    found = shown_mistakes_of(study)
    worst = mistakes_of(study)
    assert found is not None and worst is not None and found.numbered
    assert found.told == ("Row", "It is", "Taken for")
    assert found.mistakes[0][0][0] == str(places[worst.worst[0].index])
    lines = base64.b64decode(found.csv.partition(",")[2]).decode().splitlines()
    assert found.in_csv == "All mistakes"
    assert lines[0] == "row,true class,predicted class,probability"
    assert lines[1].startswith(f"{places[worst.worst[0].index]},")


@pytest.mark.parametrize(
    ("column", "gap"),
    [
        (SimpleNamespace(kind="number", missing=0.1), "missing"),
        (SimpleNamespace(kind="category", missing=0.1, distinct=2, categories=("a", "b")), "missing"),
        (SimpleNamespace(kind="category", missing=0.0, distinct=9, categories=("a", "b")), "rare"),
        (SimpleNamespace(kind="category", missing=0.1, distinct=9, categories=("a", "b")), "missing or rare"),
        (SimpleNamespace(kind="category", missing=0.0, distinct=2, categories=("a", "b")), "missing or rare"),
    ],
)
def test_a_value_that_is_not_told_is_called_what_it_can_be(column: Any, gap: str) -> None:
    assert _gap(column) == gap
