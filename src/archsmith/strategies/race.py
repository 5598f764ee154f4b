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
to first slices. The best one goes on until it is sure to be the best: that costs nothing, since its training goes on in
any case.

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

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.budget import EXHAUSTED, SETTLED
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.records import Finished, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.strategies.forecast import (
    SMALLEST,
    Forecast,
    Prior,
    expected_gain,
    forecast,
    fresh,
    in_the_light_of,
    slope_seen,
)
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.ranking import need_one_objective

STEP = 2.0  # an entrant that goes on gets as much work again as it has had
# Expected gain below which nothing is worth a slice: as an error, or as a share of the best one where that is less.
WORTH, WORTH_SHARE = 5e-4, 0.02
ASKED = 0.2  # of that is enough for going on with the best one, which only costs one more score
FAMILY_SD = 0.15  # least spread, in logarithms, of the errors of new entrants around those of their family
MOST_LOST = 0.25  # share of all work that may go to others than the best entrant, unless it cannot use the rest
MOST_NEW = 0.125  # the same for the first slices of new entrants
FEWEST_SLICES = 4  # that others may have in any case
NEAR = 2  # families that new entrants come from


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
        them with little work. None: all work can be used.
    ``unit_seconds``: seconds that a unit of work should take. Trials that took longer, since they were scored for
        instance, count as more work. None: work alone counts, so that a race repeats exactly.
    ``rival``: an error that can be had without the race; it ends where nothing promises to be better. None: there is
        none.
    """

    seeds: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    anchors: int = 0
    slice: float | None = None
    rows: int | None = None
    family: str = "family"
    inner: Any = field(default_factory=GraphGP)
    prior: Prior = Prior()
    most_epochs: float | None = None
    unit_seconds: float | None = None
    rival: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.anchors <= len(self.seeds):
            raise UsageError(
                f"Race has anchors={self.anchors} and {len(self.seeds)} seeds.", "Anchors are the first of the seeds."
            )
        if self.slice is not None and not self.slice > 0:
            raise UsageError(f"Race has slice={self.slice}.", "Give work above 0, or None.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        proposals: list[Proposal] = []
        while len(proposals) < n:
            pool = _Pool.of(self, history, proposals)
            proposal = self._anchor(pool) or self._next(pool, rng)
            if proposal is None:
                break
            proposals.append(proposal)
        return proposals

    def incumbent(self, history: History) -> Trial | None:
        """The latest trial of the entrant with the best forecast."""
        need_one_objective(history.problem, self)
        best = _Pool.of(self, history, ()).best()
        return None if best is None else best.trials[-1]

    def foreseen(self, history: History) -> float | None:
        """The error that the best entrant is forecast to end with; None without one."""
        best = _Pool.of(self, history, ()).best()
        return None if best is None else best.seen.error

    def reason_to_end(self, history: History) -> str:
        """With a total of work it stops where more of it for the best entrant is worth more than anything else."""
        return EXHAUSTED if history.total_work is None else SETTLED

    def _anchor(self, pool: _Pool) -> Proposal | None:
        return next(pool.unseen(self.seeds[: self.anchors]), None)

    def _next(self, pool: _Pool, rng: np.random.Generator) -> Proposal | None:
        """What promises most for its work."""
        best = pool.best()
        if best is None:
            return pool.newcomer(rng)
        for option in sorted(pool.options(best), key=lambda option: -option.net / option.work):
            if option.entrant is not None:
                return pool.carried_on(option.entrant)
            proposal = option.seed or pool.newcomer(rng)
            if proposal is not None:
                return proposal
        return None


@dataclass
class _Entrant:
    """One architecture of the pool.

    ``trials``: of it, finished well, rising in work.
    ``family``: its name; empty where the space has none.
    ``pace``: its epochs in a unit of work; 0 where trials have none.
    ``seen``: the forecast at the horizon.
    """

    architecture: Architecture
    trials: list[Trial]
    family: str
    pace: float
    seen: Forecast

    @property
    def work(self) -> float:
        return self.trials[-1].fidelity


@dataclass(frozen=True)
class _Option:
    """Something that could be done next.

    ``work``: what it takes.
    ``net``: expected gain, as an error, less what the best entrant loses.
    ``entrant``: who would go on; None: a new one enters.
    ``seed``: which one that is; None: not decided yet.
    """

    work: float
    net: float
    entrant: _Entrant | None = None
    seed: Proposal | None = None


@dataclass
class _Pool:
    """The entrants as the history tells, and what is being proposed now.

    ``busy``: keys of architectures that are being trained.
    ``costs``: work that went to each architecture, by its key, with that of trainings that are going on or proposed.
    ``toll``: how many times its work a training costs.
    ``left``: work that is left; infinite where no total is known.
    """

    race: Race
    history: History
    entrants: list[_Entrant]
    busy: set[str]
    costs: Mapping[str, float]
    toll: float
    left: float

    @classmethod
    def of(cls, race: Race, history: History, proposals: Sequence[Proposal]) -> _Pool:
        fidelity = history.problem.fidelity
        least, most = fidelity.minimum, fidelity.maximum
        costs, toll = _costs(history, proposals, race.unit_seconds)
        left = math.inf if history.total_work is None else max(0.0, history.total_work - math.fsum(costs.values()))
        busy = {trial.architecture.key for trial in history.pending.values()}
        busy |= {proposal.architecture.key for proposal in proposals}
        pool = cls(race, history, [], busy, costs, toll, left)
        by_key: dict[str, list[Trial]] = {}
        for trial in history.finished:
            if trial.ok:
                by_key.setdefault(trial.architecture.key, []).append(trial)
        curves = []
        for trials in by_key.values():
            latest = {trial.fidelity: trial for trial in trials}  # a training that was repeated counts once
            rising = [latest[fidelity] for fidelity in sorted(latest)]
            family = str(rising[0].architecture.get(race.family, ""))
            pace = float(rising[-1].outcome_notes.get("epochs") or 0.0) / rising[-1].fidelity
            points = [(pool.fresh(trial.fidelity, pace), pool.error(trial)) for trial in rising]
            curves.append((rising, family, pace, points))
        several = [(family, points) for _, family, _, points in curves if len(points) > 1]
        prior = race.prior.on([(family, *slope_seen(points, race.rows, race.prior)) for family, points in several])
        for rising, family, pace, points in curves:
            work = rising[-1].fidelity
            useful = most if left == math.inf else min(work + max(left, least), pool.useful(pace))
            horizon = max(work, useful)
            more = min(STEP * work, max(horizon, 1.01 * work))
            horizon, more = pool.fresh(horizon, pace), pool.fresh(more, pace)
            seen = forecast(points, horizon, more, race.rows, prior.of(family))
            pool.entrants.append(_Entrant(rising[0].architecture, rising, family, pace, seen))
        reference = pool.reference
        if reference is not None:
            for entrant in pool.entrants:
                if entrant is not reference:
                    level = race.prior.level(entrant.family)
                    entrant.seen = in_the_light_of(entrant.seen, reference.seen, level)
        return pool

    @property
    def reference(self) -> _Entrant | None:
        """The first seed, beside which the levels of families are known; None where it has no score, or none is."""
        if not self.race.prior.levels or not self.race.seeds:
            return None
        first = Architecture(self.race.seeds[0]).key
        return next((entrant for entrant in self.entrants if entrant.architecture.key == first), None)

    def fresh(self, work: float, pace: float) -> float:
        """See ``forecast.fresh``."""
        return fresh(work, work * pace, self.race.prior.repeats)

    def error(self, trial: Trial) -> float:
        """The first objective as an error: what is minimised, or what a score lacks to 1."""
        assert trial.losses is not None
        objective = self.history.problem.objectives[0]
        return max(SMALLEST, 1.0 + trial.losses[0] if objective.maximize else trial.losses[0])

    def best(self) -> _Entrant | None:
        return min(self.entrants, key=lambda entrant: (entrant.seen.log, entrant.trials[0].id), default=None)

    # What could be done next

    def options(self, best: _Entrant) -> list[_Option]:
        """All that is worth its work, and may have it. Going on with the best one costs nothing, since that is done in
        any case.
        """
        found = [*self._carrying_on(best), *self._entering(best)]
        if self.left == math.inf:
            return found
        total, first = self.history.total_work or 0.0, self.toll * self.slice
        spare, least = total - self.useful(best.pace), FEWEST_SLICES * first
        lost = math.fsum(cost for key, cost in self.costs.items() if key != best.architecture.key)
        entered = first * (len(self.costs) - 1)

        def affordable(option: _Option) -> bool:
            if option.entrant is best:
                return True
            if option.entrant is None and entered + first > max(MOST_NEW * total, least, spare):
                return False
            return lost + self.toll * option.work <= max(MOST_LOST * total, least, spare)

        return [option for option in found if option.net > 0 and affordable(option)]

    def _carrying_on(self, best: _Entrant) -> Iterator[_Option]:
        for entrant in self.entrants:
            work = self._further(entrant) - entrant.work
            if entrant.architecture.key in self.busy or work <= 0:
                continue
            seen = entrant.seen
            if entrant is not best or self._rival < seen.error:
                gain = expected_gain(self._floor(best), seen.log, seen.revealed)
                gain -= self._lost(best, work) + self._worth(best)
            else:  # It may turn out to be worse than the second: if not by the next score, then by one after that.
                second = min([self._rival, *(other.seen.error for other in self.entrants if other is not best)])
                gain = -ASKED * self._worth(best)
                if second < math.inf:
                    gain += expected_gain(second, seen.log, seen.sd) - max(0.0, second - seen.error)
            yield _Option(work, gain, entrant)

    def _entering(self, best: _Entrant) -> Iterator[_Option]:
        """Seeds, as far as something is known of their families, and anybody else."""
        work, reference = self.slice, self.reference
        spent = self._lost(best, work) + self._worth(best)
        if reference is not None:
            for seed in self.unseen(self.race.seeds):
                family = str(seed.architecture.get(self.race.family, ""))
                kin = [entrant.seen.log for entrant in self.entrants if entrant.family == family]
                mean, sd = self.race.prior.level(family)
                log, variance = (min(kin), FAMILY_SD**2) if kin else (reference.seen.log + mean, sd**2)
                gain = expected_gain(self._floor(best), log, self._revealed(variance))
                yield _Option(work, gain - spent, seed=seed)
        log, sd = self._newcomer_forecast()
        yield _Option(work, expected_gain(self._floor(best), log, sd) - spent)

    @property
    def _rival(self) -> float:
        return math.inf if self.race.rival is None else self.race.rival

    def _floor(self, best: _Entrant) -> float:
        """The error that is to be had as things stand."""
        return min(best.seen.error, self._rival)

    @property
    def slice(self) -> float:
        return self.race.slice or self.history.problem.fidelity.minimum

    def useful(self, pace: float) -> float:
        """The most work that a training can use."""
        fidelity, epochs = self.history.problem.fidelity, self.race.most_epochs
        most = fidelity.full or fidelity.maximum
        return most if epochs is None or pace <= 0 else min(most, epochs / pace)

    def _worth(self, best: _Entrant) -> float:
        return 0.0 if self.left == math.inf else min(WORTH, WORTH_SHARE * self._floor(best))

    def _further(self, entrant: _Entrant) -> float:
        """The work of its next trial."""
        most = min(self.history.problem.fidelity.maximum, self.useful(entrant.pace))
        return min(STEP * entrant.work, most, entrant.work + self.left)

    def _lost(self, best: _Entrant, work: float) -> float:
        """What the best entrant loses, as an error, when ``work`` goes to somebody else."""
        if self.left == math.inf:
            return 0.0
        rival = self._rival < best.seen.error  # whose training has not begun
        before, slope = (0.0, self.race.prior.slope) if rival else (best.work, best.seen.slope)
        useful = self.useful(best.pace)
        all_of_it = self.fresh(min(useful, before + self.left), best.pace)
        less = self.fresh(min(useful, before + max(self.left - self.toll * work, 1e-3 * self.left)), best.pace)
        return float(self._floor(best) * ((all_of_it / less) ** slope - 1))

    def _newcomer_forecast(self) -> tuple[float, float]:
        """Mean and deviation of what a slice reveals of a new entrant of the best families."""
        logs: dict[str, list[float]] = {}
        for entrant in self.entrants:
            logs.setdefault(entrant.family, []).append(entrant.seen.log)
        near = sorted(min(values) for values in logs.values())[:NEAR]
        found = [value for values in logs.values() if min(values) <= near[-1] for value in values]
        mean = math.fsum(found) / len(found)
        spread = math.fsum((value - mean) ** 2 for value in found) / max(1, len(found) - 1)
        return mean, self._revealed(spread + FAMILY_SD**2)

    def _revealed(self, variance: float) -> float:
        """Deviation of what one slice reveals of a new entrant whose error at the end has this variance."""
        prior, far = self.race.prior, 0.0
        if self.left < math.inf:
            pace = max((entrant.pace for entrant in self.entrants), default=0.0)
            horizon = self.fresh(min(self.left, self.useful(pace)), pace)
            far = math.log(max(1.0, horizon / self.fresh(self.slice, pace)))
        unsure = (far * prior.slope_sd) ** 2 + prior.end_sd**2
        return math.sqrt(variance**2 / (variance + unsure))

    # Proposals

    def unseen(self, seeds: Iterable[Mapping[str, Any]]) -> Iterator[Proposal]:
        for i, decisions in enumerate(seeds):
            architecture = Architecture(decisions)
            if not self.history.seen(architecture) and architecture.key not in self.busy:
                yield Proposal(architecture, self.slice, notes={"operator": "seed", "seed": i})

    def carried_on(self, entrant: _Entrant) -> Proposal:
        notes: dict[str, Scalar] = {"operator": "carry_on", "forecast": entrant.seen.error, "sd": entrant.seen.sd}
        parents = (entrant.trials[-1].id,)
        return Proposal(entrant.architecture, self._further(entrant), parents=parents, notes=notes)

    def newcomer(self, rng: np.random.Generator) -> Proposal | None:
        """A seed of the best families that did not enter yet, then any other seed, then what the inner strategy
        proposes.
        """
        seeds = list(self.unseen(self.race.seeds))
        ranks = self._family_ranks()
        seeds.sort(key=lambda proposal: ranks.get(str(proposal.architecture.get(self.race.family, "")), len(ranks)))
        if seeds:
            return seeds[0]
        shadow, latest = self._foretold()
        for proposal in self.race.inner.ask(shadow, 1, rng):
            if not self.history.seen(proposal.architecture):
                parents = tuple(latest[parent] for parent in proposal.parents)
                return Proposal(proposal.architecture, self.slice, parents=parents, notes=proposal.notes)
        return None

    def _family_ranks(self) -> dict[str, int]:
        best: dict[str, float] = {}
        for entrant in self.entrants:
            best[entrant.family] = min(best.get(entrant.family, math.inf), entrant.seen.log)
        return {family: rank for rank, family in enumerate(sorted(best, key=lambda name: best[name]))}

    def _foretold(self) -> tuple[History, list[int]]:
        """A history with one trial for each architecture, and the latest real trial of each. Finished well, it has its
        forecast for a score at full fidelity.
        """
        problem = self.history.problem
        shadow, latest, places = History(problem), list[int](), dict[str, int]()
        shadow.take(StudyRecord(forecast_trials=self.history.forecast_trials))
        for trial in self.history.trials:
            if trial.architecture.key not in places:
                places[trial.architecture.key] = len(latest)
                parents = tuple(
                    {places[self.history.trials[parent].architecture.key]: None for parent in trial.parents}
                )
                row = ProposedTrial(len(latest), trial.architecture, problem.fidelity.maximum, parents, trial.notes)
                shadow.take(Proposed((row,)))
                latest.append(trial.id)
            latest[places[trial.architecture.key]] = trial.id
        forecasts = {entrant.architecture.key: entrant for entrant in self.entrants}
        objective = problem.objectives[0]
        for trial in self.history.finished:
            place = places[trial.architecture.key]
            entrant = forecasts.get(trial.architecture.key)
            if trial.architecture.key in self.busy or place not in shadow.pending:
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


def _costs(
    history: History, proposals: Sequence[Proposal], unit_seconds: float | None
) -> tuple[dict[str, float], float]:
    """``_Pool.costs`` and ``_Pool.toll``."""
    work: dict[str, float] = {}
    asked = [(trial.architecture, trial.fidelity) for trial in history.trials]
    asked += [(one.architecture, one.fidelity or history.problem.fidelity.maximum) for one in proposals]
    for architecture, fidelity in asked:
        work[architecture.key] = max(work.get(architecture.key, 0.0), fidelity)
    if unit_seconds is None:
        return work, 1.0
    took: dict[str, float] = {}
    for trial in history.finished:
        if trial.outcome is not None:
            took[trial.architecture.key] = took.get(trial.architecture.key, 0.0) + trial.outcome.seconds / unit_seconds
    costs = {key: max(least, took.get(key, 0.0)) for key, least in work.items()}
    done = math.fsum(work[key] for key in took)
    return costs, max(1.0, math.fsum(costs[key] for key in took) / done) if done else 1.0
