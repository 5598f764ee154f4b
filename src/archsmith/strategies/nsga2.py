"""NSGA-II: a population that is kept good by Pareto rank and diverse by crowding, for any number of objectives with
hard limits.

Source: Deb, Pratap, Agarwal and Meyarivan 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II" (IEEE
Transactions on Evolutionary Computation 6(2)); constrained domination after its section VI.

Differences from the paper: trials enter one by one in the order of finishing (steady state, (μ+1) selection: Durillo et
al. 2009, "On the Effect of the Steady-State Selection Scheme in Multi-Objective Genetic Algorithms") instead of a
generation at a time, so that workers never wait; crossover and mutation are those of search spaces, uniform crossover
and new answers; an architecture is never proposed twice; the population defaults to a fifth of the trials that the
budget will allow, 5 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.fresh import fresh
from archsmith.strategies.merit import merit

TRIES = 50  # children before a random architecture is taken; every tenth adds one more change

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NSGA2:
    """Mates and mutates the winners of tournaments between the ``population`` survivors of all trials.

    ``population``: μ, 2 or more (100: Deb et al. 2002); None: a fifth of the trials that the budget is expected to
    allow, within 5 and 100. ``crossover``: share of children with two parents, 0 to 1 (0.9: ibid.). Each answer of a
    child mutates with probability 1 / number of answers (ibid.). ``start``: begin with the architecture that the space
    itself names first, if it names one.
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
        size = RegularizedEvolution(self.population).population_size(history)
        survivors = _survivors(self, history, size)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            filling = len(survivors.trials) + len(history.pending) + len(proposals) < size
            proposal = self._first(history, taken) or (
                None if filling or not survivors.trials else self._child(history, survivors, taken, rng)
            )
            proposal = proposal or _sample(history, taken, rng)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def _first(self, history: History, taken: set[str]) -> Proposal | None:
        first: Architecture | None = history.space.first() if self.start and not history.trials and not taken else None
        return None if first is None else Proposal(first, notes={"operator": "first"})

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
    """The best ``size`` of the first ``n_read`` finished trials: a cache, which one pass over the history would find
    again.

    ``losses`` (n, m) and ``violations`` (n,) belong to ``trials``, and so do ``ranks`` and ``crowding`` (n,) when they
    are asked for.
    """

    size: int
    n_read: int = 0
    trials: list[Trial] = field(default_factory=list)
    losses: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    violations: Floats = field(default_factory=lambda: np.zeros(0))
    ranks: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    crowding: Floats = field(default_factory=lambda: np.zeros(0))

    def read(self, history: History) -> None:
        """Take in what has finished since, at full fidelity and well; whoever is worst then drops out."""
        for trial in history.finished[self.n_read :]:
            if trial.losses is not None and trial.fidelity == history.problem.fidelity.maximum:
                row = np.array([trial.losses])
                self.trials.append(trial)
                self.losses = np.concatenate([self.losses, row]) if len(self.losses) else row
                self.violations = np.append(self.violations, merit(trial, history.problem)[0])
                self.ranks = pareto_ranks(self.losses, self.violations)
                self.crowding = crowding_distances(self.losses, self.ranks)
                if len(self.trials) > self.size:
                    self._drop(int(np.lexsort((-np.arange(len(self.trials)), self.crowding, -self.ranks))[0]))
        self.n_read = len(history.finished)

    def _drop(self, worst: int) -> None:
        """The last rank's most crowded member leaves, the youngest of equals; only its own rank is less crowded for it."""
        del self.trials[worst]
        self.losses, self.violations = np.delete(self.losses, worst, axis=0), np.delete(self.violations, worst)
        self.ranks = np.delete(self.ranks, worst)
        self.crowding = crowding_distances(self.losses, self.ranks)

    def tournament(self, rng: np.random.Generator) -> Trial:
        """The better one of two random survivors: lower rank, then more space around it (crowded comparison, section
        III-B).
        """
        rivals: list[int] = rng.integers(len(self.trials), size=2).tolist()
        return self.trials[min(rivals, key=lambda i: (self.ranks[i], -self.crowding[i]))]


def pareto_ranks(losses: Floats, violations: Floats) -> Integers:
    """(n,): 0 for what nothing dominates, 1 for what only that dominates, and so on; from losses (n, m) and violations
    (n,).

    Constrained domination: the smaller violation wins, 0 being none; between equal ones it is the Pareto order of the
    losses.
    """
    no_worse = (losses[:, None] <= losses[None, :]).all(axis=2)
    equal = violations[:, None] == violations[None, :]
    dominates = (violations[:, None] < violations[None, :]) | (equal & no_worse & ~no_worse.T)
    n_above = dominates.sum(axis=0)
    ranks = np.full(len(losses), -1, dtype=np.int64)
    rank = 0
    while (ranks < 0).any():
        front = (ranks < 0) & (n_above == 0)
        ranks[front] = rank
        n_above -= dominates[front].sum(axis=0)
        rank += 1
    return ranks


def crowding_distances(losses: Floats, ranks: Integers) -> Floats:
    """(n,): how far apart one's neighbours of the same rank are, summed over objectives in units of the rank's spread;
    infinite at the ends.
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
    """Up to date, and replayed from the first trial where the size of the population has changed."""
    memory = _memory.setdefault(history, {})
    if strategy not in memory or memory[strategy].size != size:
        memory[strategy] = Survivors(size)
    memory[strategy].read(history)
    return memory[strategy]


def _sample(history: History, taken: set[str], rng: np.random.Generator) -> Proposal | None:
    architecture = fresh(history, rng, taken)
    return None if architecture is None else Proposal(architecture, notes={"operator": "sample"})
