"""Several objectives: the front, its knee, and how its hyper-volume grew. The words are those of
``archsmith.core.front``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from archsmith.analysis.axes import Axis, axis
from archsmith.analysis.charts import NARROW, WIDE, Dots, Layer, Line, Size, Word, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.kind import Words
from archsmith.analysis.report.search import decisions_of
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.report.trial_dots import MANY_DOTS, highest, thinned
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, is_share, listing, metric_name, number, score
from archsmith.core.front import MOST_MEASURED, Front, Step, growth
from archsmith.core.problem import Objective
from archsmith.core.trial import Trial

MOST_PAIRED = 3  # objectives that are drawn in all pairs; of more, each is drawn against the first
HALF = Size("narrow", 328.0, 260.0), Size("wide", 400.0, 320.0)  # of one of several charts
IN_SIGHT = 0.9  # of the trials always have room on an axis
STRETCH = 2.0  # times as long at most does an axis get to have room for the rest
WIDE_RANGE = 10.0  # from so many times the least on, an axis is logarithmic


@dataclass(frozen=True)
class Row:
    """One point of the front.

    trial: its number, the earliest where several are equal
    values: of the objectives
    parents: the trials that it was made from
    equals: the other trials with the same values
    """

    trial: int
    values: tuple[float, ...]
    parents: tuple[int, ...]
    equals: tuple[int, ...]


@dataclass(frozen=True)
class Behind:
    """A trial that others dominate: its number, and its values of the objectives."""

    trial: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Trade:
    """What a search for several objectives found.

    lead: how many are on the front, and what it reaches
    knee: the trial that stands out between the ends; None where none does
    note: what the knee is, or why there is none
    measure: the hyper-volume, and against what it is measured
    objectives: what was searched for
    most: the highest value of each in the study
    axes: a scale for each of them
    rows: the points of the front, by the first objective
    behind: the trials that are drawn besides
    n_left_out: trials that are not drawn, since they lie far behind or are very many
    steps: (finished trials, hyper-volume) whenever the front changed
    n_finished: trials, in all
    shown: the trial whose decisions are listed
    decisions: (decision, option) of that trial
    """

    lead: str
    knee: int | None
    note: str
    measure: str
    objectives: tuple[Objective, ...]
    most: tuple[float, ...]
    axes: tuple[Axis, ...]
    rows: tuple[Row, ...]
    behind: tuple[Behind, ...]
    n_left_out: int
    steps: tuple[Step, ...]
    n_finished: int
    shown: int
    decisions: tuple[tuple[str, str], ...]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Which objectives are drawn against each other, (vertical, horizontal) by their places."""
        n = len(self.objectives)
        return tuple(pair for pair in combinations(range(n), 2) if n <= MOST_PAIRED or pair[0] == 0)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The names of these drawings."""
        return tuple(f"pair{i}" for i in range(len(self.pairs)))


def trade_of(study: Study) -> Trade | None:
    """None with one objective, and before a trial counts."""
    front, shown = study.view.front, study.view.representative
    if not front or shown is None:
        return None
    metrics = [each.metric for each in front.objectives]
    members = {trial.id for trial in front}
    others = [
        Behind(trial.id, tuple(trial.metrics[metric] for metric in metrics))
        for trial in study.history.finished
        if trial.ok and trial.fidelity == front[0].fidelity and trial.id not in members
    ]
    rows = tuple(_row(front, trial, metrics) for trial in front.distinct)
    axes = _axes(front.objectives, rows, others)
    near = [each for each in others if _inside(each.values, axes)]
    some, _ = thinned(near, set())
    return Trade(
        lead=_lead(study, front),
        knee=None if front.knee is None else front.knee.id,
        note=_knee(front),
        measure=_measure(study, front),
        objectives=front.objectives,
        most=tuple(highest(study.view, metric) for metric in metrics),
        axes=axes,
        rows=rows,
        behind=some,
        n_left_out=len(others) - len(some),
        steps=tuple(growth(front, study.history.finished)),
        n_finished=len(study.history.finished),
        shown=shown.id,
        decisions=decisions_of(shown),
    )


def _row(front: Front, trial: Trial, metrics: Sequence[str]) -> Row:
    values = tuple(trial.metrics[metric] for metric in metrics)
    return Row(trial.id, values, trial.parents, tuple(other.id for other in front.equals(trial)))


# Sentences


def _lead(study: Study, front: Front) -> str:
    n = len(study.history.finished)
    if len(front.distinct) == 1:
        alone = (
            f"Trial {front[0].id} is best in every objective"
            if len(front) == 1
            else (f"The trials {listing([str(trial.id) for trial in front])} are equal, and best in every objective")
        )
        return f"{alone}, so there is nothing to choose between.{_not_compared(study, front)}"
    best = [
        f"{_told(study, each.metric, trial.metrics[each.metric])} (trial {trial.id})"
        for each, place in zip(front.objectives, front.losses.argmin(0).tolist(), strict=True)
        for trial in (front[place],)
    ]
    return (
        f"{len(front):,} of {amount(n, 'trial')} are on the front: no other trial is better in one objective and at "
        f"least as good in the others. The best values on it are {listing(best)}.{_not_compared(study, front)}"
    )


def _not_compared(study: Study, front: Front) -> str:
    """Trials that finished well and are on no front."""
    done = [trial for trial in study.history.finished if trial.losses is not None]
    outside = sum(not trial.feasible for trial in done)
    shorter = sum(trial.feasible and trial.fidelity != front[0].fidelity for trial in done)
    name = study.history.problem.fidelity.name.replace("_", " ")
    told = [f"{amount(outside, 'trial')} outside the limits"] if outside else []
    told += [f"{amount(shorter, 'trial')} at less than {front[0].fidelity:g} {name}"] if shorter else []
    return f" Not compared: {listing(told)}." if told else ""


def _knee(front: Front) -> str:
    if front.knee is not None:
        return f"Trial {front.knee.id} is the knee: it stands out most between the ends of the front."
    return "No trial stands out between the ends of the front, so it has no knee." if len(front.distinct) > 2 else ""


def _measure(study: Study, front: Front) -> str:
    if front.hypervolume is None:
        many = len(front.objectives) > MOST_MEASURED and len(front.distinct) > 1
        return f"The hyper-volume is not computed for more than {MOST_MEASURED} objectives." if many else ""
    ideal, reference = (
        listing([_told(study, metric, value) for metric, value in _rounded(point).items()])
        for point in (front.ideal, front.reference)
    )
    return (
        f"The hyper-volume is {number(front.hypervolume)}: the share of the box from the ideal point ({ideal}) to the "
        f"reference point ({reference}) that the front dominates. The ideal point is the best of each objective on the "
        "front, the reference point the worst, moved out by a tenth of the range, or by 0.1 where there is none. "
        "Another search has other points, so its hyper-volume does not compare with this one."
    )


def _told(study: Study, metric: str, value: float) -> str:
    return f"{metric_name(metric)} {score(metric, value, most=highest(study.view, metric))}"


def _rounded(point: dict[str, float]) -> dict[str, float]:
    """A reference point falls between whole numbers."""
    return {name: value if value.is_integer() else float(f"{value:.4g}") for name, value in point.items()}


# Charts


def _axes(objectives: Sequence[Objective], rows: Sequence[Row], others: Sequence[Behind]) -> tuple[Axis, ...]:
    """One for each objective. The whole front has room, and all others but a few that lie far behind."""
    return tuple(
        _axis(each, [row.values[i] for row in rows], [other.values[i] for other in others])
        for i, each in enumerate(objectives)
    )


def _axis(objective: Objective, front: Sequence[float], others: Sequence[float]) -> Axis:
    best_first = sorted(others, reverse=objective.maximize)
    values, every = [*front, *best_first[: math.ceil(IN_SIGHT * len(others))]], [*front, *others]
    if max(every) - min(every) <= STRETCH * (max(values) - min(values)):
        values = every
    log = min(values) > 0 and max(values) > WIDE_RANGE * min(values) and not is_share(objective.metric)
    scale = ", log scale" if log else ""
    label = f"{metric_name(objective.metric)} ({'more' if objective.maximize else 'less'} is better{scale})"
    if is_share(objective.metric):
        return figures.score_axis(values, objective.metric, label)
    return axis(label, values, log=log, margin=0.08)


def _inside(values: Sequence[float], axes: Sequence[Axis]) -> bool:
    return all(each.low <= value <= each.high for value, each in zip(values, axes, strict=True))


def drawings(study: Study, facts: Trade) -> dict[str, str]:
    """Two objectives at a time against each other, and the hyper-volume over the trials."""
    if len(facts.rows) < 2:
        return {}
    sizes = (NARROW, WIDE) if len(facts.pairs) == 1 else HALF
    drawn = {
        name: both(lambda size, pair=pair: _pair(size, facts, pair), *sizes)  # type: ignore[misc]
        for name, pair in zip(facts.drawn, facts.pairs, strict=True)
    }
    if len(facts.steps) > 1:
        drawn["growth"] = both(lambda size: _growth(size, facts), *figures.LOW)
    return drawn


def _pair(size: Size, facts: Trade, pair: tuple[int, int]) -> str:
    vertical, horizontal = pair
    tips = size.name == "wide"

    def dot(point: Row | Behind) -> tuple[float, float, str]:
        return point.values[horizontal], point.values[vertical], _tip(point, facts) if tips else ""

    better = sorted(facts.rows, key=lambda row: row.values[horizontal], reverse=facts.objectives[horizontal].maximize)
    edge = [(row.values[horizontal], row.values[vertical]) for row in better] if len(facts.pairs) == 1 else []
    knee = [row for row in facts.rows if row.trial == facts.knee]
    layers: list[Layer] = [
        Dots([dot(each) for each in facts.behind], "faint", "circle", 2.5 if len(facts.behind) < MANY_DOTS else 1.8),
        Line(edge, "c2", steps=True),
        Dots([dot(row) for row in facts.rows], "c2", "circle", 4.0),
        Dots([dot(row) for row in knee], "c2", "ring", 7.5),
        *(Word(*dot(row)[:2], "knee", "c2") for row in knee),
    ]
    names = [metric_name(facts.objectives[place].metric) for place in pair]
    return plot(
        size, facts.axes[horizontal], facts.axes[vertical], layers, f"{names[0]} against {names[1]}, with the front"
    )


def _tip(point: Row | Behind, facts: Trade) -> str:
    told = [
        f"{metric_name(each.metric)} {score(each.metric, value, most=most)}"
        for each, value, most in zip(facts.objectives, point.values, facts.most, strict=True)
    ]
    return f"trial {point.trial}: {', '.join(told)}"


def _growth(size: Size, facts: Trade) -> str:
    points = [(float(n), volume) for n, volume in facts.steps]
    x = Axis("finished trials", 0.0, max(1.0, 1.02 * facts.n_finished), whole=True)
    y = Axis("hyper-volume", 0.0, 1.05 * points[-1][1])
    line = Line([*points, (float(facts.n_finished), points[-1][1])], "c2", steps=True)
    return plot(size, x, y, [line], "hyper-volume of the front over the trials")


def terms(facts: Trade, words: Words) -> tuple[Term, ...]:
    explained = (
        "The trial of a front that stands out most between its ends: if each objective is scaled to 0 to 1 over the "
        "front, it loses least in sum. With two objectives it is the point farthest from the line between the ends."
    )
    return (
        ("front", "The trials that no other one beats: in one objective better, in all others at least as good."),
        *((("knee", explained),) if facts.knee is not None else ()),
        *(
            (
                (
                    "hyper-volume",
                    "The share of the box between the ideal and the reference point that lies behind the front.",
                ),
            )
            if facts.steps
            else ()
        ),
    )


SECTION = Section("front", "The front of the objectives", trade_of, drawings, terms)
