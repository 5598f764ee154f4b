"""Rows of tables that a server is sent, as JSON or as a CSV file. numpy and the standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

import numpy as np

from archsmith.bundle.intake import Call, Window
from archsmith.bundle.table_rows import ROWS, RowIntake, columns_of_csv, csv_row, refuse_gaps
from archsmith.core.errors import DataError
from archsmith.data.tables.cells import iso_text
from archsmith.data.tables.columns import NUMBER, Column
from archsmith.data.tables.read_csv import CsvFile
from archsmith.data.tables.written import is_either, value_of

NAMED = 12  # categories that a schema names
SHOWN = 60  # characters of a value that a message shows


def sent_rows(intake: RowIntake, examples: Sequence[Any]) -> Iterator[Window]:
    """Mappings from column to value, ``ROWS`` at a time."""
    for first in range(0, len(examples), ROWS):
        yield _window(intake, examples[first : first + ROWS])


def uploaded_rows(intake: RowIntake, files: Sequence[tuple[str, bytes]]) -> Iterator[Window]:
    """The rows of the one CSV file. Raises DataError."""
    if len(files) != 1:
        raise DataError(f"There are {len(files)} files.", "Send one CSV file of rows.")
    name, content = files[0]
    if content.startswith((b"\x1f\x8b", b"PAR1")):
        raise DataError("The file is not plain text.", "Send a CSV file as it is, neither packed nor Parquet.")
    first = 0
    table = CsvFile(PurePath(name).name or "table.csv", content=content)
    refuse_gaps(intake.columns, dict.fromkeys(table.names))
    intake = intake.written(columns_of_csv(table, intake.columns))
    for columns in table.chunks(ROWS, share=False):
        yield intake.tolerant(intake.raw(columns), where=partial(_called, table, first))
        first += len(next(iter(columns.values())))
    if not first:
        raise DataError("The table has no rows below its first line.", "It needs one for each example.")


def _called(table: CsvFile, first: int, place: int) -> str:
    return csv_row(table, first + place)


def schema(columns: Sequence[Column]) -> dict[str, Any]:
    """JSON Schema of one row."""
    return {
        "type": "object",
        "required": [column.name for column in columns],
        "properties": {column.name: _schema(column) for column in columns},
        "example": {column.name: _likely(column) for column in columns},
    }


def _window(intake: RowIntake, rows: Sequence[Any]) -> Window:
    broken = {place: why for place, row in enumerate(rows) if (why := _wrong(intake.columns, row))}
    sound = [place for place in range(len(rows)) if place not in broken]
    if not sound:
        return Window(len(rows), (), broken)
    table = {column.name: [rows[place][column.name] for place in sound] for column in intake.columns}
    found = intake.tolerant(intake.raw(table))
    if len(sound) == len(rows):
        return found
    places = np.array(sound, np.int64)
    calls = tuple(Call(places[call.places], call.inputs, call.large) for call in found.calls)
    return Window(len(rows), calls, {**broken, **{sound[place]: why for place, why in found.broken.items()}})


def _wrong(columns: Sequence[Column], row: Any) -> str | None:
    """Why a row cannot be read."""
    if not isinstance(row, Mapping):
        return "An example is no mapping. Give one from the names of columns to values."
    for column in columns:
        value = row.get(column.name, columns)
        kind = type(value)
        if value is columns:
            return f"The column {column.name!r} is missing. Give it null where its value is not known."
        if value is None or (kind is str and column.kind != NUMBER):
            continue
        if (kind is float or kind is int) and not column.is_date:
            if not math.isfinite(value):
                return f"The column {column.name!r} has a value that is not finite."
            continue
        if column.kind == NUMBER:
            if column.is_date and kind is str:
                if value_of(value, column.written, column.marks) is not None:
                    continue
                if is_either(value, dates=True):
                    return f"The date {value[:SHOWN]!r} in {column.name!r} can be read in two ways. Write 2024-12-31."
            wanted = "dates such as 2024-12-31" if column.is_date else "numbers, without quotes"
            return f"The column {column.name!r} holds {wanted}, not {str(value)[:SHOWN]!r}."
        if kind is not bool:
            return f"The column {column.name!r} holds texts, not a {kind.__name__}."
    return None


def _schema(column: Column) -> dict[str, Any]:
    if column.kind != NUMBER:
        n, known = len(column.categories), ", ".join(map(repr, column.categories[:NAMED]))
        more = ", …" if n > NAMED else ""
        return {
            "type": ["string", "number", "boolean", "null"],
            "description": f"One of {n:,} categories: {known}{more}. Others than these {n:,} count as unknown.",
        }
    described = f"In training rows from {column.minimum} to {column.maximum}; null where it is missing."
    if column.is_date:
        # no pattern: dates may be written in many ways, and the column says which of them are clear
        described = "A date such as 2024-12-31 or 2024-12-31 10:00; null where it is missing."
        return {"type": ["string", "null"], "description": described}
    return {"type": ["number", "null"], "description": described}


def _likely(column: Column) -> Any:
    """A value that training rows had."""
    if column.kind != NUMBER:
        return column.categories[0] if column.categories else None
    if column.is_date:
        return iso_text(column.median or 0.0)[:10]
    return column.median
