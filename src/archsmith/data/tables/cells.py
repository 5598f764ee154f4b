"""The values of one column of a table, from a CSV file, a DataFrame, an array or Python objects.

``raw`` brings them to one of three forms: numbers, dates or texts. Training and serving read values with the same
functions, so that they agree. This file needs numpy and the standard library only.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.values import MISSING, as_float, is_gone

LONGEST_MISSING = max(map(len, MISSING))
LARGEST = 1e30  # larger numbers count as missing; squares of the others fit float32 after scaling
NUMBERS, DATES, TEXTS = "numbers", "dates", "texts"
# Ways to write numbers, and dates, which are taken as numbers. ``archsmith.data.tables.written`` chooses one.
PLAIN, GROUPED, COMMA, MIXED = "plain", "grouped", "comma", "mixed"
DATE, DAY_FIRST, MONTH_FIRST = "date", "day_first", "month_first"
WORDS = {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}
WHOLE = re.compile(r"[+-]?\d{1,15}\.0+")
POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
COMMA_GROUPS = re.compile(r"[+-]?((\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?|\d+(,\d+)?[eE][+-]?\d+)")
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?:([T ])(\d{1,2})(:.*))?")  # the same with slashes
THREE_PARTS = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4}|\d\d)(?:[T ](\d{1,2}):(\d\d)(?::(\d\d))?)?")
EPOCH = datetime.datetime(1970, 1, 1)
DAY_SECONDS = 86_400
FIRST_YEAR = 69  # years of two digits from it on are of the 20th century, others of the 21st, as in POSIX
# The dates that can be written, in seconds since 1970: the years 1 to 9999.
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
SHOWN = 60  # characters of a value that a message shows


@dataclass(frozen=True, eq=False)
class Repeated(Sequence[str]):
    """n texts of which many are equal, so that each different one is looked at once.

    ``texts``: the different ones.
    ``places``: ``(n,)``, which of them each one is.
    """

    texts: Sequence[str]
    places: NDArray[np.integer[Any]]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Repeated: ...
    def __getitem__(self, index: int | slice) -> str | Repeated:
        if isinstance(index, slice):
            return Repeated(self.texts, self.places[index])
        text: str = self.texts[self.places[index]]
        return text

    def take(self, indexes: NDArray[np.int64]) -> Repeated:
        """The texts at ``indexes``."""
        return Repeated(self.texts, self.places[indexes])


@dataclass(frozen=True, eq=False)
class Raw:
    """A column in one of three forms.

    ``form``: ``numbers``, ``dates`` (days since 1970) or ``texts``.
    ``values``: an array ``(n,)`` of numbers, NaN where a value is missing; or a sequence of n texts.
    """

    form: str
    values: Any

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indexes: NDArray[np.int64]) -> Raw:
        """The values at ``indexes``."""
        if isinstance(self.values, Repeated):
            return Raw(TEXTS, self.values.take(indexes))
        if self.form == TEXTS:
            return Raw(TEXTS, [self.values[index] for index in indexes.tolist()])
        return Raw(self.form, self.values[indexes])

    def shown(self, index: int) -> str:
        """A value as messages show it."""
        value = self.values[index]
        return repr(
            short(value if self.form == TEXTS else iso_text(value) if self.form == DATES else number_text(value))
        )


def short(text: str) -> str:
    """``text``, cut to 60 characters."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def raw(values: Any, name: str) -> Raw:
    """The values of the column ``name`` in one of three forms. Raises DataError for values of other types."""
    if isinstance(values, Raw):
        return values
    if isinstance(values, list | tuple):
        return Raw(TEXTS, values) if set(map(type, values)) == {str} else _of_objects(values, name)
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, np.ma.MaskedArray):
        gone = np.ma.getmaskarray(values)
        values = values.data.astype(object)
        values[gone] = None
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"The column {name!r} has the shape {array.shape}.", "Give one value for each row.")
    if array.dtype.kind in "iuf":
        return Raw(NUMBERS, array)
    if array.dtype.kind == "M":
        micro = array.astype("datetime64[us]")
        days = micro.astype(np.int64) / (DAY_SECONDS * 1e6)
        days[np.isnat(micro)] = np.nan
        return Raw(DATES, days)
    if array.dtype.kind in "bU":
        return Raw(TEXTS, list(map(str, array.tolist())))
    if array.dtype.kind in "OS":
        return _of_objects(array.tolist(), name)
    raise DataError(f"The column {name!r} holds values of the type {array.dtype}.", "Give numbers, texts or dates.")


