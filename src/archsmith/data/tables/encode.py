"""From the raw values of a table to the arrays that networks take. Training and serving use the same code.

This file needs numpy and the standard library only: the predictor of a bundle runs where there is nothing else.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from operator import contains
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import (
    DATES,
    LARGEST,
    NUMBERS,
    PLAIN,
    TEXTS,
    Raw,
    Repeated,
    canonical,
    is_padded,
    iso_text,
    number_text,
    raw,
    short,
)
from archsmith.data.tables.column_notes import listed
from archsmith.data.tables.columns import NUMBER, Column, categories_of, code_offsets, numbers_of
from archsmith.data.tables.written import Evidence, both, commas_of, is_either, unclear, value_of, way_of

NUMBERS_INPUT, CATEGORIES_INPUT = "numbers", "categories"  # names of a network's inputs
MOST_LISTED = 12  # columns that a message lists


def encode(
    columns: Sequence[Column],
    table: Mapping[str, Any],
    *,
    first_row: int = 0,
    exact: bool = False,
    broken: dict[int, str] | None = None,
    where: Callable[[int], str] | None = None,
) -> dict[str, NDArray[Any]]:
    """The inputs of a network: ``numbers``, float32 ``(n, d)``, NaN where a value is missing; and ``categories``, int64
    codes ``(n, k)``. An input without columns is left out. Raises DataError for a missing column and for a text in a
    column of numbers.

    ``columns``: what the columns are.
    ``table``: raw values by column name, in any order. Other columns are passed over.
    ``first_row``: added to the numbers of rows in messages.
    ``exact``: numbers stay float64 and no offset is subtracted, as an exported model takes them.
    ``broken``: takes the rows with a text in a column of numbers, and the reason, instead of an error. Their numbers
        are NaN there.
    ``where``: names a row in messages, instead of ``first_row``.
    """
    gone = [column.name for column in columns if column.name not in table]
    if gone:
        wanted = listed([column.name for column in columns], MOST_LISTED)
        like = next((name for name in table if name.casefold() == gone[0].casefold()), None)
        meant = "" if like is None else f"Rename {like!r} to {gone[0]!r} if you mean that. "
        raise DataError(f"The table has no column {gone[0]!r}.", f"{meant}It needs the columns {wanted}.")
    values = {column.name: raw(table[column.name], column.name) for column in columns}
    n = refuse_uneven({name: len(found) for name, found in values.items()})
    encoded: dict[str, NDArray[Any]] = {}
    named = where or (lambda row: f"row {row + first_row + 1:,}")
    if numeric := numbers_of(columns):
        numbers: NDArray[Any] = np.empty((n, len(numeric)), np.float64 if exact else np.float32)
        for place, column in enumerate(numeric):
            found = _numbers(column, values[column.name], named, broken)
            numbers[:, place] = found if exact else found - column.offset
        encoded[NUMBERS_INPUT] = numbers
    if texts := categories_of(columns):
        codes = np.empty((n, len(texts)), np.int64)
        for place, (column, offset) in enumerate(zip(texts, code_offsets(columns), strict=True)):
            codes[:, place] = _codes(_Codes(column, offset), values[column.name])
        encoded[CATEGORIES_INPUT] = codes
    return encoded


def as_written(
    columns: Sequence[Column],
    tables: Iterable[Mapping[str, Any]],
    separator: str = "",
    commas: bool | None = None,
) -> tuple[Column, ...]:
    """``columns``, with what is needed to read the numbers and dates of a table that may be written in another way than
    the training table was. See ``written``.

    ``tables``: the table, some rows at a time. Columns that it lacks are left as they are.
    ``separator``: of a CSV file; empty for other tables.
    ``commas``: has the table decimal commas? Taken where the numbers in ``tables`` do not tell.
    """
    seen = {column.name: Evidence(column.is_date) for column in numbers_of(columns)}
    needed = {column.name for column in columns}
    others: dict[str, Evidence] = {}
    for table in tables:
        for name, values in table.items():
            own = seen.get(name) or (None if name in needed else others.setdefault(name, Evidence()))
            if own is not None and (name in seen or not own.other):
                own.look(_texts(values))
    for evidence in seen.values():
        evidence.other = False  # single values that are wrong tell nothing of the column
    told = commas_of((*seen.values(), *others.values()))
    habits = commas if told is None else told, separator
    found = []
    for column in columns:
        if column.kind == NUMBER:
            written, marks = way_of(seen[column.name], *habits, column.written, column.marks)
            if habits[0] is None and _is_beyond(column, seen[column.name]):
                marks = ""
            column = replace(column, written=written, marks=marks)
        found.append(column)
    return tuple(found)


def _is_beyond(column: Column, evidence: Evidence) -> bool:
    """Would values that can be read in two ways be larger than any in training rows with points between thousands, and
    be among them without? ``evidence``: of the new values.
    """
    if evidence.first or evidence.second or column.is_date or column.maximum is None:
        return False
    read = (both(text, dates=False) for text in evidence.examples if "." in text)
    return any((first or 0.0) <= column.maximum < (second or 0.0) for first, second in read)


def _texts(values: Any) -> Sequence[str]:
    """The texts in a column, which may stand there once only; none where it holds no texts."""
    if isinstance(values, Raw):
        if values.form != TEXTS:
            return ()
        values = values.values
    found: Sequence[str] = values.texts if isinstance(values, Repeated) else values
    return found


def refuse_uneven(lengths: Mapping[str, int]) -> int:
    """How many values every column has. Raises DataError where the numbers differ."""
    first = next(iter(lengths), "")
    n = lengths.get(first, 0)
    for name, other in lengths.items():
        if other != n:
            raise DataError(
                f"The column {first!r} has {n:,} values, but {name!r} has {other:,}.", "Give one for each row."
            )
    return n


def _numbers(
    column: Column, values: Raw, where: Callable[[int], str], broken: dict[int, str] | None
) -> NDArray[np.float64]:
    wrong: NDArray[np.int64]
    if values.form == TEXTS:
        found, wrong = _parsed(column, values.values)
    else:
        found = np.array(values.values, np.float64)
        mixed = (values.form == DATES) != column.is_date
        wrong = np.flatnonzero(~np.isnan(found)) if mixed else np.empty(0, np.int64)
    for row in wrong.tolist():
        error = _no_number(column, where(row), values, row)
        if broken is None:
            raise error
        broken.setdefault(row, str(error))
        found[row] = np.nan
    found[~(np.abs(found) <= LARGEST)] = np.nan
    return found


def _parsed(column: Column, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers that ``texts`` stand for, ``(n,)``, and the places of those that stand for none."""
    if isinstance(texts, Repeated):
        found, wrong = _parsed(column, texts.texts)
        return found[texts.places], np.flatnonzero(np.isin(texts.places, wrong)) if len(wrong) else wrong
    none = np.empty(0, np.int64)
    if column.written == PLAIN and not any(map(contains, texts, repeat("_"))):
        for numbers in (map(float, texts), (float(text) if text else math.nan for text in texts)):
            with contextlib.suppress(ValueError):  # missing values, or texts
                return np.fromiter(numbers, np.float64, len(texts)), none
    known = _Parsed(column)
    found = np.fromiter(map(known.__getitem__, texts), np.float64, len(texts))
    if known.wrong:
        none = np.array([place for place, text in enumerate(texts) if text in known.wrong], np.int64)
    return found, none


