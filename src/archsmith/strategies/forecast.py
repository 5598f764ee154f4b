"""Forecasts of unfinished trainings: from a few scores to the error at a horizon, and how sure that is.

An error falls about as a power of the work that was put into a training, ``error(w) = a · w^-slope`` (Hestness et al.
2017, arXiv 1712.00409; Kadra et al. 2023, "Scaling Laws for Hyperparameter Optimization", arXiv 2302.00441, use power
laws of learning curves for the same purpose). In logarithms that is a line through the last score. Its slope is
estimated by Bayes' rule: a normal prior over slopes, which was fitted to recorded learning curves
(``benchmarks/curves.py``), and what each pair of neighbouring scores says, the latest one most. Scores are noisy, since
they are measured on a finite number of examples. All errors of forecasts are normal in logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import NormalDist

from archsmith.core.fields import check_above_0, check_from_0, checked

SMALLEST = 1e-4  # errors below it count as it
HALF = 0.5  # of an example is added to those that were wrong (Jeffreys' prior): no error in 200 is not an error of zero
AGEING = 2.0  # by how much a slope says less with every later score (as variance)
UNKNOWN_LEVEL = (0.1, 0.4)  # of a family that no curve was recorded of

_NORMAL = NormalDist()


@checked
@dataclass(frozen=True)
class Prior:
    """What is known of learning curves beforehand.

    ``slope``, ``slope_sd``: mean and standard deviation of the slopes.
    ``families``: mean slopes by the name of a family, where they are known; a linear layer soon has learnt all that it
        can, and a convolutional network goes on for long.
    ``common``: share of the variance of slopes that all networks have in common on one set of data.
    ``bend_sd``: how far the slope of one doubling is from that of the rest of the curve, standard deviation.
    ``end_sd``: error of a forecast, in logarithms, that no earlier score can remove.
    ``repeats``: about how often an example can be shown before it teaches nothing new, see ``fresh``; None: always.
    ``levels``: mean and standard deviation, by the name of a family, of how much larger its error is at the end than
        that of the first seed: the difference of their logarithms.
    """

    slope: float = 0.35
    slope_sd: float = 0.15
    common: float = 0.0
    bend_sd: float = 0.15
    end_sd: float = 0.05
    repeats: float | None = None
    families: Mapping[str, float] = field(default_factory=dict, hash=False)
    levels: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_above_0("Prior", slope_sd=self.slope_sd, bend_sd=self.bend_sd, repeats=self.repeats)
        check_from_0("Prior", common=self.common, end_sd=self.end_sd)

    def of(self, family: str) -> Prior:
        """What is known of one family."""
        return replace(self, slope=self.families.get(family, self.slope), families={})

    def on(self, seen: Sequence[tuple[str, float, float]]) -> Prior:
        """What is known of slopes on a set of data of which some were seen there: (family, slope, variance) each."""
        ours, own = self.common * self.slope_sd**2, (1 - self.common) * self.slope_sd**2
        if not seen or not ours:
            return self
        weights = [1 / (variance + own) for _, _, variance in seen]
        precision = 1 / ours + math.fsum(weights)
        differences = [slope - self.families.get(family, self.slope) for family, slope, _ in seen]
        shift = math.fsum(weight * other for weight, other in zip(weights, differences, strict=True)) / precision
        families = {name: max(0.0, slope + shift) for name, slope in self.families.items()}
        return replace(
            self, slope=max(0.0, self.slope + shift), slope_sd=math.sqrt(own + 1 / precision), families=families
        )

    def level(self, family: str) -> tuple[float, float]:
        """Of one family; of one that is not known, that it is as good as the first seed, or not."""
        return self.levels.get(family, UNKNOWN_LEVEL)


@dataclass(frozen=True)
class Forecast:
    """The error at a horizon.

    ``log``, ``sd``: mean and standard deviation of its logarithm.
    ``slope``: of the curve there.
    ``revealed``: standard deviation of the change of ``log`` that one more score brings, at the work that was asked.
    """

    log: float
    sd: float
    slope: float
    revealed: float

    @property
    def error(self) -> float:
        return math.exp(self.log)


def fresh(work: float, epochs: float, repeats: float | None) -> float:
    """The work that would teach as much as ``work``, in which all examples are shown ``epochs`` times, if none came
    twice: what an example teaches falls by a factor of e with every ``repeats`` times (Muennighoff et al. 2023, arXiv
    2305.16264, who found about 15 for language models).
    """
    if repeats is None or epochs <= 0:
        return work
    share = epochs / repeats
    # A thousandth always counts: more work is more work, however often the examples came, and no two scores are at one.
    return work * (0.999 * -math.expm1(-share) / share + 0.001)


def forecast(
    points: Sequence[tuple[float, float]], horizon: float, more: float, rows: int | None, prior: Prior
) -> Forecast:
    """The forecast of a training with ``points``, its scores as (work, error), rising in work.

    All work is ``fresh`` work.

    ``horizon``: work for which the error is asked.
    ``more``: work at which it could be scored next; for ``Forecast.revealed``.
    ``rows``: examples that a score is measured on; None: scores are exact.
    """
    points = _smoothed(points, rows)
    slope, variance = _slope(points, rows, prior)
    work, error = points[-1]
    here = _noise(error, rows)
    log, spread = _at(math.log(error), here, slope, variance, work, horizon)
    again, narrower = _slope_after(slope, variance, error, work, more, rows, prior)
    _, left = _at(0.0, _noise(error, rows), again, narrower, more, horizon)
    revealed = math.sqrt(max(0.0, spread - left))
    return Forecast(log, math.sqrt(spread + prior.end_sd**2), slope, revealed)


def slope_seen(points: Sequence[tuple[float, float]], rows: int | None, prior: Prior) -> tuple[float, float]:
    """The slope that scores alone show, and its variance. ``points``: two or more."""
    precision = mean = 0.0
    for seen, noise in _steps(_smoothed(points, rows), rows, prior):
        precision += 1 / noise
        mean += seen / noise
    return mean / precision, 1 / precision


def in_the_light_of(own: Forecast, reference: Forecast, level: tuple[float, float]) -> Forecast:
    """``own``, together with what is known of its level beside ``reference``: the product of two normal densities."""
    mean, deviation = reference.log + level[0], level[1]
    weight = deviation**2 / (deviation**2 + own.sd**2)
    log = weight * own.log + (1 - weight) * mean
    now = _together(deviation**2, own.sd**2)
    later = _together(deviation**2, max(0.0, own.sd**2 - own.revealed**2))
    return Forecast(log, math.sqrt(now), own.slope, math.sqrt(max(0.0, now - later)))


def _together(variance: float, other: float) -> float:
    """Variance of the product of two normal densities."""
    return 0.0 if min(variance, other) <= 0 else 1 / (1 / variance + 1 / other)


def expected_gain(best: float, log: float, sd: float) -> float:
    """By how much an error whose logarithm is normal (mean ``log``, deviation ``sd``) is expected to be below ``best``:
    the price of a put in the formula of Black and Scholes (1973).
    """
    if best <= 0:  # no error is below 0, which a baseline without a mistake has
        return 0.0
    if sd <= 1e-9:
        return max(0.0, best - math.exp(log))
    d = (math.log(best) - log) / sd
    return best * _NORMAL.cdf(d) - math.exp(log + 0.5 * sd * sd) * _NORMAL.cdf(d - sd)


def _smoothed(points: Sequence[tuple[float, float]], rows: int | None) -> list[tuple[float, float]]:
    return [
        (work, max(SMALLEST, error if rows is None else (error * rows + HALF) / (rows + 2 * HALF)))
        for work, error in points
    ]


def _noise(error: float, rows: int | None) -> float:
    """Variance of the logarithm of a measured error rate (binomial)."""
    return 0.0 if rows is None else max(0.0, 1.0 - min(1.0, error)) / (rows * min(1.0, error))


def _slope(points: Sequence[tuple[float, float]], rows: int | None, prior: Prior) -> tuple[float, float]:
    """Mean and variance of the slope after all scores."""
    precision, mean = 1 / prior.slope_sd**2, prior.slope
    for seen, noise in _steps(points, rows, prior):
        mean = (precision * mean + seen / noise) / (precision + 1 / noise)
        precision += 1 / noise
    return max(0.0, mean), 1 / precision


def _steps(points: Sequence[tuple[float, float]], rows: int | None, prior: Prior) -> Iterator[tuple[float, float]]:
    """Slope between neighbouring scores, and the variance of that as an observation of the slope of the curve that is
    still to come: the older a pair is, the less it says of that.
    """
    for age, ((work, error), (further, lower)) in zip(range(len(points) - 2, -1, -1), pairwise(points), strict=True):
        step = math.log(further / work)
        noise = AGEING**age * prior.bend_sd**2 + (_noise(error, rows) + _noise(lower, rows)) / step**2
        yield math.log(error / lower) / step, noise


def _slope_after(
    slope: float, variance: float, error: float, work: float, more: float, rows: int | None, prior: Prior
) -> tuple[float, float]:
    """The same once there is a score at ``more``, as far as it is known before."""
    step = math.log(more / work)
    noise = prior.bend_sd**2 + 2 * _noise(error, rows) / step**2
    return slope, 1 / (1 / variance + 1 / noise)


def _at(log: float, noise: float, slope: float, variance: float, work: float, horizon: float) -> tuple[float, float]:
    """Mean and variance of the logarithm of the error at ``horizon``."""
    far = max(0.0, math.log(horizon / work))
    return log - slope * far, noise + far**2 * variance
