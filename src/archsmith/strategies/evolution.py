"""Regularised evolution: a population that dies of age, tournaments, and mutation only.

Source: Real, Aggarwal, Huang and Le 2019, "Regularized Evolution for Image Classifier Architecture Search" (AAAI, arXiv
1802.01548), algorithm 1.

Differences from the paper: the population defaults to a fifth of the trials that the budget will allow, at most the
paper's 100, so that short searches spend most of their trials on mutation too; an architecture is never proposed twice;
trials that failed do not enter the population; and what breaks a constraint loses its tournaments (see ``merit``).
Workers may be asynchronous, as in the paper: age is the order of finishing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.fresh import fresh
from archsmith.strategies.merit import merit, need_one_objective

LEAST, MOST = 5, 100  # bounds of the population when it is not given; 100 as in Real et al. 2019, section 3
SHARE = 5  # one population in five trials; the paper's ratio is 200
TOURNAMENT = 25 / 100  # sample size S over population size P, Real et al. 2019, section 3
MUTATIONS = 50  # tries for an unseen child before a random one is taken; every tenth adds one more change


@dataclass(frozen=True)
class RegularizedEvolution:
    """Mutates the best of a random sample of the youngest ``population`` trials.

    ``population``: P, 2 or more; None: a fifth of the trials that the budget is expected to allow (of those finished so
    far when that is unknown), within 5 and 100. ``sample_size``: S, how many compete for becoming the parent, 1 to P;
    None: a quarter of the population (paper: 25 of 100), at least 2. ``start``: begin with the architecture that the
    space itself names first, if it names one.
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
        size = self.population_size(history)
        members = youngest(history, size)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            filling = len(members) + len(history.pending) + len(proposals) < size
            proposal = self._first(history, taken) or (
                None if filling or not members else self._child(history, members, size, taken, rng)
            )
            proposal = proposal or _sample(history, taken, rng)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def population_size(self, history: History) -> int:
        """P for this study."""
        if self.population is not None:
            return self.population
        forecast = history.forecast_trials if history.forecast_trials is not None else len(history.finished)
        return int(min(MOST, max(LEAST, round(forecast / SHARE))))

    def _first(self, history: History, taken: set[str]) -> Proposal | None:
        if not self.start or history.trials or taken:
            return None
        first: Architecture | None = history.space.first()
        return Proposal(first, notes={"operator": "first"}) if first is not None else None

    def _child(
        self, history: History, members: list[Trial], size: int, taken: set[str], rng: np.random.Generator
    ) -> Proposal | None:
        """A mutation, unseen so far, of the winner of a tournament; None when none was found."""
        sample_size = self.sample_size or max(2, round(size * TOURNAMENT))
        # with replacement, as in algorithm 1
        sample = [members[i] for i in rng.integers(len(members), size=sample_size).tolist()]
        parent = min(sample, key=lambda trial: merit(trial, history.problem))
        for attempt in range(MUTATIONS):
            child = history.space.mutate(parent.architecture, rng, n_changes=1 + attempt // 10)
            if not history.seen(child) and child.key not in taken:
                return Proposal(child, parents=(parent.id,), notes={"operator": "mutate"})
        return None


def youngest(history: History, size: int) -> list[Trial]:
    """The last ``size`` trials at full fidelity that finished well, youngest first; feasible or not."""
    members: list[Trial] = []
    for trial in reversed(history.finished):
        if trial.losses is not None and trial.fidelity == history.problem.fidelity.maximum:
            members.append(trial)
            if len(members) == size:
                break
    return members


def _sample(history: History, taken: set[str], rng: np.random.Generator) -> Proposal | None:
    architecture = fresh(history, rng, taken)
    return None if architecture is None else Proposal(architecture, notes={"operator": "sample"})
