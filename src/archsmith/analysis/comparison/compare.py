"""Comparing strategies fairly: what many runs with the same problem, budget and seeds allow to say, and what they do
not.

Source: Lindauer and Hutter 2020, "Best Practices for Scientific Research on Neural Architecture Search" (JMLR 21,
arXiv 1909.02453), for what a comparison should report. The tests are those of ``pairs`` and ``statistics``.

A run that found nothing counts as worse than every run that found something, in tests, wins and medians; means leave it
out and say so, and are not compared. With two objectives a run's value is the hyper-volume of its front: the share of
the rectangle between the ideal and the reference point that the front dominates, 0 of an empty front. The reference
point is the worst value of each objective in any run's last front, moved out by a tenth of the range, or by 0.1 where
there is none; the ideal point is the best of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archsmith.analysis.comparison.compared import VOLUME, Compared, Curve, Final, Reach, Row, is_score_share
from archsmith.analysis.comparison.notes import SAME, notes, reason
from archsmith.analysis.comparison.pairs import ROUNDING, against, corrected, differences
from archsmith.analysis.comparison.statistics import Array, bootstrap_interval
from archsmith.core.budget import EXHAUSTED
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.front import bounds, hypervolume
from archsmith.runtime.comparison import Look, Plan, Run, Step, Values

GRID = 120  # points of a curve


@checked
def compare(
    plan: Plan,
    runs: Sequence[Run],
    *,
    reference: str | None = None,
    target: float | None = None,
    looks: Sequence[Look] = (),
) -> Compared:
    """What ``runs`` of ``plan`` say.

    reference: the strategy that others are tested against; ``random``, or the first one, when None
    target: the value that trials are counted to; the reference's median when None, and where too few of its runs found
        something that of all runs which did
    looks: when results of this comparison were shown before (``Comparison.looks``)

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
    found = {label: np.array([scale.last(run.curve) for run in group]) for label, group in grouped.items()}
    if all(np.isnan(values).all() for values in found.values()):
        raise _nothing(plan, [run for group in grouped.values() for run in group])
    most = max(float(np.nanmax(values.astype(np.float64), initial=-math.inf)) for values in found.values())
    if target is not None:
        refuse_target(target, scale.metric, most)
    finals = {label: np.nan_to_num(values) if scale.of_fronts else values for label, values in found.items()}
    sign = 1.0 if scale.maximize else -1.0
    gains = {label: np.where(np.isnan(values), -np.inf, sign * values) for label, values in finals.items()}
    once = {label for label, group in grouped.items() if _one_sequence(group)}
    tests = [
        against(label, gains[label], gains[reference], _counts_once(label, reference, once))
        for label in labels
        if label != reference
    ]
    rows = {label: _row(label, finals[label], grouped[label], scale.maximize, label in once) for label in labels}
    chosen = target if target is not None else rows[reference].median if rows[reference].most_found else None
    if chosen is None:
        chosen = float(np.median(np.concatenate([values[~np.isnan(values)] for values in found.values()])))
    everyone = [run for group in grouped.values() for run in group]
    simulated = _simulated(everyone)
    axis, limit = ("trials", plan.trials) if plan.seconds is None else ("seconds", plan.seconds)
    if axis == "seconds" and not simulated:  # the budget is of the clock, of which trials take a part
        limit = max(run.seconds for run in everyone)
    return Compared(
        title=plan.title,
        metric=scale.metric,
        searched=tuple(str(each[0]) for each in plan.problem["objectives"]),
        maximize=scale.maximize,
        n_runs=len(seeds),
        reference=reference,
        axis=axis,
        simulated=simulated,
        rows=tuple(rows.values()),
        tests=tuple(corrected(tests)),
        target=chosen,
        target_given=target is not None,
        reaches=tuple(_reach(label, grouped[label], scale, sign * chosen) for label in labels),
        wins={a: {b: float(np.mean(differences(gains[a], gains[b]) > 0)) for b in labels if b != a} for a in labels},
        curves=tuple(_curves(grouped, scale, axis, limit, once)),
        finals=tuple(
            _final(run, value) for label in labels for run, value in zip(grouped[label], finals[label], strict=True)
        ),
        judged_by=plan.judged_by,
        reference_point=scale.reference,
        ideal_point=scale.ideal,
        notes=tuple(notes(plan, grouped, found, once, looks)),
    )


def _simulated(runs: Sequence[Run]) -> bool:
    """Are the seconds those that a table claims? Runs of earlier versions do not say it, but claim more than passed."""
    told = [run.simulated for run in runs if run.simulated is not None]
    return told[0] if told else any(run.seconds > 2 * run.wall_seconds for run in runs)


def refuse_target(target: float, metric: str, most: float) -> None:
    """Raises UsageError for a target in percent where scores are shares. ``most``: the best score there is."""
    if target > 1 >= most and (metric == VOLUME or is_score_share(metric)):
        raise UsageError(
            f"A target of {100 * target:g} % is never reached.", f"Give a share, such as {target / 100:g}."
        )


