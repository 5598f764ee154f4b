"""What the charts of a study show, as numbers: trials over time and the best so far, scores against sizes with the
front, and learning curves. Of very many trials some are left out, always the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.trial_dots import LETTERS, dots_of, floor_of, highest, since, values_of
from archsmith.analysis.study import Study
from archsmith.analysis.wording import is_share
from archsmith.app.entrants import name_of
from archsmith.app.groups import Group, field_of, groups_of, ordered
from archsmith.app.learning_curves import curve_of, rounded, unit_of
from archsmith.app.plain import Plain
from archsmith.core.job_records import Epoch
from archsmith.core.trial import Trial
from archsmith.core.wording import metric_name, network_name, visible
from archsmith.runtime.job_view import TRAIN
from archsmith.runtime.phases import Phase
from archsmith.runtime.study_view import StudyView

MOST_DOTS = 1000  # of one chart; as many as a browser draws as SVG without an effort
MOST_CURVES = 12  # networks whose learning curves are drawn
MOST_STEPS = 300  # of the best so far
MOST_ROWS = 30
WIDE = 8.0  # times the least from which on sizes are drawn on a logarithmic scale
MIX, RANGE = 2654435761, 2**32  # Knuth's multiplicative hash: spreads consecutive numbers evenly
SIZES = {"params": "parameters", "macs": "multiply-adds"}
EARLY = ("unfinished", "earlier", "earlier_fixed")  # rows that tell what a network was before its last training
LATENCY, MOST_LATENCIES = "latency", 4  # how names of such metrics begin, and how many of them are drawn

Dot = tuple[float, float, int]
Row = tuple[Mapping[str, Any], "Mark"]  # of a job, and what is drawn for it


class Mark(Plain):
    """A baseline, or a network that was trained after the search."""

    letter: str = Field(description="What stands for it in all charts of the study; empty where letters run out.")
    name: str
    trial: int | None = Field(description="The trial that it goes back to; null for a baseline.")
    at: float = Field(description="Where it stands from left to right: seconds, or a size.")
    score: float


class Progress(Plain):
    """The trials over time. Times are seconds on the clock of the study, of tables those that they claim."""

    since: str = Field(description="When the time begins, in words.")

    dots: list[Dot] = Field(description="(seconds, score, trial) of trials whose scores compare.")
    shorter: list[Dot] = Field(description="The same of trials with less of the fidelity.")
    failed: list[tuple[float, int]] = Field(description="(seconds, trial) of those without a score.")
    best: list[tuple[float, float]] = Field(description="(seconds, score) whenever there was a new best trial.")
    trained: list[Mark] = Field(description="Baselines and networks trained after the search, when that had ended.")
    floor: float | None = Field(
        description="An axis may end here, with marks for scores below it, which would press all others together; "
        "null: all have room."
    )
    left_out: int = Field(description="Trials that are not listed, since there are too many.")

    @property
    def empty(self) -> bool:
        """Is there nothing to draw?"""
        return not (self.dots or self.shorter or self.failed or self.trained)


class Scatter(Plain):
    """Scores against one size, or against another objective."""

    metric: str = Field(description="What is to the right.")
    name: str = Field(description="The same in words.")
    log: bool = Field(description="Is a logarithmic scale the better one?")
    more_is_better: bool = Field(description="Of what is to the right; sizes are better if they are less.")
    dots: list[Dot] = Field(description="(size, score, trial) of networks that only the search has trained.")
    front: list[Dot] = Field(description="Networks of the search that no other one dominates, by size.")
    knee: int | None = Field(description="The trial that stands out most on the front of two objectives.")
    trained: list[Mark] = Field(description="Baselines and networks trained after the search.")
    before: list[Mark] = Field(description="Earlier scores of networks that are there with a later one.")
    left_out: int


class Curve(Plain):
    """A learning curve."""

    trial: int | None = Field(
        description="Of the network, the trial that ended well with most of the fidelity, else the latest; null for a "
        "final training."
    )
    name: str
    points: list[tuple[float, float]] = Field(description="(epochs, fidelity or steps, score)")
    going: bool = Field(description="Is it being trained now?")


class Charts(Plain):
    """What the charts of a study show."""

    version: str = Field(description="Of the study.")
    metric: str
    metric_name: str
    share: bool = Field(description="Is the score a share of 1?")
    maximize: bool
    things: str = Field(description="What was tried: networks, or architectures of a space of settings.")
    unit: str = Field(description="What learning curves count.")
    progress: Progress
    scatters: list[Scatter]
    curves: list[Curve] = Field(description=f"Of the best networks and those being trained, at most {MOST_CURVES}.")


def charts(view: StudyView) -> Charts:
    """The charts of a study."""
    objective, groups = view.problem.objectives[0], groups_of(view)
    # of a pool the latest trial of each network, whose size does not change; else every trial
    compared = [group.latest for group in groups] if view.pooled else view.history.finished
    placed = [trial for trial in compared if trial.ok]
    unit, curves = _curves(view, groups)
    return Charts(
        version="",
        metric=objective.metric,
        metric_name=metric_name(objective.metric),
        share=is_share(objective.metric) and highest(view, objective.metric) <= 1,
        maximize=objective.maximize,
        things=Study(view, view.folder or Path()).tried_things,
        unit=unit,
        progress=_progress(view),
        scatters=[found for metric in _sizes(view) if (found := _scatter(view, metric, placed)) is not None],
        curves=curves,
    )


def lot(trials: Iterable[int], kept: set[int], most: int = MOST_DOTS) -> set[int]:
    """About ``most`` trials at most besides those that are ``kept``. Who is drawn stays drawn while more come in, until
    half of them make room.
    """
    all_of_them = list(trials)
    share = 1
    while len(all_of_them) > most * share:
        share *= 2
    return {trial for trial in all_of_them if trial in kept or (trial * MIX) % RANGE * share < RANGE}


def _progress(view: StudyView) -> Progress:
    study = Study(view, view.folder or Path(), view.writer)
    dots = [dot for dot in dots_of(study) if finite(dot.seconds) is not None]
    better = max if view.problem.objectives[0].maximize else min
    best: list[tuple[float, float]] = []
    leaders = set()
    for dot in dots:
        if dot.full and dot.value is not None and (not best or better(dot.value, best[-1][1]) != best[-1][1]):
            best.append((rounded(dot.seconds), rounded(dot.value)))
            leaders.add(dot.trial)
    drawn = lot((dot.trial for dot in dots), leaders)
    shown = [dot for dot in dots if dot.trial in drawn]
    scored = [(rounded(dot.seconds), rounded(dot.value), dot.trial, dot.full) for dot in shown if dot.value is not None]
    return Progress(
        since=since(study),
        dots=[(x, y, trial) for x, y, trial, full in scored if full],
        shorter=[(x, y, trial) for x, y, trial, full in scored if not full],
        failed=[(rounded(dot.seconds), dot.trial) for dot in shown if dot.value is None],
        best=best[-MOST_STEPS:],
        trained=_trained_at(view),
        floor=finite(floor_of(study, values_of(dots))[0]),
        left_out=len(dots) - len(shown),
    )


# -- scores against sizes ----------------------------------------------------------------------------------------------


def _sizes(view: StudyView) -> list[str]:
    """Other objectives first, then what is known of sizes."""
    first, *others = (each.metric for each in view.problem.objectives)
    measured = () if view.best is None else view.best.metrics
    latencies = sorted(metric for metric in measured if metric.startswith(LATENCY))[:MOST_LATENCIES]
    return [*others, *(metric for metric in (*SIZES, *latencies) if metric not in (first, *others))]


def _scatter(view: StudyView, metric: str, compared: Sequence[Trial]) -> Scatter | None:
    """None where fewer than two sizes are known."""
    first = view.problem.objectives[0]
    objective = next((each for each in view.problem.objectives if each.metric == metric), None)
    reached = None if view.best is None else view.best.fidelity
    placed = [
        (x, y, trial.id)
        for trial in compared
        if (view.pooled or trial.fidelity == reached)
        and (x := finite(trial.metrics.get(metric))) is not None
        and (y := finite(trial.metrics.get(first.metric))) is not None
    ]
    rows, before = _rows(view, lambda row: finite(row.get(metric))), list[Mark]()
    trained = [mark for _, mark in rows]
    if view.pooled:  # a final training goes on from the trials, so that its score is the latest one of its network
        trained, before, placed = _latest(view, rows, placed)
    sizes = [*(x for x, _, _ in placed), *(mark.at for mark in trained)]
    if len({*sizes}) < 2:
        return None
    rightwards = objective is not None and objective.maximize
    known = [(mark.at, mark.score, mark.trial) for mark in trained if view.pooled and mark.trial is not None]
    front = _front(view, [*placed, *known], rightwards) if len(view.problem.objectives) < 3 else []
    drawn = lot((trial for _, _, trial in placed), {trial for _, _, trial in front})
    knee = view.front.knee if front and view.front is not None and objective is not None else None
    return Scatter(
        metric=metric,
        name=SIZES.get(metric) or metric_name(metric),
        log=min(sizes) > 0 and max(sizes) > WIDE * min(sizes) and not is_share(metric),
        more_is_better=rightwards,
        dots=[(rounded(x), rounded(y), trial) for x, y, trial in placed if trial in drawn],
        front=[(rounded(x), rounded(y), trial) for x, y, trial in front],
        knee=None if knee is None else knee.id,
        trained=trained,
        before=before,
        left_out=sum(trial not in drawn for _, _, trial in placed),
    )


def _latest(view: StudyView, rows: Sequence[Row], placed: Sequence[Dot]) -> tuple[list[Mark], list[Mark], list[Dot]]:
    """Marks and dots that show each network once, with its latest score, or as it was exported; and between them the
    scores that it had before.
    """

    def key(trial: int) -> str:
        return view.history.trials[trial].architecture.key

    newest = {key(trial): trial for _, _, trial in placed}
    chosen: dict[str, Mark] = {}
    for row, mark in sorted(rows, key=lambda each: (bool(each[0].get("exported")), _kind(each[0]) not in EARLY)):
        if mark.trial is not None and (row.get("exported") or mark.trial >= newest.get(key(mark.trial), 0)):
            chosen[key(mark.trial)] = mark
    kept = [mark for _, mark in rows if mark.trial is None or chosen.get(key(mark.trial)) is mark]
    dots = [dot for dot in placed if key(dot[2]) not in chosen]
    others = [mark for _, mark in rows if mark not in kept]
    others += [
        Mark(letter="", name=f"trial {trial}", trial=trial, at=x, score=y)
        for x, y, trial in placed
        if key(trial) in chosen
    ]
    shown = {(at, score) for at, score, _ in dots} | {(mark.at, mark.score) for mark in kept}
    before = {(mark.at, mark.score): mark for mark in others if (mark.at, mark.score) not in shown}
    return kept, list(before.values()), dots


def _kind(row: Mapping[str, Any]) -> str:
    return str(row.get("name")).partition(".")[0]


def _rows(view: StudyView, at: Callable[[Mapping[str, Any]], float | None]) -> list[Row]:
    """Rows of the job that have a score, and stand somewhere, with their marks."""
    found: list[Row] = []
    for i, row in enumerate(view.job.rows(view.metric)[:MOST_ROWS]):
        place, score, trial = at(row), finite(row.get("valid")), row.get("trial")
        if place is None or score is None:
            continue
        of = trial if isinstance(trial, int) and 0 <= trial < len(view.history) else None
        name = visible(network_name(str(row.get("name"))))[:80]
        found.append((row, Mark(letter=LETTERS[i : i + 1], name=name, trial=of, at=rounded(place), score=score)))
    return found


def _trained_at(view: StudyView) -> list[Mark]:
    """When their trainings ended, as far as these are phases of their own. A phase of a later opening that came to the
    same has only read again what was trained before.
    """
    ended: dict[str, Phase] = {}
    for phase in view.phases.all:
        if phase.ended_at is not None and not phase.failed:
            before = ended.get(phase.name)
            known = {} if before is None else before.result
            if before is None or any(known.get(each) != phase.result.get(each) for each in (view.metric, "epochs")):
                ended[phase.name] = phase

    def at(row: Mapping[str, Any]) -> float | None:
        name = str(row.get("name"))
        found = ended.get(f"{TRAIN}{name}", ended.get(name))
        return None if found is None else found.ended_at

    return [mark for _, mark in _rows(view, at)]


def _front(view: StudyView, placed: Sequence[Dot], rightwards: bool) -> list[Dot]:
    """Those that no other one dominates, from left to right."""
    up = 1.0 if view.problem.objectives[0].maximize else -1.0
    side = -1.0 if rightwards else 1.0
    found: list[Dot] = []
    for x, y, trial in sorted(placed, key=lambda dot: (side * dot[0], -up * dot[1], dot[2])):
        if not found or up * y > up * found[-1][1]:
            found.append((x, y, trial))
    return sorted(found)


# -- learning curves ---------------------------------------------------------------------------------------------------


def _curves(view: StudyView, groups: Sequence[Group]) -> tuple[str, list[Curve]]:
    """What they count, and those being trained first, then the best ones; and of a final training, as far as it is."""
    going = [group for group in groups if group.pending is not None] if field_of(view).searching else []
    names = {id(group) for group in going}
    chosen = [*going, *(group for group in ordered(view, groups) if id(group) not in names)][:MOST_CURVES]
    unit = unit_of(view, [trial for group in chosen for trial in group.trials])
    found = [
        Curve(trial=group.latest.id, name=name_of(view, group), points=points, going=id(group) in names)
        for group in chosen
        if (points := curve_of(view, group.trials, unit))
    ]
    return unit, [*_finals(view), *found][:MOST_CURVES]


def _finals(view: StudyView) -> list[Curve]:
    phase = view.phases.running
    at = phase.latest.network if phase is not None and isinstance(phase.latest, Epoch) else None
    found = []
    for name, training in view.trainings.items():
        points = [
            (rounded(step), rounded(value))
            for step, metrics in training.curve
            if (value := finite(metrics.get(view.metric))) is not None
        ]
        if points:
            told = f"{visible(network_name(name))[:60]}, last training"
            found.append(Curve(trial=None, name=told, points=points[-MOST_STEPS:], going=view.writer and name == at))
    return found
