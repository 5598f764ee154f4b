"""The networks of a study: each with its trials, its learning curve, how it is doing, and why it was stopped.

In a pool a trial is a stretch of a training that goes on, so the trials of one architecture are one entrant. Elsewhere
that is a network which was tried once, or several times with more and more of a fidelity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from weakref import WeakKeyDictionary

from pydantic import Field

from archsmith.analysis.report.noted import finite, noted
from archsmith.analysis.report.search import FAILURES
from archsmith.analysis.wording import amount, score
from archsmith.app.learning_curves import MOST_POINTS, curve_of
from archsmith.app.plain import Plain
from archsmith.core.trial import Status, Trial
from archsmith.core.wording import (
    HARDLY,
    epochs,
    family_name,
    made_how,
    metric_name,
    network_name,
    number,
    sentence_case,
    visible,
)
from archsmith.runtime.study_view import RUNNING, StudyView

Doing = Literal["training", "waiting", "stopped", "done", "failed", "outside", "chosen"]
Order = Literal["score", "newest", "work"]

FAMILY, OPERATOR, SEED = "family", "operator", "seed"
FINALS = ("search", "choose", "test", "export")  # results of phases; with any of them the race is over

DOING = {
    "training": "training",
    "waiting": "waiting",
    "stopped": "stopped",
    "done": "done",
    "failed": "failed",
    "outside": "outside the limits",
    "chosen": "chosen",
}


class Entrant(Plain):
    """One network of a study."""

    trial: int = Field(description="Its latest trial; what is drawn and linked.")
    trials: list[int] = Field(description="All of its trials, at most the last 20.")
    name: str = Field(description="What it is called.")
    made: str = Field(description="How the strategy came to it.")
    state: Doing = Field(description="training, waiting, stopped, done, failed, outside (of the limits) or chosen.")
    doing: str = Field(description="The state in words.")
    why: str = Field(description="Why, in a sentence.")
    work: float = Field(description="Its fidelity so far; in a pool: work, in epochs of the reference network.")
    epochs: float | None = Field(description="Passes through the training split so far, where they are known.")
    learnt: str = Field(description="How long it was trained, in words.")
    seconds: float = Field(description="What its trials took.")
    score: float | None = Field(description="Its latest score of the metric.")
    score_words: str = Field(description="The same in words, with what else is searched for.")
    best: bool = Field(description="Has it the best score, or is it on the front of several objectives?")
    forecast: float | None = Field(description="The score that it was forecast to end with when it last went on.")
    params: float | None = Field(description="Parameters.")
    macs: float | None = Field(description="Multiply-adds for one example.")
    latency_ms: float | None = Field(description="Milliseconds for one example, where they are measured.")
    curve: list[tuple[float, float]] = Field(description=f"(epochs or fidelity, score), at most {MOST_POINTS} points.")


class Entrants(Plain):
    """A page of the networks of a study."""

    total: int = Field(description="How many there are.")
    offset: int = Field(description="The first one of this page, from 0.")
    entrants: list[Entrant]


@dataclass(frozen=True)
class Group:
    """All trials of one architecture, oldest first."""

    trials: tuple[Trial, ...]

    @cached_property
    def latest(self) -> Trial:
        """That finished well with most of the fidelity; else the latest one."""
        scored = [trial for trial in self.trials if trial.losses is not None]
        return max(scored, key=lambda trial: (trial.fidelity, trial.id)) if scored else self.trials[-1]

    @property
    def pending(self) -> Trial | None:
        return next((trial for trial in reversed(self.trials) if trial.outcome is None), None)

    @cached_property
    def loss(self) -> float:
        """The best one of its trials."""
        return min(trial.loss for trial in self.trials)


@dataclass(frozen=True)
class Whole:
    """What is the same for all networks of a study.

    best: keys of the architectures that have the best score, or are on the front.
    chosen: trial -> what became of it after the search.
    over: is the search over?
    foreseen: the best forecast that a network went on with; None where nothing was forecast.
    highest: fidelity that trials have reached.
    fidelities: how many there are.
    """

    view: StudyView
    best: frozenset[str]
    chosen: Mapping[int, str]
    over: bool
    foreseen: float | None
    highest: float
    fidelities: int

    @property
    def metric(self) -> str:
        return self.view.problem.objectives[0].metric


# Of studies that are looked at: how many trials had begun and ended, and the networks then.
_known: WeakKeyDictionary[StudyView, tuple[tuple[int, int], tuple[Group, ...]]] = WeakKeyDictionary()


def groups_of(view: StudyView) -> tuple[Group, ...]:
    """The networks of a study, in the order in which they entered."""
    state = len(view.history), view.n_finished
    known = _known.get(view)
    if known is not None and known[0] == state:
        return known[1]
    found: dict[str, list[Trial]] = {}
    for trial in view.history.trials:
        found.setdefault(trial.architecture.key, []).append(trial)
    groups = tuple(Group(tuple(trials)) for trials in found.values())
    _known[view] = state, groups
    return groups


def entrants(view: StudyView, offset: int = 0, limit: int = 20, order: Order = "score") -> Entrants:
    """A page of the networks: best ones first, or those that were begun last, or those with most work."""
    groups = ordered(view, groups_of(view), order)
    field = field_of(view)
    shown = [entrant(field, group) for group in groups[offset : offset + limit]]
    return Entrants(total=len(groups), offset=offset, entrants=shown)


def ordered(view: StudyView, groups: Iterable[Group], order: Order = "score") -> list[Group]:
    """Of a pool every score counts, elsewhere only those at the highest fidelity that there is."""
    if order == "newest":
        return sorted(groups, key=lambda group: -group.trials[-1].id)
    if order == "work":
        return sorted(groups, key=lambda group: (-group.latest.fidelity, group.loss))
    if view.pooled:
        return sorted(groups, key=lambda group: (group.loss, group.trials[0].id))
    return sorted(groups, key=lambda g: (g.latest.losses is None, -g.latest.fidelity, g.latest.loss, g.trials[0].id))


def field_of(view: StudyView) -> Whole:
    """What is the same for all networks."""
    front = view.front
    best = list(front) if front is not None else [] if view.best is None else [view.best]
    told = [value for trial in view.history.trials if (value := _foretold(view, trial)) is not None]
    done = {trial.fidelity for trial in view.history.finished if trial.losses is not None}
    better = max if view.problem.objectives[0].maximize else min
    return Whole(
        view,
        frozenset(trial.architecture.key for trial in best),
        _chosen(view),
        view.state != RUNNING or any(name in view.job.results for name in FINALS),
        better(told) if told else None,
        max(done, default=0.0),
        len(done),
    )


def entrant(field: Whole, group: Group) -> Entrant:
    """The facts of one network."""
    view, latest = field.view, group.latest
    value = finite(latest.metrics.get(field.metric))
    state, why = _state(field, group)
    learnt = finite(latest.outcome_notes.get("epochs"))
    others = [
        f"{metric_name(each.metric)} {number(also)}"
        for each in view.problem.objectives[1:]
        if (also := finite(latest.metrics.get(each.metric))) is not None
    ]
    return Entrant(
        trial=latest.id,
        trials=[trial.id for trial in group.trials[-20:]],
        name=name_of(view, group),
        made=made_of(group.trials[0]),
        state=state,
        doing=_doing(field, latest, state),
        why=visible(why)[:600],
        work=latest.fidelity,
        epochs=learnt,
        learnt=epochs(learnt) if learnt else "" if view.pooled else _amount(view, latest.fidelity),
        seconds=math.fsum(trial.outcome.seconds for trial in group.trials if trial.outcome is not None),
        score=value,
        score_words=", ".join([score(field.metric, value), *others]),
        best=latest.architecture.key in field.best,
        forecast=_foretold(view, group.trials[-1]),
        params=finite(latest.metrics.get("params")),
        macs=finite(latest.metrics.get("macs")),
        latency_ms=finite(latest.metrics.get("latency_ms")),
        curve=curve_of(field.metric, group.trials),
    )


# -- names -------------------------------------------------------------------------------------------------------------


def name_of(view: StudyView, group: Group) -> str:
    """Its number, and what kind of network it is, where the space knows kinds."""
    first = group.trials[0]
    family = first.architecture.get(FAMILY)
    kind = visible(family_name(family))[:60] if isinstance(family, str) and family else ""
    fixed = view.job.fit and first.notes.get(OPERATOR) == SEED and first.notes.get(SEED) == 0
    what = "hand-made network" if fixed and view.pooled else kind
    return f"{first.id}: {what}" if what else f"trial {first.id}"


def made_of(trial: Trial) -> str:
    """How the strategy came to it."""
    return sentence_case(made_how(str(trial.notes.get(OPERATOR) or ""), trial.parents[:4]))


# -- how it is doing ---------------------------------------------------------------------------------------------------


def _state(field: Whole, group: Group) -> tuple[Doing, str]:
    running = group.pending
    if running is not None and field.view.state == RUNNING:
        return "training", _training(field, group, running)
    for trial in reversed(group.trials):
        if trial.id in field.chosen:
            return "chosen", field.chosen[trial.id]
    latest = group.latest
    if latest.status is Status.FAILED or (latest.outcome is None and len(group.trials) > 1):
        return _failed(group)
    if latest.outcome is None:
        return "waiting", "It was cut off; it runs again when the study goes on."
    if not latest.feasible:
        return "outside", sentence_case(_broken(field.view, latest))
    return _racing(field, group) if field.view.pooled else _tried(field, group)


def _doing(field: Whole, latest: Trial, state: Doing) -> str:
    """The state in words, with what sets it apart."""
    if latest.architecture.key not in field.best:
        return DOING[state]
    return f"{DOING[state]}, {'best' if field.view.front is None else 'on the front'}"


def _training(field: Whole, group: Group, running: Trial) -> str:
    if len(group.trials) == 1:
        return "It is new, and gets its first stretch of training." if field.view.pooled else ""
    foretold = _foretold(field.view, running)
    if foretold is None:
        return f"It goes on to {_amount(field.view, running.fidelity)}."
    return f"It promised most for the time: {_forecast_words(field, foretold)}."


def _failed(group: Group) -> tuple[Doing, str]:
    outcome = next((trial.outcome for trial in reversed(group.trials) if trial.outcome is not None), None)
    if outcome is None:
        return "waiting", "It was cut off; it runs again when the study goes on."
    kind = FAILURES.get(outcome.error_kind or "", "")
    error = outcome.error or ""
    told = f"{sentence_case(kind)}: {error}" if kind and error else sentence_case(kind) or error
    return "failed", told or "No reason was given."


def _racing(field: Whole, group: Group) -> tuple[Doing, str]:
    """Of a pool: short trainings do not say who ends best, so forecasts decide who goes on."""
    latest, best = group.latest, group.latest.architecture.key in field.best
    reached = f"{score(field.metric, finite(latest.metrics.get(field.metric)))} after {_learnt(latest)}"
    if not field.over:
        if best:
            return "waiting", "It has the best score so far. It goes on when no other network promises more."
        return "waiting", f"It reached {reached}. Networks that promise more for the time go first."
    if best:
        told = ", but another network was forecast to end ahead of it" if field.chosen else " so far"
        return "stopped", f"It has the best score of the trials{told}."
    scored = sum(trial.losses is not None for trial in group.trials)
    if scored == 1:
        return "stopped", f"After its first stretch of training ({reached}) others promised more for the time."
    foretold = _foretold(field.view, group.trials[-1])
    told = (
        f" When it last went on, it was forecast to end at {score(field.metric, foretold)}"
        if foretold is not None
        else ""
    )
    if told and field.foreseen is not None and foretold != field.foreseen:
        told += f", and the most promising network at {score(field.metric, field.foreseen)}"
    return "stopped", f"It went on {amount(scored - 1, 'time')} and reached {reached}; then others promised more." + (
        f"{told}." if told else ""
    )


def _tried(field: Whole, group: Group) -> tuple[Doing, str]:
    """Of a search whose trials are trainings of their own."""
    view, latest = field.view, group.latest
    if latest.architecture.key in field.best:
        front = view.front
        if front is None:
            return "done", "It is the best so far." if view.state == RUNNING else "It is the best."
        if front.knee is not None and front.knee.architecture.key == latest.architecture.key:
            return "done", "It is the knee point of the front, a good balance: it stands out most between the ends."
        return "done", "It is on the front: no other trial is better in one objective and as good in the others."
    if field.fidelities > 1 and latest.fidelity < field.highest:
        told = f"Others with {_amount(view, latest.fidelity)} scored better, so it got no more."
        return ("waiting", told) if view.state == RUNNING else ("stopped", told)
    return "done", ""


def _broken(view: StudyView, trial: Trial) -> str:
    told = [
        f"{metric_name(limit.metric)} {number(trial.metrics[limit.metric])} breaks {limit}"
        for limit in view.problem.constraints
        if limit.metric in trial.metrics and limit.violation(trial.metrics) > 0
    ]
    return ", ".join(told) or "a metric that is limited is not known"


def _learnt(trial: Trial) -> str:
    known = finite(trial.outcome_notes.get("epochs"))
    if not known:
        return f"{trial.fidelity:.3g} units of work"
    return f"{epochs(known)}{', hardly anything' if known < HARDLY else ''}"


def _amount(view: StudyView, fidelity: float) -> str:
    """A fidelity in words."""
    unit = view.problem.fidelity.name.replace("_", " ")
    return epochs(fidelity) if unit == "epochs" else f"{fidelity:.3g} {unit}"


def _foretold(view: StudyView, trial: Trial) -> float | None:
    """The score that a race forecast when it gave the trial its time. It notes errors: what a score lacks to 1."""
    error = noted(trial, "forecast") if trial.notes.get(OPERATOR) == "carry_on" else None
    return None if error is None else 1.0 - error if view.problem.objectives[0].maximize else error


def _forecast_words(field: Whole, value: float) -> str:
    return f"it is forecast to end at {score(field.metric, value)} ({metric_name(field.metric)})"


def _chosen(view: StudyView) -> dict[int, str]:
    """What became of trials after the search: those that were trained to the end, and the one that was exported."""
    told: dict[int, str] = {}
    result, best = view.job.result, (view.job.results.get("search") or {}).get("best")
    if result is None or not view.job.ended:
        return {best: "The search ended with it, so it is trained on to its end."} if isinstance(best, int) else {}
    for row in result.rows:
        trial = row.get("trial")
        if not isinstance(trial, int) or str(row.get("name")).partition(".")[0] in ("earlier", "unfinished"):
            continue
        if row.get("exported"):
            told[trial] = f"It was trained to the end and exported as the {network_name(str(row['name']))}."
        elif not row.get("stopped"):
            told.setdefault(trial, "It was trained to the end, too; another network was better in the end.")
    return told
