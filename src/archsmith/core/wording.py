"""Numbers, times and metrics as people read them in a line of text."""

from __future__ import annotations

import unicodedata

from archsmith.core import budget
from archsmith.core.targets import metric_title

TURNING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))  # marks of direction

REASONS = {
    budget.SECONDS: "the time was used up",
    budget.TRIALS: "the number of trials was reached",
    budget.EXHAUSTED: "there was nothing left to try",
    budget.SETTLED: "more training of the best network was worth more than more candidates",
    budget.CONVERGED: "many trials in a row found nothing better",
    budget.REQUESTED: "a person asked it to finish",
    budget.INTERRUPTED: "it was interrupted",
    budget.FAILURES: "too many trials in a row failed",
    budget.UNTRAINABLE: "no network of this space can be trained",
    budget.UNPREPARED: "what all trials need could not be trained",
}


def number(value: float) -> str:
    """A score with four digits after the point, or a count with commas between thousands. A whole float of 1,000 or
    more is a count, too.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (value.is_integer() and 1000 <= abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.4g}"


def amount(n: int, thing: str) -> str:
    """``1 trial``, ``2,000 trials``."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def clock(seconds: float | None) -> str:
    """``seconds`` as ``0:07``, ``12:30`` or ``1:02:30``; ``–`` when unknown."""
    if seconds is None:
        return "–"
    hours, rest = divmod(max(0, round(seconds)), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def visible(text: str, but: str = "") -> str:
    """``text`` with every character written out that would act instead of being read: control characters, marks that
    turn the direction of writing, and bytes of file names that are no text. So ``\\x1b`` stands for an escape. ``but``:
    characters that may stay.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter in but or not _acts(letter) else _written(letter) for letter in text)


def _acts(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in TURNING


def _written(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as os.fsdecode gives it
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def metric_name(metric: str) -> str:
    """The title of a metric."""
    return metric_title(metric)


def reason_in_words(reason: str) -> str:
    """Why a search ended, as an answer to "why": ``the time was used up``. One of somebody else stays as it is."""
    return REASONS.get(reason, reason)
