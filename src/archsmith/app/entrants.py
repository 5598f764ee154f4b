"""The networks of a study: each with its trials, its learning curve, how it is doing, and why it was stopped."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.search import FAILURES
from archsmith.analysis.wording import amount, score
from archsmith.app.finals import Fate
from archsmith.app.groups import OPERATOR, Group, Order, Whole, fate_of, field_of, foretold, groups_of, ordered, reached
from archsmith.app.learning_curves import EPOCHS, MOST_POINTS, counted, curve_of, unit_of
from archsmith.app.plain import Plain
from archsmith.core.trial import Outcome, Status, Trial
from archsmith.core.wording import (
    HARDLY,
    epochs,
    family_name,
    made_how,
    metric_name,
    number,
    sentence_case,
    visible,
)
from archsmith.runtime.study_view import RUNNING, StudyView

Doing = Literal["training", "waiting", "stopped", "done", "failed", "outside", "chosen"]

FAMILY, SEED = "family", "seed"

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

    trial: int = Field(
        description="Its trial that ended well with most of the fidelity, else its latest; what is drawn and linked."
    )
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
    score: float | None = Field(description="Its latest score of the metric; an earlier trial may have been better.")
    score_words: str = Field(description="The same in words, with what else is searched for.")
    best: bool = Field(description="Has it the best trial, or is it on the front of several objectives?")
    forecast: float | None = Field(description="The score that it was forecast to end with when it last went on.")
    params: float | None = Field(description="Parameters.")
    macs: float | None = Field(description="Multiply-adds for one example.")
    latency_ms: float | None = Field(description="Milliseconds for one example, where they are measured.")
    curve: list[tuple[float, float]] = Field(
        description=f"(epochs, fidelity or steps, score), at most {MOST_POINTS} points."
    )


class Entrants(Plain):
    """A page of the networks of a study."""

    total: int = Field(description="How many there are.")
    offset: int = Field(description="The first one of this page, from 0.")
    entrants: list[Entrant]


def entrants(view: StudyView, offset: int = 0, limit: int = 20, order: Order = "score") -> Entrants:
    """A page of the networks: best ones first, or those that were begun last, or those with most work."""
    groups = ordered(view, groups_of(view), order)
    field = field_of(view)
    shown = [entrant(field, group) for group in groups[offset : offset + limit]]
    return Entrants(total=len(groups), offset=offset, entrants=shown)


def entrant(field: Whole, group: Group) -> Entrant:
    """The facts of one network."""
    view, latest = field.view, group.latest
    learnt, fate = finite(latest.outcome_notes.get("epochs")), fate_of(field.chosen, group)
    value = reached(field.metric, group, fate)
    state, why = _state(field, group, fate)
    words = _trained_for(view, latest)
    if fate is not None and fate.valid is not None:
        learnt = fate.epochs or learnt
        words = epochs(learnt) if learnt else words
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
        doing=_doing(field, group, state) if fate is None or state != "chosen" else fate.doing,
        why=visible(why)[:600],
        work=latest.fidelity,
        epochs=learnt,
        learnt=words,
        seconds=math.fsum(trial.outcome.seconds for trial in group.trials if trial.outcome is not None),
        score=value,
        score_words=", ".join([score(field.metric, value, most=field.most), *others]),
        best=latest.architecture.key in field.best,
        forecast=foretold(view, group.trials[-1]),
        params=finite(latest.metrics.get("params")),
        macs=finite(latest.metrics.get("macs")),
        latency_ms=finite(latest.metrics.get("latency_ms")),
        curve=curve_of(view, group.trials, unit_of(view, group.trials)),
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


def title_of(name: str, trial: int) -> str:
    """Of a network with this ``name``, as one of its trials left it: networks and trials have numbers of their own."""
    if name == f"trial {trial}":
        return f"Trial {trial}"
    return f"Network {name} (trial {trial})" if ":" in name else f"Trial {trial}, of the network of {name}"


def made_of(trial: Trial) -> str:
    """How the strategy came to it."""
    return sentence_case(made_how(str(trial.notes.get(OPERATOR) or ""), trial.parents[:4]))


# -- how it is doing ---------------------------------------------------------------------------------------------------


def _state(field: Whole, group: Group, fate: Fate | None) -> tuple[Doing, str]:
    running = group.pending
    if running is not None and field.searching:
        return "training", _training(field, group, running)
    if fate is not None:
        earlier = _earlier(field, group)
        return "chosen", fate.why if earlier is None else f"{fate.why} {_was_best(field, earlier)}."
    latest = group.latest
    if latest.status is Status.FAILED or (latest.outcome is None and len(group.trials) > 1):
        return _failed(field, group)
    if latest.outcome is None:
        return _cut(field, group)
    if not latest.feasible:
        return "outside", sentence_case(_broken(field.view, latest))
    if (further := group.further) is not None:
        if further.outcome is None:
            return _cut(field, group)
        return "stopped", f"Its next trial failed. {_error(further.outcome)}"
    return _racing(field, group) if field.view.pooled else _tried(field, group)


def _doing(field: Whole, group: Group, state: Doing) -> str:
    """The state in words, with what sets it apart."""
    if group.latest.architecture.key not in field.best:
        return DOING[state]
    if field.view.front is not None:
        return f"{DOING[state]}, on the front"
    earlier = _earlier(field, group)
    return f"{DOING[state]}, best" + ("" if earlier is None else f" in trial {earlier.id}")


def _earlier(field: Whole, group: Group) -> Trial | None:
    """The best trial of the study, where it is one of these and the network is told with another score."""
    best = field.best.get(group.latest.architecture.key)
    if best is None or field.view.front is not None:
        return None
    value = reached(field.metric, group, fate_of(field.chosen, group))
    return None if finite(best.metrics.get(field.metric)) == value else best


def _was_best(field: Whole, best: Trial) -> str:
    verb = "was" if field.over else "is"
    return f"Its trial {best.id} {verb} the best of all trials ({score(field.metric, best.metrics.get(field.metric))})"


def _training(field: Whole, group: Group, running: Trial) -> str:
    if len(group.trials) == 1:
        return "It is new, and gets its first stretch of training." if field.view.pooled else ""
    promised = foretold(field.view, running)
    if promised is None:
        return f"It goes on to {_amount(field.view, running.fidelity)}."
    if not field.beats(promised, finite(group.latest.metrics.get(field.metric))):
        return "It promised most for the time."
    return f"It promised most for the time: {_forecast_words(field, promised)}."


def _cut(field: Whole, group: Group) -> tuple[Doing, str]:
    """Of one whose latest training did not come to its end."""
    if field.final and group.latest.losses is not None:
        return "stopped", "The search ended while its next trial ran."
    if field.final:
        return "stopped", "The search ended while it was being trained for the first time, so it has no score."
    goes_on = "the search does" if field.view.state == RUNNING else "the study goes on"
    return "waiting", f"It was cut off; it runs again when {goes_on}."


def _failed(field: Whole, group: Group) -> tuple[Doing, str]:
    outcome = next((trial.outcome for trial in reversed(group.trials) if trial.outcome is not None), None)
    return _cut(field, group) if outcome is None else ("failed", _error(outcome))


def _error(outcome: Outcome) -> str:
    kind = FAILURES.get(outcome.error_kind or "", "")
    error = outcome.error or ""
    told = f"{sentence_case(kind)}: {error}" if kind and error else sentence_case(kind) or error
    return told or "No reason was given."


def _racing(field: Whole, group: Group) -> tuple[Doing, str]:
    """Of a pool. In a race short trainings do not say who ends best, so forecasts decide who goes on."""
    latest, best = group.latest, group.latest.architecture.key in field.best
    value = finite(latest.metrics.get(field.metric))
    told, earlier = f"{score(field.metric, value)} after {_learnt(latest)}", _earlier(field, group)
    if not field.final:  # a study that is paused goes on with its search
        if best:
            leads = "It has the best score so far" if earlier is None else _was_best(field, earlier)
            goes_on = "It goes on when no other network promises more."
            return "waiting", f"{leads}.{_next(field.view, latest, goes_on)}"
        first = "Networks that promise more for the time go first."
        return "waiting", f"It reached {told}.{_next(field.view, latest, first)}"
    if best:
        return "stopped", _best_of_all(field, group)
    scored = sum(trial.losses is not None for trial in group.trials)
    if scored == 1:
        return "stopped", f"After its first stretch of training ({told}) the search did not go on with it."
    why = f"It went on {amount(scored - 1, 'time')} and reached {told}; then the search did not go on with it."
    promised = foretold(field.view, group.trials[-1])
    if not field.beats(promised, value):
        return "stopped", why
    why += f" When it last went on, it was forecast to end at {score(field.metric, promised)}"
    if field.foreseen is not None and promised != field.foreseen:
        why += f", and the most promising network at {score(field.metric, field.foreseen)}"
    return "stopped", f"{why}."


def _next(view: StudyView, latest: Trial, otherwise: str) -> str:
    """What is next for a network of a race: nothing, where its ``latest`` trial had all that a trial may have."""
    if not view.raced:
        return ""
    learnt, steps = (finite(latest.outcome_notes.get(name)) or 0.0 for name in ("epochs", "steps"))
    evaluator = None if view.began is None else view.began.evaluator
    most = finite(((evaluator or {}).get("args") or {}).get("most_epochs"))
    step = learnt / steps if steps else 0.0  # epochs are rounded to whole steps
    if latest.fidelity >= view.problem.fidelity.maximum or (most and learnt > most - step):
        return " It has had all the training that the search gives."
    return f" {otherwise}"


def _best_of_all(field: Whole, group: Group) -> str:
    """Of the network with the best trial, which has no last training."""
    earlier = _earlier(field, group)
    if earlier is not None:
        now = score(field.metric, finite(group.latest.metrics.get(field.metric)))
        told = f"{_was_best(field, earlier)}; after more training it scores {now}"
    else:
        told = "It has the best score of the trials" + (", as others have" if field.alike > 1 else "")
    if not field.chosen:
        return f"{told}." if earlier else f"{told} so far."
    return f"{told}. Another network was chosen for the last training."


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
        told = f"It was not among those that got more than {_amount(view, latest.fidelity)}."
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


def _trained_for(view: StudyView, trial: Trial) -> str:
    """How long a network was trained, by its latest trial; nothing where it was not, or where nobody knows."""
    if trial.outcome is None:
        known = trial.curve and counted(view) and unit_of(view, [trial]) == EPOCHS
        reported = trial.curve[-1][0] if known else 0.0
        return f"{epochs(reported)}{' so far' if view.state == RUNNING else ''}" if reported else ""
    learnt = finite(trial.outcome_notes.get("epochs"))
    if learnt:
        return epochs(learnt)
    return "" if view.pooled or trial.losses is None or not counted(view) else _amount(view, trial.fidelity)


def _amount(view: StudyView, fidelity: float) -> str:
    """A fidelity in words."""
    unit = view.problem.fidelity.name.replace("_", " ")
    return epochs(fidelity) if unit == "epochs" else f"{fidelity:.3g} {unit}"


def _forecast_words(field: Whole, value: float) -> str:
    return f"it is forecast to end at {score(field.metric, value)} ({metric_name(field.metric)})"
