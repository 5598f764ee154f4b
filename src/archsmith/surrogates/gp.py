"""A Gaussian process over architectures. Its kernel adds up what they choose, what they compute, and how large they
are.

The kernel is a weighted sum of four:

* an exponential kernel of the number of decisions that differ,
* a squared exponential on the counts of functional paths,
* a squared exponential on numbers such as depth and size,
* a linear kernel on these numbers.

Weights, length scales and noise are one of a fixed set of settings: the one with the highest marginal likelihood. With
few observations this is steadier than gradient descent.

The design is ours. Gaussian processes with a weighted Hamming kernel for architectures are what Ru et al. 2021
(NAS-BOWL, arXiv 2006.07556) compare theirs with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from archsmith.surrogates.encoding import Array, Rows, hamming, number_distance, path_distance

N_SETTINGS = 50
NOISE = (0.005, 0.5)  # share of the variance, spread evenly over magnitudes
LENGTH = (0.25, 4.0)  # length scales in multiples of the median distance in a sample of the space
JITTER = 1e-8


@dataclass(frozen=True)
class Setting:
    """One choice of the kernel's settings.

    ``weights``: of the four kernels (decisions, paths, numbers, linear); they add up to 1.
    ``lengths``: length scales of the first three.
    ``noise``: of an observation, as a share of the variance.
    """

    weights: tuple[float, float, float, float]
    lengths: tuple[float, float, float]
    noise: float


@lru_cache(maxsize=4)
def settings(has_paths: bool, has_numbers: bool) -> tuple[Setting, ...]:
    """The settings to choose from: spread evenly over their ranges, always the same."""
    rng = np.random.default_rng(50)
    found = []
    for _ in range(N_SETTINGS):
        weights = rng.dirichlet((1.0, 1.0, 1.0, 0.5)) * (1.0, has_paths, has_numbers, has_numbers)
        weights = weights / weights.sum()
        lengths = np.exp(rng.uniform(np.log(LENGTH[0]), np.log(LENGTH[1]), size=3))
        noise = float(np.exp(rng.uniform(np.log(NOISE[0]), np.log(NOISE[1]))))
        found.append(Setting(tuple(weights.tolist()), tuple(lengths.tolist()), noise))
    return tuple(found)


@dataclass(frozen=True)
class Scales:
    """Median distances of two architectures of the space. Length scales are multiples of these."""

    decisions: float
    paths: float
    numbers: float

    @classmethod
    def of(cls, sample: Rows) -> Scales:
        """From the pairs of a sample."""
        upper = np.triu_indices(len(sample), 1)
        medians = [
            float(np.median(each(sample, sample)[upper])) if len(upper[0]) else 1.0
            for each in (hamming, path_distance, number_distance)
        ]
        return cls(*(median if median > 0 else 1.0 for median in medians))


@dataclass(frozen=True)
class Distances:
    """Distances between two sets of architectures, each ``(n, m)``.

    ``decisions``, ``paths``, ``numbers``: in multiples of the median distance.
    ``inner``: inner products of their numbers.
    """

    decisions: Array
    paths: Array
    numbers: Array
    inner: Array

    @classmethod
    def between(cls, a: Rows, b: Rows, scales: Scales) -> Distances:
        """In multiples of ``scales``."""
        return cls(
            hamming(a, b) / scales.decisions,
            path_distance(a, b) / scales.paths,
            number_distance(a, b) / scales.numbers,
            a.numbers @ b.numbers.T / max(1, a.numbers.shape[1]),
        )

    def kernel(self, setting: Setting) -> Array:
        """Covariances under ``setting``, without noise."""
        decisions, paths, numbers, linear = setting.weights
        total: Array = decisions * np.exp(-self.decisions / setting.lengths[0])
        if paths:
            total += paths * np.exp(-0.5 * self.paths / setting.lengths[1] ** 2)
        if numbers:
            total += numbers * np.exp(-0.5 * self.numbers / setting.lengths[2] ** 2)
        return total + linear * self.inner if linear else total


def variances(rows: Rows, setting: Setting) -> Array:
    """``(n,)``: what the kernel gives between an architecture and itself."""
    *others, linear = setting.weights
    own: Array = sum(others) + linear * (rows.numbers**2).sum(axis=1) / max(1, rows.numbers.shape[1])
    return own


def log_marginal_likelihood(covariance: Array, noise: Array, y: Array) -> float:
    """Of ``y`` ``(n,)`` under a process with this ``covariance`` ``(n, n)`` and ``noise`` ``(n,)``."""
    lower = np.linalg.cholesky(covariance + np.diag(noise + JITTER))
    z = np.linalg.solve(lower, y)
    return float(-0.5 * z @ z - np.log(np.diag(lower)).sum() - 0.5 * len(y) * np.log(2 * np.pi))


def best_setting(distances: Distances, y: Array, more_noise: Array, choices: Sequence[Setting]) -> Setting:
    """The setting under which ``y`` ``(n,)`` is most likely.

    ``more_noise`` ``(n,)`` multiplies the noise of single observations.
    """
    return max(
        choices, key=lambda setting: log_marginal_likelihood(distances.kernel(setting), setting.noise * more_noise, y)
    )


def normal_scores(order: Sequence[object]) -> Array:
    """``(n,)`` standardised Gaussian scores of values by their rank; low values get high scores.

    Equal values share the mean of their ranks.
    """
    n = len(order)
    if n < 2:
        return np.zeros(n)
    ranked = sorted(range(n), key=lambda i: order[i])  # type: ignore[arg-type,return-value]
    ranks = np.empty(n)
    start = 0
    while start < n:
        end = start
        while end + 1 < n and order[ranked[end + 1]] == order[ranked[start]]:
            end += 1
        ranks[ranked[start : end + 1]] = (start + end) / 2
        start = end + 1
    quantile = NormalDist().inv_cdf
    scores = np.array([-quantile((rank + 0.5) / n) for rank in ranks])
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else scores


class Posterior:
    """A Gaussian process that takes one observation after the other, and what it predicts for m candidates.

    L is the Cholesky factor of the observations' covariance. Kept are L⁻¹ ``(n, n)`` and L⁻¹ K(observed, candidates)
    ``(n, m)``. So one more observation costs O(n m).
    """

    def __init__(self, candidates: Rows, setting: Setting, scales: Scales) -> None:
        self.candidates, self.setting, self.scales = candidates, setting, scales
        self.observed = candidates.take([])
        self._left = variances(candidates, setting)  # variance of each candidate given the observations so far
        self._inverse = np.zeros((16, 16))
        self._solved = np.zeros((16, len(candidates)))

    @classmethod
    def of(cls, candidates: Rows, observed: Rows, more_noise: Array, setting: Setting, scales: Scales) -> Posterior:
        """Takes all observations at once. ``observe`` one by one gives the same, up to rounding."""
        posterior = cls.__new__(cls)
        posterior.candidates, posterior.observed = candidates, observed
        posterior.setting, posterior.scales = setting, scales
        covariance = Distances.between(observed, observed, scales).kernel(setting)
        lower = np.linalg.cholesky(covariance + np.diag(setting.noise * more_noise + JITTER))
        posterior._inverse = np.linalg.inv(lower)
        posterior._solved = posterior._inverse @ Distances.between(observed, candidates, scales).kernel(setting)
        posterior._left = variances(candidates, setting) - (posterior._solved**2).sum(axis=0)
        return posterior

    def __len__(self) -> int:
        return len(self.observed)

    def observe(self, row: Rows, more_noise: float = 1.0) -> None:
        """Take in the observation of one architecture. ``more_noise`` multiplies the noise of this observation."""
        n, setting = len(self), self.setting
        if n == len(self._inverse):
            self._inverse, self._solved = _doubled(self._inverse, 2 * n), _doubled(self._solved, self._solved.shape[1])
        before = Distances.between(self.observed, row, self.scales).kernel(setting)[:, 0]
        solved = self._inverse[:n, :n] @ before
        own = float(variances(row, setting)[0]) + setting.noise * more_noise + JITTER
        pivot = np.sqrt(max(own - float(solved @ solved), JITTER))
        self._inverse[n, :n], self._inverse[n, n] = -(solved @ self._inverse[:n, :n]) / pivot, 1.0 / pivot
        across = Distances.between(row, self.candidates, self.scales).kernel(setting)[0]
        self._solved[n] = (across - solved @ self._solved[:n]) / pivot
        self._left = self._left - self._solved[n] ** 2
        self.observed = self.observed.joined(row)

    def mean(self, y: Array) -> Array:
        """``(m,)`` predictions from the targets ``y`` ``(n,)``."""
        n = len(self)
        return (self._inverse[:n, :n] @ y) @ self._solved[:n]

    @property
    def deviation(self) -> Array:
        """``(m,)`` standard deviations, without the noise of an observation."""
        return np.sqrt(np.maximum(self._left, 0.0))

    def copy(self) -> Posterior:
        """A copy, for observations that are taken back."""
        other = Posterior.__new__(Posterior)
        other.__dict__.update(self.__dict__)
        other._inverse, other._solved = self._inverse.copy(), self._solved.copy()
        return other


def _doubled(rows: Array, width: int) -> Array:
    """Twice as many rows of ``width``, zeros where there was nothing."""
    larger = np.zeros((2 * len(rows), width))
    larger[: len(rows), : rows.shape[1]] = rows
    return larger
