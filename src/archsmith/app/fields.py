"""One field of a form: what it is for, and what a text in it says."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

LONGEST = 2_000  # characters of one text
LARGEST = 2**31 - 1  # of a whole number
DIGITS = r"(?:\d+|\d{1,3}(?:,\d{3})+)"  # commas stand between thousands, and nowhere else
LIKE_ZERO = ("", "no", "off", "false", "0")


@dataclass(frozen=True)
class Field:
    """One field of the form.

    ``name``: in the form; ``strategy.evolution.population`` is a field of one strategy.
    ``label``, ``help``: for people.
    ``kind``: ``int``, ``float``, ``bool``, ``str``, ``list``, ``texts``, ``seconds`` or ``choice``.
    ``default``: as a text; empty where the job decides.
    ``options``: of a choice, value and words.
    """

    name: str
    label: str
    help: str
    kind: str
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()


def value_of(field: Field, text: str) -> Any:
    """What ``text`` says in ``field``; None for an empty one. Raises ValueError with a sentence."""
    if len(text) > LONGEST:
        raise ValueError(f"That is too long: give up to {LONGEST:,} characters.")
    if field.kind == "bool":
        return text.lower() not in LIKE_ZERO
    if not text:
        return None
    if field.kind == "choice":
        if text not in [value for value, _ in field.options]:
            raise ValueError(f"{text[:40]!r} is none of the choices.")
        return text
    if field.kind == "int":
        if not re.fullmatch(rf"[+-]?{DIGITS}", text):
            raise ValueError(f"{text[:40]!r} is no whole number. Write it like 25 or 1,000.")
        value = int(text.replace(",", "")) if len(text) <= len(f"{-LARGEST:,}") else LARGEST + 1
        if abs(value) > LARGEST:
            raise ValueError(f"That is too large: give up to {LARGEST:,}.")
        return value
    if field.kind == "float":
        return _number(text)
    if field.kind == "texts":
        return _parts(text)
    return _list(text) if field.kind == "list" else text


def _number(text: str) -> float:
    plain = text.replace(",", "") if re.fullmatch(rf"[+-]?{DIGITS}(\.\d*)?", text) else text
    try:
        value = float(plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{text[:40]!r} is no number. Write it like 2.5 or 1,000.")
    return value


def _list(text: str) -> list[Any]:
    """Numbers or texts between commas."""
    parts = _parts(text)
    try:
        return [_number(part) for part in parts]
    except ValueError:
        return list(parts)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
