"""Pictures that somebody wants answers for: files, folders, zips and tables with a column of paths, as one row of
pictures without labels.

Only listed, never decoded here. Needs numpy and Pillow only, so that it works where a bundle is served.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from archsmith.core.errors import DataError, UsageError
from archsmith.core.files import expanded, reading, regular_size
from archsmith.data.images.decode import SUFFIXES, Header, Pixels
from archsmith.data.images.pictures import Files, joined, written_path
from archsmith.data.images.source import Pictures

TABLES = (".csv", ".tsv")
SEPARATORS = ",;\t|"
SAVE = "Save it as CSV with the encoding UTF-8."
# a column of pictures is one in which, of so many values, this share ends like the name of a picture
SAMPLE, SHARE = 200, 0.8


def pictures(names: Sequence[str | Path], column: str | None = None) -> Pictures:
    """All pictures that ``names`` stand for, in their order; those of a folder or a zip in the order of their paths.

    ``column`` names the column of paths in a table. A file that is not there counts as a picture, and is reported when
    it is decoded. Raises UsageError for a folder, zip or table without pictures.
    """
    if not names:
        raise UsageError("There are no pictures to look at.", "Name files, folders, zips or tables.")
    return joined([row for name in names for row in _rows(expanded(name), column)])


def _rows(path: Path, column: str | None) -> Iterator[Pictures]:
    suffix = path.suffix.lower()
    if path.is_dir():
        yield _of_folder(path)
    elif suffix == ".zip" and path.is_file():
        yield _of_zip(path)
    elif suffix in TABLES and path.is_file():
        yield _of_table(path, column)
    elif suffix in (".parquet", ".pq", ".npz", ".npy", ".gz", ".tar"):
        raise UsageError(
            f"Pictures cannot be taken out of {str(path)!r} here.",
            "Give picture files, a folder, a zip, or a CSV with a column of paths.",
        )
    else:
        yield Files("", (str(path),))


def _of_folder(path: Path) -> Pictures:
    """Every picture below a folder, except what is hidden."""
    found = []
    for folder, inner, files in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith((".", "__"))]
        beginning = os.path.relpath(folder, path)
        found += [
            os.path.normpath(os.path.join(beginning, name))
            for name in files
            if _is_picture(name) and not name.startswith(".")
        ]
    found.sort()
    if not found:
        raise UsageError(
            f"The folder {str(path)!r} holds no pictures.",
            f"Pictures end in {', '.join(sorted(SUFFIXES))}.",
        )
    return Files(path, found)


def _of_zip(path: Path) -> Pictures:
    from archsmith.data.images.read_zip import Members, pictures_in

    found = [name for name, _ in pictures_in(path)]
    if not found:
        raise UsageError(
            f"The archive {str(path)!r} holds no pictures.",
            f"Pictures end in {', '.join(sorted(SUFFIXES))}.",
        )
    return Members(path, found)


def _of_table(path: Path, column: str | None) -> Pictures:
    """The files that a column names; relative paths start at the table's folder. A list of paths without a first line
    of names will do.
    """
    with reading(f"The table {str(path)!r} cannot be read", SAVE):
        regular_size(path)
        content = path.read_bytes()
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            text = content.decode("utf-16" if marked else "utf-8-sig")
        except UnicodeError as error:
            raise DataError(f"The table {str(path)!r} is not UTF-8 text.", SAVE) from error
        if "\0" in text:
            raise DataError(f"{str(path)!r} is not a table of text: it holds zero bytes.", SAVE)
        file = io.StringIO(text, newline="")
        head = file.readline()
        separator = max(SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark), [])))
        file.seek(0)
        reader = csv.reader(file, delimiter=separator)
        read = [(reader.line_num, [value.strip() for value in row]) for row in reader if row]
        lines, rows = [line for line, _ in read], [row for _, row in read]
    if not rows:
        raise DataError(f"The table {str(path)!r} is empty.", "It needs a column with the paths of pictures.")
    place = _column(path, rows, column)
    first = 0 if column is None and _is_picture(_at(rows[0], place)) else 1
    found = [_at(row, place) for row in rows[first:]]
    if not found:
        raise DataError(f"The table {str(path)!r} has no rows below its first line.", "It needs one for each picture.")
    # A table in the current folder names its pictures as a person there would.
    root = "" if path.parent == Path() else path.parent
    return _Listed(root, [written_path(name, root) for name in found], path, lines[first:])


class _Listed(Files):
    """``Files`` that a table names. A row without a path is a broken picture, and called by its line.

    ``table``: its path. ``lines``: of the table, one for each row.
    """

    def __init__(self, root: str | Path, names: Sequence[str], table: Path, lines: Sequence[int]) -> None:
        super().__init__(root, names)
        self.table, self.lines = table, lines

    def content(self, index: int) -> str:
        self._refuse_gap(index)
        return super().content(index)

    def header(self, index: int) -> Header:
        self._refuse_gap(index)
        return super().header(index)

    def decode(self, index: int, channels: int) -> Pixels:
        self._refuse_gap(index)
        return super().decode(index, channels)

    def name(self, index: int) -> str:
        return super().name(index) if self.names[index] else f"line {self.lines[index]:,} of {self.table}"

    def _refuse_gap(self, index: int) -> None:
        if not self.names[index]:
            line = f"Line {self.lines[index]:,} of the table {str(self.table)!r}"
            raise DataError(f"{line} has no path of a picture.", "Fill it, or remove the row.")


def _column(path: Path, rows: Sequence[Sequence[str]], wanted: str | None) -> int:
    """Which column holds the pictures. Raises DataError where that is not clear."""
    names = rows[0]
    listed = ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"The table {str(path)!r} has no column {wanted!r}.", f"Its columns are {listed}.")
        return names.index(wanted)
    found = [
        place
        for place in range(len(names))
        if _looks_like_pictures([_at(row, place) for row in islice(rows, 1, SAMPLE)] or [names[place]])
    ]
    if len(found) == 1:
        return found[0]
    problem = "several columns with pictures" if found else "no column with the paths of pictures"
    raise DataError(
        f"The table {str(path)!r} has {problem}.",
        f"Its columns are {listed}; say which with --image-column (column= in Python).",
    )


def _looks_like_pictures(values: Sequence[str]) -> bool:
    present = [value for value in values if value]
    return bool(present) and sum(map(_is_picture, present)) >= SHARE * len(present)


def _is_picture(value: str) -> bool:
    return os.path.splitext(value)[1].lower() in SUFFIXES


def _at(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) else ""
