"""Comparing strategies fairly: what many runs with the same problem, budget and seeds allow to say, and what they do
not.

Sources: Lindauer and Hutter 2020, "Best Practices for Scientific Research on Neural Architecture Search" (JMLR 21,
arXiv 1909.02453), for what a comparison should report; Wilcoxon 1945 (signed ranks), Holm 1979 (several tests), Efron
1979 (bootstrap). The p values are exact: computed from the distribution of the rank sum given the ties, not from the
normal curve, up to ``EXACT`` pairs.

A run that found nothing counts as worse than every run that found something, in tests and wins; means leave it out and
say so. With two objectives a run's value is the hyper-volume of its front: the share of the rectangle between the ideal
and the reference point that the front dominates. The reference point is the worst value of each objective in any run's
last front, moved out by a tenth of the range; the ideal point is the best of each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis.wording import is_share, listing, number
from archsmith.core.errors import UsageError
from archsmith.runtime.comparison import Plan, Run, Step, Values

LEAST_PAIRS = 6  # pairs that differ: with five the smallest possible two-sided p value is 2 / 2⁵ = 0.0625
EXACT = 300  # pairs that differ; with more the normal curve is as good
RESAMPLES = 1000  # of the bootstrap
LEVEL = 0.95  # of intervals
GRID = 120  # points of a curve
MARGIN = 0.1  # of the range between best and worst, by which the reference point is moved out
SIGNIFICANT = 0.05
FAILED_TOLD = 0.1  # share of failed trials above which a reader is told
VOLUME = "hyper-volume"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One strategy's runs in numbers: of their last answers ``mean``, ``sd`` (n - 1), ``median``, ``worst``, ``best``,
    None where nothing is known; ``n_nothing`` runs found nothing; the rest are means over runs.
    """

    label: str
    n_runs: int
    n_nothing: int
    mean: float | None
    sd: float | None
    median: float | None
    worst: float | None
    best: float | None
    trials: float
    failed: float
    seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Test:
    """One strategy against the reference, run by run: in how many of ``n_pairs`` it ended ``better``, ``worse`` or just
    as well (``ties``, which the test leaves out); ``difference``: median of the differences, above 0 when it is better.
    ``p``: Wilcoxon's signed-rank test, two-sided; ``p_holm``: corrected for all tests of this comparison; ``gains``:
    the share of the ranks that belong to gains, above ½ where the test speaks for it. ``why``: why there is no p.
    """

    label: str
    n_pairs: int
    better: int
    worse: int
    ties: int
    difference: float | None
    p: float | None
    p_holm: float | None
    gains: float | None
    why: str | None

    @property
    def clear(self) -> bool:
        """Is the difference more than chance explains?"""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT


@dataclass(frozen=True)
class Reach:
    """When a strategy first tried an architecture at least as good as the target: in ``n_reached`` of ``n_runs``;
    medians over all runs, by when half of them had got there where it was no more than half, None where it was fewer.
    """

    label: str
    n_reached: int
    n_runs: int
    trials: float | None
    seconds: float | None


@dataclass(frozen=True)
class Curve:
    """The mean over runs of what a strategy would have answered after ``x`` seconds or trials, with a 95 % bootstrap
    interval.
    """

    label: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Compared:
    """What the runs of a comparison say. ``wins[a][b]``: share of the pairs in which a ended better than b. ``metric``
    is what values are in, ``maximize`` its direction, ``axis`` (``seconds`` or ``trials``) what curves run over;
    ``reference_point`` and ``ideal_point`` with two objectives.
    """

    title: str
    metric: str
    searched: tuple[str, ...]
    maximize: bool
    n_runs: int
    reference: str
    axis: str
    simulated: bool
    rows: tuple[Row, ...]
    tests: tuple[Test, ...]
    target: float
    target_given: bool
    reaches: tuple[Reach, ...]
    wins: Mapping[str, Mapping[str, float]]
    curves: tuple[Curve, ...]
    judged_by: tuple[str, ...]
    reference_point: Values | None = None
    ideal_point: Values | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, value: float | None) -> str:
        """A value as people read it."""
        return shown(self.metric, value)

    @property
    def best(self) -> Row:
        """The strategy with the best mean, of those of which at least half of the runs found something, if there are
        any.
        """
        known = [row for row in self.rows if row.mean is not None]
        known = [row for row in known if 2 * row.n_nothing <= row.n_runs] or known
        return max(known, key=lambda row: (row.mean or 0.0) if self.maximize else -(row.mean or 0.0))

    @property
    def verdict(self) -> str:
        """What may be said, in a few sentences."""
        best, reference = self.best, next(row for row in self.rows if row.label == self.reference)
        said = [
            f"On average over {self.n_runs} run{'s' if self.n_runs > 1 else ''} {best.label} ends best: "
            f"{self.shown(best.mean)}."
        ]
        if best.label != reference.label and reference.mean is not None:
            said[0] = said[0][:-1] + f", {reference.label} {self.shown(reference.mean)}."
        for words, tests in (
            (
                f"Better than {reference.label} beyond chance",
                [test for test in self.tests if test.clear and (test.gains or 0.0) > 0.5],
            ),
            (
                f"Worse than {reference.label} beyond chance",
                [test for test in self.tests if test.clear and (test.gains or 0.0) <= 0.5],
            ),
            (
                "Chance may be all the difference for",
                [test for test in self.tests if test.p_holm is not None and not test.clear],
            ),
        ):
            if tests:
                said.append(f"{words}: {listing([f'{test.label} (p {probability(test.p_holm)})' for test in tests])}.")
        if self.tests and all(test.p is None for test in self.tests):
            said.append(f"No test: {self.tests[0].why}.")
        return " ".join(said)


