"""Rows of tables, some thousand at a time: from files of any size, and from memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Asked, Counted, Window
from archsmith.core.errors import DataError
from archsmith.core.files import expanded, file_stamp, regular_size
from archsmith.data.parquet import is_text, open_parquet, refuse_repeats, to_its_end
from archsmith.data.tables.arrow import raw_of_arrow
from archsmith.data.tables.cells import DATE, GROUPED, PLAIN, TEXTS, Raw
from archsmith.data.tables.columns import Column, numbers_of
from archsmith.data.tables.encode import as_written, clean_names, encode
from archsmith.data.tables.read import FIRST_ROW, kind_of_table, row_name
from archsmith.data.tables.read_csv import CsvFile

ROWS = 4096  # in one call of the runtime: a layer of 1,000 values takes 16 MB then
CHUNK, CHUNK_CELLS = 4 * ROWS, 2**21  # rows of a file that are read together; fewer where there are many columns
PARQUET = (".parquet", ".pq")


class TableFile:
    """A CSV or Parquet file of any size.

    ``path``: of the file, which is looked at when that is needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = expanded(path)

    @property
    def n(self) -> int:
        """How many rows it has; of CSV an estimate, since a cell may have several lines. Raises DataError."""
        if self._csv is not None:
            return max(1, self._csv.n_lines - 1)
        with open_parquet(self.path) as file:
            return int(file.metadata.num_rows)

    def name(self, place: int) -> str:
        """What a row that was read is called, as where a network is trained on such a file."""
        if self._csv is None:
            return row_name(FIRST_ROW + place, "")
        return csv_row(self._csv, place)

    def fingerprint(self) -> str:
        """Changes whenever the file does. Raises DataError for what is no file."""
        self._look()
        return file_stamp(self.path)

    def chunks(self, columns: Sequence[Column], start: int = 0) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """First row and columns of up to ``CHUNK`` rows at a time. Raises DataError for a file that cannot be read and
        for a missing column.

        ``start``: rows before it are passed over.
        """
        found = start > 0
        for chunk in self._parquet(columns, start) if self._csv is None else self._lines(self._csv, columns, start):
            found = True
            yield chunk
        if not found:
            raise DataError(
                f"The table {str(self.path)!r} has no rows below its first line.", "It needs one for each example."
            )

    def columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """``columns``, as this file writes their numbers and dates. It may be read to its end for that. Raises
        DataError for a file that cannot be read and for a missing column.
        """
        if self._csv is not None:
            return columns_of_csv(self._csv, columns)
        with open_parquet(self.path) as file:
            fields = dict(zip(clean_names(file.schema_arrow.names), file.schema_arrow.types, strict=True))
        texts = [column for column in numbers_of(columns) if column.name in fields and is_text(fields[column.name])]
        if not texts:
            return tuple(columns)
        found = {column.name: column for column in as_written(texts, (table for _, table in self._parquet(texts, 0)))}
        return tuple(found.get(column.name, column) for column in columns)

    @cached_property
    def _csv(self) -> CsvFile | None:
        """None for Parquet. Raises DataError."""
        self._look()
        return None if kind_of_table(self.path) in PARQUET else CsvFile(self.path, bounded=False)

    def _look(self) -> None:
        if self.path.is_dir():
            raise DataError(f"{str(self.path)!r} is a folder, not a table.", "Give the path of a CSV or Parquet file.")
        if not self.path.exists():
            raise DataError(f"There is no file {str(self.path)!r}.", "Check the path.")
        regular_size(self.path)

    def _lines(
        self, file: CsvFile, columns: Sequence[Column], start: int
    ) -> Iterator[tuple[int, Mapping[str, Sequence[str]]]]:
        refuse_gaps(columns, dict.fromkeys(file.names))
        first = 0
        for table in file.chunks(_chunk(file.names), share=False):
            n, gone = len(table[file.names[0]]), max(0, start - first)
            if gone < n:
                yield first + gone, {name: cells[gone:] for name, cells in table.items()} if gone else table
            first += n

    def _parquet(self, columns: Sequence[Column], start: int) -> Iterator[tuple[int, Mapping[str, Raw]]]:
        with open_parquet(self.path, packed=True) as file:
            headings = file.schema_arrow.names
            names = dict(zip(clean_names(headings, f"The table {str(self.path)!r}"), headings, strict=True))
            refuse_gaps(columns, names)
            needed = [names[column.name] for column in columns]
            batches = file.iter_batches(_chunk(needed), columns=needed, use_threads=False)
            first = 0
            while True:
                table = {}
                with to_its_end(self.path):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    gone = max(0, start - first)
                    refuse_repeats(batch.columns, self.path)
                    if gone < batch.num_rows:
                        rest = batch.slice(gone)
                        table = {
                            column.name: raw_of_arrow(rest.column(heading), column.name)
                            for column, heading in zip(columns, needed, strict=True)
                        }
                if table:
                    yield first + gone, table
                first += batch.num_rows


