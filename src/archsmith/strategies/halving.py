"""Successive halving, Hyperband and ASHA: many short trials, of which only the best are carried on to longer ones.

Sources: Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (AISTATS,
arXiv 1502.07943), successive halving; Li et al. 2018, "Hyperband" (JMLR 18, arXiv 1603.06560), algorithm 1; Li et al.
2020, "A System for Massively Parallel Hyperparameter Tuning" (MLSys, arXiv 1810.05934), algorithm 2 (ASHA).

The fidelities of the problem are cut into *rungs*. An architecture enters at a low one. If it is among the best there,
it is proposed again at the next. Its earlier trial is then the parent, so that an evaluator can go on from where that
one stopped:

    successive halving:  evaluate n architectures at the lowest rung, the best n/eta at the next, and so on
    Hyperband:           one such *bracket* from every rung in turn, with ever fewer architectures
    ASHA:                promote whatever is among the best 1/eta of its rung now; if nothing is, add a new architecture

Differences from the papers:

* Brackets follow one another for as long as the budget lasts.
* At least one architecture climbs each step of a bracket, so that every bracket brings a result at full fidelity.
* A trial that failed counts as one of its rung and never climbs.
* A trial that breaks a constraint ranks behind all that keep them (see ``ranking_key``).
* Trials that others made at these fidelities take part like one's own.
* Where a finite space has nothing new to offer, ASHA promotes the best that are left in spite of its rule.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.problem import Fidelity
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.ranking import WORST, RankingKey, need_one_objective, ranking_key
from archsmith.strategies.unseen import draw_unseen


@checked
@dataclass(frozen=True)
class SuccessiveHalving:
    """Evaluates ``size`` new architectures at the lowest rung, the best one in ``eta`` of them at the next, and so on.

    Then it begins again. It waits until a rung is finished. ASHA never lets workers wait.

    ``eta``: one architecture in eta climbs, 2 or more (3: Li et al. 2018, who recommend 3 or 4).
    ``size``: 1 or more. None: as many as leave one at the top, eta to the power of the rungs above the lowest.
    ``rungs``: the fidelities in use, rising to the problem's maximum, such as (12, 200) for NAS-Bench-201 with an
        evaluator of ``epochs=None``, which has no others. None: the minimum times powers of eta, then the maximum.
    """

    eta: int = 3
    size: int | None = None
    rungs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check(self, self.eta, self.rungs)
        if self.size is not None and self.size < 1:
            raise UsageError(f"SuccessiveHalving has size={self.size}.", "Give 1 or more, or None.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        rungs = rungs_of(self, history.problem.fidelity)
        size = self.size if self.size is not None else self.eta ** (len(rungs) - 1)
        return _propose_in_turn(self, [Bracket(0, size)], rungs, history, n, rng)


@checked
@dataclass(frozen=True)
class Hyperband:
    """Successive halving from every rung in turn: many architectures from the lowest, a handful at the maximum alone.

    This guards against low fidelities that mislead.

    ``eta``: one architecture in eta climbs, 2 or more (3: Li et al. 2018, who recommend 3 or 4).
    ``rungs``: as in ``SuccessiveHalving``.
    """

    eta: int = 3
    rungs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check(self, self.eta, self.rungs)

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        rungs = rungs_of(self, history.problem.fidelity)
        return _propose_in_turn(self, self.brackets(len(rungs)), rungs, history, n, rng)

    def brackets(self, n_rungs: int) -> list[Bracket]:
        """One round: n = ⌈(s_max + 1) / (s + 1) · eta^s⌉ architectures for s = s_max, …, 0 (Li et al. 2018, algorithm
        1).
        """
        most = n_rungs - 1
        return [Bracket(most - s, math.ceil((most + 1) * self.eta**s / (s + 1))) for s in range(most, -1, -1)]


@checked
@dataclass(frozen=True)
class ASHA:
    """Asynchronous successive halving: never waits for a rung to be full.

    Promotes whatever is among the best one in ``eta`` of its rung so far.

    ``eta``: one architecture in eta climbs, 2 or more (4: the experiments of Li et al. 2020).
    ``rungs``: as in ``SuccessiveHalving``.
    """

    eta: int = 4
    rungs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check(self, self.eta, self.rungs)

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        rungs = rungs_of(self, history.problem.fidelity)
        ladder = _ladders.setdefault(history, {}).setdefault(self, _Ladder(rungs))
        ladder.read(history)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            proposal = ladder.promotion(history, taken, self.eta) or _newcomer(history, taken, rng, rungs, 0)
            if proposal is None and not proposals and not history.pending:
                proposal = ladder.promotion(history, taken, eta=1)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals


def rungs_of(strategy: SuccessiveHalving | Hyperband | ASHA, fidelity: Fidelity) -> tuple[float, ...]:
    """The fidelities that ``strategy`` uses, lowest first.

    Raises UsageError when those that it was given do not fit the problem.
    """
    if strategy.rungs is None:
        steps = round(math.log(fidelity.maximum / fidelity.minimum) / math.log(strategy.eta))
        return (*(float(fidelity.minimum * strategy.eta**k) for k in range(steps)), float(fidelity.maximum))
    if strategy.rungs[0] < fidelity.minimum or strategy.rungs[-1] != fidelity.maximum:
        raise UsageError(
            f"{type(strategy).__name__} has rungs={strategy.rungs}, and {fidelity.name} run from {fidelity.minimum:g} "
            f"to {fidelity.maximum:g}.",
            f"Begin at {fidelity.minimum:g} or more and end with {fidelity.maximum:g}.",
        )
    return strategy.rungs


def _check(strategy: object, eta: int, rungs: tuple[float, ...] | None) -> None:
    if eta < 2:
        raise UsageError(
            f"{type(strategy).__name__} has eta={eta}.", "Give 2 or more: one architecture in eta goes on."
        )
    if rungs is not None and (not rungs or list(rungs) != sorted(set(rungs)) or not rungs[0] > 0):
        raise UsageError(f"{type(strategy).__name__} has rungs={rungs}.", "Give rising fidelities above 0, or None.")


def _newcomer(
    history: History, taken: set[str], rng: np.random.Generator, rungs: Sequence[float], rung: int
) -> Proposal | None:
    architecture = draw_unseen(history, rng, taken)
    if architecture is None:
        return None
    return Proposal(architecture, rungs[rung], notes={"operator": "sample", "rung": rung})


def _newcomers(
    history: History, taken: set[str], rng: np.random.Generator, rungs: Sequence[float], rung: int, n: int
) -> list[Proposal]:
    """Up to ``n`` newcomers, which join ``taken``; fewer when the space has no more."""
    newcomers: list[Proposal] = []
    while len(newcomers) < n and (newcomer := _newcomer(history, taken, rng, rungs, rung)) is not None:
        taken.add(newcomer.architecture.key)
        newcomers.append(newcomer)
    return newcomers


def _promoted(trial: Trial, rungs: Sequence[float], rung: int) -> Proposal:
    return Proposal(trial.architecture, rungs[rung], parents=(trial.id,), notes={"operator": "promote", "rung": rung})


# Successive halving and Hyperband: one bracket after the other


@dataclass(frozen=True)
class Bracket:
    """One round of successive halving.

    ``start``: the rung where new architectures enter, from 0.
    ``size``: how many enter.
    """

    start: int
    size: int


@dataclass
class _Brackets:
    """How far the brackets are.

    A cache: a pass over all trials of the history would find the same.

    ``entered``: fidelity to the trials that are the first of their architecture and have it.
    ``n_read``: how many of ``history.trials`` were read.
    ``n_closed``: how many brackets are full and have nothing more to propose.
    """

    entered: defaultdict[float, list[Trial]] = field(default_factory=lambda: defaultdict(list))
    n_read: int = 0
    n_closed: int = 0

    def read(self, history: History) -> None:
        for trial in history.trials[self.n_read :]:
            if history.of(trial.architecture)[0] is trial:
                self.entered[trial.fidelity].append(trial)
        self.n_read = len(history.trials)


_brackets: WeakKeyDictionary[History, dict[SuccessiveHalving | Hyperband, _Brackets]] = WeakKeyDictionary()


def _propose_in_turn(
    strategy: SuccessiveHalving | Hyperband,
    plan: Sequence[Bracket],
    rungs: Sequence[float],
    history: History,
    n: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """What the first bracket that is not over proposes. ``plan`` is repeated for ever.

    The order of proposals says which bracket an architecture belongs to: the first ``size`` that entered at its rung
    are of the first bracket, the next of the second. So this needs no notes.
    """
    need_one_objective(history.problem, strategy)
    state = _brackets.setdefault(history, {}).setdefault(strategy, _Brackets())
    state.read(history)
    proposals: list[Proposal] = []
    taken: set[str] = set()
    number = state.n_closed
    while True:
        turn, place = divmod(number, len(plan))
        start, size = plan[place].start, plan[place].size
        members = state.entered[rungs[start]][turn * size : (turn + 1) * size]
        missing = size - len(members)
        newcomers = _newcomers(history, taken, rng, rungs, start, min(missing, n - len(proposals)))
        proposals += newcomers
        short = len(newcomers) < missing
        if short and len(proposals) == n:
            return proposals
        if start < len(rungs) - 1:
            if newcomers:
                return proposals  # nobody climbs before the lowest rung has finished
            climbed, over = _next_rung(members, start, strategy.eta, rungs, history, n - len(proposals))
            proposals += climbed
            if not over:
                return proposals
        if short:
            return proposals  # the space has no more
        number += 1
        if not proposals:
            state.n_closed = number


def _next_rung(
    members: Sequence[Trial], start: int, eta: int, rungs: Sequence[float], history: History, n: int
) -> tuple[list[Proposal], bool]:
    """Up to ``n`` promotions of one bracket, and whether it has no more of them to come."""
    for rung in range(start + 1, len(rungs)):
        if any(trial.status is Status.PENDING for trial in members):
            return [], False
        ranked = sorted((ranking_key(trial, history.problem), trial.id) for trial in members)
        best = [history.trials[i] for order, i in ranked if order < WORST][: max(1, len(members) // eta)]
        upper = [next((t for t in history.of(trial.architecture) if t.fidelity == rungs[rung]), None) for trial in best]
        waiting = [trial for trial, above in zip(best, upper, strict=True) if above is None]
        if waiting:
            over = len(waiting) <= n and rung == len(rungs) - 1
            return [_promoted(trial, rungs, rung) for trial in waiting[:n]], over
        members = [trial for trial in upper if trial is not None]
    return [], True


# ASHA: all rungs at once


@dataclass
class _Ladder:
    """Who stands on which rung: a cache over ``history.finished``.

    ``rungs``: the fidelities, lowest first.
    ``n_read``: how many of ``history.finished`` were read.
    ``n_finished``: for each rung, failures included.
    ``ranked``: for each rung all that finished well, as ``(ranking key, trial id)``, best first.
    ``waiting``: for each rung those of them that were not promoted, as far as is known.
    """

    rungs: tuple[float, ...]
    n_read: int = 0
    n_finished: list[int] = field(init=False)
    ranked: list[list[tuple[RankingKey, int]]] = field(init=False)
    waiting: list[list[tuple[RankingKey, int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.n_finished = [0 for _ in self.rungs]
        self.ranked = [[] for _ in self.rungs]
        self.waiting = [[] for _ in self.rungs]

    def read(self, history: History) -> None:
        for trial in history.finished[self.n_read :]:
            if trial.fidelity in self.rungs:
                rung = self.rungs.index(trial.fidelity)
                self.n_finished[rung] += 1
                if trial.losses is not None:
                    entry = (ranking_key(trial, history.problem), trial.id)
                    insort(self.ranked[rung], entry)
                    insort(self.waiting[rung], entry)
        self.n_read = len(history.finished)

    def promotion(self, history: History, taken: Iterable[str], eta: int) -> Proposal | None:
        """The best trial that may be promoted, from the highest rung that has one: the loop of algorithm 2."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            waiting = self.waiting[rung]
            while waiting and self._climbed(history.trials[waiting[0][1]], history, rung):
                waiting.pop(0)
            entry = next(
                (entry for entry in waiting if self._open(history.trials[entry[1]], history, rung, taken)), None
            )
            if entry is not None and bisect_left(self.ranked[rung], entry) < self.n_finished[rung] // eta:
                return _promoted(history.trials[entry[1]], self.rungs, rung + 1)
        return None

    def _climbed(self, trial: Trial, history: History, rung: int) -> bool:
        return any(other.fidelity >= self.rungs[rung + 1] for other in history.of(trial.architecture))

    def _open(self, trial: Trial, history: History, rung: int, taken: Iterable[str]) -> bool:
        return trial.architecture.key not in taken and not self._climbed(trial, history, rung)


_ladders: WeakKeyDictionary[History, dict[ASHA, _Ladder]] = WeakKeyDictionary()