def compare(plan: Plan, runs: Sequence[Run], *, reference: str | None = None, target: float | None = None) -> Compared:
    """What ``runs`` of ``plan`` say. ``reference``: the strategy that others are tested against, ``random`` or the
    first when None; ``target``: the value that queries are counted to, the reference's median when None. Seeds that
    some strategy has not finished are left out. Raises UsageError.
    """
    labels = list(plan.strategies)
    reference = reference or ("random" if "random" in labels else labels[0])
    if reference not in labels:
        raise UsageError(
            f"The reference {reference!r} is not among the strategies.", f"Name one of {', '.join(labels)}."
        )
    if target is not None and not math.isfinite(target):
        raise UsageError(f"A target cannot be {target}.")
    by_place = {(run.strategy, run.seed): run for run in runs}
    seeds = [
        seed for seed in range(plan.seed, plan.seed + plan.runs) if all((label, seed) in by_place for label in labels)
    ]  # pairs, or nothing: an unfinished strategy must not look better for its luckier seeds
    if not seeds:
        raise UsageError("No seed has been run by every strategy yet.", "Let the comparison go on.")
    grouped = {label: [by_place[label, seed] for seed in seeds] for label in labels}
    scale = _Scale.of(plan, [run for group in grouped.values() for run in group])
    finals = {label: np.array([scale.last(run.curve) for run in group]) for label, group in grouped.items()}
    if all(np.isnan(values).all() for values in finals.values()):
        raise UsageError(
            "No run of any strategy found anything that counts.",
            "Is a limit too strict, or the budget too small for one trial?",
        )
    sign = 1.0 if scale.maximize else -1.0
    gains = {label: np.where(np.isnan(values), -np.inf, sign * values) for label, values in finals.items()}
    tests = [_test(label, gains[label], gains[reference]) for label in labels if label != reference]
    chosen = target if target is not None else _median(finals[reference][~np.isnan(finals[reference])])
    if chosen is None:
        chosen = _median(np.concatenate([values[~np.isnan(values)] for values in finals.values()]))
    assert chosen is not None
    axis = "seconds" if plan.seconds is not None else "trials"
    everyone = [run for group in grouped.values() for run in group]
    return Compared(
        title=plan.title,
        metric=scale.metric,
        searched=tuple(str(each[0]) for each in plan.problem["objectives"]),
        maximize=scale.maximize,
        n_runs=len(seeds),
        reference=reference,
        axis=axis,
        simulated=any(run.seconds > 2 * run.wall_seconds for run in everyone),
        rows=tuple(_row(label, finals[label], grouped[label], scale.maximize) for label in labels),
        tests=tuple(_holm(tests)),
        target=chosen,
        target_given=target is not None,
        reaches=tuple(_reach(label, grouped[label], scale, sign * chosen) for label in labels),
        wins={a: {b: float(np.mean(gains[a] > gains[b])) for b in labels if b != a} for a in labels},
        curves=tuple(_curves(grouped, scale, axis, plan.seconds if axis == "seconds" else plan.trials)),
        judged_by=plan.judged_by,
        reference_point=scale.reference,
        ideal_point=scale.ideal,
        notes=tuple(_notes(plan, grouped, seeds, finals)),
    )


