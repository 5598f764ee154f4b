"""Strategies that learn, and those that only look as if they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_learning, check_strategy


@dataclass
class Climber:
    """Changes one decision of the best trial that keeps all limits."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        best = self.best(history)
        if len(history) < 10 or best is None:
            return [Proposal(history.space.sample(rng))]
        return [Proposal(history.space.mutate(best.architecture, rng))]

    def best(self, history: History) -> Trial | None:
        return history.best()


@dataclass
class BlindClimber(Climber):
    """Looks at the score alone: the points that it comes to break the limit."""

    def best(self, history: History) -> Trial | None:
        return min((t for t in history.finished if t.losses), key=lambda t: t.losses or (), default=None)


@dataclass
class Downhill(Climber):
    """Takes losses for scores."""

    def best(self, history: History) -> Trial | None:
        return max((t for t in history.finished if t.ok), key=lambda t: t.loss, default=None)


@dataclass
class Stuck(Climber):
    """Falls over when it begins to learn."""

    def best(self, history: History) -> Trial | None:
        raise UsageError("There is no best trial.")


def test_a_strategy_that_learns_passes() -> None:
    check_learning(Climber())
    check_learning(lambda: RegularizedEvolution(population=20, sample_size=5))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            RandomSearch(),
            r"^learns: RandomSearch comes to 0\.\d+ in 200 trials \(mean of 5 studies\)\. Random search",
        ),
        (
            Downhill(),
            r"^learns: Downhill comes to .* in 100% of cases; for a strategy that learns, these are 20% or less",
        ),
        (BlindClimber(), r"^keeps limits: BlindClimber under a hard limit comes to"),
        (Stuck(), r"^learns: Stuck\.best|^learns: Climber\.ask \(line \d+ of .*\) raised UsageError: There is no best"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_that_does_not_is_told_by_how_much(wrong: Climber, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_learning(wrong)


def test_the_claim_is_made_with_the_other_laws() -> None:
    check_strategy(RandomSearch())
    with pytest.raises(AssertionError, match=r"^learns: RandomSearch"):
        check_strategy(RandomSearch(), learns=True)


def test_random_search_passes_as_rarely_as_it_says() -> None:
    # One of 120 by the sum of five uniform numbers, for each of the two laws. Seeds are fixed, so that this does not
    # fail by chance later: 40 independent tries, of which 0.3 are expected to pass; more than 3 would be one in 3,000.
    passed = 0
    for first in range(0, 200, 5):
        try:
            check_learning(RandomSearch(), n_trials=20, seed=first)
            passed += 1
        except AssertionError as error:
            passed += str(error).startswith("keeps limits")
    assert passed <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "least", "most"),
    [(RegularizedEvolution(population=20, sample_size=5), 0, 1), (BlindClimber(), 36, 40)],
)
def test_strategies_fail_as_rarely_and_as_often_as_it_says(strategy: Climber, least: int, most: int) -> None:
    # 40 independent tries, of which 0.01 (evolution) and 39 (blind to limits, 2.3 % pass) are expected to fail.
    failed = 0
    for first in range(0, 200, 5):
        try:
            check_learning(strategy, seed=first)
        except AssertionError:
            failed += 1
    assert least <= failed <= most
