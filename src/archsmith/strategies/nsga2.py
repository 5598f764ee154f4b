"""NSGA-II: a population kept good by Pareto rank and diverse by crowding. Any number of objectives, with hard limits.

Source: Deb, Pratap, Agarwal and Meyarivan 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II" (IEEE
Transactions on Evolutionary Computation 6(2)); constrained domination after its section VI:

    rank all trials: front 0 is dominated by nobody, front 1 only by front 0, and so on
    keep the μ best by rank; within a rank prefer those with more space around them
    parents win tournaments of two by the same order; children come by crossover and mutation

Differences from the paper:

* Trials enter one by one in the order of finishing, instead of a generation at a time, so that workers never wait
  (steady state, (μ+1) selection: Durillo et al. 2009, "On the Effect of the Steady-State Selection Scheme in
  Multi-Objective Genetic Algorithms").
* Crossover and mutation are those of search spaces: uniform crossover and new answers.
* No architecture is proposed twice.
* By default the population is a fifth of the trials that the budget will allow, 5 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.fields import checked
from archsmith.core.front import Floats, Integers, pareto_ranks
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.evolution import population_size
from archsmith.strategies.ranking import ranking_key
from archsmith.strategies.unseen import propose_first, propose_unseen

TRIES = 50  # children before a random architecture is taken; every tenth adds one more change


@checked
@dataclass(frozen=True)
class NSGA2:
    """Mates and mutates the winners of tournaments between the ``population`` survivors of all trials.

    Each answer of a child mutates with probability 1 / number of answers (Deb et al. 2002).

    ``population``: how many survive (μ), 2 or more (100: Deb et al. 2002). None: a fifth of the trials that the
        budget is expected to allow, within 5 and 100.
    ``crossover``: share of children with two parents, 0 to 1 (0.9: Deb et al. 2002).
    ``start``: whether to begin with the architecture that the space itself names first, if it names one.
    """

    population: int | None = None
    crossover: float = 0.9
    start: bool = True

    def __post_init__(self) -> None:
        if self.population is not None and self.population < 2:
            raise UsageError(f"NSGA2 has population={self.population}.", "Give 2 or more, or None.")
        if not 0 <= self.crossover <= 1:
            raise UsageError(f"NSGA2 has crossover={self.crossover}.", "Give a share from 0 to 1.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        size = population_size(self.population, history)
        survivors = _survivors(self, history, size)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            proposal = propose_first(history, taken) if self.start else None
            full = len(survivors.trials) + len(history.pending) + len(proposals) >= size
            if proposal is None and full and survivors.trials:
                proposal = self._child(history, survivors, taken, rng)
            if proposal is None:
                proposal = propose_unseen(history, rng, taken)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def _child(
        self, history: History, survivors: Survivors, taken: set[str], rng: np.random.Generator
    ) -> Proposal | None:
        """An unseen child of the winners of two tournaments; None when none was found."""
        for attempt in range(TRIES):
            one, two = survivors.tournament(rng), survivors.tournament(rng)
            mating = one is not two and rng.random() < self.crossover
            try:
                child = history.space.crossover(one.architecture, two.architecture, rng) if mating else one.architecture
            except DeadEnd:
                continue
            n_changes = int(rng.binomial(len(child), 1 / max(1, len(child)))) + attempt // 10
            if n_changes or not mating:
                child = history.space.mutate(child, rng, n_changes=max(1, n_changes))
            if not history.seen(child) and child.key not in taken:
                parents, operator = ((one.id, two.id), "crossover") if mating else ((one.id,), "mutate")
                return Proposal(child, parents=parents, notes={"operator": operator})
        return None


@dataclass
class Survivors:
    """The best ``size`` of the first ``n_read`` finished trials.

    A cache: one pass over the history would find the same.

    ``size``: μ, the most that survive.
    ``n_read``: how many of ``history.finished`` were read.
    ``trials``: the survivors, n of them.
    ``losses``: of these, ``(n, m)`` with m objectives.
    ``violations``: of constraints, ``(n,)``, 0 where all are kept.
    ``ranks``: of domination, ``(n,)``, 0 is best.
    ``crowding``: the space around each, ``(n,)``.
    """

    size: int
    n_read: int = 0
    trials: list[Trial] = field(default_factory=list)
    losses: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    violations: Floats = field(default_factory=lambda: np.zeros(0))
    ranks: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    crowding: Floats = field(default_factory=lambda: np.zeros(0))

    def read(self, history: History) -> None:
        """Take in every trial that finished well at full fidelity since. Each time the worst of all drops out."""
        for trial in history.finished[self.n_read :]:
            if trial.losses is not None and trial.fidelity == history.problem.fidelity.maximum:
                row = np.array([trial.losses])
                self.trials.append(trial)
                self.losses = np.concatenate([self.losses, row]) if len(self.losses) else row
                self.violations = np.append(self.violations, ranking_key(trial, history.problem)[0])
                self.ranks = pareto_ranks(self.losses, self.violations)
                self.crowding = crowding_distances(self.losses, self.ranks)
                if len(self.trials) > self.size:
                    self._drop(int(np.lexsort((-np.arange(len(self.trials)), self.crowding, -self.ranks))[0]))
        self.n_read = len(history.finished)

    def _drop(self, worst: int) -> None:
        """The most crowded member of the last rank leaves, the youngest of equals. Only the crowding of its rank
        changes.
        """
        del self.trials[worst]
        self.losses, self.violations = np.delete(self.losses, worst, axis=0), np.delete(self.violations, worst)
        self.ranks = np.delete(self.ranks, worst)
        self.crowding = crowding_distances(self.losses, self.ranks)

    def tournament(self, rng: np.random.Generator) -> Trial:
        """The better one of two random survivors: lower rank, then more space around it.

        Source: the crowded comparison of Deb et al. 2002, section III-B.
        """
        rivals: list[int] = rng.integers(len(self.trials), size=2).tolist()
        return self.trials[min(rivals, key=lambda i: (self.ranks[i], -self.crowding[i]))]


def crowding_distances(losses: Floats, ranks: Integers) -> Floats:
    """``(n,)``: how far apart the two neighbours of the same rank are, from losses ``(n, m)`` and ranks ``(n,)``.

    Summed over objectives, in units of the spread within the rank; infinite at its ends.
    """
    distances = np.zeros(len(losses))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for values in losses[members].T:
            order = np.argsort(values, kind="stable")
            ordered = values[order]
            spread = ordered[-1] - ordered[0]
            if spread > 0:
                distances[members[order[1:-1]]] += (ordered[2:] - ordered[:-2]) / spread
                distances[members[order[[0, -1]]]] = np.inf
    return distances


_memory: WeakKeyDictionary[History, dict[NSGA2, Survivors]] = WeakKeyDictionary()


def _survivors(strategy: NSGA2, history: History, size: int) -> Survivors:
    """The survivors of ``history``, replayed from the first trial where the size of the population has changed."""
    memory = _memory.setdefault(history, {})
    if strategy not in memory or memory[strategy].size != size:
        memory[strategy] = Survivors(size)
    memory[strategy].read(history)
    return memory[strategy]
