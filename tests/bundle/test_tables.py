from __future__ import annotations

import csv
import gzip
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor, table_rows, tables
from archsmith.bundle.manifest import read
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.typed_rows import typed_row
from archsmith.core.errors import DataError, UsageError
from archsmith.core.task import Input, classification
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import as_columns
from archsmith.data.tables.load import load

ROW = {"age": 31, "job": "clerk", "hired": "2019-05-06", "number": 1e9 + 3, "sex": "m"}


@pytest.fixture(scope="module")
def predictor(people: Any) -> Predictor:
    return Predictor(people.folder, threads=1)


@pytest.fixture
def intake(people: Any) -> TableIntake:
    found = read(people.folder).intake
    assert isinstance(found, TableIntake)
    return found


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


# What the manifest keeps


def test_makes_a_round_trip_with_keys_of_later_versions(intake: TableIntake) -> None:
    inputs = intake.to_inputs()
    inputs[0]["columns"][0]["colour"] = inputs[1]["colour"] = "blue"
    assert TableIntake.from_inputs(inputs) == intake
    assert [column.name for column in intake.columns] == ["age", "job", "hired", "number", "sex"]


@pytest.mark.parametrize(
    ("columns", "headings"),
    [((), ()), ((Column("a", "number"), Column("a", "number")), ()), ((Column("a", "number"),), ("b",))],
)
def test_refuses_nonsense(columns: Any, headings: Any) -> None:
    with pytest.raises(UsageError):
        TableIntake(columns, headings)


def test_fits_only_the_task_of_its_columns(intake: TableIntake, people: Any) -> None:
    assert intake.fits(people.task)
    numbers, categories = people.task.inputs
    for inputs in (
        (numbers,),
        (categories, numbers),
        (Input("numbers", "numbers", (4,)), categories),
        (numbers, Input("categories", "categories", (2,), n_codes=9)),
    ):
        assert not intake.fits(classification(inputs, ("a", "b")))


# What Predictor is given


def test_every_form_of_a_table_gives_the_same(predictor: Predictor, people: Any, tmp_path: Path) -> None:
    import pandas

    rows = people.raw
    expected = predictor.predict_proba(rows)
    assert expected.shape == (len(rows), 3) and len(set(predictor.predict(rows))) > 1
    assert np.abs(np.concatenate([predictor.predict_proba([row]) for row in rows]) - expected).max() < 1e-6
    frame = pandas.DataFrame(rows)
    path = write_csv(tmp_path / "rows.csv", rows)
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    frame.to_parquet(tmp_path / "rows.parquet")
    headings = ("id", *ROW)
    for form in (
        frame,
        frame[["sex", "job", "number", "hired", "age"]].assign(more=1),
        frame.assign(hired=pandas.to_datetime(frame["hired"])),
        frame.to_dict("list"),
        path,
        str(path),
        tmp_path / "rows.csv.gz",
        tmp_path / "rows.parquet",
        np.array([[row.get(name) for name in headings] for row in rows], object),
        iter(rows),
    ):
        assert np.abs(predictor.predict_proba(form) - expected).max() < 1e-6


def test_nothing_in_nothing_out(predictor: Predictor) -> None:
    for empty in ([], np.zeros((0, 6)), iter(())):
        assert predictor.predict_proba(empty).shape == (0, 3)


