"""The target column of a table: text, whole numbers or numbers with a fraction, and which cells are empty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError

BROKEN_SHARE = 0.05  # of the examples may be unreadable
# Texts that say, among numbers, that there is no value. Among classes, only the empty text says so.
MISSING = frozenset(("", "nan", "na", "n/a", "#n/a", "null", "none"))
WHOLE = r"[+-]?(0|[1-9]\d{0,17})"  # longer numbers are names
PADDED = r"[+-]?\d+"  # whole numbers with zeros in front are names, such as 007
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?"


def as_targets(values: Sequence[Any], name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values of the column ``name`` as targets ``(n,)``: whole numbers, floats or text; and which are missing,
    ``(n,)``.

    Text becomes numbers where every value is a number. Raises DataError for values of other types.
    """
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    missing = np.array([_missing(value) for value in plain], bool)
    present = [value for value, gone in zip(plain, missing, strict=True) if not gone]
    kinds = {type(value) for value in present}
    if not kinds:
        raise DataError(f"The column {name!r} is empty.", "It should hold a class or a number for each example.")
    if kinds == {str}:
        return _of_text(["" if gone else value.strip() for value, gone in zip(plain, missing, strict=True)], missing)
    if kinds == {bool}:
        return np.array([str(value) for value in plain]), missing
    if kinds == {int}:
        return _whole([0 if gone else value for value, gone in zip(plain, missing, strict=True)]), missing
    if all(hasattr(kind, "__float__") and not issubclass(kind, bool) for kind in kinds):  # float, Decimal, Fraction
        numbers = np.array([0.0 if gone else float(value) for value, gone in zip(plain, missing, strict=True)])
        return numbers, missing | ~np.isfinite(numbers)
    listed = " and ".join(sorted(kind.__name__ for kind in kinds)[:3])
    raise DataError(
        f"The column {name!r} holds values of the type {listed}.",
        "Give text or whole numbers for classes, or numbers for a regression target.",
    )


def refuse_gaps(skipped: Sequence[tuple[str, str]], n: int, column: str) -> None:
    """Raises DataError when more than a few of ``n`` rows have no value. ``skipped``: (name, reason) of these rows."""
    if len(skipped) > BROKEN_SHARE * n:
        raise DataError(
            f"{len(skipped):,} of {n:,} rows have no value in the column {column!r}, the first is {skipped[0][0]}.",
            "Fill or remove them; up to 5 % are skipped.",
        )


def _of_text(texts: list[str], missing: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    gone = np.array([text.lower() in MISSING for text in texts], bool)
    numbers = [text for text, away in zip(texts, gone, strict=True) if not away]
    if numbers and all(re.fullmatch(WHOLE, text) for text in numbers):
        return _whole([0 if away else int(text) for text, away in zip(texts, gone, strict=True)]), gone
    if (
        numbers
        and all(re.fullmatch(NUMBER, text, re.IGNORECASE) for text in numbers)
        and not all(re.fullmatch(PADDED, text) for text in numbers)
    ):
        values = np.array([0.0 if away else float(text) for text, away in zip(texts, gone, strict=True)])
        return values, gone | ~np.isfinite(values)
    return np.array(texts), missing


def _whole(values: Sequence[int]) -> NDArray[Any]:
    try:
        return np.array(values, np.int64)
    except OverflowError:  # too long for a count: numbers that are names
        return np.array([str(value) for value in values])


def _missing(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return bool(isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
