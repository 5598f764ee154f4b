"""Random search draws without repetition, until there is nothing left."""

from __future__ import annotations

from archsmith.core.problem import Objective, Problem
from archsmith.strategies.random import RandomSearch
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Conditional, Flat


def test_no_repetition_within_and_across_answers() -> None:
    rehearsal = Rehearsal(Problem(Conditional()))
    while rehearsal.ask(RandomSearch(), 7):
        pass
    keys = [trial.architecture.key for trial in rehearsal.history.trials]
    assert len(keys) == len(set(keys)) == Conditional().count()


def test_first_draws_are_uniform() -> None:
    counts = dict.fromkeys(range(4), 0)
    for seed in range(400):
        (trial,) = Rehearsal(Problem(Flat(1, 4)), seed=seed).ask(RandomSearch())
        counts[trial.architecture["x0"]] += 1  # type: ignore[index]
    # Chi-squared with 3 degrees of freedom exceeds 25 with probability 1.5e-5; seeds are fixed, so that it passes
    # always or never.
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 25


def test_several_objectives_are_fine() -> None:
    rehearsal = Rehearsal(Problem(Flat(), (Objective("accuracy"), Objective("seconds", maximize=False))))
    assert len(rehearsal.ask(RandomSearch(), 3)) == 3
