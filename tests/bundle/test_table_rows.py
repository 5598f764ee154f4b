from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from archsmith.bundle import table_rows
from archsmith.bundle.table_rows import AskedFile, TableFile, columns_of_csv
from archsmith.bundle.tables import TableIntake
from archsmith.core.errors import DataError
from archsmith.data.tables.cells import raw
from archsmith.data.tables.columns import Column
from archsmith.data.tables.read_csv import CsvFile

COLUMNS = (Column("a", "number"), Column("b", "category", categories=("x",)))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "CHUNK", 4)


def test_a_csv_comes_in_chunks(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("b,a,c\n" + "".join(f"x,{place},y\n" for place in range(10)))
    found = list(TableFile(tmp_path / "t.csv").chunks(COLUMNS))
    assert [(first, len(table["a"])) for first, table in found] == [(0, 4), (4, 4), (8, 2)]
    assert found[2][1]["a"] == ["8", "9"]


def test_a_parquet_file_comes_in_chunks_of_what_is_needed(tmp_path: Path) -> None:
    import pandas

    pandas.DataFrame({" a": range(10), "b": "x", "c": "y"}).to_parquet(tmp_path / "t.parquet")
    found = list(TableFile(tmp_path / "t.parquet").chunks(COLUMNS))
    assert [(first, list(table), len(table["a"])) for first, table in found] == [
        (0, ["a", "b"], 4),
        (4, ["a", "b"], 4),
        (8, ["a", "b"], 2),
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("start", [4, 5, 8, 10])
def test_rows_that_are_known_are_passed_over(tmp_path: Path, name: str, start: int) -> None:
    import pandas

    frame = pandas.DataFrame({"a": range(10), "b": "x"})
    frame.to_csv(tmp_path / name, index=False) if name == "t.csv" else frame.to_parquet(tmp_path / name)
    found = list(TableFile(tmp_path / name).chunks(COLUMNS, start))
    values = [raw(table["a"], "a").values for _, table in found]
    assert [int(value) for some in values for value in some] == list(range(start, 10))
    assert [first for first, _ in found] == [first for first in (4, 5, 8) if first == start or start < first == 8]


def test_the_number_of_rows_is_known_or_nearly(tmp_path: Path) -> None:
    import pandas

    (tmp_path / "t.csv").write_text('a,b\n1,"x\ny"\n2,x\n')
    pandas.DataFrame({"a": range(10), "b": "x"}).to_parquet(tmp_path / "t.parquet")
    assert [TableFile(tmp_path / name).n for name in ("t.csv", "t.parquet")] == [3, 10]


def test_the_fingerprint_changes_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n")
    before = TableFile(tmp_path / "t.csv").fingerprint()
    assert TableFile(tmp_path / "t.csv").fingerprint() == before
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n")
    assert TableFile(tmp_path / "t.csv").fingerprint() != before
    with pytest.raises(DataError, match="no file"):
        TableFile(tmp_path / "gone.csv").fingerprint()


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("folder", None, "is a folder, not a table"),
        ("rows.json", b'{"a": 1}', "Files such as 'rows.json' cannot be read as tables"),
        ("missing.csv", None, "There is no file"),
        ("head.csv", b"a,b\n", "no rows below its first line"),
        ("other.csv", b"a,c\n1,2\n", "no column 'b'"),
        ("cut.parquet", b"PAR1", "not a whole Parquet file"),
        ("uneven.csv", b"a,b\n1,x\n2,x,3\n", "Line 3 .* has 3 values"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: Any, part: str) -> None:
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=part):
        list(TableFile(tmp_path / name).chunks(COLUMNS))


TRAINED = {
    "points": Column("price", "number", 0.0, 9, 100.0, 900.0, 3000.0),
    "commas": Column("price", "number", 0.0, 9, 100.0, 900.0, 3000.0, written="comma"),
    "commas and groups": Column("price", "number", 0.0, 9, 100.0, 900.0, 3000.0, written="comma", marks="."),
}


def prices(path: Path, trained: str) -> list[Any]:
    """What a bundle reads in the column ``price`` of a file: numbers, or why not."""
    intake = TableIntake((TRAINED[trained],))
    found: list[Any] = []
    for window in AskedFile(intake, TableFile(path)).windows():
        values: list[Any] = [None] * window.n
        for call in window.calls:
            for place, value in zip(call.places, call.inputs["numbers"][:, 0].tolist(), strict=True):
                values[place] = value
        found += [window.broken.get(place, value) for place, value in enumerate(values)]
    return found


@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize(
    "text",
    [
        "price,n\n900.125,1\n2540.78,2\n",
        "price;n\n900.125;1\n2540.78;2\n",
        "price;n\n900,125;1\n2540,78;2\n",
        "price\tn\n900,125\t1\n2.540,78\t2\n",
        'price,n\n900.125,1\n"2,540.78",2\n',
        'price,n\n"900,125",1\n"2540,78",2\n',
        "n;price\n1;900.125\n1;\n1;900.125\n1;\n1;900.125\n1;2540.78\n",
    ],
)
def test_the_whole_new_file_says_how_its_numbers_are_written(tmp_path: Path, text: str, trained: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert {value for value in prices(tmp_path / "t.csv", trained) if value == value} == {900.125, 2540.78}


@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize(
    ("text", "value"),
    [("price;rent\n1.125;0,5\n", 1125.0), ("price;rent\n1.125;0.5\n", 1.125), ('price,rent\n"1,125",0.5\n', 1125.0)],
)
def test_other_columns_tell_where_a_column_does_not(tmp_path: Path, text: str, value: float, trained: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert prices(tmp_path / "t.csv", trained) == [value]


@pytest.mark.parametrize(
    ("trained", "text", "value"),
    [
        ("points", "price;n\n1.125;1\n", 1.125),
        ("commas", "price;n\n1.125;1\n", "may mean 1.125 or 1125. Write 1.1250 or 1125."),
        ("commas and groups", "price;n\n1.125;1\n", 1125.0),
        ("commas and groups", "price;n\n900.125;1\n", "may mean 900.125 or 900125"),  # beyond all training rows
        ("commas and groups", "price,n\n1.125,1\n", "may mean"),
        ("points", 'price,n\n"1,125",1\n', "may mean 1125 or 1.125"),
        ("points", "price,n\n1.125,1\n12.5,2\nx,3\n", "holds numbers, but row 4 (the headings are row 1) says 'x'"),
        ("points", "\nprice,n\n1.125,1\nx,3\n12.5,2\n", "but row 4 (the headings are row 2) says 'x'"),
        ("commas", 'price,n\n"1.125",1\n"12,5",2\n12.5,3\n', "row 2 (the headings are row 1), which may mean"),
    ],
)
def test_what_nothing_tells_is_read_as_in_training_rows_or_refused(
    tmp_path: Path, trained: str, text: str, value: Any
) -> None:
    (tmp_path / "t.csv").write_text(text)
    found = prices(tmp_path / "t.csv", trained)
    assert any(value in str(each) if isinstance(value, str) else each == value for each in found), found


def test_texts_in_a_parquet_file_are_looked_at_as_well(tmp_path: Path) -> None:
    import pandas

    pandas.DataFrame({"price": ["900.125", None, "2540.78"]}).to_parquet(tmp_path / "t.parquet")
    found = prices(tmp_path / "t.parquet", "commas and groups")
    assert [found[0], found[2]] == [900.125, 2540.78]


def test_an_ordinary_file_is_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("price,n\n900.125,1\n")
    columns = (TRAINED["points"],)
    assert columns_of_csv(cast(Any, SimpleNamespace(is_unclear=False)), columns) == columns
    assert not CsvFile(tmp_path / "t.csv").is_unclear
