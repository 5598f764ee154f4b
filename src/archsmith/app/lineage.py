"""Where the networks of a search came from: which trial was made from which, whose training goes on from which, and the
way to the best one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from archsmith.analysis.axes import Axis, from_zero
from archsmith.analysis.charts import Dots, Layer, Line, Size, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.search import decisions_of
from archsmith.analysis.report.trial_dots import highest
from archsmith.analysis.wording import amount, metric_name, score
from archsmith.core.trial import Trial, came_from, goes_on, is_changed
from archsmith.core.wording import made_how
from archsmith.runtime.study_view import StudyView

DRAWN = 150  # best trials that the chart shows, with all that they came from
MOST_STEPS = 200  # of the way to the best trial
MOST_FAMILIES = 8
MOST_CHANGES = 12  # decisions that a step tells

Told = Callable[[Trial], str]  # the score of a trial


@dataclass(frozen=True)
class Change:
    """One decision that a child has otherwise; None: it has, or had, no such decision."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Step:
    """One trial on the way to the best. ``parent``: the one before it there. ``made_by``: in words.
    ``score``: as text; ``better``: than the parent's, None where these do not compare. ``changes``: against the parent;
    ``n_changes``: how many there are in all.
    """

    trial: int
    parent: int | None
    made_by: str
    score: str
    better: bool | None
    changes: tuple[Change, ...]
    n_changes: int


@dataclass(frozen=True)
class Family:
    """All that came from one trial without parents. ``best``, ``score``: of its members; None where none has one."""

    founder: int
    n_members: int
    best: int | None
    score: str


@dataclass(frozen=True)
class Lineage:
    """The lineage of a study. ``lead``: what it comes to. ``path``: from the founder to the best trial. ``families``:
    the largest ones. ``chart``: SVG of this project in two sizes; empty where there is nothing to draw. ``note``: how
    to read it. ``by``: see ``by_first``.
    """

    lead: str
    path: tuple[Step, ...]
    families: tuple[Family, ...]
    n_families: int
    chart: str
    note: str
    by: str


def by_first(view: StudyView) -> str:
    """With several objectives the words ``by accuracy``, after a space: what is best by the first one is not the best.
    Empty with one.
    """
    return "" if view.front is None else f" by {metric_name(view.problem.objectives[0].metric)}"


def made_by(trial: Trial, trials: Sequence[Trial]) -> str:
    """How the strategy came to one of ``trials``, or that its training began anew where it was to go on."""
    anew = bool(trial.parents) and not is_changed(trial, trials) and not goes_on(trial, trials)
    return came_from(trial, trials) if anew else made_how(str(trial.notes.get("operator") or ""), trial.parents[:4])


def lineage_of(view: StudyView) -> Lineage | None:
    """None where no trial has a parent."""
    trials = view.history.trials
    if not any(trial.parents for trial in trials):
        return None
    before, by = _closest(trials), by_first(view)
    metric = view.problem.objectives[0].metric
    most = highest(view, metric)

    def told(trial: Trial) -> str:
        return score(metric, trial.metrics.get(metric), most=most)

    path = [] if view.best is None else _way(view.best, before, trials)
    families = _families(view, before, told)
    lead = _lead(trials)
    if view.best is not None:
        lead += f" The best one{by}, trial {view.best.id}, "
        steps = amount(len(path) - 1, "step")
        lead += f"goes back to trial {path[0].id} in {steps}." if len(path) > 1 else "has no parent."
    ranked = _ranked(view)
    shown = _shown(ranked, before)
    return Lineage(
        lead,
        tuple(_step(trial, before, trials, told) for trial in path[-MOST_STEPS:]),
        tuple(families[:MOST_FAMILIES]),
        len(families),
        _chart(view, shown, before, path, most),
        _note(view, len(ranked), shown),
        by,
    )


def _lead(trials: Sequence[Trial]) -> str:
    """How many networks were made from others, and how many trainings go on."""
    made = sum(is_changed(trial, trials) for trial in trials)
    further = sum(goes_on(trial, trials) for trial in trials)
    anew = sum(bool(trial.parents) for trial in trials) - made - further
    told = [f"{amount(made, 'trial was', 'trials were')} made from an earlier one"] if made else []
    told += [f"{amount(further, 'trial goes', 'trials go')} on from an earlier one"] if further else []
    told += [f"{amount(anew, 'trial trains', 'trials train')} the network of an earlier one anew"] if anew else []
    return f"{', and '.join(told)}."


def _closest(trials: Sequence[Trial]) -> Mapping[int, int]:
    """Trial -> its parent; of several parents the one that it has most decisions in common with."""
    chosen = {}
    for trial in trials:
        known = [parent for parent in trial.parents if 0 <= parent < trial.id]
        if known:
            own = set(trial.architecture.items())
            shared = {i: len(own.intersection(trials[i].architecture.items())) for i in known}
            chosen[trial.id] = max(known, key=shared.__getitem__)
    return chosen


