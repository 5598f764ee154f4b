"""Regularised evolution: a population whose members die of age, tournaments, and mutation only.

Source: Real, Aggarwal, Huang and Le 2019, "Regularized Evolution for Image Classifier Architecture Search" (AAAI, arXiv
1802.01548), algorithm 1:

    fill the population with P random architectures
    repeat:
        draw S members of the population at random; the best of them is the parent
        mutate the parent, evaluate the child, and add it to the population
        remove the oldest member

Workers may be asynchronous, as in the paper: age is the order of finishing.

Differences from the paper:

* By default the population is a fifth of the trials that the budget will allow, at most the paper's 100. So short
  searches spend most of their trials on mutation too.
* No architecture is proposed twice.
* Trials that failed do not enter the population.
* A trial that breaks a constraint loses its tournaments against all that keep them (see ``ranking_key``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.ranking import need_one_objective, ranking_key
from archsmith.strategies.unseen import propose_first, propose_unseen

LEAST, MOST = 5, 100  # bounds of the population when it is not given; 100 as in Real et al. 2019, section 3
TRIALS_PER_MEMBER = 5  # when the population is not given; 200 in the paper
TOURNAMENT = 25 / 100  # sample size S over population size P, Real et al. 2019, section 3
MUTATIONS = 50  # tries for an unseen child before a random one is taken; every tenth adds one more change


@checked
@dataclass(frozen=True)
class RegularizedEvolution:
    """Mutates the best of a random sample of the youngest ``population`` trials.

    ``population``: how many of the youngest there are (P), 2 or more. None: a fifth of the trials that the budget is
        expected to allow, within 5 and 100; where that is unknown, a fifth of those finished so far.
    ``sample_size``: how many members compete to become the parent (S), 1 to P. None: a quarter of the population
        (paper: 25 of 100), at least 2.
    ``start``: whether to begin with the architecture that the space itself names first, if it names one.
    """

    population: int | None = None
    sample_size: int | None = None
    start: bool = True

    def __post_init__(self) -> None:
        if self.population is not None and self.population < 2:
            raise UsageError(f"RegularizedEvolution has population={self.population}.", "Give 2 or more, or None.")
        if self.sample_size is not None and not 1 <= self.sample_size <= (self.population or MOST):
            raise UsageError(
                f"RegularizedEvolution has sample_size={self.sample_size}.",
                f"Give 1 to {self.population or MOST} (the population), or None.",
            )

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        size = population_size(self.population, history)
        members = youngest(history, size)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            proposal = propose_first(history, taken) if self.start else None
            full = len(members) + len(history.pending) + len(proposals) >= size
            if proposal is None and full and members:
                proposal = self._child(history, members, size, taken, rng)
            if proposal is None:
                proposal = propose_unseen(history, rng, taken)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def _child(
        self, history: History, members: list[Trial], size: int, taken: set[str], rng: np.random.Generator
    ) -> Proposal | None:
        """A mutation, unseen so far, of the winner of a tournament; None when none was found."""
        sample_size = self.sample_size or max(2, round(size * TOURNAMENT))
        # with replacement, as in algorithm 1
        sample = [members[i] for i in rng.integers(len(members), size=sample_size).tolist()]
        parent = min(sample, key=lambda trial: ranking_key(trial, history.problem))
        for attempt in range(MUTATIONS):
            child = history.space.mutate(parent.architecture, rng, n_changes=1 + attempt // 10)
            if not history.seen(child) and child.key not in taken:
                return Proposal(child, parents=(parent.id,), notes={"operator": "mutate"})
        return None


def population_size(given: int | None, history: History) -> int:
    """The size of the population for this study: ``given``, or what suits the budget."""
    if given is not None:
        return given
    forecast = history.forecast_trials if history.forecast_trials is not None else len(history.finished)
    return int(min(MOST, max(LEAST, round(forecast / TRIALS_PER_MEMBER))))


def youngest(history: History, size: int) -> list[Trial]:
    """The last ``size`` trials at full fidelity that finished well, youngest first; feasible or not."""
    members: list[Trial] = []
    for trial in reversed(history.finished):
        if trial.losses is not None and trial.fidelity == history.problem.fidelity.maximum:
            members.append(trial)
            if len(members) == size:
                break
    return members
