"""The tests and measures of a comparison.

Sources: Wilcoxon 1945 (signed ranks) and Efron 1979 (bootstrap). The p values are exact: they are computed from the
distribution of the rank sum given the ties, not from the normal curve, up to ``EXACT`` pairs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EXACT = 300  # pairs that differ; with more the normal curve is as good
RESAMPLES = 1000  # of the bootstrap
LEVEL = 0.95  # of intervals

Array = NDArray[np.float64]


def wilcoxon(differences: Array) -> float:
    """The two-sided p value of Wilcoxon's signed-rank test of ``differences`` (n,).

    Zeros are left out; equal sizes share the middle of their ranks.

    Exact given these ranks, by counting the sums that all 2ⁿ choices of signs give; above ``EXACT`` by the normal curve
    with the same variance.
    """
    left = differences[differences != 0]
    if not len(left):
        return 1.0
    doubled = _doubled_ranks(left)
    positive = int(doubled[left > 0].sum())
    total = int(doubled.sum())
    if len(left) > EXACT:
        deviation = math.sqrt(float((doubled.astype(float) ** 2).sum()) / 4)
        z = max(0.0, abs(positive - total / 2) - 1.0) / deviation  # corrected for steps of one rank
        return math.erfc(z / math.sqrt(2))
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for rank in doubled.tolist():  # each sign is a fair coin
        moved = np.zeros_like(chance)
        moved[rank:] = chance[: total + 1 - rank]
        chance = (chance + moved) / 2
    return float(min(1.0, 2 * min(chance[: positive + 1].sum(), chance[positive:].sum())))


def _doubled_ranks(differences: Array) -> NDArray[np.int64]:
    """Of their sizes, twice the middle rank of equal ones, which is a whole number."""
    _, which, counts = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (2 * ends - counts + 1)[which]


def gain_share(differences: Array) -> float:
    """The share of the ranks that belong to gains, 0..1; zeros are left out."""
    left = differences[differences != 0]
    ranks = _doubled_ranks(left)
    return float(ranks[left > 0].sum() / ranks.sum())


def bootstrap_interval(values: Array) -> tuple[Array, Array]:
    """The bootstrap interval of the mean over the first axis of ``values`` (n, m): two arrays (m,).

    It is the middle 95 % of the means of n runs drawn with replacement.
    """
    n = len(values)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    means = weights @ values
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
