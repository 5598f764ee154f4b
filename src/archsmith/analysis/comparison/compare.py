"""Comparing strategies fairly: what many runs with the same problem, budget and seeds allow to say, and what they do
not.

Sources: Lindauer and Hutter 2020, "Best Practices for Scientific Research on Neural Architecture Search" (JMLR 21,
arXiv 1909.02453), for what a comparison should report; Holm 1979 (several tests).

A run that found nothing counts as worse than every run that found something, in tests and wins; means leave it out and
say so. With two objectives a run's value is the hyper-volume of its front: the share of the rectangle between the ideal
and the reference point that the front dominates. The reference point is the worst value of each objective in any run's
last front, moved out by a tenth of the range; the ideal point is the best of each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsmith.analysis.comparison.compared import VOLUME, Compared, Curve, Reach, Row, Test
from archsmith.analysis.comparison.statistics import Array, bootstrap_interval, gain_share, hypervolume, wilcoxon
from archsmith.core.errors import UsageError
from archsmith.runtime.comparison import Plan, Run, Step, Values

LEAST_PAIRS = 6  # pairs that differ: with five the smallest possible two-sided p value is 2 / 2⁵ = 0.0625
GRID = 120  # points of a curve
MARGIN = 0.1  # of the range between best and worst, by which the reference point is moved out
FAILED_TOLD = 0.1  # share of failed trials above which a reader is told


def compare(plan: Plan, runs: Sequence[Run], *, reference: str | None = None, target: float | None = None) -> Compared:
    """What ``runs`` of ``plan`` say.

    reference: the strategy that others are tested against; ``random``, or the first one, when None
    target: the value that trials are counted to; the reference's median when None

    Seeds that some strategy has not finished are left out. Raises UsageError.
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
        p, gains = wilcoxon(differences), gain_share(differences)
    return Test(label, n, better, worse, ties, _median(differences), p, None, gains, why)


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
    """Curves over one grid. A curve begins where all of its runs have an incumbent: the mean of the early ones alone
    would be another thing.
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
        low, high = bootstrap_interval(values)
        curves.append(Curve(label, *(tuple(line.tolist()) for line in (grid, values.mean(0), low, high))))
    return curves


def _notes(
    plan: Plan, grouped: Mapping[str, Sequence[Run]], seeds: Sequence[int], finals: Mapping[str, Array]
) -> list[str]:
    """What a reader must know before believing the numbers."""
    notes = []
    if len(seeds) < plan.runs:
        done = f"{len(seeds)} of {plan.runs} seeds"
        notes.append(f"Only {done} have been run by every strategy so far. The others are left out.")
    for label, values in finals.items():
        nothing = int(np.isnan(values).sum())
        if nothing:
            notes.append(
                f"{nothing} of {len(values)} runs of {label} found nothing that counts. "
                "Its mean leaves them out; tests and wins count them as worst."
            )
    for label, runs in grouped.items():
        own_seed = plan.strategies[label].get("args", {}).get("seed") is not None
        notes += [*_alike(label, runs, own_seed), *_failed(label, runs), *_ended_early(label, runs)]
    return notes


def _alike(label: str, runs: Sequence[Run], own_seed: bool) -> list[str]:
    """Do all runs end with one architecture, and draw from one seed?"""
    found = {json.dumps((run.answer or {}).get("architecture"), sort_keys=True) for run in runs}
    if len(runs) < 2 or len(found) > 1 or runs[0].answer is None or not own_seed:
        return []
    return [
        f"All {len(runs)} runs of {label} ended with the same architecture. The strategy draws from a seed of its own, "
        "the same one in every run. So the runs may hardly be independent, and a test of them says less than it seems."
    ]


def _failed(label: str, runs: Sequence[Run]) -> list[str]:
    failed, tried = sum(run.n_failed for run in runs), sum(run.n_trials for run in runs)
    if failed <= FAILED_TOLD * tried:
        return []
    error = next((run.error for run in runs if run.error), None)
    return [f"{failed:,} of {tried:,} trials of {label} failed{f', the first one so: {error}' if error else '.'}"]


def _ended_early(label: str, runs: Sequence[Run]) -> list[str]:
    notes = []
    for reason, words in (
        ("failures", "too many trials in a row failed"),
        ("exhausted", "there was nothing left to try"),
    ):
        n = sum(run.reason == reason for run in runs)
        if n:
            notes.append(f"{n} of {len(runs)} runs of {label} ended early: {words}.")
    return notes