def shown(metric: str, value: float | None) -> str:
    """Shares in per cent with two places, everything else in four digits."""
    if value is None:
        return "–"
    if metric == VOLUME:
        return f"{value:.4f}"
    return f"{100 * value:.2f} %" if is_share(metric) or metric.endswith("_accuracy") else number(value)


def probability(p: float | None) -> str:
    """``0.031`` or ``< 0.001``."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.2g}"


# What a run is worth


@dataclass(frozen=True)
class _Scale:
    """Turns points into one number: the value itself, or the hyper-volume of a front."""

    metric: str
    maximize: bool
    signs: Values
    reference: Values | None = None
    ideal: Values | None = None

    @classmethod
    def of(cls, plan: Plan, runs: Sequence[Run]) -> _Scale:
        if len(plan.judged_by) == 1:
            return cls(plan.judged_by[0], plan.maximize[0], (1.0,))
        signs = tuple(-1.0 if maximize else 1.0 for maximize in plan.maximize)
        points = np.array([point for run in runs if run.curve for point in run.curve[-1].points]).reshape(-1, 2) * signs
        if not len(points):
            return cls(VOLUME, True, signs, (0.0, 0.0), (0.0, 0.0))
        ideal, worst = points.min(0), points.max(0)
        spread = np.where(worst > ideal, worst - ideal, 1.0)
        outer = worst + MARGIN * spread
        return cls(VOLUME, True, signs, tuple((outer * signs).tolist()), tuple((ideal * signs).tolist()))

    def value(self, points: Sequence[Values]) -> float:
        if self.reference is None or self.ideal is None:
            return points[0][0]
        low, high = np.array(self.ideal) * self.signs, np.array(self.reference) * self.signs
        return hypervolume((np.array(points) * self.signs - low) / (high - low))

    def last(self, curve: Sequence[Step]) -> float:
        """The value at the end; NaN for a run that found nothing."""
        return self.value(curve[-1].points) if curve else math.nan


def hypervolume(losses: Array) -> float:
    """The area that points ``(n, 2)``, lower is better, dominate below the reference point (1, 1); what lies better
    than 0 counts too.
    """
    area, height = 0.0, 1.0
    for x, y in losses[np.lexsort((losses[:, 1], losses[:, 0]))].tolist():
        if x < 1.0 and y < height:
            area += (1.0 - x) * (height - y)
            height = y
    return area


# Numbers of one strategy


def _row(label: str, finals: Array, runs: Sequence[Run], maximize: bool) -> Row:
    known = finals[~np.isnan(finals)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return Row(
        label=label,
        n_runs=len(runs),
        n_nothing=len(finals) - len(known),
        mean=float(known.mean()) if len(known) else None,
        sd=float(known.std(ddof=1)) if len(known) > 1 else None,
        median=_median(known),
        worst=low if maximize else high,
        best=high if maximize else low,
        trials=float(np.mean([run.n_trials for run in runs])),
        failed=float(np.mean([run.n_failed for run in runs])),
        seconds=float(np.mean([run.seconds for run in runs])),
        wall_seconds=float(np.mean([run.wall_seconds for run in runs])),
    )


def _median(values: Array) -> float | None:
    """None of nothing, and where it falls between a number and infinity."""
    with np.errstate(invalid="ignore"):
        middle = float(np.median(values)) if len(values) else math.nan
    return middle if math.isfinite(middle) else None


def _reach(label: str, runs: Sequence[Run], scale: _Scale, wanted: float) -> Reach:
    """``wanted``: the target as a gain, higher is better. Of fronts only what was looked at now and then is known."""
    sign = 1.0 if scale.maximize else -1.0
    first = [
        next((step for step in run.tried or run.curve if sign * scale.value(step.points) >= wanted), None)
        for run in runs
    ]
    trials = np.array([math.inf if step is None else step.n for step in first])
    seconds = np.array([math.inf if step is None else step.seconds for step in first])
    return Reach(label, int(np.isfinite(trials).sum()), len(runs), _half_by(trials), _half_by(seconds))


def _half_by(times: Array) -> float | None:
    """The median; the last of the first half where the other half never came (infinity); None where fewer did."""
    middle = _median(times)
    lower = float(np.sort(times)[(len(times) - 1) // 2])
    return middle if middle is not None else lower if math.isfinite(lower) else None


# Two strategies


def _test(label: str, own: Array, other: Array) -> Test:
    """``own`` and ``other`` (n,): gains of paired runs, -inf where nothing was found."""
    both = np.isinf(own) & np.isinf(other)
    differences = np.where(both, 0.0, own - np.where(both, 0.0, other))
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    n, ties = len(differences), int((differences == 0).sum())
    p = gains = why = None
    if better + worse == 0:
        why = f"all {n} pairs are ties"
    elif better + worse < LEAST_PAIRS:
        why = f"with fewer than {LEAST_PAIRS} pairs that differ ({better + worse} here) chance could explain anything"
    else:
        p, gains = wilcoxon(differences), _gains(differences)
    return Test(label, n, better, worse, ties, _median(differences), p, None, gains, why)


def wilcoxon(differences: Array) -> float:
    """The two-sided p value of Wilcoxon's signed-rank test of ``differences`` (n,); zeros are left out, equal sizes
    share the middle of their ranks.

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


