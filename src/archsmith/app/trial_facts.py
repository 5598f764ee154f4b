"""The trials of a study, one by one: what was tried, what came of it, and how it differs from what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.search import decisions_of
from archsmith.app.entrants import Entrant, entrant
from archsmith.app.groups import Group, field_of
from archsmith.app.lineage import made_by
from archsmith.app.plain import Plain
from archsmith.core.errors import StudyError
from archsmith.core.trial import Trial, came_from
from archsmith.core.wording import sentence_case, visible
from archsmith.runtime.study_view import StudyView

MOST_DECISIONS = 400
LONGEST = 200  # characters of a decision

Sorted = Literal["id", "newest", "score"]


class TrialRow(Plain):
    """One trial."""

    trial: int = Field(description="Its number, from 0.")
    status: Literal["pending", "ok", "failed"]
    feasible: bool = Field(description="Does it keep all limits?")
    fidelity: float
    made: str = Field(description="How the strategy came to it.")
    parents: list[int]
    metrics: dict[str, float] = Field(description="What was measured.")
    seconds: float | None
    finished_seconds: float | None = Field(description="When it ended, on the study's clock.")
    improved: bool = Field(
        description="Was it the best one of its fidelity so far when it ended, of a pool the best of all? With several "
        "objectives: was it then a new point of the front?"
    )
    error: str | None


class Trials(Plain):
    """A page of the trials of a study."""

    total: int
    offset: int
    trials: list[TrialRow]


class TrialFacts(Plain):
    """One trial, with the network that it is of."""

    trial: TrialRow
    entrant: Entrant
    origin: str = Field(description="The trial that its training goes on from, or those it was made from, in words.")
    decisions: list[tuple[str, str]] = Field(description="(decision, option), in the order in which they were asked.")


def trials(view: StudyView, offset: int = 0, limit: int = 100, order: Sorted = "id") -> Trials:
    """A page of the trials, by number, the newest first, or by score."""
    if order == "score":
        chosen = sorted(view.history.trials, key=lambda trial: (trial.loss, trial.id))[offset : offset + limit]
    else:
        found = view.history.trials
        n = len(found)
        chosen = found[offset : offset + limit] if order == "id" else found[::-1][offset : offset + limit] if n else []
    ends = view.ends()
    return Trials(total=len(view.history), offset=offset, trials=[_row(view, trial, ends) for trial in chosen])


def trial_facts(view: StudyView, number: int) -> TrialFacts:
    """One trial. Raises StudyError where there is none with this number."""
    trial = trial_of(view, number)
    group = Group(tuple(view.history.of(trial.architecture)))
    decisions = [(visible(path)[:LONGEST], visible(option)[:LONGEST]) for path, option in decisions_of(trial)]
    return TrialFacts(
        trial=_row(view, trial, view.ends()),
        entrant=entrant(field_of(view), group),
        origin=came_from(trial, view.history.trials),
        decisions=decisions[:MOST_DECISIONS],
    )


def trial_of(view: StudyView, number: int) -> Trial:
    """The trial with this number. Raises StudyError where there is none."""
    if not 0 <= number < len(view.history):
        n = len(view.history)
        hint = "No trial has begun." if not n else f"They are numbered from 0 to {n - 1}."
        raise StudyError(f"The study {visible(view.id)} has no trial {number}.", hint)
    return view.history.trials[number]


def _row(view: StudyView, trial: Trial, ends: Mapping[int, float]) -> TrialRow:
    outcome = trial.outcome
    measured = {visible(name)[:LONGEST]: finite(value) for name, value in list(trial.metrics.items())[:50]}
    return TrialRow(
        trial=trial.id,
        status=trial.status.value,
        feasible=trial.feasible,
        fidelity=trial.fidelity,
        made=sentence_case(made_by(trial, view.history.trials)),
        parents=list(trial.parents[:20]),
        metrics={name: value for name, value in measured.items() if value is not None},
        seconds=None if outcome is None else finite(outcome.seconds),
        finished_seconds=finite(ends.get(trial.id)),
        improved=trial.id in view.improved,
        error=None if outcome is None or outcome.error is None else visible(outcome.error)[:600],
    )
