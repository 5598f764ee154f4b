"""A row as a person types it into a form: its numbers are texts, and nothing beside them says how they are written.

numpy and the standard library only. ``site/numbers.js`` does the same in a browser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import LARGEST, PLAIN, iso_text, short
from archsmith.data.tables.columns import NUMBER, Column
from archsmith.data.tables.written import clear_text, is_either, unclear, value_of


class TypedError(DataError):
    """What was typed is no number, or may be one or another. ``column``: the name of the field."""

    def __init__(self, column: str, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.column = column


def typed_row(columns: Sequence[Column], row: Any) -> Any:
    """``row`` with numbers where it has texts for them, which are read as those of a table; other values stay as they
    are. Raises TypedError.
    """
    if not isinstance(row, Mapping):
        return row
    texts = [column for column in columns if _is_plain(column) and type(row.get(column.name)) is str]
    return {**row, **{column.name: _number(column, row[column.name]) for column in texts}}


def beyond(columns: Sequence[Column], row: Mapping[str, Any]) -> list[str]:
    """Sentences on the numbers of ``row`` (see ``typed_row``) that lie outside of those in training rows."""
    found = []
    for column in columns:
        number = _known(column, row.get(column.name))
        if number is None or column.minimum is None or column.maximum is None:
            continue
        compared = math.floor if column.is_date else float  # a form asks for whole days
        if math.isnan(number) or compared(column.minimum) <= compared(number) <= compared(column.maximum):
            continue
        said, low, high = (shown(column, each) for each in (number, column.minimum, column.maximum))
        found.append(
            f"{column.name!r} is {said}, and training rows had {low} to {high}: nothing was learnt about such values."
        )
    return found


def shown(column: Column, number: float) -> str:
    """A number as a form shows it, and as one that is typed there is read; of a date, the day."""
    return iso_text(number)[:10] if column.is_date else clear_text(number)


def _known(column: Column, value: Any) -> float | None:
    """None of a category, of a missing value, and of what is no number."""
    if column.kind != NUMBER:
        return None
    if column.is_date:
        return value_of(value, column.written, column.marks) if type(value) is str else None
    return float(value) if type(value) in (int, float) else None


def _is_plain(column: Column) -> bool:
    return column.kind == NUMBER and not column.is_date


def _number(column: Column, text: str) -> float | None:
    return typed_number(column.name, text, column.written, column.marks)


def typed_number(name: str, text: str, written: str = PLAIN, marks: str = "") -> float | None:
    """The number that was typed into the field ``name``; None where the value is missing. ``written``, ``marks``: as
    of a ``Column``. Raises TypedError.
    """
    found = value_of(text, written, marks)
    if found is None and is_either(text, dates=False):
        error = unclear(name, "this row", text, dates=False)
        raise TypedError(name, error.message, error.hint)
    if found is None:
        raise TypedError(
            name,
            f"The column {name!r} holds numbers, not {short(text)!r}.",
            "Write one such as 3.5, or leave the field empty where the value is not known.",
        )
    if abs(found) > LARGEST:
        raise TypedError(
            name,
            f"The number {short(text)!r} of the column {name!r} is too large.",
            f"Write one up to {LARGEST:g}, or leave the field empty where the value is not known.",
        )
    return None if math.isnan(found) else found
