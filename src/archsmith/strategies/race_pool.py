"""The pool of a race: what is known of its trainings, and what could be done next, with what it promises.

See ``strategies.race``, which decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
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

ANNEALING = 0.4  # share of the epochs of a final training that is left when the rate falls; trials end before it
STEP = 2.0  # an entrant that goes on gets as much work again as it has had
# Expected gain below which nothing is worth a slice: as an error, or as a share of the best one where that is less.
WORTH, WORTH_SHARE = 5e-4, 0.02
ASKED = 0.2  # of that is enough for going on with the best one, which only costs one more score
FAMILY_SD = 0.15  # least spread, in logarithms, of the errors of new entrants around those of their family
MOST_LOST = 0.25  # share of all work that may go to others than the best entrant, unless it cannot use the rest
MOST_NEW = 0.125  # the same for the first slices of new entrants
FEWEST_SLICES = 4  # that others may have in any case
CAUGHT_UP = 0.1  # by how much the logarithm of an error must have come nearer to that of the reference to count
SEEN_ENOUGH = 3.0  # epochs after which a curve shows whether a network that learns slowly catches up
ANY_FURTHER = 1.01  # times the work that it has had is the least that an entrant goes on to
NEAR = 2  # families that new entrants come from


class Rules(Protocol):
    """What a pool is told, see ``race.Race``."""

    @property
    def seeds(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def slice(self) -> float | None: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def family(self) -> str: ...
    @property
    def prior(self) -> Prior: ...
    @property
    def most_epochs(self) -> float | None: ...
    @property
    def unit_seconds(self) -> float | None: ...
    @property
    def rival(self) -> float | None: ...
    @property
    def most_work(self) -> float | None: ...
    @property
    def most_work_with_rival(self) -> float | None: ...


@dataclass
class Entrant:
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
class Option:
    """Something that could be done next.

    ``work``: what it takes.
    ``net``: expected gain, as an error, less what the best entrant loses.
    ``entrant``: who would go on; None: a new one enters.
    ``seed``: which one that is; None: not decided yet.
    """

    work: float
    net: float
    entrant: Entrant | None = None
    seed: Proposal | None = None


@dataclass
class Pool:
    """The entrants as the history tells, and what is being proposed now.

    ``busy``: keys of architectures that are being trained.
    ``costs``: work that went to each architecture, by its key, with that of trainings that are going on or proposed.
    ``toll``: how many times its work a training costs.
    ``left``: work that is left; infinite where no total is known.
    """

    rules: Rules
    history: History
    entrants: list[Entrant]
    busy: set[str]
    costs: Mapping[str, float]
    toll: float
    left: float

    @classmethod
    def of(cls, rules: Rules, history: History, proposals: Sequence[Proposal]) -> Pool:
        fidelity = history.problem.fidelity
        least, most = fidelity.minimum, fidelity.maximum
        costs, toll = costs_of(history, proposals, rules.unit_seconds)
        left = math.inf if history.total_work is None else max(0.0, history.total_work - math.fsum(costs.values()))
        busy = {trial.architecture.key for trial in history.pending.values()}
        busy |= {proposal.architecture.key for proposal in proposals}
        pool = cls(rules, history, [], busy, costs, toll, left)
        by_key: dict[str, list[Trial]] = {}
        for trial in history.finished:
            if trial.ok:
                by_key.setdefault(trial.architecture.key, []).append(trial)
        curves = []
        for trials in by_key.values():
            latest = {trial.fidelity: trial for trial in trials}  # a training that was repeated counts once
            rising = [latest[fidelity] for fidelity in sorted(latest)]
            family = str(rising[0].architecture.get(rules.family, ""))
            pace = float(rising[-1].outcome_notes.get("epochs") or 0.0) / rising[-1].fidelity
            points = [(pool.fresh(trial.fidelity, pace), pool.error(trial)) for trial in rising]
            curves.append((rising, family, pace, points))
        several = [(family, points) for _, family, _, points in curves if len(points) > 1]
        prior = rules.prior.on([(family, *slope_seen(points, rules.rows, rules.prior)) for family, points in several])
        for rising, family, pace, points in curves:
            work = rising[-1].fidelity
            useful = most if left == math.inf else min(work + max(left, least), pool.useful(pace))
            horizon = max(work, useful)
            more = min(STEP * work, max(min(horizon, pool.last_trial(pace)), ANY_FURTHER * work))
            horizon, more = pool.fresh(horizon, pace), pool.fresh(more, pace)
            seen = forecast(points, horizon, more, rules.rows, prior.of(family))
            pool.entrants.append(Entrant(rising[0].architecture, rising, family, pace, seen))
        reference = pool.reference
        if reference is not None:
            for entrant in pool.entrants:
                if entrant is not reference:
                    level = rules.prior.level(entrant.family)
                    seen = in_the_light_of(entrant.seen, reference.seen, level)
                    slow = level[0] < 0 and entrant.pace * entrant.work < SEEN_ENOUGH
                    entrant.seen = seen if slow else pool._kept_behind(entrant, seen, reference)
        for entrant, (_, family, pace, points) in zip(pool.entrants, curves, strict=True):
            if pool._stuck(entrant):  # it stays as good as it is
                here, more = (pool.fresh(each * entrant.work, pace) for each in (1.0, STEP))
                entrant.seen = forecast(points, here, more, rules.rows, prior.of(family))
        return pool

    def _kept_behind(self, entrant: Entrant, seen: Forecast, reference: Entrant) -> Forecast:
        """``seen``, the forecast of ``entrant``. If the reference was better with the same work, and the entrant does
        not catch up, it is expected to stay as far behind. Curves flatten while the learning rate is high. A line
        through the first scores does not know that. Without this rule a worse network that was trained for a short time
        wins against the reference, which was trained for long. A family that is known to end ahead is not judged so
        before it has seen the examples a few times: a wide network is behind at first.
        """
        first, last = entrant.trials[0], entrant.trials[-1]
        if len(entrant.trials) < 2 or reference.work < last.fidelity or first.fidelity < reference.trials[0].fidelity:
            return seen
        works = [math.log(trial.fidelity) for trial in reference.trials]
        logs = [math.log(self.error(trial)) for trial in reference.trials]
        before, now = (
            math.log(self.error(trial)) - float(np.interp(math.log(trial.fidelity), works, logs))
            for trial in (first, last)
        )
        if now <= 0 or now < before - CAUGHT_UP:
            return seen
        return replace(seen, log=max(seen.log, reference.seen.log + now))

    @property
    def reference(self) -> Entrant | None:
        """The first seed, beside which the levels of families are known; None where it has no score, or none is."""
        if not self.rules.prior.levels or not self.rules.seeds:
            return None
        first = Architecture(self.rules.seeds[0]).key
        return next((entrant for entrant in self.entrants if entrant.architecture.key == first), None)

    def fresh(self, work: float, pace: float) -> float:
        """See ``forecast.fresh``."""
        return fresh(work, work * pace, self.rules.prior.repeats)

    def error(self, trial: Trial) -> float:
        """The first objective as an error: what is minimised, or what a score lacks to 1."""
        assert trial.losses is not None
        objective = self.history.problem.objectives[0]
        return max(SMALLEST, 1.0 + trial.losses[0] if objective.maximize else trial.losses[0])

    def ranking(self) -> list[Entrant]:
        """The best forecast first, but who was scored once only after the others: a race that is cut off must not end
        with a forecast from a single score.
        """
        return sorted(
            self.entrants, key=lambda entrant: (len(entrant.trials) < 2, entrant.seen.log, entrant.trials[0].id)
        )

    def best(self) -> Entrant | None:
        """Who has the best forecast, also from a single score: the next one shows whether that holds."""
        return min(self.entrants, key=lambda entrant: (entrant.seen.log, entrant.trials[0].id), default=None)

    # What could be done next

    def options(self, best: Entrant) -> list[Option]:
        """All that is worth its work, may have it, and would be over before the race is."""
        most = self._most_work() - math.fsum(self.costs.values())
        return [option for option in self.promising(best) if self.toll * option.work <= most]

    def rival_is_ahead_of(self, best: Entrant) -> bool:
        return self._rival < best.seen.error

    def outdone(self, best: Entrant) -> bool:
        """Would something of that be over in time, were it not that the rival is ahead?"""
        if not self.rival_is_ahead_of(best):
            return False
        most = math.inf if self.rules.most_work is None else self.rules.most_work
        most -= math.fsum(self.costs.values())
        return any(self.toll * option.work <= most for option in self.promising(best))

    def promising(self, best: Entrant) -> list[Option]:
        """All that is worth its work, and may have it. Going on with the best one costs nothing, since that is done in
        any case.
        """
        found = [*self._carrying_on(best), *self._entering(best)]
        if self.left == math.inf:
            return found
        total, first = self.history.total_work or 0.0, self.toll * self.slice
        spare, least = total - self._useful_to(best), FEWEST_SLICES * first
        lost = math.fsum(cost for key, cost in self.costs.items() if key != best.architecture.key)
        entered = first * (len(self.costs) - 1)

        def affordable(option: Option) -> bool:
            if option.entrant is best:
                return True
            if option.entrant is None and entered + first > max(MOST_NEW * total, least, spare):
                return False
            return lost + self.toll * option.work <= max(MOST_LOST * total, least, spare)

        return [option for option in found if option.net > 0 and affordable(option)]

    def _most_work(self) -> float:
        """That the race may take in all."""
        rules = self.rules
        most = math.inf if rules.most_work is None else rules.most_work
        if rules.rival is None or rules.most_work_with_rival is None:
            return most
        best = self.best()
        beaten = best is not None and best.seen.error < rules.rival
        return most if beaten else min(most, rules.most_work_with_rival)

    def _carrying_on(self, best: Entrant) -> Iterator[Option]:
        for entrant in self.entrants:
            work = self.further(entrant) - entrant.work
            if entrant.architecture.key in self.busy or work <= 0:
                continue
            seen = entrant.seen
            if entrant is not best or self.rival_is_ahead_of(best):
                gain = expected_gain(self._floor(best), seen.log, seen.revealed)
                gain -= self._lost(best, work) + self._worth(best)
            else:  # It may turn out to be worse than the second: if not by the next score, then by one after that.
                second = min([self._rival, *(other.seen.error for other in self.entrants if other is not best)])
                gain = -ASKED * self._worth(best)
                if second < math.inf:
                    gain += expected_gain(second, seen.log, seen.sd) - max(0.0, second - seen.error)
                if len(best.trials) < 2:  # nobody wins with a single score, so the second one comes first
                    gain = self._floor(best)
            yield Option(work, gain, entrant)

    def _stuck(self, entrant: Entrant) -> bool:
        """Did going on with it not work once? What repeats, as a training that diverges, would not work again."""
        tried = self.history.of(entrant.architecture)
        return any(trial.outcome is not None and not trial.ok and trial.fidelity > entrant.work for trial in tried)

    def _entering(self, best: Entrant) -> Iterator[Option]:
        """Seeds, as far as something is known of their families, and anybody else."""
        work, reference = self.slice, self.reference
        spent = self._lost(best, work) + self._worth(best)
        if reference is not None:
            for seed in self.unseen(self.rules.seeds):
                family = str(seed.architecture.get(self.rules.family, ""))
                kin = [entrant.seen.log for entrant in self.entrants if entrant.family == family]
                mean, sd = self.rules.prior.level(family)
                log, variance = (min(kin), FAMILY_SD**2) if kin else (reference.seen.log + mean, sd**2)
                gain = expected_gain(self._floor(best), log, self._revealed(variance))
                yield Option(work, gain - spent, seed=seed)
        log, sd = self._newcomer_forecast()
        yield Option(work, expected_gain(self._floor(best), log, sd) - spent)

    @property
    def _rival(self) -> float:
        return math.inf if self.rules.rival is None else self.rules.rival

    def _floor(self, best: Entrant) -> float:
        """The error that is to be had as things stand."""
        return min(best.seen.error, self._rival)

    @property
    def slice(self) -> float:
        return self.rules.slice or self.history.problem.fidelity.minimum

    def useful(self, pace: float) -> float:
        """The most work that a training can use."""
        fidelity, epochs = self.history.problem.fidelity, self.rules.most_epochs
        most = fidelity.full or fidelity.maximum
        return most if epochs is None or pace <= 0 else min(most, epochs / pace)

    def _useful_to(self, entrant: Entrant) -> float:
        """The same of the training of ``entrant``."""
        return entrant.work if self._stuck(entrant) else self.useful(entrant.pace)

    def _worth(self, best: Entrant) -> float:
        return 0.0 if self.left == math.inf else min(WORTH, WORTH_SHARE * self._floor(best))

    def last_trial(self, pace: float) -> float:
        """The most work of a trial: behind it only a last training goes on, in which the rate falls."""
        epochs = self.rules.most_epochs
        return math.inf if epochs is None or pace <= 0 else (1 - ANNEALING) * epochs / pace

    def further(self, entrant: Entrant) -> float:
        """The work of its next trial; no more than it has had, where no trial would train it further."""
        most = min(self.history.problem.fidelity.maximum, self._useful_to(entrant))
        last = self.last_trial(entrant.pace)
        most = min(most, entrant.work if last < ANY_FURTHER * entrant.work else last)
        return min(STEP * entrant.work, most, entrant.work + self.left)

    def _lost(self, best: Entrant, work: float) -> float:
        """What the best entrant loses, as an error, when ``work`` goes to somebody else."""
        if self.left in (0.0, math.inf):
            return 0.0
        rival_next = self.rival_is_ahead_of(best)  # whose training has not begun
        before, slope = (0.0, self.rules.prior.slope) if rival_next else (best.work, best.seen.slope)
        useful = self.useful(best.pace) if rival_next else self._useful_to(best)
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
        prior, far = self.rules.prior, 0.0
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

    def carried_on(self, entrant: Entrant) -> Proposal:
        notes: dict[str, Scalar] = {"operator": "carry_on", "forecast": entrant.seen.error, "sd": entrant.seen.sd}
        parents = (entrant.trials[-1].id,)
        return Proposal(entrant.architecture, self.further(entrant), parents=parents, notes=notes)

    def family_ranks(self) -> dict[str, int]:
        best: dict[str, float] = {}
        for entrant in self.entrants:
            best[entrant.family] = min(best.get(entrant.family, math.inf), entrant.seen.log)
        return {family: rank for rank, family in enumerate(sorted(best, key=lambda name: best[name]))}


def costs_of(
    history: History, proposals: Sequence[Proposal], unit_seconds: float | None
) -> tuple[dict[str, float], float]:
    """``Pool.costs`` and ``Pool.toll``. ``unit_seconds``: see ``race.Race``."""
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
