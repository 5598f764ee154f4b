"""What the policy-gradient strategies share: drawing from a policy, and turning finished trials into lessons for it.

Source: REINFORCE (Williams 1992) with a moving average of rewards as base line, as in Zoph and Le 2017 (arXiv
1611.01578).

A policy is a function of the finished trials in their order. It improves after every ``batch`` of them, on the
roll-outs that led to that batch:

* a roll-out that ends in a new architecture becomes a trial, and its lesson is that trial's outcome (the worst there is
  when it failed);
* one that ends in an architecture evaluated before costs nothing: the known outcome is the lesson, and the policy draws
  again;
* one that runs into a dead end is a failure, and the policy draws again. Leaving it out would raise the probability of
  what follows a risky answer.

The last two kinds never become trials of their own, so that the next proposal carries them in its notes (``repeats``:
trial ids, ``dead_ends``: the indexes of the options taken): that is what keeps the policy a function of the log alone.
After ``TRIES`` draws without anything new, the last draw is mutated, or an unseen architecture sampled. Such trials,
those of others and those at a lower fidelity teach nothing, as the policy did not choose them; when it draws one of
them later, its outcome is known. Beside asynchronous workers some trials of a batch were drawn an update earlier, and
are used as they are.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar, same
from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.history import History
from archsmith.core.space import Options, Range, Space
from archsmith.core.trial import Proposal, Status, Trial
from archsmith.strategies.fresh import fresh
from archsmith.strategies.merit import WORST, Merit, merit, need_one_objective

Array = npt.NDArray[np.float64]

TRIES = 20  # draws from the policy for one proposal
MUTATIONS = 50  # tries for an unseen neighbour of the last draw; every tenth adds one more change
MOST_GROUPS = 12  # decisions that get a probability of their own in the notes; with more of them, kinds of decisions
REWARDS = ("rank", "score")


class Question(NamedTuple):
    """A decision as a policy sees it: where it is asked, the names of its options (two or more), and the space's own
    sampling weights.
    """

    path: str
    labels: tuple[str, ...]
    weights: tuple[float, ...] | None

    @property
    def kind(self) -> str:
        """What decisions at different places have in common."""
        return kind(self.path)

    @property
    def log_weights(self) -> Array:
        """Where every policy begins: at the space's own probabilities."""
        if self.weights is None or not any(weight > 0 for weight in self.weights):
            return np.zeros(len(self.labels))
        return np.array([math.log(weight) if weight > 0 else NEVER for weight in self.weights])


NEVER = -1e9  # the logit of what has no chance; finite, so that nothing becomes NaN


class Step(NamedTuple):
    """A question and the index of the option that was taken."""

    question: Question
    taken: int


Rollout = tuple[Step, ...]


class Walk(Protocol):
    """One architecture in the making."""

    def probabilities(self, question: Question) -> Array:
        """Of each option, ``(n_options,)``."""
        ...

    def took(self, index: int) -> None:
        """Which option of the last question it became."""


class Policy(Protocol):
    """Answers questions, and learns from how good its answers were."""

    def walk(self) -> Walk: ...

    def improve(self, rollouts: Sequence[Rollout], advantages: Array) -> None:
        """One update from roll-outs and their advantages ``(n,)``: rewards minus base line."""


class Settings(Protocol):
    """The fields that a policy-gradient strategy has."""

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
    """What ``strategy``, whose policy begins as ``make()``, proposes after ``history``."""
    need_one_objective(history.problem, strategy)
    learners = _learners.setdefault(history, {})
    if strategy not in learners:
        learners[strategy] = Learner(strategy, make())
    learner = learners[strategy]
    learner.read(history)
    return learner.propose(history, n, rng)


