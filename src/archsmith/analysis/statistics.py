"""The few statistics that keep the sentences of a page honest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archsmith.core.metrics import Z95

FEWEST_PAIRS = 8  # of which a rank correlation says anything


@dataclass(frozen=True)
class Gap:
    """How far one score is ahead of another, and the standard error of that."""

    value: float
    error: float

    @property
    def clear(self) -> bool:
        """Is it more than chance explains in 19 of 20 cases?"""
        return abs(self.value) > Z95 * self.error

    @property
    def most(self) -> float:
        """The upper end of its 95 % interval."""
        return self.value + Z95 * self.error

    @classmethod
    def of_shares(cls, a: float, b: float, n: int) -> Gap:
        """Of shares of ``n`` examples each, which are taken as independent; that errs on the cautious side."""
        return cls(a - b, math.sqrt((a * (1 - a) + b * (1 - b)) / n))


def beyond_chance(a: float, b: float, n: int) -> bool:
    """Do two shares of ``n`` examples each differ by more than chance explains in 19 of 20 cases?

    The two are taken as independent, which errs on the cautious side.
    """
    return Gap.of_shares(a, b, n).clear


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's: 1 when both grow together, -1 when one falls as the other grows; None for fewer than 8 pairs or where
    one never changes.
    """
    if len(x) < FEWEST_PAIRS or len(set(x)) == 1 or len(set(y)) == 1:
        return None
    return _pearson(_ranks(x), _ranks(y))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0, equal values share the middle of theirs."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            ranks[i] = (start + end) / 2
        start = end + 1
    return ranks


def _pearson(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))
