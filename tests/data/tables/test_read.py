"""Tables from files and from memory: target, splits, and rows without a target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.read import read, without


def test_a_csv_has_its_target_in_a_column(tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    path.write_text("size,price,town\n1,2.5,x\n2,3.5,y\n")
    source = read(path, "price")
    assert (source.name, source.target, source.names) == ("houses", "price", ("size", "town"))
    np.testing.assert_array_equal(source.targets, [2.5, 3.5])
    assert source.notes == ()


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["a", "Target", "b"], "Target"),
        (["class", "a", "b"], "class"),
        (["y", "a"], "y"),
        (["x", "y", "z", "target"], "target"),
        (["x", "y", "z"], "z"),
        (["a", "b"], "b"),
        (["a", "b", "split"], "b"),
    ],
)
def test_the_target_is_found_by_name_or_is_the_last_column(names: list[str], target: str) -> None:
    source = read({name: ["train"] * 3 if name == "split" else [1, 2, 3] for name in names})
    assert source.target == target
    assert any(repr(target) in note for note in source.notes)


@pytest.mark.parametrize("values", [["train", "dev", "Testing"], np.array(["training", "val", "test"])])
def test_a_column_puts_rows_into_splits(values: Any) -> None:
    source = read({"a": [1, 2, 3], "y": [1, 2, 3], "part": values})
    assert source.split.tolist() == [0, 1, 2]
    assert set(source.table) == {"a"}


def test_numbers_named_split_are_a_column_like_others() -> None:
    assert "split" in read({"split": [0, 1, 0], "y": [1, 2, 3]}).table


def test_rows_without_a_target_are_left_out_everywhere() -> None:
    source = read({"a": ["p", "q", "r"], "y": [1, None, 3], "split": ["train", "valid", "test"]})
    assert source.table["a"].values == ["p", "r"]
    assert source.split.tolist() == [0, 2]
    assert source.skipped == (("row 2", "It has no value in the column 'y'."),)


def test_infinite_targets_are_not_said_to_be_empty() -> None:
    source = read({"a": [1, 2, 3], "y": [1.5, float("inf"), 2.5]})
    assert source.skipped == (("row 2", "It has no finite value in the column 'y'."),)


def test_some_rows_of_a_table_keep_their_names() -> None:
    source = read({"a": ["p", "q", "r"], "y": [1, None, 3], "split": ["train", "valid", "test"]})
    some = source.take(np.array([1]))
    assert (some.table["a"].values, some.targets.tolist(), some.split.tolist()) == (["r"], [3], [2])
    assert some.row(0) == source.row(1) == "row 3"


@pytest.mark.parametrize("targets", [[1, 2], (1, 2), np.array([[1], [2]])])
def test_a_pair_is_rows_and_targets(targets: Any) -> None:
    source = read((np.array([[1.0, 2.0], [3.0, 4.0]]), targets))
    assert (source.names, source.target) == (("x0", "x1"), "target")
    np.testing.assert_array_equal(source.targets, [1, 2])


def test_frames_keep_names_and_declared_categories() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": pandas.Categorical([5, 6])})
    source = read((frame, pandas.Series([0.5, 1.5], name="price")))
    assert (source.target, source.categorical) == ("price", frozenset("b"))


@pytest.mark.parametrize("suffix", [".parquet", ".pq"])
def test_parquet_is_read_as_the_frame_it_was(tmp_path: Path, suffix: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"n": [1.5, None], "c": ["a", None], "target": ["u", "v"]}, index=[7, 8])
    frame.to_parquet(tmp_path / f"t{suffix}")
    source = read(tmp_path / f"t{suffix}")
    assert source.names == ("n", "c")
    np.testing.assert_array_equal(source.table["n"].values, [1.5, np.nan])
    assert source.table["c"].values == ["a", ""]


def test_progress_and_interruption_reach_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,2\n" * 25_000)
    told: list[tuple[str, int, int]] = []
    read(path, progress=lambda *said: told.append(said))
    assert [done for _, done, _ in told] == [10_000, 20_000, 25_000]

    def stop() -> None:
        raise DataError("Stopped.")

    with pytest.raises(DataError, match="Stopped"):
        read(path, check=stop)


@pytest.mark.parametrize("dates", [["2023-01-18", "2023-02-03"], ["18.01.2023", "3.2.2023"], ["1/2/2023", "3/4/2023"]])
def test_dates_written_as_text_are_no_target(dates: list[str]) -> None:
    with pytest.raises(DataError, match="holds dates, and dates cannot be predicted"):
        read({"a": [1, 2], "when": dates}, "when")


def test_rows_keep_the_number_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    """Headings and empty lines count, and a cell of several lines does not."""
    path = tmp_path / "t.csv"
    path.write_text('a,y\n1,2.5\n\n2,3.5\n"3\n",4.5\n4,\n\n\n5,6.5\n')
    found = read(path, "y")
    assert found.places is not None
    assert found.targets.tolist() == [2.5, 3.5, 4.5, 6.5]
    assert found.places.tolist() == [2, 4, 5, 9]
    path.write_text("\na,y\n1,2.5\n2,3.5\n")
    assert read(path, "y").places.tolist() == [3, 4]  # type: ignore[union-attr]
    assert read(path, "y").row(0) == "row 3 (the headings are row 2)"


@pytest.mark.parametrize(
    ("line", "value", "said"),
    [
        ("a;7.311", 7.311, "fractions in 'price': nothing says"),
        ("a\t7.311", 7.311, "fractions in 'price': nothing says"),
        ("a,7.311", 7.311, ""),
        ("3.5;7.311", 7.311, ""),
        ("3,5;7.311", 7311, "written as 1.234,5"),
        ("a;7,311", 7.311, "written as 1.234,5"),
        ("a\t7,311", 7311, "written as 1,234.5"),
    ],
)
def test_how_targets_are_written_is_decided_by_the_table_and_a_guess_is_said(
    tmp_path: Path, line: str, value: float, said: str
) -> None:
    path = tmp_path / "prices.csv"
    heading = "town;price".replace(";", "\t" if "\t" in line else ";" if ";" in line else ",")
    path.write_text(f"{heading}\n{line}\n{line}\n")
    source = read(path, "price")
    assert source.targets.tolist() == [value, value]
    assert said in " ".join(source.notes) and bool(said) == bool(source.notes)


@pytest.mark.parametrize(
    ("learnt", "line", "found"),
    [
        (("comma", "."), "a;200.000", 200000),
        (("comma", "."), "a\t200.000", 200000),
        (("plain", ""), "a;200.000", 200),
        (("comma", "."), "3.5;200.000", 200),  # the file itself says how it is written
        (("comma", ""), "a;200.000", "may mean 200 or 200000"),
        (("plain", ""), "a\t200,000", "may mean 200000 or 200"),
        (("", ""), "a;200.000", 200),
    ],
)
def test_targets_that_can_be_read_in_two_ways_are_read_as_training_targets(
    tmp_path: Path, learnt: tuple[str, str], line: str, found: Any
) -> None:
    path = tmp_path / "prices.csv"
    heading = "town\tprice" if "\t" in line else "town;price"
    path.write_text(f"{heading}\n{line}\n{line}\n")
    if isinstance(found, str):
        with pytest.raises(DataError, match=found):
            read(path, "price", learnt=learnt)
    else:
        assert read(path, "price", learnt=learnt).targets.tolist() == [found, found]


@pytest.mark.parametrize(
    ("prices", "way"),
    [
        (["1.200,50", "3,5"], ("comma", ".")),
        (["12,5", "3,5"], ("comma", "")),
        (["1,200.50", "3.5"], ("grouped", "")),
        (["12.5", "3.5"], ("plain", "")),
        (["cheap", "3.5"], ("", "")),
        ([12.5, 3.5], ("", "")),
    ],
)
def test_how_targets_are_written_is_kept(prices: list[Any], way: tuple[str, str]) -> None:
    assert read({"town": ["a", "b"], "price": prices}, "price").target_way == way


# Columns that are left out


def test_columns_can_be_left_out() -> None:
    source = read({"a": [1, 2, 3], "Name": ["x", "y", "z"], "y": [1, 2, 1]})
    left = without(source, ("Name",))
    assert list(left.table) == ["a"] and [entry.name for entry in left.ignored] == ["Name"]
    assert left.names == source.names  # an array with all columns can still be read
    assert without(source, ()) is source


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("name",), "No column 'name' .* Did you mean 'Name'"),
        (("y",), "'y' is the target"),
        (("a", "Name"), "All columns are to be ignored"),
    ],
)
def test_columns_that_cannot_be_left_out_are_named(names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        without(read({"a": [1, 2, 3], "Name": ["x", "y", "z"], "y": [1, 2, 1]}), names)


def test_the_column_of_the_splits_is_not_said_to_be_missing() -> None:
    source = read({"a": [1, 2, 3], "Split": ["train", "train", "test"], "y": [1, 2, 1]})
    with pytest.raises(DataError, match="'Split' says which split each row is in"):
        without(source, ("Split",))
    with pytest.raises(DataError, match="No column 'Split'"):
        without(read({"a": [1, 2, 3], "y": [1, 2, 1]}), ("Split",))
