"""Numbers, times and metrics as people read them in a line of text."""

from __future__ import annotations

from archsmith.core.budget import SETTLED
from archsmith.core.targets import metric_title


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


def metric_name(metric: str) -> str:
    """The title of a metric."""
    return metric_title(metric)


def reason_in_words(reason: str) -> str:
    """Why a search stopped: its name in the log, or what that means where the name says little."""
    return "more training was worth more than more candidates" if reason == SETTLED else reason