class Learner:
    """A policy after ``n_read`` finished trials: a cache, equal to what reading the history from its beginning would
    give.
    """

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self.settings = settings
        self.policy = policy
        self.name = type(settings).__name__
        self.n_read = 0
        self.n_updates = 0
        self.merits: list[Merit] = []  # of all trials read, best first
        self.total = self.weight = 0.0  # of the moving average of rewards
        self._rollouts: dict[int, Rollout] = {}  # by trial

    @property
    def average(self) -> float:
        """The base line: the moving average of rewards, corrected for having begun at zero."""
        return self.total / self.weight if self.weight else 0.0

    def read(self, history: History) -> None:
        """Take in every complete batch of finished trials."""
        while len(history.finished) - self.n_read >= self.settings.batch:
            trials = history.finished[self.n_read : self.n_read + self.settings.batch]
            for trial in trials:
                if trial.fidelity == history.problem.fidelity.maximum:
                    insort(self.merits, merit(trial, history.problem))
            self.n_read += len(trials)
            lessons = [lesson for trial in trials for lesson in self._lessons(trial, history)]
            if lessons:
                self._learn(lessons)

    def _lessons(self, trial: Trial, history: History) -> list[tuple[Rollout, Merit]]:
        """The roll-outs that led to ``trial``, each with how it ended: dead ends, repeats, and the trial itself."""
        notes = trial.notes
        if notes.get("policy") != self.name:
            return []
        known = [history.trials[i] for i in json.loads(str(notes.get("repeats", "[]")))]
        chosen = (
            [trial] if notes.get("operator") == "policy" and trial.fidelity == history.problem.fidelity.maximum else []
        )
        lessons = [(self._rollout(t, history.space), merit(t, history.problem)) for t in (*known, *chosen)]
        dead_ends = [
            dead_end(history.space, indexes, self.settings.levels)
            for indexes in json.loads(str(notes.get("dead_ends", "[]")))
        ]
        return [lesson for lesson in [*((rollout, WORST) for rollout in dead_ends), *lessons] if lesson[0]]

    def _rollout(self, trial: Trial, space: Space) -> Rollout:
        if trial.id not in self._rollouts:
            self._rollouts[trial.id] = rollout_of(space, trial.architecture, self.settings.levels)
        return self._rollouts[trial.id]

    def _learn(self, lessons: Sequence[tuple[Rollout, Merit]]) -> None:
        advantages = []
        for _, how_good in lessons:
            reward, past = self.reward(how_good), self.settings.baseline
            self.total, self.weight = past * self.total + (1 - past) * reward, past * self.weight + (1 - past)
            advantages.append(reward - self.average)
        self.policy.improve([rollout for rollout, _ in lessons], np.array(advantages))
        self.n_updates += 1

    def reward(self, how_good: Merit) -> float:
        """``rank``: the place among all trials read, as a Gaussian deviate. ``score``: minus the loss, for what is not
        feasible the worst feasible one.
        """
        if self.settings.reward == "rank":
            better, n = bisect_left(self.merits, how_good), max(1, len(self.merits))
            equal = bisect_right(self.merits, how_good) - better
            quantile = 1 - (better + equal / 2) / n
            return NormalDist().inv_cdf(min(1 - 0.5 / n, max(0.5 / n, quantile)))
        if how_good[0] > 0:
            n_feasible = bisect_right(self.merits, (0.0, math.inf))
            how_good = self.merits[n_feasible - 1] if n_feasible else (0.0, 0.0)
        return -how_good[1]

    def propose(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        """Up to ``n`` new architectures; changes nothing that is learnt."""
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
                notes |= picture(rollout, probabilities)
                break
        else:
            architecture = None if last is None else _mutated(last, history, taken, rng)
            notes["operator"] = "sample" if architecture is None else "mutate"
            architecture = architecture or fresh(history, rng, taken)
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


def picture(rollout: Rollout, probabilities: Sequence[Array]) -> dict[str, Scalar]:
    """What a picture of the policy over time needs: how probable the architecture was, and the highest probability of
    each (kind of) decision.
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


# Roll-outs: a space's program answered by a policy, and the same again from what is logged.


Pick = Callable[[Question], int]  # raises DeadEnd to stop


def draw_from(
    policy: Policy, space: Space, levels: int, rng: np.random.Generator
) -> tuple[Architecture | None, Rollout, list[Array]]:
    """An architecture drawn from ``policy``, None when it ran into a dead end; how it came about; and the probabilities
    of each decision.
    """
    walk = policy.walk()
    probabilities: list[Array] = []

    def pick(question: Question) -> int:
        p = walk.probabilities(question)
        heights = np.cumsum(p)
        index = int(np.searchsorted(heights, rng.random() * heights[-1], side="right"))
        walk.took(index)
        probabilities.append(p)
        return index

    return *_follow(space, levels, pick, rng.random), probabilities


def dead_end(space: Space, indexes: Sequence[int], levels: int) -> Rollout:
    """The roll-out that took these options. Numbers within one level of a range are not logged, and answered by its
    middle.
    """
    left = iter(indexes)

    def pick(question: Question) -> int:
        index = next(left, None)
        if index is None or not 0 <= index < len(question.labels):
            raise DeadEnd("The logged answers end here.")
        return index

    return _follow(space, levels, pick, lambda: 0.5)[1]


def rollout_of(space: Space, architecture: Architecture, levels: int) -> Rollout:
    """The roll-out that ends in ``architecture``."""
    steps: list[Step] = []

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        choices, answer = choices_of(options, levels), architecture[path]
        if len(choices) > 1:
            steps.append(Step(_question(path, choices, weights), _index(choices, answer)))
        return answer

    space.trace(answer)
    return tuple(steps)


def _follow(space: Space, levels: int, pick: Pick, within: Callable[[], float]) -> tuple[Architecture | None, Rollout]:
    steps: list[Step] = []

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        choices, index = choices_of(options, levels), 0
        if len(choices) > 1:
            question = _question(path, choices, weights)
            index = pick(question)
            steps.append(Step(question, index))
        choice = choices[index]
        return choice.at(within()) if isinstance(choice, Range) else choice

    architecture = None
    with contextlib.suppress(DeadEnd):
        architecture = space.trace(answer).architecture
    return architecture, tuple(steps)


def choices_of(options: Options, levels: int) -> Sequence[Scalar | Range]:
    """The options that a policy chooses from: those of the question, or up to ``levels`` parts of a range, equally wide
    on its own scale.
    """
    return _parts(options, levels) if isinstance(options, Range) else options


@lru_cache(maxsize=1024)
def _parts(whole: Range, levels: int) -> tuple[Range, ...]:
    if whole.integer:
        # fewer where the range has fewer numbers
        lows = sorted({int(whole.at(i / levels) or 0) for i in range(levels)})
        return tuple(
            Range(low, high, whole.log)
            for low, high in zip(lows, [*(low - 1 for low in lows[1:]), int(whole.high)], strict=True)
        )
    edges = sorted({float(whole.low), *(float(whole.at(i / levels) or 0.0) for i in range(1, levels))})
    return tuple(Range(low, high, whole.log) for low, high in zip(edges, [*edges[1:], float(whole.high)], strict=True))


def _index(choices: Sequence[Scalar | Range], answer: Scalar) -> int:
    """Which choice ``answer`` is, or lies in."""
    return max(
        i
        for i, choice in enumerate(choices)
        if (choice.low <= answer if isinstance(choice, Range) else same(choice, answer))  # type: ignore[operator]
    )


def _question(path: str, choices: Sequence[Scalar | Range], weights: Sequence[float] | None) -> Question:
    labels = tuple(
        f"{choice.low} to {choice.high}" if isinstance(choice, Range) else repr(choice) for choice in choices
    )
    return Question(path, labels, None if weights is None else tuple(weights))


@lru_cache(maxsize=65_536)
def kind(path: str) -> str:
    """The last part of a path, its numbers left out: ``from#`` for ``node3/from2``, ``rule`` for ``root/left/rule``."""
    return re.sub(r"\d+", "#", path.rpartition("/")[2])