def _nothing(plan: Plan, runs: Sequence[Run]) -> UsageError:
    """What to say where no run has an answer: whether trials failed, and what for."""
    n_failed, n_screened = sum(run.n_failed for run in runs), sum(run.n_screened for run in runs)
    n_all = sum(run.n_trials for run in runs)
    n_tried = n_all - n_screened
    kept = "Then give the comparison another name or seed: finished runs are kept."
    if all(run.n_trials == 0 and run.reason == EXHAUSTED for run in runs):
        return UsageError(f"No strategy proposed anything on {plan.title}.", "Compare others.")
    if n_screened and not n_tried:
        return UsageError(
            f"All {n_screened:,} trials of all runs were screened out by the cheap evaluator on {plan.title}.",
            f"Let the cascade keep more of them. {kept}",
        )
    if n_failed and n_failed == n_tried:
        whose = " that were not screened out" if n_screened else ""
        return UsageError(
            f"All {n_failed:,} trials of all runs{whose} failed on {plan.title}{reason(runs)}",
            f"Mend the evaluator or the space. {kept}",
        )
    failed = f" {n_failed:,} of {n_all:,} trials failed{reason(runs)}" if n_failed else ""
    hint = "Is a limit too strict, or the budget too small?" if plan.problem["constraints"] else "Give a larger budget."
    return UsageError(f"No run of any strategy found anything that counts on {plan.title}.{failed}", hint)


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
        ideal, outer = bounds(points)
        return cls(VOLUME, True, signs, tuple((outer * signs).tolist()), tuple((ideal * signs).tolist()))

    @property
    def of_fronts(self) -> bool:
        return self.reference is not None

    def value(self, points: Sequence[Values]) -> float:
        if self.reference is None or self.ideal is None:
            return points[0][0]
        signs = np.array(self.signs)
        low, high = np.array(self.ideal) * signs, np.array(self.reference) * signs
        return hypervolume(np.array(points) * signs, low, high)

    def last(self, curve: Sequence[Step]) -> float:
        """The value at the end; NaN for a run that found nothing."""
        return self.value(curve[-1].points) if curve else math.nan


# Numbers of one strategy


def _one_sequence(runs: Sequence[Run]) -> bool:
    """Did all runs make the same proposals, and come to the same? Then they are one run, told many times, whatever
    their seeds. Where trials are noisy, they may come to something else, and are runs of their own. So are runs that
    the clock cut at different trials: that their sequences begin alike is not seen.
    """
    some = len(runs) > 1 and any(run.n_trials for run in runs)
    told = {(run.proposals, tuple((step.n, step.points) for step in run.curve)) for run in runs}
    return some and runs[0].proposals is not None and len(told) == 1


def _counts_once(label: str, reference: str, once: set[str]) -> str | None:
    """Why the runs of ``label`` must not be tested against those of the reference."""
    if label in once:
        return SAME
    return f"{SAME} ({reference})" if reference in once else None


def _final(run: Run, value: float) -> Final:
    return Final(
        run.strategy,
        run.seed,
        None if math.isnan(value) else float(value),
        run.n_trials,
        run.n_failed,
        run.seconds,
        run.wall_seconds,
        run.reason,
    )


def _spread(values: Array) -> float:
    """Their standard deviation; 0 where they differ by errors of rounding alone."""
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0
    return float(values.std(ddof=1))


def _row(label: str, finals: Array, runs: Sequence[Run], maximize: bool, once: bool) -> Row:
    known = finals[~np.isnan(finals)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return Row(
        label=label,
        n_runs=len(runs),
        independent=1 if once else len(runs),
        n_nothing=sum(not run.curve for run in runs),
        mean=float(known.mean()) if len(known) else None,
        sd=_spread(known) if len(known) > 1 and not once else None,
        median=_median(np.where(np.isnan(finals), -np.inf if maximize else np.inf, finals)),
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
    """``wanted``: the target as a gain, higher is better."""
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


# Over time


def _curves(
    grouped: Mapping[str, Sequence[Run]], scale: _Scale, axis: str, limit: float | None, once: set[str]
) -> list[Curve]:
    """Curves over one grid. A curve begins where all of its runs that found something have an incumbent: the mean of
    the early ones alone would be another thing. The hyper-volume is 0 before the first front. Runs that count ``once``
    have no interval.
    """
    places: dict[str, list[tuple[Array, Array]]] = {}
    for label, runs in grouped.items():
        begin = [0.0] if scale.of_fronts else []
        places[label] = [
            (
                np.array([*begin, *(float(step.n if axis == "trials" else step.seconds) for step in run.curve)]),
                np.array([*begin, *(scale.value(step.points) for step in run.curve)]),
            )
            for run in runs
            if run.curve or begin
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
        low, high = (values.mean(0),) * 2 if label in once else bootstrap_interval(values)
        curves.append(Curve(label, *(tuple(line.tolist()) for line in (grid, values.mean(0), low, high))))
    return curves
