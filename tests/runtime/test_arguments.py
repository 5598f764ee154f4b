"""Slips in what a search is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.core.problem import Objective, Problem
from archsmith.runtime.arguments import problem_of
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.search import Search
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


class NoMetrics:
    metrics = "accuracy"

    def evaluate(self, architecture: Any, fidelity: float, context: Any) -> float:
        return 1.0


class OldAsk:
    def ask(self, history):  # type: ignore[no-untyped-def]
        return []


class OldScore:
    metrics = ("accuracy",)
    simulated = False

    def evaluate(self, architecture):  # type: ignore[no-untyped-def]
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
        ({"strategy": OldAsk()}, r"OldAsk\.ask\(history\) cannot be called with ask\(history, n, rng\)\. Write it so"),
        ({"evaluator": OldScore()}, r"OldScore\.evaluate\(architecture\) cannot be called with evaluate\(arch"),
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
        ({"store": "x"}, r"Search\.store cannot be 'x'\. It takes a Store, such as SqliteStore\(folder\), or None"),
        ({"store": MemoryStore}, r"Search\.store is the class MemoryStore, .* Write MemoryStore\(\) with"),
        ({"executor": "processes"}, r"Search\.executor cannot be 'processes'\. .* ProcessExecutor\(2\), or None"),
        ({"executor": 2}, r"Search\.executor cannot be 2\."),
        ({"trial_seconds": "20m"}, r"Search\.trial_seconds cannot be '20m'\."),
        ({"trial_seconds": -1}, r"Search\.trial_seconds cannot be -1\. Give a number above 0\."),
        ({"max_failures_at_first": 0}, r"max_failures_at_first cannot be 0\."),
        ({"max_failures_in_a_row": None}, r"max_failures_in_a_row cannot be None\."),
        ({"forecast_trials": "3"}, r"Search\.forecast_trials cannot be '3'\."),
        ({"forecast_trials": -1}, r"Search\.forecast_trials cannot be -1\. Give 0 or more\."),
        ({"retention": "all"}, r"Search\.retention cannot be 'all'\. It takes a Retention"),
        ({"observer": 3}, r"Search\.observer cannot be 3\. It takes a function or None\."),
        ({"finish": True}, r"Search\.finish cannot be True\. It takes a function\."),
        ({"info": "x"}, r"Search\.info cannot be 'x'\. It takes a mapping"),
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


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda search: search.ask("2"), r"The number of trials to ask for cannot be '2'\."),
        (lambda search: search.ask(-1), r"The number of trials to ask for cannot be -1\."),
        (lambda search: search.tell(Flat().first(), 1.0), r"The trial to be told cannot be an Architecture\. Give the"),
        (lambda search: search.tell("0", 1.0), r"The trial to be told cannot be '0'\."),
        (lambda search: search.tell(None, 1.0), r"The trial to be told cannot be None\."),
        (lambda search: search.tell(search.ask(), 1.0), r"The trial to be told cannot be \[Trial"),
        (lambda search: search.log("mine", 3), r"The argument data of Search\.log cannot be 3\."),
        (lambda search: search.request_stop(3), r"The argument reason of Search\.request_stop cannot be 3\."),
    ],
)
def test_a_slip_by_hand_is_one_sentence(use: Any, words: str) -> None:
    with (
        Search(Problem(Flat()), RandomSearch(), ToyEvaluator()) as search,
        pytest.raises(UsageError, match=words),
    ):
        use(search)


def test_the_number_of_a_trial_may_be_numpys() -> None:
    with Search(Problem(Flat()), RandomSearch(), ToyEvaluator()) as search:
        search.ask()
        assert search.tell(np.int64(0), 0.5).ok  # type: ignore[arg-type]


class Own(ToyEvaluator):
    answer: Any = staticmethod(lambda objectives, constraints: Problem(Flat(), objectives or Objective("accuracy")))

    def problem(self, *given: Any) -> Any:
        return self.answer(*given)


def test_an_evaluator_with_a_problem_is_asked_for_it() -> None:
    assert problem_of(ToyEvaluator(), (), ()) is None
    assert problem_of(Own(), (), ()) == Problem(Flat(), Objective("accuracy"))
    wanted = (Objective("size", maximize=False),)
    assert problem_of(Own(), wanted, ()) == Problem(Flat(), wanted)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: None, r"Own\.problem\(objectives, constraints\) raised TypeError: .* Write it so: def problem"),
        (lambda *_: Flat(), r"Own\.problem gave a Flat, not a Problem\."),
        (lambda *_: None, r"Own\.problem gave None, not a Problem\."),
        (lambda *_: Problem(Flat()), r"Own\.problem leaves out the objectives or constraints"),
    ],
)
def test_a_problem_that_cannot_be_had_is_one_sentence(monkeypatch: Any, answer: Any, words: str) -> None:
    monkeypatch.setattr(Own, "answer", staticmethod(answer))
    with pytest.raises(UsageError, match=words):
        problem_of(Own(), (Objective("size", maximize=False),), ())


def test_a_forecast_of_no_trial_at_all_is_one() -> None:
    assert Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), forecast_trials=0).forecast_trials == 0