def _gains(differences: Array) -> float:
    left = differences[differences != 0]
    ranks = _doubled_ranks(left)
    return float(ranks[left > 0].sum() / ranks.sum())


def _holm(tests: Sequence[Test]) -> list[Test]:
    """The tests with their p values corrected for their number."""
    order = sorted((test.p, i) for i, test in enumerate(tests) if test.p is not None)
    corrected: dict[int, float] = {}
    least = 0.0
    for place, (p, i) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - place)))
        corrected[i] = least
    return [replace(test, p_holm=corrected.get(i)) for i, test in enumerate(tests)]


# Over time


def _curves(grouped: Mapping[str, Sequence[Run]], scale: _Scale, axis: str, limit: float | None) -> list[Curve]:
    """Curves over one grid. A curve begins where all of its runs have an answer: the mean of the early ones alone would
    be another thing.
    """
    places: dict[str, list[tuple[Array, Array]]] = {}
    for label, runs in grouped.items():
        found = [run.curve for run in runs if run.curve]
        places[label] = [
            (
                np.array([float(step.n if axis == "trials" else step.seconds) for step in curve]),
                np.array([scale.value(step.points) for step in curve]),
            )
            for curve in found
        ]
    last = max([float(x[-1]) for each in places.values() for x, _ in each] + [float(limit or 0.0)])
    curves = []
    for label, each in places.items():
        if not each:
            continue
        grid = np.linspace(max(float(x[0]) for x, _ in each), last, GRID)
        if axis == "trials":
            grid = np.unique(np.round(grid))
        values = np.array([y[np.searchsorted(x, grid, side="right") - 1] for x, y in each])  # (runs, grid)
        low, high = _interval(values)
        curves.append(Curve(label, *(tuple(line.tolist()) for line in (grid, values.mean(0), low, high))))
    return curves


def _interval(values: Array) -> tuple[Array, Array]:
    """The bootstrap interval of the mean over the first axis of ``values`` (n, m): the middle 95 % of means of n runs
    drawn with replacement.
    """
    n = len(values)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    means = weights @ values
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _notes(
    plan: Plan, grouped: Mapping[str, Sequence[Run]], seeds: Sequence[int], finals: Mapping[str, Array]
) -> list[str]:
    """What a reader must know before believing the numbers."""
    notes = []
    if len(seeds) < plan.runs:
        notes.append(
            f"Only {len(seeds)} of {plan.runs} seeds have been run by every strategy so far; the others are left out."
        )
    for label, values in finals.items():
        nothing = int(np.isnan(values).sum())
        if nothing:
            notes.append(
                f"{nothing} of {len(values)} runs of {label} found nothing that counts; its mean leaves them out, "
                "tests and wins count them as worst."
            )
    for label, runs in grouped.items():
        answers = {json.dumps((run.answer or {}).get("architecture"), sort_keys=True) for run in runs}
        if (
            len(runs) > 1
            and len(answers) == 1
            and runs[0].answer is not None
            and "seed" in plan.strategies[label].get("args", {})
        ):
            notes.append(
                f"All {len(runs)} runs of {label} answered with the same architecture. It draws from a seed of its "
                "own, the same in every run, so they may "
                "hardly be independent, and a test of them says less than it seems."
            )
        failed, tried = sum(run.n_failed for run in runs), sum(run.n_trials for run in runs)
        if failed > FAILED_TOLD * tried:
            error = next((run.error for run in runs if run.error), None)
            notes.append(
                f"{failed:,} of {tried:,} trials of {label} failed" + (f", the first one so: {error}" if error else ".")
            )
        for reason, words in (
            ("failures", "too many trials in a row failed"),
            ("exhausted", "there was nothing left to try"),
        ):
            n = sum(run.reason == reason for run in runs)
            if n:
                notes.append(f"{n} of {len(runs)} runs of {label} ended early: {words}.")
    return notes
