"""Local search: evaluate the neighbourhood of the incumbent, move to the best, start again at a local optimum.

Source: White, Nolen and Savani 2021, "Exploring the Loss Landscape in Neural Architecture Search" (UAI, arXiv
2005.02960), algorithm 1; Den Ottelander et al. 2021 (arXiv 2004.08996).

Differences from the paper: after a local optimum it starts again from a random unseen architecture instead of ending;
what was evaluated on an earlier climb is not evaluated again; neighbours are tried in random order; and
``first_improvement`` moves on without waiting for the whole neighbourhood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.fresh import fresh
from archsmith.strategies.merit import WORST, merit, need_one_objective

STARTS = ("first", "sample")  # operators of proposals that begin a climb


@dataclass(frozen=True)
class LocalSearch:
    """Hill climbing in the graph of one-decision changes.

    ``first_improvement``: move to the first neighbour that turns out better; otherwise to the best of all neighbours,
    once all are evaluated. ``start``: begin with the architecture that the space itself names first, if it names one.
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
        """Where to move from here, if anywhere yet. ``complete``: all neighbours have been proposed."""
        if climb.at is None or climb.at.status is Status.PENDING:
            return None
        here = merit(climb.at, history.problem)
        trials = [trial for trial in climb.trials(history) if merit(trial, history.problem) < here]
        if self.first_improvement:
            return min(trials, key=lambda trial: climb.finished_at[trial.id], default=None)
        if not complete or climb.waiting(history):
            return None
        return min(trials, key=lambda trial: (merit(trial, history.problem), trial.id), default=None)

    def _restart(self, history: History, rng: np.random.Generator) -> list[Proposal]:
        first = history.space.first() if self.start and not history.trials else None
        if first is not None:
            return [Proposal(first, notes={"operator": "first"})]
        architecture = fresh(history, rng)
        return [] if architecture is None else [Proposal(architecture, notes={"operator": "sample"})]


@dataclass
class _Climb:
    """Where the present climb stands: a cache over the history, which a walk from the last start would find again.

    It never has to go back: moves depend on trials that have finished, by order of finishing, and those do not change
    any more.
    """

    at: Trial | None = None
    neighbours: list[Architecture] = field(default_factory=list)
    finished_at: dict[int, int] = field(default_factory=dict)  # trial id -> position in history.finished
    n_read: int = 0

    def read(self, history: History) -> None:
        """Take in trials that are new: the last one that began a climb is where the present climb began."""
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
            if trial.fidelity == history.problem.fidelity.maximum and merit(trial, history.problem) < WORST
        ]

    def waiting(self, history: History) -> bool:
        """Is the incumbent or one of its neighbours still being evaluated?"""
        here = [self.at] if self.at is not None else []
        return any(
            trial.status is Status.PENDING for trial in [*here, *(t for a in self.neighbours for t in history.of(a))]
        )


_climbs: WeakKeyDictionary[History, dict[LocalSearch, _Climb]] = WeakKeyDictionary()


def _climb(strategy: LocalSearch, history: History) -> _Climb:
    return _climbs.setdefault(history, {}).setdefault(strategy, _Climb())
