from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import EvaluationError, Stopped, UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Problem
from archsmith.core.protocols import Context, Evaluator, Message, Strategy, incumbent, measured, repeatable
from archsmith.core.trial import Outcome, Proposal, Trial
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


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            lambda history: history.best().architecture,
            "Mine.incumbent gave an Architecture, not a trial. Return a finish",
        ),
        (lambda history: 17, "Mine.incumbent gave 17, not a trial. Return a finished trial of this history, or None."),
        (lambda history: history.bestt(), "Mine.incumbent raised AttributeError: 'History' object has no attribute"),
        (lambda history: history.finished.sort(), "Mine.incumbent: history.finished cannot be changed"),
        (
            lambda history: Trial(0, history.trials[0].architecture, 1.0),
            "Mine.incumbent gave a trial of another history",
        ),
        (lambda history: history.trials[-1], "Mine.incumbent gave trial 6, which has no score."),
        (5, "Mine.incumbent is 5, not a method. Write it so: def incumbent"),
    ],
)
def test_a_wrong_incumbent_is_told_by_the_name_of_its_strategy(history: History, answer: Any, told: str) -> None:
    class Mine(RandomSearch):
        incumbent = staticmethod(answer) if callable(answer) else answer

    history.apply(Event("proposed", {"trials": [{"id": 6, "architecture": dict(history.trials[0].architecture)}]}))
    with pytest.raises(UsageError) as raised:
        incumbent(Mine(), history)
    assert str(raised.value).startswith(told)


def test_an_incumbent_that_breaks_a_limit_is_refused_by_the_name_of_its_strategy() -> None:
    history = History(Problem(Flat(), constraints=(Constraint("params", upper=10),)))
    for i, params in enumerate((11.0, 9.0)):
        history.apply(Event("proposed", {"trials": [{"id": i, "architecture": {"x": i}}]}))
        outcome = Outcome.success({"accuracy": 0.9 - 0.1 * i, "params": params})
        history.apply(Event("finished", {"trial": i, "outcome": outcome.to_dict()}))
    assert incumbent(RandomSearch(), history) is history.trials[1]
    with pytest.raises(UsageError, match=r"^Believer\.incumbent gave trial 0, which breaks a limit of the problem\."):
        incumbent(Believer(), history)


def test_a_strategy_may_have_no_incumbent(history: History) -> None:
    class Shy(RandomSearch):
        def incumbent(self, history: History) -> None:
            return None

    assert incumbent(Shy(), history) is None


def test_a_class_with_the_methods_is_a_strategy_or_an_evaluator() -> None:
    assert isinstance(Believer(), Strategy) and isinstance(ToyEvaluator(), Evaluator)
    assert not isinstance(ToyEvaluator(), Strategy)


def test_a_request_to_stop_comes_before_the_deadline() -> None:
    Context(0, 0).check()
    with pytest.raises(Stopped):
        Context(0, 0, deadline=0.0, stop=lambda: True).check()


def test_a_trial_has_its_own_folder_once_it_asks_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "trials" / "7"
    context = Context(7, 0, workspace=folder)
    assert context.part("first") == folder / "first" and not (tmp_path / "trials").exists()
    assert context.workspace == folder and folder.is_dir()
    (folder / "weights").write_text("kept")
    assert replace(context, workspace=folder, seed=1).workspace == folder and (folder / "weights").exists()
    assert Context(0, 0).workspace is Context(0, 0).part("first") is Context.workspace is None


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
