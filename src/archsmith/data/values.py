"""The target column of a table: text, whole numbers or numbers with a fraction, and which cells are empty."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError

BROKEN_SHARE = 0.05  # of the examples may be unreadable
# Characters of a class, as many as of a folder. In an array of texts, each row takes four bytes for every one.
LONGEST_NAME = 255
# Texts that say that a value is missing, in small letters.
MISSING = frozenset(("", "?", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"))
NONE = "none"  # which may well be a class, as in none, mild, severe
WHOLE = r"[+-]?(0|[1-9]\d{0,17})"  # longer numbers are names
PADDED = r"[+-]?\d+"  # whole numbers with zeros in front are names, such as 007
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?"


def as_targets(values: Sequence[Any], name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values of the column ``name`` as targets ``(n,)``: whole numbers, floats or text; and which are missing,
    ``(n,)``.

    Text becomes numbers where every value is a number. Of classes, ``NA`` and the like are missing, but not ``none``;
    and not where a single class would be left, since then they are the other one. Raises DataError for values of other
    types.
    """
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    missing = np.array([_missing(value) for value in plain], bool)
    present = [value for value, gone in zip(plain, missing, strict=True) if not gone]
    kinds = {type(value) for value in present}
    if not kinds:
        raise DataError(f"The column {name!r} is empty.", "It should hold a class or a number for each example.")
    if kinds == {str}:
        refuse_long(present)
        return _of_text(["" if gone else value.strip() for value, gone in zip(plain, missing, strict=True)], missing)
    if kinds == {bool}:
        return np.array([str(value) for value in plain]), missing
    if kinds == {int}:
        return whole_numbers([0 if gone else value for value, gone in zip(plain, missing, strict=True)]), missing
    if all(issubclass(kind, numbers.Real | Decimal) and not issubclass(kind, bool) for kind in kinds):
        floats = np.array([0.0 if gone else as_float(value) for value, gone in zip(plain, missing, strict=True)])
        return floats, missing | ~np.isfinite(floats)
    listed = " and ".join(sorted(kind.__name__ for kind in kinds)[:3])
    raise DataError(
        f"The column {name!r} holds values of the type {listed}.",
        "Give text or whole numbers for classes, or numbers for a regression target.",
    )


def joined_blanks(texts: Iterable[str], name: str) -> tuple[str, ...]:
    """A note where classes in the column ``name`` are one that differ by blanks around them only."""
    different = set(texts)
    padded = sorted(text for text in different if text.strip() and text != text.strip())
    pair = next(((text, text.strip()) for text in padded if text.strip() in different), None)
    return (f"Blanks around classes in {name!r} do not count: {pair[0]!r} and {pair[1]!r} are one.",) if pair else ()


def lacking(targets: NDArray[Any], missing: NDArray[np.bool_]) -> str:
    """What the ``missing`` rows lack: a value, or a finite one. Both are arrays of ``as_targets``."""
    infinite = targets.dtype.kind == "f" and bool(np.isinf(targets[missing]).any())
    return "finite value" if infinite else "value"


def refuse_gaps(skipped: Sequence[tuple[str, str]], n: int, column: str, what: str = "value") -> None:
    """Raises DataError when more than a few of ``n`` rows have no ``what``. ``skipped``: (name, reason) of these."""
    if len(skipped) > BROKEN_SHARE * n:
        raise DataError(
            f"{len(skipped):,} of {n:,} rows have no {what} in the column {column!r}, the first is {skipped[0][0]}.",
            "Fill or remove them; up to 5 % are skipped.",
        )


def _of_text(texts: list[str], missing: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    gone = np.array([text.lower() in MISSING for text in texts], bool)
    present = [text for text, away in zip(texts, gone, strict=True) if not away]
    if present and all(re.fullmatch(WHOLE, text) for text in present):
        return whole_numbers([0 if away else int(text) for text, away in zip(texts, gone, strict=True)]), gone
    if (
        present
        and all(re.fullmatch(NUMBER, text, re.IGNORECASE) for text in present)
        and not all(re.fullmatch(PADDED, text) for text in present)
    ):
        values = np.array([0.0 if away else float(text) for text, away in zip(texts, gone, strict=True)])
        return values, gone | ~np.isfinite(values)
    unknown = gone & np.array([text.lower() != NONE for text in texts], bool)
    classes = {text for text, away in zip(texts, unknown, strict=True) if not away}
    return names_of(texts), unknown if len(classes) > 1 else missing


def whole_numbers(values: Sequence[int]) -> NDArray[Any]:
    """Whole numbers as int64 ``(n,)``, or as text where one is too long for a count: such numbers are names. Raises
    DataError for numbers that are too long for a name.
    """
    try:
        return np.array(values, np.int64)
    except OverflowError:
        pass
    longest = max(values, key=abs)
    if longest.bit_length() > 3 * LONGEST_NAME:  # a digit has 3.3 bits; Python itself writes out up to 4,300 digits
        raise DataError(f"A label is a whole number of {longest.bit_length():,} bits.", "Give shorter ones.")
    return names_of([str(value) for value in values])


def refuse_long(texts: Iterable[str | bytes]) -> None:
    """Raises DataError for a label that is too long for the name of a class."""
    longest = max(map(len, texts), default=0)
    if longest > LONGEST_NAME:
        raise DataError(
            f"A label has {longest:,} characters.",
            f"The name of a class has up to {LONGEST_NAME}; in a table, a quote may be missing.",
        )


def names_of(texts: Sequence[str]) -> NDArray[Any]:
    """Texts as an array ``(n,)``. Raises DataError for one that is too long for the name of a class."""
    refuse_long(texts)
    return np.array(texts, np.str_)


def as_float(value: Any) -> float:
    """``value`` as a float: infinite where it is too large for one, NaN where it is no number."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")
    except ValueError:  # a signalling NaN
        return float("nan")


def is_gone(value: Any) -> bool:
    """Does this value of a cell stand for none: None, NaN, or what pandas puts there?"""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):  # comparing a signalling NaN raises
        return value.is_nan()
    return isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and bool(value != value)


def _missing(value: Any) -> bool:
    return is_gone(value) or (isinstance(value, str) and not value.strip())