def _way(best: Trial, before: Mapping[int, int], trials: Sequence[Trial]) -> list[Trial]:
    """From the founder to ``best``. A parent has a lower number than its child, so this ends."""
    way = [best]
    while (parent := before.get(way[-1].id)) is not None:
        way.append(trials[parent])
    return way[::-1]


def _step(trial: Trial, before: Mapping[int, int], trials: Sequence[Trial], told: Told) -> Step:
    parent = before.get(trial.id)
    was = None if parent is None else trials[parent]
    changes = () if was is None else _changes(was, trial)
    comparable = was is not None and was.ok and trial.ok and was.fidelity == trial.fidelity
    better = trial.loss < was.loss if comparable and was is not None else None
    made = made_by(trial, trials)
    return Step(trial.id, parent, made, told(trial), better, changes[:MOST_CHANGES], len(changes))


def _changes(was: Trial, now: Trial) -> tuple[Change, ...]:
    before, after = dict(decisions_of(was)), dict(decisions_of(now))
    names = dict.fromkeys((*before, *after))
    return tuple(
        Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _families(view: StudyView, before: Mapping[int, int], told: Told) -> list[Family]:
    """The largest first."""
    founder: dict[int, int] = {}
    for trial in view.history.trials:  # a parent comes before its children
        founder[trial.id] = founder[before[trial.id]] if trial.id in before else trial.id
    ended: dict[int, list[Trial]] = {}
    for trial in view.history.finished:  # in this order the first of equals is the best one
        ended.setdefault(founder[trial.id], []).append(trial)
    found = []
    for first, n in Counter(founder.values()).items():
        best = view.best_of(ended.get(first, ()))
        value = "–" if best is None else told(best)
        found.append(Family(first, n, None if best is None else best.id, value))
    return sorted(found, key=lambda family: (-family.n_members, family.founder))


# The chart


def _ranked(view: StudyView) -> list[Trial]:
    """Trials whose scores compare, the best one first: all of a pool, else those at the highest fidelity."""
    if not view.pooled:
        return view.ranking()
    return sorted((trial for trial in view.history.finished if trial.ok), key=lambda trial: (trial.loss, trial.id))


def _shown(ranked: Sequence[Trial], before: Mapping[int, int]) -> set[int]:
    """The best trials, and all that they came from."""
    shown: set[int] = set()
    for trial in ranked[:DRAWN]:
        at: int | None = trial.id
        while at is not None and at not in shown:
            shown.add(at)
            at = before.get(at)
    return shown


def _chart(view: StudyView, shown: set[int], before: Mapping[int, int], path: Sequence[Trial], most: float) -> str:
    metric = view.problem.objectives[0].metric
    scored = {
        i: float(value)
        for i in sorted(shown)
        if (value := view.history.trials[i].metrics.get(metric)) is not None and view.history.trials[i].losses
    }
    if len(scored) < 3:
        return ""
    x = from_zero("trial", [float(i) for i in scored])
    y = figures.score_axis(list(scored.values()), metric, metric_name(metric), most)
    best = [(float(trial.id), scored[trial.id]) for trial in path if trial.id in scored]

    def draw(size: Size) -> str:
        layers: list[Layer] = [
            Line([(float(parent), scored[parent]), (float(child), scored[child])], "faint")
            for child, parent in before.items()
            if child in scored and parent in scored
        ]
        tips = [(float(i), value, f"trial {i}: {score(metric, value, most=most)}") for i, value in scored.items()]
        layers.append(Dots(tips if size.name == "wide" else [(a, b, "") for a, b, _ in tips], "c1", "circle", 2.5))
        layers += [Line(best, "c2"), Dots([(a, b, f"trial {a:.0f}") for a, b in best], "c2", "diamond", 4.5)]
        return plot(size, _room(x), y, layers, "trials, the ones that they came from, and the way to the best")

    return both(draw)


def _room(x: Axis) -> Axis:
    return Axis(x.label, x.low, max(x.high, 1.0), show=lambda value: f"{value:,.0f}", whole=True)


def _note(view: StudyView, n_ranked: int, shown: set[int]) -> str:
    by = by_first(view)
    text = (
        "A thin line leads from a trial to those that were made from it or go on from it. "
        f"Diamonds and the thick line are the way to the best{by}."
    )
    if n_ranked > DRAWN:
        text += f" Shown are the {DRAWN} best trials{by} and those that they came from."
    elif any(trial.ok and trial.id not in shown for trial in view.history.finished):
        text += " Shown are the trials that were trained longest and those that they came from."
    elif len(shown) < len(view.history.trials):
        text += " Trials without a score or outside the limits are left out."
    return text
