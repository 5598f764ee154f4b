from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.bundle import table_rows
from archsmith.bundle.table_rows import TableFile
from archsmith.core.errors import DataError
from archsmith.data.tables.cells import raw
from archsmith.data.tables.columns import Column

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
