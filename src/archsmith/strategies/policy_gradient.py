"""What the policy-gradient strategies share: how finished trials become lessons for a policy, and what it proposes.

Source: REINFORCE (Williams 1992) with a moving average of rewards as the baseline that is subtracted from them, as in
Zoph and Le 2017 (arXiv 1611.01578):

    repeat:
        draw ``batch`` architectures from the policy and evaluate them
        advantage of each = its reward minus the moving average of rewards
        move the policy up the gradient of advantage times log-probability

A policy is a function of the finished trials in their order. It improves after every ``batch`` of them, on the
roll-outs that led to that batch:

* A roll-out that ends in a new architecture becomes a trial. Its lesson is that trial's outcome, or the worst there is
  when the trial failed.
* A roll-out that ends in an architecture evaluated before costs nothing. The known outcome is the lesson, and the
  policy draws again.
* A roll-out that runs into a dead end is a failure, and the policy draws again. Leaving it out would raise the
  probability of what follows a risky answer.

The last two kinds never become trials of their own. The next proposal carries them in its notes: ``repeats`` are trial
ids, ``dead_ends`` the indexes of the options taken. That keeps the policy a function of the log alone.

After ``TRIES`` draws without anything new, the last draw is mutated, or an unseen architecture is sampled. The policy
did not choose such trials, nor those of others and those at a lower fidelity. They teach nothing. When the policy draws
one of them later, its outcome is known. Beside asynchronous workers some trials of a batch were drawn an update
earlier, and are used as they are.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.space import Space
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.policy import Array, Policy, Rollout, draw_from, rollout_of, rollout_of_dead_end
from archsmith.strategies.ranking import WORST, RankingKey, need_one_objective, ranking_key
from archsmith.strategies.unseen import draw_unseen

TRIES = 20  # draws from the policy for one proposal
MUTATIONS = 50  # tries for an unseen neighbour of the last draw; every tenth adds one more change
MOST_GROUPS = 12  # decisions with a probability of their own in the notes; where there are more, kinds of decisions
REWARDS = ("rank", "score")


class Settings(Protocol):
    """The fields that every policy-gradient strategy has."""

    @property
    def batch(self) -> int: ...
    @property
    def baseline(self) -> float: ...
    @property
    def reward(self) -> str: ...
    @property
    def levels(self) -> int: ...


def check_settings(strategy: Settings, learning_rate: float, entropy: float) -> None:
    """Raises UsageError for a setting that cannot work."""
    name = type(strategy).__name__
    if strategy.batch < 1:
        raise UsageError(f"{name} has batch={strategy.batch}.", "Give 1 or more trials.")
    if not 0 <= strategy.baseline < 1:
        raise UsageError(f"{name} has baseline={strategy.baseline}.", "Give the weight of the past, from 0 to below 1.")
    if strategy.reward not in REWARDS:
        raise UsageError(f"{name} has reward={strategy.reward!r}.", f"Give one of {', '.join(REWARDS)}.")
    if strategy.levels < 2:
        raise UsageError(f"{name} has levels={strategy.levels}.", "A range needs 2 or more.")
    if not (0 < learning_rate < math.inf and 0 <= entropy < math.inf):
        raise UsageError(
            f"{name} has learning_rate={learning_rate} and entropy={entropy}.",
            "The first must be positive, the second not negative.",
        )


def ask(
    strategy: Settings, make: Callable[[], Policy], history: History, n: int, rng: np.random.Generator
) -> list[Proposal]:
    """What ``strategy`` proposes after ``history``; ``make`` makes its policy as it is before any trial."""
    need_one_objective(history.problem, strategy)
    learners = _learners.setdefault(history, {})
    if strategy not in learners:
        learners[strategy] = Learner(strategy, make())
    learner = learners[strategy]
    learner.read(history)
    return learner.propose(history, n, rng)


class Learner:
    """A policy after the first ``n_read`` finished trials.

    A cache: reading the history from its beginning would give the same.

    ``n_updates``: how often the policy has improved.
    ``ranked``: the ranking keys of all trials read, best first.
    ``total``, ``weight``: of the moving average of rewards.
    """

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self.settings = settings
        self.policy = policy
        self.name = type(settings).__name__
        self.n_read = 0
        self.n_updates = 0
        self.ranked: list[RankingKey] = []
        self.total = self.weight = 0.0
        self._rollouts: dict[int, Rollout] = {}  # by trial

    @property
    def average(self) -> float:
        """The baseline: the moving average of rewards, corrected for having begun at zero."""
        return self.total / self.weight if self.weight else 0.0

    def read(self, history: History) -> None:
        """Take in every complete batch of finished trials."""
        while len(history.finished) - self.n_read >= self.settings.batch:
            trials = history.finished[self.n_read : self.n_read + self.settings.batch]
            for trial in trials:
                if trial.fidelity == history.problem.fidelity.maximum:
                    insort(self.ranked, ranking_key(trial, history.problem))
            self.n_read += len(trials)
            lessons = [lesson for trial in trials for lesson in self._lessons(trial, history)]
            if lessons:
                self._learn(lessons)

    def _lessons(self, trial: Trial, history: History) -> list[tuple[Rollout, RankingKey]]:
        """The roll-outs that led to ``trial``, each with how it ended: dead ends, repeats, and the trial itself."""
        notes = trial.notes
        if notes.get("policy") != self.name:
            return []
        known = [history.trials[i] for i in json.loads(str(notes.get("repeats", "[]")))]
        chosen = (
            [trial] if notes.get("operator") == "policy" and trial.fidelity == history.problem.fidelity.maximum else []
        )
        lessons = [(self._rollout(t, history.space), ranking_key(t, history.problem)) for t in (*known, *chosen)]
        dead_ends = [
            rollout_of_dead_end(history.space, indexes, self.settings.levels)
            for indexes in json.loads(str(notes.get("dead_ends", "[]")))
        ]
        return [lesson for lesson in [*((rollout, WORST) for rollout in dead_ends), *lessons] if lesson[0]]

    def _rollout(self, trial: Trial, space: Space) -> Rollout:
        if trial.id not in self._rollouts:
            self._rollouts[trial.id] = rollout_of(space, trial.architecture, self.settings.levels)
        return self._rollouts[trial.id]

    def _learn(self, lessons: Sequence[tuple[Rollout, RankingKey]]) -> None:
        advantages = []
        for _, key in lessons:
            reward, past = self.reward(key), self.settings.baseline
            self.total, self.weight = past * self.total + (1 - past) * reward, past * self.weight + (1 - past)
            advantages.append(reward - self.average)
        self.policy.improve([rollout for rollout, _ in lessons], np.array(advantages))
        self.n_updates += 1

    def reward(self, key: RankingKey) -> float:
        """What a trial with this ranking key is worth, higher is better.

        ``rank``: its place among all trials read, as a Gaussian deviate. ``score``: minus its loss; one that breaks a
        constraint or failed gets the worst loss of those that did neither.
        """
        if self.settings.reward == "rank":
            better, n = bisect_left(self.ranked, key), max(1, len(self.ranked))
            equal = bisect_right(self.ranked, key) - better
            quantile = 1 - (better + equal / 2) / n
            return NormalDist().inv_cdf(min(1 - 0.5 / n, max(0.5 / n, quantile)))
        if key[0] > 0:
            n_feasible = bisect_right(self.ranked, (0.0, math.inf))
            key = self.ranked[n_feasible - 1] if n_feasible else (0.0, 0.0)
        return -key[1]

    def propose(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        """Up to ``n`` new architectures. Changes nothing that is learnt."""
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n:
            proposal = self._draw(history, taken, rng)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def _draw(self, history: History, taken: set[str], rng: np.random.Generator) -> Proposal | None:
        repeats: list[int] = []
        dead_ends: list[list[int]] = []
        last: Architecture | None = None
        notes: dict[str, Scalar] = {"operator": "policy"}
        for _ in range(TRIES):
            architecture, rollout, probabilities = draw_from(self.policy, history.space, self.settings.levels, rng)
            if architecture is None:
                dead_ends.append([step.taken for step in rollout])
            elif history.seen(architecture) or architecture.key in taken:
                last = architecture
                repeats += [trial.id for trial in self._known(architecture, history)[:1]]
            else:
                notes |= notes_on(rollout, probabilities)
                break
        else:
            architecture = None if last is None else _mutated(last, history, taken, rng)
            notes["operator"] = "sample" if architecture is None else "mutate"
            architecture = architecture or draw_unseen(history, rng, taken)
            if architecture is None:
                return None
        notes |= {"policy": self.name, "n_updates": self.n_updates, "baseline": round(self.average, 6)}
        notes |= {"repeats": json.dumps(repeats)} if repeats else {}
        notes |= {"dead_ends": json.dumps(dead_ends)} if dead_ends else {}
        parents = (
            tuple(trial.id for trial in history.of(last)[:1])
            if last is not None and notes["operator"] == "mutate"
            else ()
        )
        return Proposal(architecture, parents=parents, notes=notes)

    @staticmethod
    def _known(architecture: Architecture, history: History) -> list[Trial]:
        """Its trials at full fidelity that have finished."""
        full = history.problem.fidelity.maximum
        return [
            trial for trial in history.of(architecture) if trial.fidelity == full and trial.status is not Status.PENDING
        ]


_learners: WeakKeyDictionary[History, dict[object, Learner]] = WeakKeyDictionary()


def _mutated(
    architecture: Architecture, history: History, taken: set[str], rng: np.random.Generator
) -> Architecture | None:
    for attempt in range(MUTATIONS):
        child: Architecture = history.space.mutate(architecture, rng, n_changes=1 + attempt // 10)
        if not history.seen(child) and child.key not in taken:
            return child
    return None


def notes_on(rollout: Rollout, probabilities: Sequence[Array]) -> dict[str, Scalar]:
    """How probable the architecture was, and the highest probability of each decision or kind of decision.

    A chart of the policy over time is drawn from these notes.
    """
    if not rollout:
        return {"log_prob": 0.0, "entropy": 0.0}
    by_path = len(rollout) <= MOST_GROUPS
    groups: dict[str, list[float]] = {}
    for step, p in zip(rollout, probabilities, strict=True):
        groups.setdefault(step.question.path if by_path else step.question.kind, []).append(float(p.max()))
    log_prob = math.fsum(math.log(p[step.taken]) for step, p in zip(rollout, probabilities, strict=True))
    entropy = math.fsum(float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in probabilities) / len(rollout)
    shown = list(groups.items())[:MOST_GROUPS]
    return {
        "log_prob": round(log_prob, 6),
        "entropy": round(entropy, 4),
        **{f"top_prob/{name}": round(math.fsum(values) / len(values), 4) for name, values in shown},
    }