def _of_objects(values: Sequence[Any], name: str) -> Raw:
    gone = [is_gone(value) for value in values]
    kinds = {type(value) for value, away in zip(values, gone, strict=True) if not away}
    if not kinds:
        return Raw(NUMBERS, np.full(len(values), np.nan))
    if all(issubclass(kind, datetime.date) for kind in kinds):
        return Raw(DATES, np.array([np.nan if away else days_of(v) for v, away in zip(values, gone, strict=True)]))
    if all(_is_number(kind) for kind in kinds):
        return Raw(NUMBERS, np.array([np.nan if away else as_float(v) for v, away in zip(values, gone, strict=True)]))
    for kind in kinds:
        if not (issubclass(kind, str | bytes | bool | np.bool_ | datetime.date) or _is_number(kind)):
            raise DataError(
                f"The column {name!r} holds values of the type {kind.__name__}.", "Give numbers, texts or dates."
            )
    return Raw(TEXTS, ["" if away else _text(value) for value, away in zip(values, gone, strict=True)])


def _is_number(kind: type) -> bool:
    return issubclass(kind, int | float | np.integer | np.floating | Decimal | Fraction) and not issubclass(
        kind, bool | np.timedelta64
    )


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime.date):
        return iso_text(days_of(value))
    if _is_number(type(value)):
        return number_text(value)
    return str(value)


def number_text(value: Any) -> str:
    """A number as the name of a category. 3 and 3.0 have the same."""
    number = as_float(value)
    if isinstance(value, int | np.integer) and np.isfinite(number):
        return str(int(value))
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def is_missing(text: str) -> bool:
    """Does ``text``, without space around it, say that there is no value?"""
    return len(text) <= LONGEST_MISSING and text.lower() in MISSING


def canonical(text: str) -> str | None:
    """A text as the name of a category; None when it says that the value is missing."""
    text = text.strip()
    if is_missing(text):
        return None
    if text in WORDS:
        return WORDS[text]
    return text.partition(".")[0] if WHOLE.fullmatch(text) else text


def days_of(value: datetime.date) -> float:
    """Days since 1970 (UTC where the time has a zone)."""
    if not isinstance(value, datetime.datetime):
        return float((value - EPOCH.date()).days)
    since = value.replace(tzinfo=None) - EPOCH - (value.utcoffset() or datetime.timedelta())
    return since / datetime.timedelta(days=1)


def iso_text(days: float, digits: int = 0) -> str:
    """The date as text, with the time where there is one. ``digits`` are those of fractions of a second."""
    seconds = round(days * DAY_SECONDS, digits)
    moment = EPOCH + datetime.timedelta(seconds=min(max(seconds, FIRST_SECOND), LAST_SECOND))
    whole_day = moment.time() == datetime.time()
    return moment.date().isoformat() if whole_day else moment.isoformat(sep=" ")


def parsed(text: str, written: str) -> float | None:
    """The number that ``text`` stands for, in the way ``written``: NaN when it is missing, None when it is no such
    number.
    """
    text = text.strip()
    if is_missing(text):
        return float("nan")
    if written == DATE:
        return _date(text)
    if written in (DAY_FIRST, MONTH_FIRST):
        return _three_parts(text, written) if THREE_PARTS.fullmatch(text) else _date(text)  # others are clear
    if written == COMMA:
        if not COMMA_GROUPS.fullmatch(text):
            return None
        text = text.replace(".", "").replace(",", ".")
    elif written == GROUPED and POINT_GROUPS.fullmatch(text):
        text = text.replace(",", "")
    return _plain(text)


def _plain(text: str) -> float | None:
    if "_" in text:  # Python reads 1_000 as a number, but in a table it is a name
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _date(text: str) -> float | None:
    """A date such as 2024-12-31 or 2024/12/31."""
    if slashed := YEAR_FIRST.fullmatch(text):
        year, month, day, mark, hour, rest = slashed.groups()
        text = f"{year}-{month:0>2}-{day:0>2}" + (f"{mark}{hour:0>2}{rest}" if rest else "")
    if not ISO.fullmatch(text):
        return None
    try:
        return days_of(datetime.datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _three_parts(text: str, written: str) -> float | None:
    """A date such as 31.12.2024 or 12/31/24. With points, the day always comes first."""
    found = THREE_PARTS.fullmatch(text)
    if found is None or (written == MONTH_FIRST and found[2] == "."):
        return None
    day, month = (found[1], found[3]) if written == DAY_FIRST else (found[3], found[1])
    year = int(found[4])
    if len(found[4]) == 2:
        year += 1900 if year >= FIRST_YEAR else 2000
    try:
        hour, minute, second = (int(each or 0) for each in found.groups()[4:])
        return days_of(datetime.datetime(year, int(month), int(day), hour, minute, second))
    except ValueError:
        return None


def is_padded(texts: Iterable[str]) -> bool:
    """Are all texts whole numbers, and do some begin with a zero, such as 00501? Those are names."""
    padded = False
    for text in texts:
        if not (text.isascii() and text.isdigit()):
            return False
        padded = padded or (len(text) > 1 and text[0] == "0")
    return padded
