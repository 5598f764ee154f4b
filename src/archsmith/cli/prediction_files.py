"""Writes predictions to a CSV, Parquet or JSON file. The ending of its name decides.

Rows are written one by one into a draft. The draft gets the file's name when it is complete.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.core.files import expanded
from archsmith.core.wording import visible

Cell = str | float | int | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet may run a cell that begins with these
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ROWS = 4096  # rows of Parquet that are written together
PARQUET, JSON = (".parquet", ".pq"), (".json",)
OTHERS = (".xlsx", ".xls", ".ods", ".feather", ".arrow", ".npz", ".npy", ".pdf", ".html")


def check(name: str, read: Sequence[str]) -> Path:
    """The path of the file to write. Raises UsageError if it cannot be written or is one of the ``read`` files."""
    path = expanded(name)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"The predictions cannot be written to {name!r}.", "Give a file in a folder that exists.")
    if any(os.path.realpath(path) == os.path.realpath(expanded(file)) for file in read):
        raise UsageError(f"The predictions would overwrite {name!r}, which is read.", "Give another name.")
    if path.suffix.lower() in OTHERS:
        raise UsageError(
            f"Predictions cannot be written as {path.suffix}.", "Give a name that ends in .csv, .parquet or .json."
        )
    if path.suffix.lower() in PARQUET:
        _pyarrow()
    return path


def write(path: Path, columns: Sequence[tuple[str, type]], rows: Iterable[Sequence[Cell]]) -> int:
    """Write ``rows`` and return their number. A column is (name, type of its cells). None is a missing value."""
    draft = path.with_name(f".{path.name}.part")
    ending = path.suffix.lower()
    writer = _parquet if ending in PARQUET else _json if ending in JSON else _csv
    counted = _Counted(rows)
    try:
        writer(draft, columns, counted)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return counted.n


class _Counted:
    """Rows that are counted while they are read. What cannot be shown is written out: names of files may hold it."""

    def __init__(self, rows: Iterable[Sequence[Cell]]) -> None:
        self.rows, self.n = rows, 0

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        for row in self.rows:
            self.n += 1
            yield [visible(cell) if isinstance(cell, str) else cell for cell in row]


def harmless(value: Cell) -> Cell:
    """``value``, with an apostrophe in front if it is text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and value.startswith(FORMULA) and not NUMBER.fullmatch(value):
        return "'" + value
    return value


def _csv(path: Path, columns: Sequence[tuple[str, type]], rows: Iterable[Sequence[Cell]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([harmless(name) for name, _ in columns])
        for row in rows:
            table.writerow([f"{cell:.7g}" if isinstance(cell, float) else harmless(cell) for cell in row])


def _json(path: Path, columns: Sequence[tuple[str, type]], rows: Iterable[Sequence[Cell]]) -> None:
    names = [name for name, _ in columns]
    with path.open("w", encoding="utf-8") as file:
        before = "["
        for row in rows:
            entry = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
            file.write(before + "\n" + json.dumps(entry, ensure_ascii=False, allow_nan=False))
            before = ","
        file.write("[]\n" if before == "[" else "\n]\n")


def _parquet(path: Path, columns: Sequence[tuple[str, type]], rows: Iterable[Sequence[Cell]]) -> None:
    pyarrow = _pyarrow()
    from pyarrow import parquet

    types = {str: pyarrow.string(), float: pyarrow.float32(), int: pyarrow.int64()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns])
    waiting = iter(rows)
    with parquet.ParquetWriter(path, schema) as file:
        while chunk := list(islice(waiting, ROWS)):
            arrays = [
                pyarrow.array(cells, field.type) for cells, field in zip(zip(*chunk, strict=True), schema, strict=True)
            ]
            file.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "train", "Writing Parquet") from error
    return pyarrow
