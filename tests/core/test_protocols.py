from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, Message, Strategy, incumbent, measured, repeatable
from archsmith.core.trial import Proposal
from archsmith.strategies.random import RandomSearch
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat, ToyEvaluator


class Believer:
    """A strategy that names its own incumbent: the trial that finished first."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        return [Proposal(history.space.sample(rng))]

    def incumbent(self, history: History) -> Any:
        return history.finished[0]


@pytest.fixture
def history() -> History:
    rehearsal = Rehearsal(Problem(Flat()))
    while len(rehearsal.history.finished) < 6:
        for trial in rehearsal.ask(RandomSearch()):
            rehearsal.finish(trial)
    return rehearsal.history


def test_a_search_ends_with_its_best_trial(history: History) -> None:
    assert incumbent(RandomSearch(), history) is history.best()


def test_a_strategy_may_name_another_incumbent(history: History) -> None:
    assert incumbent(Believer(), history) is history.finished[0]


def test_a_class_with_the_methods_is_a_strategy_or_an_evaluator() -> None:
    assert isinstance(Believer(), Strategy) and isinstance(ToyEvaluator(), Evaluator)
    assert not isinstance(ToyEvaluator(), Strategy)


def test_a_request_to_stop_comes_before_the_deadline() -> None:
    Context(0, 0).check()
    with pytest.raises(Stopped):
        Context(0, 0, deadline=0.0, stop=lambda: True).check()


def test_past_its_deadline_a_trial_has_failed() -> None:
    with pytest.raises(EvaluationError) as caught:
        Context(0, 0, deadline=0.0).check()
    assert caught.value.kind == "timeout"


def test_an_evaluator_is_repeatable_only_where_it_says_so() -> None:
    assert repeatable(ToyEvaluator())
    assert not repeatable(ToyEvaluator(noise=0.1))
    assert not repeatable(object())  # type: ignore[arg-type]


class Clock:
    """Says that it is repeatable, although one of its metrics is measured."""

    metrics = ("accuracy", "latency")
    repeatable = True
    measured = ("latency",)


def test_what_is_measured_is_not_repeatable() -> None:
    assert measured(Clock()) == ("latency",)  # type: ignore[arg-type]
    assert measured(ToyEvaluator()) == ()
    assert not repeatable(Clock())  # type: ignore[arg-type]


def test_a_report_is_no_end() -> None:
    assert Message(3, step=1.0, metrics={"accuracy": 0.5}).outcome is None
