"""Two strategies, run by run: runs with the same seed are pairs.

A run that found nothing is worth -inf here: less than every run that found something, and as much as another one.
Scores that are equal up to ``ROUNDING`` are equal, and so are differences: a test by ranks would take the last bit of a
float for a win as good as any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archsmith.analysis.comparison.compared import Interval, Test
from archsmith.analysis.comparison.statistics import Array, gain_share, holm, typical, wilcoxon

ROUNDING = 1e-7  # of the scores: what 32-bit floats leave of a mean, and far below what a training can tell apart
LEAST_PAIRS = 6  # pairs that differ: with five the smallest possible two-sided p value is 2 / 2⁵ = 0.0625


def differences(own: Array, other: Array) -> Array:
    """By how much ``own`` is better, (n,), of gains (n,); 0 where they are equal, or both found nothing. Differences of
    equal size are the same number but for their sign.
    """
    both = np.isinf(own) & np.isinf(other)
    gained = np.where(both, 0.0, own - np.where(both, 0.0, other))
    scores = np.maximum(np.abs(own), np.abs(other))
    blur = np.where(np.isfinite(scores), ROUNDING * scores, 0.0)  # what a difference is uncertain by
    sizes = np.where(np.abs(gained) <= blur, 0.0, np.abs(gained))
    return np.sign(gained) * _levelled(sizes, blur)


def _levelled(sizes: Array, blur: Array) -> Array:
    """``sizes`` (n,), each as the smallest one that it cannot be told apart from."""
    levelled, level = sizes.copy(), 0.0
    for i in np.argsort(sizes):
        if sizes[i] > level + blur[i]:
            level = sizes[i]
        levelled[i] = level
    return levelled


def against(label: str, own: Array, other: Array, unfit: str | None = None) -> Test:
    """``label`` against another strategy, of gains (n,). ``unfit``: why its runs must not be tested."""
    gained = differences(own, other)
    better, worse = int((gained > 0).sum()), int((gained < 0).sum())
    n, ties = len(gained), int((gained == 0).sum())
    p = gains = interval = None
    why = unfit or too_few(better + worse, n, "pairs")
    middle, ends = typical(gained)
    if unfit is None and ends is not None and not (math.isinf(ends[0]) and ends[0] == ends[1]):
        interval = finite(ends)  # no number is in one that lies at infinity
    if why is None:
        p, gains = wilcoxon(gained), gain_share(gained)
    difference = middle if math.isfinite(middle) else None
    return Test(label, n, better, worse, ties, difference, interval, (better - worse) / n, p, None, gains, why)


def too_few(differ: int, n: int, things: str) -> str | None:
    """Why ``n`` things, of which so many differ, cannot be tested; None where they can."""
    if differ == 0:
        return f"all {n} {things} are ties" if n > 1 else "there is one pair, a tie"
    if differ < LEAST_PAIRS:
        return f"with fewer than {LEAST_PAIRS} {things} that differ ({differ} here) chance could explain anything"
    return None


def corrected(tests: Sequence[Test]) -> list[Test]:
    """The tests with their p values corrected for their number."""
    return [replace(test, p_holm=p) for test, p in zip(tests, holm([test.p for test in tests]), strict=True)]


def finite(interval: tuple[float, float]) -> Interval:
    """With None for an end that runs which found nothing leave open."""
    low, high = (end if math.isfinite(end) else None for end in interval)
    return low, high