def test_an_endless_stream_of_rows_gives_a_stream_of_predictions(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS", 3)
    first, second = itertools.islice(predictor.stream(itertools.repeat(ROW)), 2)
    assert first.shape == second.shape == (3, 3)


def test_rows_go_through_some_at_a_time(predictor: Predictor, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = predictor.predict_proba(people.raw)
    monkeypatch.setattr(table_rows, "ROWS", 10)
    sizes = [len(rows) for rows in predictor.stream(people.raw)]
    assert sizes == [10] * 6 + [4]
    assert np.abs(predictor.predict_proba(people.raw) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (
            [{name: value for name, value in ROW.items() if name != "job"}],
            r"no column 'job'\. It needs the columns 'age'",
        ),
        ([ROW, {**ROW, "age": "old"}], "The column 'age' holds numbers, but row 2 says 'old'"),
        ([{**ROW, "hired": "yesterday"}], "The column 'hired' holds dates, but row 1 says 'yesterday'"),
        (3, "from something of the type int"),
        (np.zeros((2, 5)), "The array has 5 columns, but there should be 6"),
        ("nowhere.csv", "There is no file 'nowhere.csv'"),
    ],
)
def test_what_is_no_such_table_is_said(predictor: Predictor, rows: Any, part: str) -> None:
    with pytest.raises(DataError, match=part):
        predictor.predict(rows)


def test_a_row_with_a_mistake_is_found_behind_other_chunks(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_rows, "ROWS", 10)
    with pytest.raises(DataError, match="row 25 says 'old'"):
        predictor.predict([*[ROW] * 24, {**ROW, "age": "old"}])


def test_a_row_of_a_file_is_called_as_a_spreadsheet_does(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("age,job,hired,number,sex\n31,clerk,2019-05-06,1,m\n\nold,clerk,2019-05-06,1,m\n")
    with pytest.raises(DataError, match=r"row 4 \(the headings are row 1\) says 'old'"):
        predictor.predict(path)


def test_broken_rows_keep_the_others_in_step(intake: TableIntake) -> None:
    rows = [{**ROW, "age": "old" if place in (0, 7, 8) else place} for place in range(12)]
    ((_, _, table),) = intake.tables(rows)
    window = intake.tolerant(table, first_row=100)
    assert window.n == 12 and sorted(window.broken) == [0, 7, 8]
    assert "row 108 says 'old'" in window.broken[7]
    (call,) = window.calls
    assert call.places.tolist() == call.inputs["numbers"][:, 0].tolist() == [1, 2, 3, 4, 5, 6, 9, 10, 11]


def test_inputs_are_raw_numbers_and_texts(intake: TableIntake) -> None:
    ((_, _, table),) = intake.tables([{**ROW, "age": "inf", "job": " 3.0 ", "sex": "nobody"}])
    found = intake.inputs(table)
    assert found["numbers"].dtype == np.float64
    np.testing.assert_array_equal(found["numbers"], [[np.nan, 18022.0, 1e9 + 3]])
    assert found["categories"].tolist() == [["3", ""]]


# Labelled tables


def test_labelled_rows_keep_their_numbers_in_the_file(intake: TableIntake, tmp_path: Path) -> None:
    rows = [{**ROW, "group": "" if place == 1 else "high"} for place in range(4)]
    labelled = intake.labelled(write_csv(tmp_path / "t.csv", rows), target="group")
    assert [labelled.examples.name(place) for place in range(3)] == [
        f"row {place} (the headings are row 1)" for place in (2, 4, 5)
    ]
    assert labelled.skipped[0][0] == "row 3 (the headings are row 1)" and set(labelled.targets) == {"high"}
    assert labelled.examples.take(np.array([2])).name(0) == "row 5 (the headings are row 1)"


def test_the_likely_target_is_taken_where_there_is_one(intake: TableIntake, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [{"group": "high", **ROW}, {"group": "low", **ROW}])
    assert set(intake.labelled(path, likely="group").targets) == {"high", "low"}
    with pytest.raises(DataError, match="no column 'other', which this bundle predicts"):  # the last one is an input
        intake.labelled(path, likely="other")
    path = write_csv(tmp_path / "last.csv", [{**ROW, "group": "high"}, {**ROW, "group": "low"}])
    found = intake.labelled(path, likely="other")
    assert set(found.targets) == {"high", "low"}
    assert found.notes == ("There is no column 'other', so 'group' is taken for it; --target names another.",)


def test_targets_are_read_as_training_targets_were(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("rooms;price\n" + "".join(f"{i % 7};{100 + i}.000,{i % 10}\n" for i in range(60)))
    intake = TableIntake.of(load(path, tmp_path / "store", seed=0, target="price").splits)
    intake = TableIntake.from_inputs(intake.to_inputs())
    path.write_text("rooms;price\n3;200.000\n2;300.000\n")
    assert intake.labelled(path, likely="price").targets.tolist() == [200_000, 300_000]
    earlier = TableIntake(intake.columns, intake.headings)
    assert "target" not in earlier.to_inputs()[0]
    assert earlier.labelled(path, likely="price").targets.tolist() == [200, 300]


def test_targets_of_an_unknown_way_are_refused(intake: TableIntake) -> None:
    inputs = intake.to_inputs()
    inputs[0]["target"] = {"written": "roman", "marks": ""}
    with pytest.raises(UsageError, match="written 'roman'"):
        TableIntake.from_inputs(inputs)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "lacks the column of targets"),
        ({"likely": "group"}, "no column 'group', which this bundle predicts"),
        ({"target": "job"}, "predicts from the column 'job', so that cannot be what it predicts"),
        ({"target": "group"}, "has no column 'group'"),
    ],
)
def test_a_table_with_all_but_the_target_is_not_said_to_lack_something_else(
    intake: TableIntake, tmp_path: Path, named: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        intake.labelled(write_csv(tmp_path / "new.csv", [ROW, ROW]), **named)


def test_a_table_without_the_target_is_refused_by_its_name_whatever_the_last_column_holds(intake: TableIntake) -> None:
    dates = {name: [value] * 3 for name, value in ROW.items()} | {"hired": ["2019-05-06", "2019-05-07", "2019-05-08"]}
    dates["day"] = dates["hired"]
    with pytest.raises(DataError, match="no column 'pay', which this bundle predicts"):
        intake.labelled(dates, likely="pay")


# Words


def test_says_what_it_takes(intake: TableIntake) -> None:
    assert intake.takes == "rows of a table with the columns 'age', 'job', 'hired', 'number', 'sex'"
    assert intake.size == "3 numbers and 2 categories"
    # a card lists a few of the categories only
    assert intake.limits()[-1].startswith("Categories that are new, or rare in training rows, are all treated alike")
    heading, rows = intake.table()
    assert len(rows) == 5 and len(heading) == 4
    assert rows[0] == ("age", "number", "17 to 90, median 38", "10 %")
    assert rows[1] == ("job", "category", "3: 'clerk', '-farmer', '3'", "0 %")


@pytest.mark.parametrize(("names", "column"), [(("a.csv", "b.csv"), None), (("a.csv",), "pictures")])
def test_one_table_is_asked_at_a_time(intake: TableIntake, names: Any, column: Any) -> None:
    with pytest.raises(UsageError):
        intake.asked(names, column)


def test_a_long_window_is_several_calls(predictor: Predictor, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS", 4)
    intake = predictor.manifest.intake
    table = intake.raw(as_columns([ROW] * 5 + [{**ROW, "age": "old"}] + [ROW] * 4))
    window = intake.tolerant(table)
    assert [call.places.tolist() for call in window.calls] == [[0, 1, 2, 3], [4, 6, 7, 8], [9]]
    assert list(window.broken) == [5] and predictor.run(window).shape == (10, 3)


def test_columns_are_told_with_numbers_that_add_up() -> None:
    street = Column("street", "category", 0.0, 263, categories=tuple(f"Weg {i}" for i in range(188)))
    hired = Column("hired", "number", 0.0, 9, 17904.0, 18000.4, 19893.0, written="day_first")
    _, rows = TableIntake((street, hired), ("street", "hired")).table()
    assert rows[0][2].startswith("188: 'Weg 0'") and rows[0][2].endswith("and 183 more; 75 rare ones count as one")
    assert rows[1][2] == "2019-01-08 to 2024-06-19, median 2019-04-14"


def test_dates_with_times_are_told_by_their_days() -> None:
    seen = Column("seen", "number", 0.0, 9, 17904.9, 18000.6, 19893.7, written="date")
    _, rows = TableIntake((seen,)).table()
    assert rows[0][2] == "2019-01-08 to 2024-06-19, median 2019-04-14"


@pytest.mark.parametrize(("written", "marks"), [("plain", ""), ("comma", "."), ("comma", ""), ("mixed", "")])
def test_a_form_shows_numbers_that_are_read_as_they_are_meant(written: str, marks: str) -> None:
    column = Column("x", "number", 0.0, 9, -1.5, 249.995, 1234.0, written=written, marks=marks)
    (form,) = TableIntake((column,)).form()["columns"]
    read = [typed_row([column], {"x": form[name]})["x"] for name in ("least", "usual", "most")]
    assert read == [-1.5, 249.995, 1234.0]


@pytest.mark.parametrize("given", ["rows", "columns", "stream", "labelled"])
def test_texts_in_memory_say_themselves_how_they_are_written(given: str) -> None:
    intake = TableIntake((Column("x", "number", 0.0, 9, 1.0, 9.0, 3000.0, written="comma", marks="."),))
    texts = ["900.125", "2540.78"]
    rows = [{"x": text, "y": place} for place, text in enumerate(texts)]
    if given == "labelled":
        windows = intake.labelled({"x": texts, "y": [0.5, 1.5]}, target="y").examples.windows()
    else:
        windows = intake.windows({"rows": rows, "columns": {"x": texts}, "stream": iter(rows)}[given])
    (window,) = windows
    assert window.calls[0].inputs["numbers"].ravel().tolist() == [900.125, 2540.78]
