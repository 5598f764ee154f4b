"""Local search: evaluate all neighbours of an architecture, move to the best of them, and start again at an optimum.

Source: White, Nolen and Savani 2021, "Exploring the Loss Landscape in Neural Architecture Search" (UAI, arXiv
2005.02960), algorithm 1; Den Ottelander et al. 2021 (arXiv 2004.08996):

    begin at a random architecture
    repeat:
        evaluate every architecture that differs from the present one in one decision
        move to the best of them; when none is better, this is a local optimum: begin anew

Differences from the paper: after a local optimum the search begins again instead of ending. What was evaluated on an
earlier climb is not evaluated again. Neighbours are tried in random order. With ``first_improvement`` the search moves
on without waiting for the whole neighbourhood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.ranking import WORST, need_one_objective, ranking_key
from archsmith.strategies.unseen import propose_first, propose_unseen

STARTS = ("first", "sample")  # the operators of proposals that begin a climb


@checked
@dataclass(frozen=True)
class LocalSearch:
    """Hill climbing by changes of one decision.

    ``first_improvement``: whether to move to the first neighbour that turns out better. Otherwise the search moves to
        the best of all neighbours, once all are evaluated.
    ``start``: whether to begin with the architecture that the space itself names first, if it names one.
    """

    first_improvement: bool = False
    start: bool = True

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        climb = _climb(self, history)
        climb.read(history)
        while climb.at is not None:
            unseen = [architecture for architecture in climb.neighbours if not history.seen(architecture)]
            better = self._better(climb, history, complete=not unseen)
            if better is not None:
                climb.move(better, history)
            elif climb.at.status is Status.FAILED:
                break
            elif unseen:
                chosen = rng.permutation(len(unseen))[:n].tolist()
                return [Proposal(unseen[i], parents=(climb.at.id,), notes={"operator": "neighbour"}) for i in chosen]
            elif climb.waiting(history):
                return []
            else:
                break  # a local optimum
        return self._restart(history, rng)

    def _better(self, climb: _Climb, history: History, complete: bool) -> Trial | None:
        """The neighbour to move to; None when there is none, or none yet. ``complete``: all have been proposed."""
        if climb.at is None or climb.at.status is Status.PENDING:
            return None
        here = ranking_key(climb.at, history.problem)
        trials = [trial for trial in climb.trials(history) if ranking_key(trial, history.problem) < here]
        if self.first_improvement:
            return min(trials, key=lambda trial: climb.finished_at[trial.id], default=None)
        if not complete or climb.waiting(history):
            return None
        return min(trials, key=lambda trial: (ranking_key(trial, history.problem), trial.id), default=None)

    def _restart(self, history: History, rng: np.random.Generator) -> list[Proposal]:
        proposal = propose_first(history) if self.start else None
        proposal = proposal or propose_unseen(history, rng)
        return [] if proposal is None else [proposal]


@dataclass
class _Climb:
    """Where the present climb stands.

    A cache over the history: a walk from the last start would find the same. It never has to go back. Moves depend on
    finished trials in the order of finishing, and those do not change any more.

    ``at``: the trial that the climb has reached.
    ``neighbours``: every architecture that differs from it in one decision.
    ``finished_at``: trial id to its position in ``history.finished``.
    ``n_read``: how many of ``history.trials`` were read.
    """

    at: Trial | None = None
    neighbours: list[Architecture] = field(default_factory=list)
    finished_at: dict[int, int] = field(default_factory=dict)
    n_read: int = 0

    def read(self, history: History) -> None:
        """Take in trials that are new. The present climb began at the last one that began a climb."""
        for trial in history.finished[len(self.finished_at) :]:
            self.finished_at[trial.id] = len(self.finished_at)
        starts = [trial for trial in history.trials[self.n_read :] if trial.notes.get("operator") in STARTS]
        self.n_read = len(history.trials)
        if starts:
            self.move(starts[-1], history)

    def move(self, trial: Trial, history: History) -> None:
        self.at = trial
        # Without a generator, dependent answers are completed in one fixed way: the neighbourhood is the same whenever
        # it is looked at.
        self.neighbours = list(
            {a.key: a for a in history.space.neighbours(trial.architecture) if a.key != trial.architecture.key}.values()
        )

    def trials(self, history: History) -> list[Trial]:
        """Neighbours that finished well at full fidelity."""
        found = [trial for architecture in self.neighbours for trial in history.of(architecture)]
        return [
            trial
            for trial in found
            if trial.fidelity == history.problem.fidelity.maximum and ranking_key(trial, history.problem) < WORST
        ]

    def waiting(self, history: History) -> bool:
        """Is the present trial or one of its neighbours still being evaluated?"""
        here = [self.at] if self.at is not None else []
        return any(
            trial.status is Status.PENDING for trial in [*here, *(t for a in self.neighbours for t in history.of(a))]
        )


_climbs: WeakKeyDictionary[History, dict[LocalSearch, _Climb]] = WeakKeyDictionary()


def _climb(strategy: LocalSearch, history: History) -> _Climb:
    return _climbs.setdefault(history, {}).setdefault(strategy, _Climb())
