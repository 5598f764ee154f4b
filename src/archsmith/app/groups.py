"""The trials of a study, put together by network, and what is the same for all networks.

In a pool a trial is a stretch of a training that goes on, so the trials of one architecture are one network. Elsewhere
that is a network which was tried once, or several times with more and more of a fidelity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from weakref import WeakKeyDictionary

from archsmith.analysis.report.noted import finite, noted
from archsmith.analysis.report.trial_dots import highest
from archsmith.app.finals import SEARCH, Fate, fates, searched
from archsmith.core.trial import Trial
from archsmith.runtime.study_view import RUNNING, StudyView

Order = Literal["score", "newest", "work"]
OPERATOR = "operator"


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

    @property
    def further(self) -> Trial | None:
        """The latest one with more of the fidelity than ``latest``: it failed, or has not ended."""
        return next((trial for trial in reversed(self.trials) if trial.fidelity > self.latest.fidelity), None)

    @cached_property
    def loss(self) -> float:
        """The best one of its trials."""
        return min(trial.loss for trial in self.trials)


@dataclass(frozen=True)
class Whole:
    """What is the same for all networks of a study.

    best: of the architectures that have the best trial, or are on the front: key -> that trial.
    chosen: trial -> what became of it after the search.
    over: is nobody tried any more, for now?
    final: is the search over for good?
    searching: are trials running?
    alike: how many architectures have the best score.
    foreseen: the best forecast that a network went on with; None where nothing was forecast.
    highest: fidelity that trials have reached.
    fidelities: how many there are.
    """

    view: StudyView
    best: Mapping[str, Trial]
    chosen: Mapping[int, Fate]
    over: bool
    final: bool
    searching: bool
    alike: int
    foreseen: float | None
    highest: float
    fidelities: int

    @property
    def metric(self) -> str:
        return self.view.problem.objectives[0].metric

    @cached_property
    def most(self) -> float:
        """The highest score of a trial."""
        return highest(self.view, self.metric)

    def beats(self, value: float | None, other: float | None) -> bool:
        """Is ``value`` the better score?"""
        if value is None or other is None:
            return value is not None
        return value > other if self.view.problem.objectives[0].maximize else value < other


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


def ordered(view: StudyView, groups: Iterable[Group], order: Order = "score") -> list[Group]:
    """Of a pool every score counts, elsewhere only those at the highest fidelity that there is."""
    if order == "newest":
        return sorted(groups, key=lambda group: -group.trials[-1].id)
    if order == "work":
        return sorted(groups, key=lambda group: (-group.latest.fidelity, group.loss))
    if view.pooled:
        known = fates(view)
        return sorted(groups, key=lambda group: (_loss(view, group, known), group.loss, group.trials[0].id))
    return sorted(groups, key=lambda g: (g.latest.losses is None, -g.latest.fidelity, g.latest.loss, g.trials[0].id))


def fate_of(chosen: Mapping[int, Fate], group: Group) -> Fate | None:
    """What became of a network after the search; None where it was not chosen."""
    return next((chosen[trial.id] for trial in reversed(group.trials) if trial.id in chosen), None)


def reached(metric: str, group: Group, fate: Fate | None) -> float | None:
    """The score that a network is told with: at its end, where it was trained to that, else of its latest training.
    An earlier trial of it may have been better.
    """
    ended = None if fate is None else fate.valid
    return finite(group.latest.metrics.get(metric)) if ended is None else ended


def _loss(view: StudyView, group: Group, known: Mapping[int, Fate]) -> float:
    """Less is better: of the score that it is told with."""
    sign = -1.0 if view.problem.objectives[0].maximize else 1.0
    fate = fate_of(known, group)
    counts = group.latest.ok or (fate is not None and fate.valid is not None)
    value = reached(view.problem.objectives[0].metric, group, fate) if counts else None
    return math.inf if value is None else sign * value


def field_of(view: StudyView) -> Whole:
    """What is the same for all networks."""
    front = view.front
    best = list(front) if front is not None else [] if view.best is None else [view.best]
    told = [value for trial in view.history.trials if (value := foretold(view, trial)) is not None]
    done = {trial.fidelity for trial in view.history.finished if trial.losses is not None}
    better = max if view.problem.objectives[0].maximize else min
    running, phase = view.state == RUNNING, view.phases.running
    final = view.ended or searched(view)
    metric = view.problem.objectives[0].metric
    top = None if view.best is None else view.best.metrics.get(metric)
    return Whole(
        view,
        {trial.architecture.key: trial for trial in best},
        fates(view),
        not running or final,
        final,
        running and not final and (phase is None or phase.name == SEARCH),
        len({t.architecture.key for t in view.history.finished if t.ok and t.metrics.get(metric) == top}),
        better(told) if told else None,
        max(done, default=0.0),
        len(done),
    )


def foretold(view: StudyView, trial: Trial) -> float | None:
    """The score that a race forecast when it gave the trial its time. It notes errors: what a score lacks to 1."""
    error = noted(trial, "forecast") if trial.notes.get(OPERATOR) == "carry_on" else None
    return None if error is None else 1.0 - error if view.problem.objectives[0].maximize else error
