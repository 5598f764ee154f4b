"""Numbers, times, metrics and names as a person who is no statistician reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from archsmith.core.wording import decimals as decimals
from archsmith.core.wording import epochs as epochs
from archsmith.core.wording import metric_name as metric_name
from archsmith.core.wording import network_name as network_name
from archsmith.core.wording import phase_name as phase_name
from archsmith.core.wording import sentence_case as sentence_case
from archsmith.core.wording import the_network as the_network

SHARES = ("accuracy", "balanced_accuracy", "recall", "precision", "f1")  # metrics that are shares of 1
MAY_BE_A_YEAR = 9_999.5  # what is smaller has no comma between its digits where it comes from the data
NB = "\u00a0"  # a space at which no line is broken, between a number and its unit


def is_share(metric: str) -> bool:
    return metric in SHARES


def score(metric: str, value: float | None, n: int | None = None, most: float = 0.0) -> str:
    """A score in its own form: shares in percent, with a second decimal where ``n`` examples can tell it apart; others
    in four digits, also where these are zeros, so that scores below one another have as many. ``most``: the highest
    one of all that are told together. Where an accuracy is above 1, none of them is a share: somebody gives them in
    percent.
    """
    if value is None:
        return "–"
    if is_share(metric) and max(value, most) <= 1:
        return share(value, n)
    whole, point, rest = number(value).partition(".")
    places = 4 - len(whole.lstrip("-0"))
    return f"{whole}.{rest.ljust(places, '0')}" if point and "e" not in rest else f"{whole}{point}{rest}"


def share(value: float, n: int | None = None) -> str:
    """0.925 as ``92.5 %``. A share that is not quite all (or none) never looks as if it were."""
    places = 2 if n is not None and n >= 5000 else 1
    text = f"{100 * value:.{places}f}"
    if (value < 1 and float(text) == 100.0) or (value > 0 and float(text) == 0.0):
        text = f"{100 * value:.{decimals(value, places + 4) - 2}f}"
    return f"{text.removesuffix('.0')}{NB}%"


def points(difference: float, n: int | None = None) -> str:
    """A difference of two shares, without its sign. ``n``: how many examples they are of. With fewer than 5,000 a tenth
    of a point says nothing of a large difference, and it may not be that of the shares as they are shown.
    """
    value = 100 * abs(difference)
    coarse = n is not None and n < 5000 and value >= 2.95
    text = f"{value:.0f}" if coarse else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"
    return f"{text.removesuffix('.0')}{NB}{'point' if text in ('1', '1.0') else 'points'}"


def number(value: float) -> str:
    """Four significant digits, whole numbers in groups of three."""
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.{decimals(value, 4)}g}"


def from_data(value: float, digits: int = 4) -> str:
    """A value as the data have it, a year or a price: with so many digits, and no comma in what may be a year."""
    return f"{value:.{digits}g}" if abs(value) < MAY_BE_A_YEAR else number(value)


def between(low: float, high: float, whole: bool) -> str:
    """Values of the data from ``low`` to below ``high``. ``whole``: all are whole numbers."""
    last = high - 1 if whole else high
    return from_data(low, 6) if last == low else f"{from_data(low, 6)} to {from_data(last, 6)}"


def rounded(value: float) -> str:
    """A count in three digits: ``501 k``, ``8 M``."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{NB}{letter}"
    return f"{value:.3g}"


def amount(n: int, thing: str, things: str | None = None) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{n:,}{NB}{thing if n == 1 else things or thing + 's'}"


def duration(seconds: float | None, *, exact: bool = False) -> str:
    """``< 0.1 s``, ``0.4 s``, ``4 min 50 s``, ``2 h 5 min``. ``exact``: with all seconds of less than an hour."""
    if seconds is None:
        return "–"
    if 0 < seconds < 0.05:
        return f"<{NB}0.1{NB}s"
    if seconds < 9.95:
        return f"{f'{seconds:.1f}'.removesuffix('.0')}{NB}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NB}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{NB}min {rest}{NB}s" if rest and (exact or minutes < 10) else f"{round(whole / 60)}{NB}min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours:,}{NB}h {minutes}{NB}min" if minutes and hours < 100 else f"{hours:,}{NB}h"


def undecided(before: float, after: float) -> str:
    """What the mean entropies of a decision, in nats, at the beginning and at the end mean."""
    first, last = (number(float(f"{math.exp(nats):.2g}")) for nats in (before, after))
    return (
        f"At the beginning an average decision was as open as a choice between {first} equally likely options. "
        f"At the end it was as open as a choice between {last}."
    )


def listing(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def several(names: Sequence[str], most: int = 3) -> str:
    """Names that share a place: ``“a” and “b”``, ``“a”, “b”, “c” and 4 others``."""
    left = len(names) - most
    shown = [quoted(name) for name in (names if left <= 1 else names[:most])]
    return listing(shown if left <= 1 else [*shown, f"{left:,} others"])


def quoted(name: str, longest: int = 40) -> str:
    """A class name inside a sentence."""
    flat = " ".join(name.split())
    return f"“{flat if len(flat) <= longest else flat[: longest - 1].rstrip() + '…'}”"


def short(value: Any) -> str:
    """A number with three significant digits."""
    return number(float(f"{float(value):.3g}"))
