"""The scales of a chart, with ticks at round values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A scale.

    label: what is measured
    low, high: its ends
    log: is it logarithmic?
    show: turns a tick into text
    whole: does it count things, of which there is no half?
    """

    label: str
    low: float
    high: float
    log: bool = False
    show: Callable[[float], str] = lambda value: plain(value)
    whole: bool = False

    def at(self, value: float) -> float:
        """0 at the low end, 1 at the high end, cut off at both."""
        low, high, value = (self._scaled(v) for v in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value

    def ticks(self, wanted: int) -> list[float]:
        """About ``wanted`` round values between the ends."""
        ticks = log_ticks(self.low, self.high, wanted) if self.log else round_ticks(self.low, self.high, wanted)
        return [tick for tick in ticks if tick == round(tick)] if self.whole else ticks


def axis(
    label: str,
    values: Iterable[float],
    *,
    log: bool = False,
    show: Callable[[float], str] | None = None,
    margin: float = 0.05,
) -> Axis:
    """A scale on which all ``values`` have room."""
    known = [value for value in values if math.isfinite(value) and (value > 0 or not log)] or [1.0]
    low, high = min(known), max(known)
    if log:
        spread = max(math.log10(high / low), 0.1) * margin
        low, high = low / 10**spread, high * 10**spread
    else:
        spread = (high - low) * margin or abs(high) * margin or 1.0
        low, high = low - spread, high + spread
    return Axis(label, low, high, log, show or plain)


def from_zero(label: str, values: Iterable[float]) -> Axis:
    """A scale of time, epochs or steps. It begins at 0, unless the ``values`` would leave its first half empty."""
    known = [value for value in values if math.isfinite(value)] or [1.0]
    low, high = min(known), max(max(known), 1e-9)
    margin = 0.05 * (high - low)
    return Axis(label, low - margin if low > 0.5 * high and margin else 0.0, high + 0.02 * (high or 1.0))


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between ``low`` and ``high``: about ``wanted``, never fewer than
    three.
    """
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / wanted))
    for step in (factor * power for factor in (10, 5, 2, 1, 0.5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 >= max(3, 0.7 * wanted):
            break
    return [round(i * step, 12 - math.floor(math.log10(step))) for i in range(first, last + 1)]


def round_edges(low: float, high: float, wanted: int, whole: bool = False) -> list[float]:
    """Edges of at most ``wanted`` bins, or one more, that hold all between ``low`` and ``high``: multiples of 1, 2 or 5
    times a power of ten. ``whole``: of whole numbers, of which the last edge is above all.
    """
    high += whole
    if not high > low:
        return [low - 0.5, high + 0.5]
    power = 10.0 ** math.floor(math.log10((high - low) / wanted))
    step = max(float(whole), next(factor * power for factor in (1, 2, 5, 10) if factor * power * wanted >= high - low))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12 - math.floor(math.log10(step))) for i in range(first, last + 1)]


def log_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Powers of ten; with 2 and 5 times them, or plain round values, where those would be too few."""
    if not high > low:
        return [low]
    for factors in ((1,), (1, 3), (1, 2, 5)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(ticks) >= min(3, wanted):
            return ticks[:: math.ceil(len(ticks) / (2 * wanted))]
    return round_ticks(low, high, wanted)


def plain(value: float) -> str:
    """A number of an axis: thousands as k, millions as M."""
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.6g}"  # ticks are round: what is close together stays apart


def of_data(low: float, high: float) -> Callable[[float], str]:
    """How numbers of an axis of the data's own values are shown: without a ``k`` where all may be years."""
    return (lambda value: f"{value:.6g}") if max(abs(low), abs(high)) < 1e4 else plain


def percent(value: float) -> str:
    return f"{100 * value:.4g} %"
