"""What the search did: its trials over time, their scores against their sizes, and how the final trainings went."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from archsmith.analysis.inherited import inherited_lead
from archsmith.analysis.preparing import judged_by_sharing
from archsmith.analysis.study import Study
from archsmith.analysis.wording import (
    amount,
    duration,
    is_share,
    network_name,
    number,
    points,
    rank_correlation,
    rounded,
    score,
)
from archsmith.core.seeds import generator
from archsmith.core.trial import Trial

ENOUGH = 20  # trials without a better one, from which on it says something that there was none
FAILURES = {  # kinds of EvaluationError
    "memory": "not enough memory",
    "nan": "a score that was no number",
    "timeout": "too slow",
    "diverged": "the training diverged",
    "lost": "the worker died",
    "dead_end": "no network followed from the decisions",
    "screened": "left out by the first evaluator of a cascade",
    "exception": "an error in the evaluation",
}
MOST_DOTS = 800  # trials that a picture shows one by one
TOP = 10
LOW_OUTLIERS = 4.0  # scores further below the median than this many times the best is above it are drawn at the edge
# two shares this close, or two other scores this close as a part of all scores' range, count as the same for a choice
# by size
CLOSE = 0.01


@dataclass(frozen=True)
class Dot:
    """One trial: when it ended, in seconds as in ``Progress``, its score (None: it failed), its size where it is known,
    and whether at the highest fidelity.
    """

    trial: int
    seconds: float
    value: float | None
    params: float | None
    full: bool
    first: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Progress:
    """``best``: (seconds, score) whenever there was a new best one at the highest fidelity; ``n_left_out`` dots are not
    drawn.

    Seconds count from the beginning of the study, or from the end of what the evaluator prepared where that took long
    (``prepared``). ``shared``: scores come from shared weights.
    """

    lead: str
    dots: tuple[Dot, ...]
    best: tuple[tuple[float, float], ...]
    n_left_out: int
    fidelity: str
    simulated: bool
    prepared: bool
    shared: bool
    seconds: float
    floor: float
    n_below: int


@dataclass(frozen=True)
class Sizes:
    """``front``: (parameters, score, trial) of the trials that no other beats in both, smallest first; ``finals``:
    (name, parameters, score).
    """

    lead: str
    dots: tuple[Dot, ...]
    front: tuple[tuple[float, float, int], ...]
    finals: tuple[tuple[str, float, float], ...]
    n_left_out: int
    floor: float
    n_below: int


@dataclass(frozen=True)
class TopTrial:
    place: int
    trial: int
    value: float
    params: float | None
    seconds: float
    parents: tuple[int, ...]
    decisions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Curve:
    """``points`` (epoch, score on validation), ``losses`` (epoch, training loss)."""

    name: str
    points: tuple[tuple[float, float], ...]
    losses: tuple[tuple[float, float], ...]
    exported: bool


@dataclass(frozen=True)
class Curves:
    lead: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Searching:
    """Each part is None where there is nothing to show; ``inherited`` tells what trials took over from others, empty
    where they took nothing.
    """

    progress: Progress | None
    sizes: Sizes | None
    top: tuple[TopTrial, ...]
    curves: Curves | None
    inherited: str


def searching_of(study: Study) -> Searching:
    dots = _dots(study)
    return Searching(
        _progress(study, dots), _sizes(study, dots), _top(study), _curves(study), inherited_lead(study.history)
    )


def _dots(study: Study) -> list[Dot]:
    best = study.best
    highest = None if best is None else best.fidelity
    name = study.history.problem.objectives[0].metric
    dots = []
    for trial in study.history.finished:
        outcome = trial.outcome
        value = trial.metrics.get(name) if trial.ok else None
        params = trial.metrics.get("params")
        error = None if trial.ok else (outcome.error if outcome and outcome.error else "outside the limits")
        first = trial.notes.get("operator") == "first"
        ended = study.finished_at.get(trial.id, 0.0) - study.prepared_at
        dots.append(Dot(trial.id, ended, value, params, trial.fidelity == highest, first, error))
    return dots


class OfTrial(Protocol):
    """What is drawn for one trial."""

    @property
    def trial(self) -> int: ...


Drawn = TypeVar("Drawn", bound=OfTrial)


def thinned(dots: Sequence[Drawn], kept: set[int], limit: int = MOST_DOTS) -> tuple[tuple[Drawn, ...], int]:
    """About ``limit`` dots at most, drawn by a fixed lot, those of the trials in ``kept`` always; and how many were
    left out.
    """
    if len(dots) <= limit:
        return tuple(dots), 0
    # Every so-manieth dot would flatter whatever happens at regular intervals.
    chosen = set(generator(0, "dots").choice(len(dots), limit, replace=False).tolist())
    some = tuple(dot for i, dot in enumerate(dots) if i in chosen or dot.trial in kept)
    return some, len(dots) - len(some)


def floor_of(study: Study, values: Sequence[float]) -> tuple[float, int]:
    """Below which a score is drawn at the edge, so that a few hopeless ones do not press all others together; and how
    many are.
    """
    if not study.maximize or len(values) < 5:
        return -math.inf, 0
    best, median = max(values), statistics.median(values)
    floor = median - LOW_OUTLIERS * max(best - median, 0.002 * abs(best))
    return floor, sum(value < floor for value in values)


def _values(dots: Sequence[Dot]) -> list[float]:
    return [dot.value for dot in dots if dot.value is not None]


# Over time


def _progress(study: Study, dots: Sequence[Dot]) -> Progress | None:
    if not dots:
        return None
    better = max if study.maximize else min
    best: list[tuple[float, float]] = []
    leaders: list[int] = []
    for dot in dots:
        if dot.full and dot.value is not None and (not best or better(dot.value, best[-1][1]) != best[-1][1]):
            best.append((dot.seconds, dot.value))
            leaders.append(dot.trial)
    some, left_out = thinned(dots, {*leaders})
    fidelity = study.history.problem.fidelity
    told = (
        f"{fidelity.maximum:.2g} {fidelity.name.replace('_', ' ')}"
        if fidelity.maximum != 1 or fidelity.name != "epochs"
        else ""
    )
    return Progress(
        _progress_lead(study, dots, leaders),
        some,
        tuple(best),
        left_out,
        told,
        study.simulated,
        study.prepared_at > 0,
        judged_by_sharing(study),
        study.seconds - study.prepared_at,
        *floor_of(study, _values(dots)),
    )


def _progress_lead(study: Study, dots: Sequence[Dot], leaders: Sequence[int]) -> str:
    n = len(dots)
    first, last = dots[0].seconds, dots[-1].seconds
    phase = study.phases.get("search")
    spent = phase.seconds if phase is not None and phase.seconds and not study.prepared_at else last
    took = f"{duration(spent)}{' of simulated time' if study.simulated else ''}" if last or first else "no time at all"
    text = f"{amount(n, 'network was', 'networks were')} tried in {took}."
    failed = [dot.error or "" for dot in dots if dot.value is None]
    if failed:
        kinds = Counter(
            trial.outcome.error_kind
            for trial in study.history.finished
            if not trial.ok and trial.outcome and trial.outcome.error_kind
        )
        kind = kinds.most_common(1)[0][0] if kinds else ""
        why = f" ({'most often: ' if len(kinds) > 1 else ''}{FAILURES.get(kind, kind)})" if kind else ""
        text += f" {amount(len(failed), 'trial')} failed{why}."
    best = study.best
    if best is None or not leaders:
        return text + " None of them ended with a score."
    place = next(i for i, dot in enumerate(dots) if dot.trial == best.id) + 1
    value = score(study.metric, best.metrics.get(study.history.problem.objectives[0].metric))
    text += f" The best, trial {best.id}, scored {value}{' on the validation pictures' if study.fit else ''}."
    if n < 5:
        return text
    if place == 1:
        return text + " Nothing that came later was better than the very first one."
    if place > 0.8 * n:
        return text + " The best came near the end, so more time would probably find better ones."
    if place < 0.5 * n and n - place >= ENOUGH:
        return (
            text + f" The {n - place:,} that ended after it were not better, so more of the same search would probably "
            "gain little."
        )
    return text


# Against size


def _sizes(study: Study, dots: Sequence[Dot]) -> Sizes | None:
    sized = [dot for dot in dots if dot.full and dot.value is not None and dot.params]
    if (
        len(sized) < 2
        or len({dot.params for dot in sized}) < 2
        or study.history.problem.objectives[0].metric == "params"
    ):
        return None
    sign = 1.0 if study.maximize else -1.0
    front: list[tuple[float, float, int]] = []
    for dot in sorted(sized, key=lambda dot: (dot.params or 0.0, -sign * (dot.value or 0.0))):
        if not front or sign * (dot.value or 0.0) > sign * front[-1][1]:
            front.append((dot.params or 0.0, dot.value or 0.0, dot.trial))
    some, left_out = thinned(sized, {trial for _, _, trial in front})
    finals = tuple(
        (str(row["name"]), float(row["params"]), float(row["valid"]))
        for row in study.rows
        if row.get("valid") is not None and row.get("params") and row["name"] != "linear"
    )
    return Sizes(
        _sizes_lead(study, sized, front), some, tuple(front), finals, left_out, *floor_of(study, _values(sized))
    )


def _sizes_lead(study: Study, sized: Sequence[Dot], front: Sequence[tuple[float, float, int]]) -> str:
    sign = 1.0 if study.maximize else -1.0
    together = rank_correlation([dot.params or 0.0 for dot in sized], [sign * (dot.value or 0.0) for dot in sized])
    if together is None:
        text = ""
    elif together > 0.4:
        text = "Larger networks tended to score better in this search. "
    elif together < -0.4:
        text = "Smaller networks tended to score better in this search. "
    else:
        text = "In this search, size alone says little about the score. "
    params, value, trial = front[-1]
    values = [dot.value or 0.0 for dot in sized]
    tolerance = CLOSE if is_share(study.metric) else CLOSE * (max(values) - min(values))
    small, close, which = next(entry for entry in front if abs(entry[1] - value) <= tolerance)
    if params >= 1.5 * small:
        near = (
            f"{points(close - value)} behind the best"
            if is_share(study.metric)
            else f"at {number(close)} against {number(value)}"
        )
        fewer = number(float(f"{params / small:.2g}"))
        return (
            text
            + f"Trial {which} has {rounded(small)} parameters, {fewer} times fewer than the best one (trial {trial}), "
            f"and is only {near}."
        )
    return text + f"The best trial has {rounded(params)} parameters; no much smaller one came close."


# The best, and how finals were trained


def _top(study: Study) -> tuple[TopTrial, ...]:
    metric = study.history.problem.objectives[0].metric
    top = []
    for place, trial in enumerate(study.history.ranking()[:TOP], start=1):
        seconds = trial.outcome.seconds if trial.outcome else 0.0
        row = TopTrial(
            place,
            trial.id,
            trial.metrics[metric],
            trial.metrics.get("params"),
            seconds,
            trial.parents,
            _decisions(trial),
        )
        top.append(row)
    return tuple(top)


def _decisions(trial: Trial) -> tuple[tuple[str, str], ...]:
    return tuple((path, _answer(answer)) for path, answer in trial.architecture.items())


def _answer(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return f"{answer:.4g}" if isinstance(answer, float) else str(answer)


def _curves(study: Study) -> Curves | None:
    exported = (study.exported or {}).get("name")
    curves = []
    for name, rows in study.curves.items():
        points = tuple(
            (epoch, float(metrics[study.metric])) for epoch, metrics in rows if metrics.get(study.metric) is not None
        )
        losses = tuple(
            (epoch, float(metrics["train_loss"])) for epoch, metrics in rows if metrics.get("train_loss") is not None
        )
        if points or len(losses) > 1:
            curves.append(Curve(name, points, losses, name == exported))
    if not curves:
        return None
    curves.sort(key=lambda curve: (not curve.exported, curve.name))
    return Curves(_curves_lead(study, curves[0]), tuple(curves))


def _curves_lead(study: Study, curve: Curve) -> str:
    name, data = network_name(curve.name), curve.points
    if len(data) < 2:
        return f"The {name} was trained for {curve.losses[-1][0] if curve.losses else data[-1][0]:.3g} epochs, rounds through all training pictures."
    (_, start), (end_epoch, end) = data[0], data[-1]
    text = (
        f"Within {end_epoch:.3g} epochs (rounds through all training pictures) the {name} went from "
        f"{score(study.metric, start)} to "
        f"{score(study.metric, end)} on the validation pictures."
    )
    late = [value for epoch, value in data if epoch <= 0.75 * end_epoch]
    if not late or not is_share(study.metric):
        return text
    gain = end - max(late)
    if gain > 0.005:
        return (
            text
            + f" The last quarter brought {points(gain)}, as it does where the steps grow smaller towards the end; "
            "more time may bring a little more."
        )
    return text + " The last quarter brought next to nothing: longer training alone would hardly help."
