"""A race: the strategy for a pool of trainings that can go on.

Every architecture of the pool is an entrant. Work is the fidelity: a trial trains an entrant up to some work, and a
later trial of the same architecture goes on from there. The budget says how much work there is for the whole pool, the
last training of the winner included; without that the race never stops by itself. The race decides who gets the next
slice of work, a new entrant or one that is there:

    give each anchor, one compact network of every family, one slice of work
    repeat:
        forecast the error of every entrant at the horizon, if all work that is left went to it
        for every entrant that could go on, and for a new one: by how much is it expected to beat the best forecast
            after its next slice, less what the best one loses because it gets that slice less
        give the slice to whoever promises most for its work; stop when nobody promises anything

At most a quarter of all work goes to others than the best one, which may change with every score, and at most an eighth
to first slices; but always four slices, and whatever the best one cannot use. The best one goes on until it is sure to
be the best: that costs nothing, since its training goes on in any case. The answer is who has the best forecast, among
those that were scored twice if there are any.

So it ends by itself when more training of the best one is worth more than more candidates. Raw scores of short
trainings never decide: what starts fast often ends badly (``strategies.forecast`` extrapolates). Where it is known
beforehand how families end beside the first seed (``Prior.levels``), every forecast takes that into account, and a
family that is not likely to win does not enter at all.

Sources: freeze-thaw, Swersky et al. 2014 (arXiv 1406.3896); the rule to continue whoever most probably beats the best
at the horizon, Rakotoarison et al. 2024 (ifBO, arXiv 2404.16795); its form as expected improvement after one more
observation is the knowledge gradient (Frazier et al. 2008). One compact anchor a family with an equal slice: entries of
the NAS Unseen-Data Challenge 2026, where halving by raw scores threw away the networks that later won. The combination,
the cost of a slice in what the best one loses, and the stop are ours.

New entrants are first the seeds, then what ``inner`` proposes. The inner strategy sees one finished trial for every
entrant, with its forecast for a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archsmith.core.budget import EXHAUSTED, LATE, OUTDONE, SETTLED
from archsmith.core.errors import UsageError
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.history import History
from archsmith.core.protocols import Strategy, asked
from archsmith.core.records import Finished, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.strategies.forecast import Prior
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.race_pool import Pool
from archsmith.strategies.ranking import need_one_objective


@checked
@dataclass(frozen=True)
class Race:
    """Decides between new entrants and carrying on with those that are there.

    ``seeds``: decisions of architectures that enter first, in this order.
    ``anchors``: how many of them get a slice in any case.
    ``slice``: work of the first trial of an entrant; None: the problem's minimum.
    ``rows``: validation examples that scores are measured on; None: scores are exact.
    ``family``: the decision that names the family of an architecture, where there is one.
    ``inner``: proposes new entrants after the seeds.
    ``prior``: of learning curves.
    ``most_epochs``: that a training can use. A network that is much faster than the one that work is counted in has
        them with little work; trials get six tenths of them, and the last training the rest. None: all work can be
        used.
    ``unit_seconds``: seconds that a unit of work should take. Trials that took longer, since they were scored for
        instance, count as more work. None: work alone counts, so that a race repeats exactly.
    ``rival``: an error that can be had without the race; it ends where nothing promises to be better. None: there is
        none.
    ``most_work``: that all trials of the race may take. One that would take more does not begin. None: no limit.
    ``most_work_with_rival``: the same as long as nobody promises to end ahead of ``rival``.
    """

    seeds: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    anchors: int = 0
    slice: float | None = None
    rows: int | None = None
    family: str = "family"
    inner: Strategy = field(default_factory=GraphGP)
    prior: Prior = Prior()
    most_epochs: float | None = None
    unit_seconds: float | None = None
    rival: float | None = None
    most_work: float | None = None
    most_work_with_rival: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.anchors <= len(self.seeds):
            raise UsageError(
                f"Race has anchors={self.anchors} and {len(self.seeds)} seeds.", "Anchors are the first of the seeds."
            )
        check_above_0("Race", rows=self.rows, most_epochs=self.most_epochs, unit_seconds=self.unit_seconds)
        check_from_0("Race", rival=self.rival, most_work=self.most_work, most_work_with_rival=self.most_work_with_rival)
        if self.slice is not None and not self.slice > 0:
            raise UsageError(f"Race has slice={self.slice}.", "Give work above 0, or None.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        proposals: list[Proposal] = []
        while len(proposals) < n:
            pool = Pool.of(self, history, proposals)
            proposal = self._anchor(pool) or self._next(pool, rng)
            if proposal is None:
                break
            proposals.append(proposal)
        return proposals

    def incumbent(self, history: History) -> Trial | None:
        """The latest trial of the entrant with the best forecast; one that was scored once comes after the others."""
        return next(iter(self.ranking(history)), None)

    def ranking(self, history: History) -> list[Trial]:
        """The latest trial of every entrant, in the order of ``incumbent``."""
        need_one_objective(history.problem, self)
        return [entrant.trials[-1] for entrant in Pool.of(self, history, ()).ranking()]

    def foreseen(self, history: History) -> float | None:
        """The error that the incumbent is forecast to end with; None without one."""
        first = next(iter(Pool.of(self, history, ()).ranking()), None)
        return None if first is None else first.seen.error

    def reason_to_end(self, history: History) -> str:
        """With a total of work it stops where more of it for the best entrant, or for a ``rival`` that is ahead, is
        worth more than anything else; where nothing that is worth more would be over in time, or sooner, since the
        rival is ahead; or where nothing is left to propose.
        """
        pool = Pool.of(self, history, ())
        best = pool.best()
        if best is None or (history.total_work is None and self.most_work is None):
            return EXHAUSTED
        if not pool.promising(best):
            return OUTDONE if pool.rival_is_ahead_of(best) else SETTLED
        if pool.options(best):  # there was work for a newcomer, and none could be proposed
            return EXHAUSTED
        return OUTDONE if pool.outdone(best) else LATE

    def _anchor(self, pool: Pool) -> Proposal | None:
        return next(pool.unseen(self.seeds[: self.anchors]), None)

    def _next(self, pool: Pool, rng: np.random.Generator) -> Proposal | None:
        """What promises most for its work."""
        best = pool.best()
        if best is None:
            return self._newcomer(pool, rng)
        for option in sorted(pool.options(best), key=lambda option: -option.net / option.work):
            if option.entrant is not None:
                return pool.carried_on(option.entrant)
            proposal = option.seed or self._newcomer(pool, rng)
            if proposal is not None:
                return proposal
        return None

    def _newcomer(self, pool: Pool, rng: np.random.Generator) -> Proposal | None:
        """A seed of the best families that did not enter yet, then any other seed, then what the inner strategy
        proposes.
        """
        seeds, ranks = list(pool.unseen(self.seeds)), pool.family_ranks()
        seeds.sort(key=lambda proposal: ranks.get(str(proposal.architecture.get(self.family, "")), len(ranks)))
        if seeds:
            return seeds[0]
        shadow, latest = _foretold(pool)
        for proposal in asked(self.inner, shadow, 1, rng):
            if not pool.history.seen(proposal.architecture):
                parents = tuple(latest[parent] for parent in proposal.parents)
                return Proposal(proposal.architecture, pool.slice, parents=parents, notes=proposal.notes)
        return None


def _foretold(pool: Pool) -> tuple[History, list[int]]:
    """A history with one trial for each architecture, and the latest real trial of each. Finished well, it has its
    forecast for a score at full fidelity.
    """
    problem = pool.history.problem
    shadow, latest, places = History(problem), list[int](), dict[str, int]()
    shadow.take(StudyRecord(forecast_trials=pool.history.forecast_trials, seed=pool.history.seed))
    for trial in pool.history.trials:
        if trial.architecture.key not in places:
            places[trial.architecture.key] = len(latest)
            parents = tuple({places[pool.history.trials[parent].architecture.key]: None for parent in trial.parents})
            row = ProposedTrial(len(latest), trial.architecture, problem.fidelity.maximum, parents, trial.notes)
            shadow.take(Proposed((row,)))
            latest.append(trial.id)
        latest[places[trial.architecture.key]] = trial.id
    forecasts = {entrant.architecture.key: entrant for entrant in pool.entrants}
    objective = problem.objectives[0]
    for trial in pool.history.finished:
        place = places[trial.architecture.key]
        entrant = forecasts.get(trial.architecture.key)
        if trial.architecture.key in pool.busy or place not in shadow.pending:
            continue
        outcome = trial.outcome
        assert outcome is not None
        if entrant is not None:
            error = entrant.seen.error
            outcome = Outcome.success(
                {**entrant.trials[-1].metrics, objective.metric: 1.0 - error if objective.maximize else error},
                outcome.seconds,
            )
        shadow.take(Finished(place, outcome))
    return shadow, latest