def _no_number(column: Column, where: str, values: Raw, place: int) -> DataError:
    if values.form == TEXTS and is_either(values.values[place], column.is_date):
        return unclear(column.name, where, values.values[place], column.is_date)
    what = "dates" if column.is_date else "numbers"
    hint = "Correct the value or leave the cell empty."
    if column.is_date:
        hint = "Dates are written 2024-12-31 or 31.12.2024."
    shown = values.shown(place)
    return DataError(f"The column {column.name!r} holds {what}, but {where} says {shown}.", hint)


class _Parsed(dict[str, float]):
    """Numbers by their text. Each text is parsed once. ``wrong`` are the texts that are no numbers."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self.column = column
        self.wrong: set[str] = set()

    def __missing__(self, text: str) -> float:
        found = value_of(text, self.column.written, self.column.marks)
        if found is None:
            self.wrong.add(text)
            found = math.nan
        self[text] = found
        return found


class Apart:
    """Tells the texts apart that ``encode`` gives one code: those that are rare in ``columns``, or unknown."""

    def __init__(self, columns: Sequence[Column]) -> None:
        found = zip(categories_of(columns), code_offsets(columns), strict=True)
        self._known = {column.name: _Codes(column, offset, apart=True) for column, offset in found}

    def codes(self, codes: NDArray[np.int64], table: Mapping[str, Raw], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """``codes`` of ``encode`` ``(n, k)`` with a negative one for each such text. ``rows``: ``(n,)``, of ``table``,
        that they belong to.
        """
        found = np.array(codes)
        for place, (name, known) in enumerate(self._known.items()):
            merged = np.flatnonzero(codes[:, place] == known.offset)
            if len(merged):
                found[merged, place] = _codes(known, table[name].take(rows[merged]))
        return found


class _Codes(dict[str, int]):
    """Codes by raw text. Each text is looked up once. ``apart``: has each rare or unknown text a negative code?"""

    def __init__(self, column: Column, offset: int, apart: bool = False) -> None:
        super().__init__()
        self.offset = offset
        self.apart = apart
        self.known = {text: offset + 1 + place for place, text in enumerate(column.categories)}
        self.width = padded_width(column.categories)

    def __missing__(self, text: str) -> int:
        name = canonical(text)
        if name is not None and self.width and name.isdigit():
            name = name.zfill(self.width)
        if self.apart and name is not None:
            self.known.setdefault(name, -1 - len(self.known))
        found = self.offset if name is None else self.known.get(name, self.offset)
        self[text] = found
        return found


def _codes(known: _Codes, values: Raw) -> NDArray[np.int64]:
    if isinstance(values.values, Repeated):
        codes = np.fromiter(map(known.__getitem__, values.values.texts), np.int64)
        taken: NDArray[np.int64] = codes[values.values.places]
        return taken
    if values.form == TEXTS:
        return np.fromiter(map(known.__getitem__, values.values), np.int64, len(values))
    different, places = np.unique(values.values, return_inverse=True)
    as_text = number_text if values.form == NUMBERS else iso_text
    texts = ["" if value != value else as_text(value) for value in different]
    return np.array([known[text] for text in texts], np.int64).reshape(-1)[places]


def padded_width(categories: Sequence[str]) -> int:
    """How long the names of a column are where all are whole numbers of the same length, with zeros in front: pandas
    and spreadsheets read 00501 as 501. 0 for other names.
    """
    widths = set(map(len, categories))
    return widths.pop() if len(widths) == 1 and is_padded(categories) else 0


def as_columns(data: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """Raw values by column name, from a DataFrame, a mapping of columns, a list of records or a 2-D array.

    ``names``: of the columns of an array, in order; ``x0``, ``x1``, … when empty. Raises DataError.
    """
    if isinstance(data, Mapping):
        for name, values in data.items():
            if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__getitem__"):
                kind = type(values).__name__
                raise DataError(f"The column {name!r} is of the type {kind}.", "Give a list or an array of its values.")
        return _named({name: data[name] for name in data}, list(data))
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        headings = list(data.columns)
        clean_names(headings)  # refuses a heading that comes twice
        return _named({name: data[name] for name in headings}, headings)
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        keys = list(dict.fromkeys(key for row in data for key in row))
        return _named({key: [row.get(key) for row in data] for key in keys}, keys)
    return _of_array(data, names)


def _named(table: Mapping[Any, Any], headings: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(clean_names(headings), (table[heading] for heading in headings), strict=True))


def clean_names(headings: Sequence[Any], where: str = "The table") -> list[str]:
    """Headings as texts without space around them. An empty heading becomes ``Unnamed: 0``, as in pandas. Raises
    DataError when two are the same.
    """
    names = [str(heading).strip() or f"Unnamed: {place}" for place, heading in enumerate(headings)]
    counts = Counter(names)
    twice = next((name for name in names if counts[name] > 1), None)
    if twice is not None:
        raise DataError(f"{where} has two columns named {short(twice)!r}.", "Give each column a name of its own.")
    return names


def _of_array(data: Any, names: Sequence[str]) -> dict[str, Any]:
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    if hasattr(data, "toarray"):
        raise DataError("The table is a sparse matrix.", "Give a dense one, with .toarray().")
    try:
        array = data if isinstance(data, np.ndarray) else np.array(data, dtype=_kind_of(data))
    except ValueError as error:
        raise DataError("The rows of the table differ in length.", "Give each row a value for every column.") from error
    if array.dtype.names:
        return _named({name: array[name] for name in array.dtype.names}, array.dtype.names)
    if array.ndim != 2:
        kind = type(data).__name__
        what = f"an array of shape {array.shape}" if array.ndim else f"something of the type {kind}"
        raise DataError(f"A table cannot be read from {what}.", "Give a 2-D array, one row for each example.")
    if array.dtype.kind not in "biufUSOM":
        raise DataError(f"The table holds values of the type {array.dtype}.", "Give numbers, texts or dates.")
    width = array.shape[1]
    if names and len(names) != width:
        raise DataError(
            f"The array has {width:,} columns, but there should be {len(names):,}.",
            f"They are, in this order: {listed(list(names), MOST_LISTED)}.",
        )
    return {name: array[:, place] for place, name in enumerate(names or [f"x{place}" for place in range(width)])}


def _kind_of(data: Any) -> Any:
    """The dtype for an array of ``data``: objects for rows that mix texts and numbers; None: numpy decides."""
    if isinstance(data, list | tuple) and data and all(isinstance(row, list | tuple) for row in data):
        kinds = {type(value) for row in data for value in row}
        return None if kinds <= {int, float} else object
    return None
