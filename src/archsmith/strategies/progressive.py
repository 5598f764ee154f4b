"""Progressive search: cells grow block by block, and a surrogate says which expansions are worth an evaluation.

Source: Liu et al. 2018, "Progressive Neural Architecture Search" (PNAS; ECCV, arXiv 1712.00559), algorithm 1:

    evaluate all cells of one block and fit the surrogate
    for b = 2 … B:
        expand every cell of the beam by every possible block
        score all of them with the surrogate
        evaluate the K best that are different networks: they are the next beam
        fit the surrogate to them too
    the best cell of B blocks is the result

Differences from the paper:

* How a space grows is the space's own business (archsmith.core.growth), and every space can grow.
* Cells are told apart by identity down the ranking. A cell that equals one evaluated at an earlier level joins the beam
  and is not evaluated again.
* Failed cells are not expanded, and the surrogate does not learn from them.
* The result is the best of all levels.
* The first level is cut at 256 cells (the paper's has 136) and asked in random order.
* ``beam=None`` fits the plan to the budget.

The surrogate learns targets in [0, 1]. In the paper they are validation accuracies, met by a sigmoid. So it is here for
any metric that is maximised and lies in [0, 1]. Other metrics become the sigmoid of how many robust standard deviations
(median, 1.4826 MAD) they are better than the median. What breaks a constraint lies below all that keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.growth import START, Expansions, Grown, growth_of
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.seeds import generator
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.ranking import need_one_objective, ranking_key
from archsmith.strategies.unseen import propose_unseen

if TYPE_CHECKING:
    from archsmith.surrogates.ensemble import Ensemble

BEAM = 256  # K, Liu et al. 2018
SURROGATES = ("mlp", "lstm")
FARTHEST = 6.0  # standard deviations from the median beyond which targets are all alike


@checked
@dataclass(frozen=True)
class Progressive:
    """Evaluates a beam of cells at every level and grows the next level from it.

    ``beam``: K, cells evaluated at each level but the first, 1 or more; the search ends after the last level. None: 256
        as in the paper, or fewer where the budget is expected to allow fewer trials for each level that is left. Then
        the rest of the budget goes to the next best expansions of the last level, and after them to random
        architectures.
    ``surrogate``: an ensemble of five ``mlp`` or ``lstm``. The paper searched with ``mlp``, which was better at the
        next level.
    ``refits``: in how many portions the cells of a level are chosen, 1 or more; the surrogate is fitted before each
        (paper: 1).
    ``optimism``: how many standard deviations of the ensemble are added to its mean, 0 or more (paper: 0; with several
        refits 1 is a good choice).
    ``seed``: of the surrogate and of ties; None: that of the study.
    """

    beam: int | None = None
    surrogate: str = "mlp"
    refits: int = 1
    optimism: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.beam is not None and self.beam < 1:
            raise UsageError(f"Progressive has beam={self.beam}.", "Give 1 or more, or None.")
        if self.surrogate not in SURROGATES:
            raise UsageError(
                f"Progressive has surrogate={self.surrogate!r}.", f"It is one of: {', '.join(SURROGATES)}."
            )
        if self.refits < 1:
            raise UsageError(f"Progressive has refits={self.refits}.", "Give 1 or more.")
        if not 0 <= self.optimism < math.inf:
            raise UsageError(
                f"Progressive has optimism={self.optimism}.", "Give a number of standard deviations, 0 or more."
            )

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        growing = _growing(self, history)
        while True:
            unasked = [member for member in growing.portion if trial_of(member.architecture, history) is None]
            if unasked:
                # The first level comes in random order, which makes one study differ from another. Later the best come
                # first.
                order = rng.permutation(len(unasked)).tolist() if growing.level == 1 else range(len(unasked))
                return [growing.proposal(unasked[i], history) for i in order[:n]]
            if any(growing.trial(member, history).status is Status.PENDING for member in growing.portion):
                return []
            if not growing.advance(history):
                return [] if self.beam is not None else _samples(history, n, rng)


class _Member(NamedTuple):
    """A cell of a level.

    ``point``: its architecture and tokens.
    ``evaluated``: the architecture whose trial counts for it: its own, or that of an equal cell.
    ``parent``: the evaluated architecture that it grew from; None at the first level.
    ``belief``: what the surrogate predicted; None before the first fit.
    """

    point: Grown
    evaluated: Architecture
    parent: Architecture | None
    belief: float | None

    @property
    def architecture(self) -> Architecture:
        return self.point.architecture


class _Growing:
    """How far the search has grown.

    A cache over the history: a replay of all levels would find the same. A portion is chosen when all before it have
    finished, and from these alone. So it depends neither on when it is chosen nor on trials of others.
    """

    def __init__(self, strategy: Progressive, history: History) -> None:
        self.strategy, self.seed = strategy, history.seed_of(strategy.seed)
        self.growth = growth_of(history.space)
        self.level = 0
        self.chosen = [_Member(START, START.architecture, None, None)]  # of this level, so far
        self.portion: list[_Member] = []  # what was chosen last and must be evaluated
        self.evaluated: list[_Member] = []
        self.known: dict[str, Architecture] = {}  # identity -> the architecture that is evaluated for it
        self.names: set[str] = set()  # identities of this level
        self.beam: list[_Member] = []  # of the level before, what this one grew from
        self.expansions = Expansions.none()
        self.unread = np.empty(0, np.intp)  # expansions that the walk down the ranking has not reached
        self.n_wanted = 0  # members that this level still wants
        self.portion_size = 0
        self.last = False  # whether this level is the last one
        self.surrogate: Ensemble | None = None
        self.n_fitted = 0

    def advance(self, history: History) -> bool:
        """Choose the next portion once all before it have finished. False when nothing is left to grow."""
        self.evaluated += self.portion
        self.portion = []
        while not self.portion:
            if (not self.n_wanted or not len(self.unread)) and not self._next_level(history):
                if self.strategy.beam is not None or not len(self.unread):
                    return False
                self.n_wanted = self.portion_size
            self._fit(history)
            self._choose(history)
        return True

    def trial(self, member: _Member, history: History) -> Trial:
        trial = trial_of(member.evaluated, history)
        assert trial is not None, "members are looked at once they have been asked"
        return trial

    def proposal(self, member: _Member, history: History) -> Proposal:
        parent = trial_of(member.parent, history) if member.parent is not None else None
        belief = {} if member.belief is None else {"belief": member.belief}
        return Proposal(
            member.architecture,
            parents=(parent.id,) if parent else (),
            notes={"operator": "grow", "level": self.level, **belief},
        )

    def _next_level(self, history: History) -> bool:
        """Expand the beam: this level without the cells that failed, unless all did. False above the last level."""
        if self.last:
            return False
        beam = (
            self.chosen
            if self.level == 0
            else [m for m in self.chosen if self.trial(m, history).losses is not None] or self.chosen
        )
        wanted = self._size(self.level + 1, history.forecast_trials)
        rng = generator(self.seed, "expand", self.level + 1)
        expansions = self.growth.expand(self.level + 1, [member.point for member in beam], wanted, rng)
        if not len(expansions):
            self.last = True
            return False
        self.level += 1
        self.n_wanted, self.portion_size = wanted, wanted if self.level == 1 else -(-wanted // self.strategy.refits)
        self.expansions, self.unread = expansions, np.arange(len(expansions))
        self.chosen, self.names, self.beam = [], set(), beam
        return True

    def _size(self, level: int, forecast: float | None) -> int:
        """How many cells ``level`` evaluates at most."""
        beam = self.strategy.beam
        if beam is not None:
            return beam if level > 1 else max(beam, BEAM)
        if forecast is None:
            return BEAM
        n_levels = max(1, self.growth.n_levels - level + 1)
        return max(1, math.ceil(min(BEAM, (forecast - len(self.evaluated)) / n_levels)))

    def _fit(self, history: History) -> None:
        """Fit the surrogate to all evaluated cells, in the order of finishing, unless there is nothing new."""
        if self.n_fitted == len(self.evaluated):
            return
        self.n_fitted = len(self.evaluated)
        place = {trial.id: i for i, trial in enumerate(history.finished)}
        rows = [(self.trial(member, history), member.point.tokens) for member in self.evaluated]
        rows = sorted((row for row in rows if row[0].losses is not None), key=lambda row: place[row[0].id])
        if not rows:
            return
        if self.surrogate is None:
            from archsmith.surrogates.ensemble import Ensemble

            self.surrogate = Ensemble(self.strategy.surrogate, self.growth.alphabet, self.seed)
        self.surrogate.fit([tokens for _, tokens in rows], targets([trial for trial, _ in rows], history.problem))

    def _choose(self, history: History) -> None:
        """Walk down the ranking of the expansions until the portion is full.

        Its cells differ from one another and from all before.
        """
        scores = np.zeros(len(self.unread), np.float32)
        if self.surrogate is not None:
            scores, spread = self.surrogate.predict(self.expansions.tokens[self.unread])
            scores = scores + self.strategy.optimism * spread
        ties = generator(self.seed, "ties", self.level, len(self.evaluated)).permutation(len(scores))
        order = np.lexsort((ties, -scores))
        size, n_read = min(self.n_wanted, self.portion_size), 0
        while len(self.portion) < size and n_read < len(order):
            i = order[n_read]
            self._take(int(self.unread[i]), None if self.surrogate is None else round(float(scores[i]), 6), history)
            n_read += 1
        self.unread = np.sort(self.unread[order[n_read:]])
        self.n_wanted -= len(self.portion)

    def _take(self, row: int, belief: float | None, history: History) -> None:
        """Let an expansion join the level, unless an equal cell is there.

        It joins the portion too, unless an equal cell was evaluated before.
        """
        architecture = self.expansions.architecture(row)
        name = history.space.identity(architecture)
        if name in self.names:
            return
        self.names.add(name)
        evaluated = self.known.setdefault(name, architecture)
        parent = self.beam[self.expansions.parents[row]].evaluated if self.level > 1 else None
        member = _Member(Grown(architecture, self.expansions.tokens[row].copy()), evaluated, parent, belief)
        self.chosen.append(member)
        if evaluated is architecture:
            self.portion.append(member)


def trial_of(architecture: Architecture, history: History) -> Trial | None:
    """The first trial of ``architecture`` at full fidelity."""
    return next(
        (trial for trial in history.of(architecture) if trial.fidelity == history.problem.fidelity.maximum), None
    )


def targets(trials: Sequence[Trial], problem: Problem) -> list[float]:
    """What the surrogate learns for trials that did not fail: numbers in [0, 1], higher is better.

    The top of this file says how they are made.
    """
    objective = problem.objectives[0]
    losses = np.array([trial.losses[0] for trial in trials if trial.losses is not None and trial.feasible])
    values = -losses
    if not len(values) or (objective.maximize and bool(((values >= 0) & (values <= 1)).all())):
        goods = values
    else:
        centre = np.median(losses)
        spread = 1.4826 * np.median(np.abs(losses - centre)) or losses.std() or 1.0
        goods = 1 / (1 + np.exp(np.clip((losses - centre) / spread, -FARTHEST, FARTHEST)))
    lowest = float(goods.min()) if len(goods) else 0.5
    feasible = iter(goods.tolist())
    return [next(feasible) if trial.feasible else lowest / (1 + ranking_key(trial, problem)[0]) for trial in trials]


def _samples(history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
    taken: set[str] = set()
    proposals: list[Proposal] = []
    while len(proposals) < n and (proposal := propose_unseen(history, rng, taken)) is not None:
        taken.add(proposal.architecture.key)
        proposals.append(proposal)
    return proposals


_grown: WeakKeyDictionary[History, dict[Progressive, _Growing]] = WeakKeyDictionary()


def _growing(strategy: Progressive, history: History) -> _Growing:
    known = _grown.setdefault(history, {})
    if strategy not in known:
        known[strategy] = _Growing(strategy, history)
    return known[strategy]
