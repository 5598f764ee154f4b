"""The tests and measures of a comparison.

Sources: Wilcoxon 1945 (signed ranks), Holm 1979 (several tests), Hodges and Lehmann 1963 (the typical difference), its
interval as in Hollander and Wolfe 1999, "Nonparametric Statistical Methods", section 3.3, Cliff 1993 (the effect size
``d_w`` of paired values) and Efron 1979 (bootstrap). The p values are exact: they are computed from the distribution of
the rank sum given the ties, not from the normal curve, up to ``EXACT`` pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

EXACT = 300  # pairs that differ; with more the normal curve is as good
RESAMPLES = 1000  # of the bootstrap
LEVEL = 0.95  # of intervals

Array = NDArray[np.float64]


def wilcoxon(*blocks: Array) -> float:
    """The two-sided p value of Wilcoxon's signed-rank test of differences (n,).

    Zeros are left out; equal sizes share the middle of their ranks. Of several blocks, each is ranked by itself and the
    sums are added, as van Elteren 1960 does for two samples: their units need not be the same.

    Exact given these ranks, by counting the sums that all 2ⁿ choices of signs give; above ``EXACT`` by the normal curve
    with the same variance.
    """
    left = [block[block != 0] for block in blocks]
    doubled = np.concatenate([_doubled_ranks(block) for block in left])
    if not len(doubled):
        return 1.0
    positive, total = int(doubled[np.concatenate(left) > 0].sum()), int(doubled.sum())
    if len(doubled) > EXACT:
        deviation = math.sqrt(float((doubled.astype(float) ** 2).sum()) / 4)
        z = max(0.0, abs(positive - total / 2) - 1.0) / deviation  # corrected for steps of one rank
        return math.erfc(z / math.sqrt(2))
    chance = _chances(doubled)
    return float(min(1.0, 2 * min(chance[: positive + 1].sum(), chance[positive:].sum())))


def _chances(doubled: NDArray[np.int64]) -> Array:
    """How likely each sum of positive ranks is, (sum of ranks + 1,), when every sign is a fair coin."""
    chance = np.zeros(int(doubled.sum()) + 1)
    chance[0] = 1.0
    for rank in doubled.tolist():
        moved = np.zeros_like(chance)
        moved[rank:] = chance[: len(chance) - rank]
        chance = (chance + moved) / 2
    return chance


def _doubled_ranks(differences: Array) -> NDArray[np.int64]:
    """Of their sizes, twice the middle rank of equal ones, which is a whole number."""
    _, which, counts = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (2 * ends - counts + 1)[which]


def typical(differences: Array) -> tuple[float, tuple[float, float] | None]:
    """The typical difference, and its 95 % interval, of ``differences`` (n,), which may be infinite.

    It is the median of the means of all pairs of them, each with itself too. The interval holds the shifts that the
    signed-rank test of differences without ties would not reject; so without zeros and equal sizes it holds 0 just
    where that test gives 0.05 or more. Zeros count here: where they are many, the interval ends at 0. With equal sizes
    it is wider than the test asks for. None with fewer than six, since no interval is as sure as 95 %.
    """
    n = len(differences)
    one, other = np.triu_indices(n)
    with np.errstate(invalid="ignore"):
        means = (differences[one] + differences[other]) / 2
        means = np.sort(np.where(np.isnan(means), 0.0, means))  # infinitely better once, infinitely worse once
        middle = float(np.median(means))
    left_out = _left_out(n)
    return middle, None if left_out is None else (float(means[left_out]), float(means[len(means) - 1 - left_out]))


def _left_out(n: int) -> int | None:
    """The largest sum of ranks 1 to n that is as unlikely as (1 - LEVEL) / 2 or less; None where even 0 is likelier."""
    tail = (1 - LEVEL) / 2
    if n > EXACT:
        deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return math.floor(n * (n + 1) / 4 - NormalDist().inv_cdf(1 - tail) * deviation - 0.5)
    below = np.cumsum(_chances(np.arange(1, n + 1)))
    return int(np.searchsorted(below, tail, side="right")) - 1 if below[0] <= tail else None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """``p_values`` corrected for their number; None stays None and does not count."""
    order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for place, (p, i) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - place)))
        corrected[i] = least
    return corrected


def gain_share(*blocks: Array) -> float:
    """The share of the ranks that belong to gains, 0..1; zeros are left out. Blocks are ranked as in ``wilcoxon``."""
    left = [block[block != 0] for block in blocks]
    ranks = np.concatenate([_doubled_ranks(block) for block in left])
    return float(ranks[np.concatenate(left) > 0].sum() / ranks.sum())


def bootstrap_interval(values: Array) -> tuple[Array, Array]:
    """The bootstrap interval of the mean over the first axis of ``values`` (n, m): two arrays (m,).

    It is the middle 95 % of the means of n runs drawn with replacement.
    """
    n = len(values)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    means = weights @ values
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