def csv_row(file: CsvFile, place: int) -> str:
    """What the row at ``place``, counted from 0, is called, once it was read."""
    return row_name(FIRST_ROW + place + bisect_right(file.gaps, place), file.separator, file.heading_row)


def columns_of_csv(file: CsvFile, columns: Sequence[Column]) -> tuple[Column, ...]:
    """``columns``, as ``file`` writes their numbers and dates. Where that may differ from usual, it is read to its end.
    Raises DataError.
    """
    plain = all(column.written in (PLAIN, GROUPED, DATE) for column in numbers_of(columns))
    if plain and not file.is_unclear:
        return tuple(columns)
    refuse_gaps(columns, dict.fromkeys(file.names))
    return as_written(columns, file.chunks(_chunk(file.names), share=False), file.separator)


def _chunk(columns: Sequence[str]) -> int:
    return max(1, min(CHUNK, CHUNK_CELLS // len(columns)))


def refuse_gaps(columns: Sequence[Column], table: Mapping[str, Any]) -> None:
    """Raises DataError unless ``table`` has all ``columns``."""
    encode(columns, {name: Raw(TEXTS, ()) for name in table})


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

    def written(self, columns: tuple[Column, ...]) -> RowIntake: ...

    def tolerant(
        self, table: Mapping[str, Raw], first_row: int = 0, where: Callable[[int], str] | None = None
    ) -> Window: ...


@dataclass(frozen=True, eq=False)
class AskedFile(Asked):
    """The rows of a file, read once from its beginning to its end.

    ``intake``: of the bundle.
    ``table``: the file.
    """

    intake: RowIntake
    table: TableFile

    @property
    def n(self) -> int:  # type: ignore[override]
        return self.table.n

    def windows(self, start: int = 0) -> Iterator[Window]:
        intake = self.intake.written(self.table.columns(self.intake.columns))
        for first, table in self.table.chunks(intake.columns, start):
            yield intake.tolerant(intake.raw(table), where=partial(self.name, first=first))

    def fingerprint(self) -> str:
        return self.table.fingerprint()

    def name(self, place: int, first: int = 0) -> str:
        return self.table.name(first + place)


@dataclass(frozen=True, eq=False)
class AskedRows(Counted):
    """Rows in memory.

    ``intake``: of the bundle.
    ``table``: the columns that it needs.
    ``places``: ``(n,)``, which rows are meant.
    ``called``: names a row of ``table``.
    """

    intake: RowIntake
    table: Mapping[str, Raw]
    places: NDArray[np.int64]
    called: Callable[[int], str]

    @property
    def n(self) -> int:  # type: ignore[override]
        return len(self.places)

    def windows(self, start: int = 0) -> Iterator[Window]:
        for first in range(start, self.n, ROWS):
            places = self.places[first : first + ROWS]
            table = {name: values.take(places) for name, values in self.table.items()}
            yield self.intake.tolerant(table, where=partial(self.name, first=first))

    def name(self, place: int, first: int = 0) -> str:
        return self.called(int(self.places[first + place]))

    def take(self, places: NDArray[np.int64]) -> AskedRows:
        return AskedRows(self.intake, self.table, self.places[places], self.called)
