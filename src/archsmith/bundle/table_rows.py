"""Rows of tables, some thousand at a time: from files of any size, and from memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Asked, Counted, Window
from archsmith.core.errors import DataError
from archsmith.core.files import expanded, regular_size
from archsmith.data.parquet import open_parquet, to_its_end, unpacked
from archsmith.data.tables.cells import TEXTS, Raw
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import clean_names, encode
from archsmith.data.tables.read_csv import read_csv_chunks

ROWS = 4096  # in one call of the runtime: a layer of 1,000 values takes 16 MB then
PARQUET = (".parquet", ".pq")


def chunks_of_file(path: Path, columns: Sequence[Column]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """First row and columns of up to ``ROWS`` rows of a CSV or Parquet file at a time. Raises DataError for a file that
    cannot be read and for a missing column.
    """
    path = expanded(path)
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder, not a table.", "Give the path of a CSV or Parquet file.")
    if not path.exists():
        raise DataError(f"There is no file {str(path)!r}.", "Check the path.")
    regular_size(path)
    first = 0
    for table in _parquet(path, columns) if path.suffix.lower() in PARQUET else read_csv_chunks(path, ROWS):
        if not first:
            refuse_gaps(columns, table)
        yield first, table
        first += len(next(iter(table.values())))
    if not first:
        raise DataError(f"The table {str(path)!r} has no rows below its first line.", "It needs one for each example.")


def refuse_gaps(columns: Sequence[Column], table: Mapping[str, Any]) -> None:
    """Raises DataError unless ``table`` has all ``columns``."""
    encode(columns, {name: Raw(TEXTS, ()) for name in table})


def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    with open_parquet(path, packed=True) as file:
        headings = file.schema_arrow.names
        names = dict(zip(clean_names(headings, f"The table {str(path)!r}"), headings, strict=True))
        refuse_gaps(columns, names)
        needed = {column.name: names[column.name] for column in columns}
        batches = file.iter_batches(ROWS, columns=list(needed.values()), use_threads=False)
        while True:
            with to_its_end(path):
                batch = next(batches, None)
                values = None if batch is None else unpacked(batch, path).to_pydict()
            if values is None:
                return
            yield {name: values[heading] for name, heading in needed.items()}


def slices(table: Mapping[str, Raw]) -> Iterator[tuple[int, dict[str, Raw]]]:
    """First row and columns of up to ``ROWS`` rows at a time."""
    n = max((len(values) for values in table.values()), default=0)
    for first in range(0, n, ROWS):
        yield (
            first,
            {name: Raw(values.form, values.values[first : first + ROWS]) for name, values in table.items()},
        )


class RowIntake(Protocol):
    """What rows need of the intake of their bundle, ``bundle.tables.TableIntake``."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    def raw(self, table: Mapping[str, Any]) -> dict[str, Raw]: ...

    def tolerant(self, table: Mapping[str, Raw], first_row: int = 0) -> Window: ...


@dataclass(frozen=True, eq=False)
class AskedFile(Asked):
    """The rows of a file, read once from its beginning to its end.

    ``intake``: of the bundle.
    ``path``: of a CSV or Parquet file.
    """

    intake: RowIntake
    path: Path

    n = None

    def windows(self) -> Iterator[Window]:
        for first, table in chunks_of_file(self.path, self.intake.columns):
            yield self.intake.tolerant(self.intake.raw(table), first)

    def name(self, place: int) -> str:
        return f"row {place + 1}"


@dataclass(frozen=True, eq=False)
class AskedRows(Counted):
    """Rows in memory.

    ``intake``: of the bundle.
    ``table``: the columns that it needs.
    ``places``: ``(n,)``, which rows are meant.
    ``rows``: of each row of ``table``, which one it was in the file.
    """

    intake: RowIntake
    table: Mapping[str, Raw]
    places: NDArray[np.int64]
    rows: NDArray[np.int64]

    @property
    def n(self) -> int:  # type: ignore[override]
        return len(self.places)

    def windows(self) -> Iterator[Window]:
        for first in range(0, self.n, ROWS):
            places = self.places[first : first + ROWS]
            yield self.intake.tolerant({name: values.take(places) for name, values in self.table.items()}, first)

    def name(self, place: int) -> str:
        return f"row {self.rows[self.places[place]] + 1}"

    def take(self, places: NDArray[np.int64]) -> AskedRows:
        return AskedRows(self.intake, self.table, self.places[places], self.rows)
