"""The strategy that asks for what was derived."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Objective, Problem
from archsmith.core.protocols import Context
from archsmith.core.space import Choose, Space
from archsmith.oneshot.derived import Derived
from archsmith.runtime.search import Search
from archsmith.testing.toys import Flat, ToyEvaluator

SPACE = Flat(3, 4)
ROWS = [{"architecture": {"x0": i, "x1": 0, "x2": 1}, "score": 0.9 - i / 10} for i in range(3)]


class Deriving(ToyEvaluator):
    """A toy whose preparation derives ROWS."""

    def prepare(self, problem: Problem, context: Context) -> dict[str, Any]:
        return {"derived": ROWS}


def test_it_asks_for_each_once_best_first_and_ends() -> None:
    result = Search(Problem(SPACE), Derived(), Deriving(), budget=Budget(trials=50)).run()
    assert result.reason == "exhausted"
    trials = result.history.trials
    assert [dict(trial.architecture) for trial in trials] == [row["architecture"] for row in ROWS]
    assert [(trial.notes["rank"], trial.notes["score"]) for trial in trials] == [(0, 0.9), (1, 0.8), (2, 0.7)]


def test_a_batch_takes_several_and_leaves_out_what_others_asked_for() -> None:
    history = History(Problem(SPACE))
    history.apply(Event("prepared", {"seconds": 1.0, "notes": {"derived": json.loads(json.dumps(ROWS))}}))
    row = {"id": 0, "architecture": ROWS[0]["architecture"], "fidelity": 1, "parents": [], "notes": {}}
    history.apply(Event("proposed", {"trials": [row]}))
    asked = Derived().ask(history, 5, np.random.default_rng(0))
    assert [proposal.notes["rank"] for proposal in asked] == [1, 2]


class WithRecipe(Space):
    """A network decision, and one of a recipe that sharing leaves open."""

    def decide(self, choose: Choose) -> None:
        choose("x", (0, 1, 2))
        choose("recipe/rate", (0.1, 0.2))


def test_decisions_that_were_left_open_are_answered() -> None:
    history = History(Problem(WithRecipe()))
    history.apply(Event("prepared", {"seconds": 1.0, "notes": {"derived": [{"architecture": {"x": 2}, "score": 0.5}]}}))
    (proposal,) = Derived().ask(history, 1, np.random.default_rng(0))
    assert proposal.architecture == Architecture({"x": 2, "recipe/rate": proposal.architecture["recipe/rate"]})
    WithRecipe().validate(proposal.architecture)


def test_several_objectives_are_refused_before_anything_is_prepared() -> None:
    class Unprepared(Deriving):
        def prepare(self, problem: Problem, context: Context) -> dict[str, Any]:
            raise AssertionError("hours were lost")

    problem = Problem(SPACE, (Objective("accuracy"), Objective("size", maximize=False)))
    with pytest.raises(UsageError, match="one objective"):
        Search(problem, Derived(), Unprepared(metrics=("accuracy", "size")), budget=Budget(trials=9)).run()


def test_a_search_where_nothing_is_derived_is_refused() -> None:
    with pytest.raises(UsageError, match="archsmith fit DATA --strategy enas"):
        Search(Problem(SPACE), Derived(), ToyEvaluator(), budget=Budget(trials=9)).run()
