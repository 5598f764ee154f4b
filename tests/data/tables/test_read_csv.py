"""CSV files as columns of text."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables import read_csv
from archsmith.data.tables.read_csv import CHUNK, CsvFile


def read_csv_chunks(path: Path, chunk: int = CHUNK) -> Iterator[dict[str, list[str]]]:
    return CsvFile(path, bounded=False).chunks(chunk, share=False)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_chunks_are_the_table_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n" + "".join(f"{i},x{i}\n" for i in range(7)))
    chunks = list(read_csv_chunks(path, chunk=3))
    assert [len(chunk["a"]) for chunk in chunks] == [3, 3, 1]
    assert [text for chunk in chunks for text in chunk["b"]] == [f"x{i}" for i in range(7)]


def test_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n007,"1,5"\nNA,"say ""so"""\n1e5,"two\nlines"\n')
    (chunk,) = read_csv_chunks(path)
    assert chunk == {"a": ["007", "NA", "1e5"], "b": ["1,5", 'say "so"', "two\nlines"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    file = CsvFile(write(tmp_path, "größe,b\nü,1\n", encoding))
    (chunk,) = file.chunks()
    assert chunk == {"größe": ["ü"], "b": ["1"]}
    assert bool(file.notes) == (encoding == "cp1252")


def test_windows_text_keeps_its_signs(tmp_path: Path) -> None:
    file = CsvFile(write(tmp_path, "Preis €,b\nMo–Fr ’x’,1\n", "cp1252"))
    assert list(file.chunks()) == [{"Preis €": ["Mo–Fr ’x’"], "b": ["1"]}]
    assert file.notes == ("'t.csv' is not UTF-8 text and was read as Windows-1252.",)


@pytest.mark.parametrize("late", [False, True])
def test_other_bytes_are_latin_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    monkeypatch.setattr(read_csv, "BLOCK", 64)
    more = "ü,1\n" * 100
    rows = f"{more}\x9d,2\n" if late else f"\x9d,2\n{more}"
    file = CsvFile(write(tmp_path, f"a,b\n{rows}", "latin-1"))
    (chunk,) = file.chunks()
    assert "\x9d" in chunk["a"] and file.notes == ("'t.csv' is not UTF-8 text and was read as Latin-1.",)


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\x1c", "\v"])
def test_a_heading_ends_where_its_line_does(tmp_path: Path, odd: str) -> None:
    assert CsvFile(write(tmp_path, f"a{odd}b,c\n1,2\n")).names == [f"a{odd}b", "c"]


def test_a_character_between_two_blocks_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_csv, "BLOCK", 3)
    monkeypatch.setattr(CsvFile, "_names", lambda self, *lines: ["a", "b"])
    assert CsvFile(write(tmp_path, "a,b\nüüüüüü,1\n")).encoding == "utf-8-sig"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    (chunk,) = read_csv_chunks(write(tmp_path, separator.join("abc") + "\n" + separator.join("123")))
    assert chunk == {"a": ["1"], "b": ["2"], "c": ["3"]}


def test_gzip_is_read_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert list(read_csv_chunks(path)) == [{"a": ["1"], "b": ["2"]}]


def test_a_single_column_may_have_empty_cells(tmp_path: Path) -> None:
    (chunk,) = read_csv_chunks(write(tmp_path, "a\n1\n\n2\n"))
    assert chunk == {"a": ["1", "", "2"]}


def test_more_text_than_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_csv, "LARGEST_CSV", 100)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    with pytest.raises(DataError, match="GiB of text"):
        CsvFile(path)


@pytest.mark.parametrize("heading", ["0,1,2", "2019,2020,2021", "x,1,2"])
def test_headings_of_rising_numbers_are_names(tmp_path: Path, heading: str) -> None:
    assert CsvFile(write(tmp_path, f"{heading}\n1,2,3\n")).names == heading.split(",")


@pytest.mark.parametrize("heading", ["5.1,3.5,setosa", "3,2,a", "1,1,a", "2.5,?,a", "0.1,0.5,0.9", ",0.5,NA"])
@pytest.mark.parametrize("below", ["1,2,b\n", ""])
def test_values_are_no_heading(tmp_path: Path, heading: str, below: str) -> None:
    with pytest.raises(DataError, match="looks like a row of values.* put a letter before each"):
        CsvFile(write(tmp_path, f"{heading}\n{below}"))


def test_a_quote_that_is_not_closed_is_told_where_it_opens(tmp_path: Path) -> None:
    lines = ["a,b", "1,2", '3,"4', *["5,6"] * 300]
    with pytest.raises(DataError, match=r"^Line 3 of .* \(a quote is not closed\)"):
        list(CsvFile(write(tmp_path, "\n".join(lines))).chunks())


@pytest.mark.parametrize("cell", ["NA", "-", "<0.5", ""])
def test_a_missing_cell_above_a_number_is_no_name(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match="looks like a row of values"):
        CsvFile(write(tmp_path, f"5.1,{cell},setosa\n4.9,3.0,setosa\n"))


@pytest.mark.parametrize(
    ("heading", "below"),
    [
        ("sample,1100.5,1101.0,protein", "s1,0.31,0.3,12.5"),
        ("country,2023,2022,2021,target", "de,4,3,2,7"),
        ("place;0.5;price", "sea;1;12,5"),
        ("%protein,1100.5", "12,0.31"),
    ],
)
def test_numbers_among_texts_that_stand_above_numbers_are_names(tmp_path: Path, heading: str, below: str) -> None:
    file = CsvFile(write(tmp_path, f"{heading}\n{below}\n"))
    assert file.names == heading.split(file.separator)


def test_a_line_with_too_many_values_is_counted_as_people_count(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n1,"x\ny"\n\n2,x,3\n')
    with pytest.raises(DataError, match="Line 5 of .* has 3 values, but the first line has 2"):
        list(read_csv_chunks(path))
    assert CsvFile(path).n_lines == 5
