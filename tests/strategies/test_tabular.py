"""The tabular policy: its updates by hand, and that it is worth its name."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.core.problem import Objective, Problem
from archsmith.strategies.policy import Question, Step
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.tabular import Table, TabularReinforce
from archsmith.testing.laws import check_strategy
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive

QUESTION = Question("x", ("a", "b", "c"), None)


def test_the_first_step_is_adam_s() -> None:
    table = Table(learning_rate=0.1, entropy=0.0)
    table.improve([(Step(QUESTION, 1),)], np.array([0.5]))
    logits = table.rows["x", QUESTION.labels].logits
    assert logits == pytest.approx([-0.1, 0.1, -0.1], rel=1e-6)  # the first step of Adam is the sign of the gradient
    assert table.probabilities(QUESTION).argmax() == 1
    assert table.probabilities(QUESTION).sum() == pytest.approx(1)


def test_the_gradient_is_that_of_log_probability_and_entropy() -> None:
    rows, entropy = np.array([0.3, -0.2, 0.5]), 0.7

    def objective(logits: np.ndarray) -> float:
        p = np.exp(logits) / np.exp(logits).sum()
        return float(2.0 * np.log(p[2]) - entropy * (p * np.log(p)).sum())

    table = Table(learning_rate=0.0, entropy=entropy)
    table.improve([(Step(QUESTION, 0),)], np.array([0.0]))
    row = table.rows["x", QUESTION.labels]
    row.logits[:], row.mean[:] = rows, 0.0
    table.improve([(Step(QUESTION, 2),)], np.array([2.0]))
    numeric = [(objective(rows + step) - objective(rows - step)) / 2e-5 for step in np.eye(3) * 1e-5]
    assert row.mean / 0.1 == pytest.approx(numeric, rel=1e-5)


def test_options_under_one_path_are_learnt_separately() -> None:
    table, other = Table(0.1, 0.0), Question("x", ("a", "b"), None)
    table.improve([(Step(QUESTION, 1),)], np.array([1.0]))
    assert table.probabilities(other).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("space", [Conditional(), Mixed(), Recursive(3, max_nodes=5)])
def test_laws(space: Conditional | Mixed | Recursive) -> None:
    check_strategy(TabularReinforce(), space)
    check_strategy(TabularReinforce(batch=3, reward="rank", entropy=0.1), space)


def test_it_beats_random_search() -> None:
    wins = 0
    for seed in range(10):
        best = []
        for strategy in (TabularReinforce(), RandomSearch()):
            rehearsal = Rehearsal(Problem(Flat(10, 5)), seed=seed)
            while len(rehearsal.history) < 250:
                for trial in rehearsal.ask(strategy):
                    rehearsal.finish(trial)
            best.append(rehearsal.history.best().loss)  # type: ignore[union-attr]
        wins += best[0] < best[1]
    # Were both equally good, 9 or more wins of 10 would come with probability 0.011; seeds are fixed, so that it passes
    # always or never.
    assert wins >= 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0},
        {"baseline": 1.0},
        {"reward": "cube"},
        {"levels": 1},
        {"learning_rate": 0.0},
        {"entropy": -1.0},
        {"learning_rate": np.nan},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"TabularReinforce\b"):
        TabularReinforce(**wrong)  # type: ignore[arg-type]


def test_several_objectives_are_refused() -> None:
    rehearsal = Rehearsal(Problem(Flat(), (Objective("accuracy"), Objective("seconds", maximize=False))))
    with pytest.raises(UsageError, match="TabularReinforce optimises one objective"):
        rehearsal.ask(TabularReinforce())
