"""Slips in what a search is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.runtime.search import Search
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


class NoMetrics:
    metrics = "accuracy"

    def evaluate(self, architecture: Any, fidelity: float, context: Any) -> float:
        return 1.0


def score(architecture: Any) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"strategy": ToyEvaluator(), "evaluator": RandomSearch()},
            r"changed places\. .*Search\(problem, strategy, ev",
        ),
        ({"problem": Flat()}, r"Flat is a search space, not a problem\. .*Problem\(Flat\(\), Objective"),
        ({"problem": Flat}, r"Flat is a search space, not a problem\."),
        ({"problem": "digits"}, r"The problem cannot be 'digits'\."),
        ({"strategy": RandomSearch}, r"the class RandomSearch, .* Write RandomSearch\(\) with"),
        ({"strategy": "evolution"}, r"the text 'evolution'\. .* RegularizedEvolution\(\), from archsmith\.strategies"),
        ({"strategy": Flat()}, r"Flat is a search space, not a strategy\."),
        ({"strategy": 3}, r"The strategy cannot be 3: it has no method ask\."),
        ({"evaluator": ToyEvaluator}, r"the class ToyEvaluator, .* Write ToyEvaluator\(\) with"),
        ({"evaluator": object()}, r"cannot be an object: it has no method evaluate\."),
        ({"evaluator": score}, r"has no method evaluate\. Wrap the function: FunctionEvaluator"),
        ({"evaluator": NoMetrics()}, r"NoMetrics\.metrics cannot be 'accuracy'\."),
        ({"budget": 3}, r"The budget cannot be 3\. Write it like Budget\(trials=3\)\."),
        ({"budget": "20m"}, r"Budget\(seconds='20m'\)\."),
        ({"seed": "a"}, r"The seed cannot be 'a'\. Give an integer"),
        ({"seed": 1.5}, r"The seed cannot be 1\.5"),
        ({"seed": True}, r"The seed cannot be True"),
    ],
)
def test_a_slip_is_one_sentence_before_anything_begins(parts: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"problem": Problem(Flat()), "strategy": RandomSearch(), "evaluator": ToyEvaluator()}
    with pytest.raises(UsageError, match=words):
        Search(**{**given, **parts})


def test_a_seed_of_numpy_is_a_number() -> None:
    search = Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), seed=np.int64(4))  # type: ignore[arg-type]
    assert type(search.seed) is int


def test_without_a_budget_a_search_has_100_trials() -> None:
    assert Search(Problem(Flat()), RegularizedEvolution(), ToyEvaluator()).budget == Budget(trials=100)
    unlimited = Search(Problem(Flat()), RegularizedEvolution(), ToyEvaluator(), budget=Budget())
    assert unlimited.budget.trials is None
