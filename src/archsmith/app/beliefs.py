"""What a strategy believed while it searched: the probabilities of a policy or a controller, the forecasts of a
surrogate. The facts and charts are those of the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from archsmith.analysis.report import policy, shared_weights, surrogate
from archsmith.analysis.report.sharing import sharing_metric
from archsmith.analysis.study import Study
from archsmith.analysis.wording import share
from archsmith.runtime.study_view import StudyView

Told = TypeVar("Told")


@dataclass(frozen=True)
class Key:
    """What a line of a chart is. ``name``: of a decision. ``end``: the probability of its likeliest option at last, as
    text. ``colour``, ``dashed``: of its line.
    """

    name: str
    end: str
    colour: str
    dashed: bool


@dataclass(frozen=True)
class Belief:
    """One thing that was believed. ``lead``: what it comes to. ``note``: how to read the charts. ``charts``: SVG of
    this project, in two sizes each. ``keys``: of the first chart.
    """

    title: str
    lead: str
    note: str
    charts: tuple[str, ...]
    keys: tuple[Key, ...] = ()


def beliefs_of(view: StudyView) -> tuple[Belief, ...]:
    """Empty for a strategy that told nothing of the kind."""
    study = Study(view, view.folder or Path())
    found = []
    for make in (_policy, _surrogate, _controller):
        belief = _safely(make, study)
        if belief is not None:
            found.append(belief)
    return tuple(found)


def has_history(view: StudyView) -> bool:
    """Is there anything to say of how the search came to its networks? Nothing is drawn for this."""
    if any(trial.parents for trial in view.history.trials):
        return True
    study = Study(view, view.folder or Path())
    asked = (policy.policy_of, surrogate.guesses_of, shared_weights.learning_of)
    return any(_safely(ask, study) is not None for ask in asked)


def _safely(make: Callable[[Study], Told | None], study: Study) -> Told | None:
    """Anybody's strategy may note anything: what cannot be read is left out, as in a report."""
    try:
        return make(study)
    except Exception:
        return None


def _policy(study: Study) -> Belief | None:
    facts = policy.policy_of(study)
    if facts is None:
        return None
    keys = tuple(Key(each.name, share(each.end), each.colour, each.dashed) for each in facts.decisions)
    drawn = policy.drawings(study, facts)
    note = f"{facts.note} {facts.entropy_note}" if facts.entropy else facts.note
    return Belief(policy.SECTION.title, facts.lead, note, tuple(drawn.values()), keys)


def _surrogate(study: Study) -> Belief | None:
    facts = surrogate.guesses_of(study)
    if facts is None:
        return None
    drawn = surrogate.drawings(study, facts)
    return Belief(surrogate.SECTION.title, facts.lead, facts.note, tuple(drawn.values()))


def _controller(study: Study) -> Belief | None:
    learning = shared_weights.learning_of(study)
    if learning is None:
        return None
    drawn = shared_weights.learning_drawings(learning, sharing_metric(study))
    return Belief("What the controller learnt", learning.lead, learning.entropy_note, tuple(drawn.values()))
