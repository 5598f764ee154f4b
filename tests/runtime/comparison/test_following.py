from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.trial import Outcome, Trial
from archsmith.runtime.comparison import following
from archsmith.runtime.comparison.following import Follower, Judge
from archsmith.testing.toys import Flat

PROBLEM = Problem(Flat())


def followed(scores: list[float | None], answer: Callable[[History], Any] | None = None, truth: Any = None) -> Follower:
    """A follower that has seen trials with these scores; trial i really scores ``truth[i]``, where that is known."""

    def standing(architecture: Any, metric: str, maximize: bool) -> Any:
        return SimpleNamespace(score=truth[architecture["x"]])

    evaluator = SimpleNamespace(**({} if truth is None else {"standing": standing}))
    strategy = SimpleNamespace(**({} if answer is None else {"incumbent": answer}))
    follower, history = Follower(strategy, Judge(PROBLEM, evaluator, ("accuracy",), (True,))), History(PROBLEM)
    for i, score in enumerate(scores):
        outcome = Outcome.failure(ValueError("no"), 2.0) if score is None else Outcome.success({"accuracy": score}, 2.0)
        history.apply(Event("proposed", {"trials": [{"id": i, "architecture": {"x": i}}]}))
        history.apply(Event("finished", {"trial": i, "outcome": outcome.to_dict()}))
        follower.look(history)
    follower.history = history  # type: ignore[attr-defined]
    return follower


def points(follower: Follower) -> tuple[list[tuple[int, float]], list[tuple[int, float]], Any]:
    curve, tried, answer = follower.ended(follower.history)  # type: ignore[attr-defined]
    return [(s.n, s.points[0][0]) for s in curve], [(s.n, s.points[0][0]) for s in tried], answer


def test_without_an_opinion_the_best_that_was_seen_is_recommended() -> None:
    curve, tried, answer = points(followed([0.5, None, 0.4, 0.9]))
    assert curve == tried == [(1, 0.5), (4, 0.9)] and answer["trial"] == 3


def test_what_is_recommended_is_judged_by_the_truth() -> None:
    curve, tried, _ = points(followed([0.5, 0.9, 0.4], truth=[0.6, 0.3, 0.8]))
    assert curve == [(1, 0.6), (2, 0.3)] and tried == [(1, 0.6), (3, 0.8)]


def test_scores_below_the_highest_fidelity_are_not_compared() -> None:
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 9))
    known = SimpleNamespace(standing=lambda architecture, metric, maximize: SimpleNamespace(score=0.7))
    outcome = Outcome.success({"accuracy": 0.5})
    for fidelity, own, of_table in ((1.0, None, (0.7,)), (9.0, (0.5,), (0.7,))):
        trial = Trial(0, Architecture({"x": 0}), fidelity, outcome=outcome)
        assert Judge(problem, SimpleNamespace(), ("accuracy",), (True,))(trial) == own
        assert Judge(problem, known, ("accuracy",), (True,))(trial) == of_table


def test_a_strategy_may_have_its_own_opinion() -> None:
    curve, tried, answer = points(followed([0.5, 0.9], lambda history: history.finished[0]))
    assert curve == [(1, 0.5)] and tried == [(1, 0.5), (2, 0.9)] and answer["trial"] == 0


def test_an_opinion_that_is_no_trial_is_told() -> None:
    with pytest.raises(UsageError, match=r"incumbent gave 17, not a trial\."):
        followed([0.5], lambda history: 17)


def test_an_answer_of_unknown_worth_leaves_the_one_before() -> None:
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 9))
    strategy = SimpleNamespace(incumbent=lambda history: history.finished[-1])
    follower = Follower(strategy, Judge(problem, SimpleNamespace(), ("accuracy",), (True,)))
    history = History(problem)
    for i, fidelity in enumerate((1.0, 9.0, 1.0)):
        history.apply(Event("proposed", {"trials": [{"id": i, "architecture": {"x": i}, "fidelity": fidelity}]}))
        outcome = Outcome.success({"accuracy": 0.5 + 0.1 * i})
        history.apply(Event("finished", {"trial": i, "outcome": outcome.to_dict()}))
        follower.look(history)
        curve, _, answer = follower.ended(history)
        assert (answer or {}).get("trial") == (None, 1, 1)[i]
        assert [step.points for step in curve] == ([] if i == 0 else [((0.6,),)])


def test_time_is_that_of_the_trials() -> None:
    assert followed([0.5, None, 0.9]).seconds == 6.0


TWO = Problem(Flat(), (Objective("accuracy"), Objective("params", maximize=False)))


def fronts(n: int) -> list[int]:
    """The trials after which a front is noted, of ``n`` that all are on it."""
    follower = Follower(SimpleNamespace(), Judge(TWO, SimpleNamespace(), ("accuracy", "params"), (True, False)))
    history = History(TWO)
    for i in range(n):
        history.apply(Event("proposed", {"trials": [{"id": i, "architecture": {"x": i}}]}))
        outcome = Outcome.success({"accuracy": float(i), "params": float(i)}, 1.0)
        history.apply(Event("finished", {"trial": i, "outcome": outcome.to_dict()}))
        follower.look(history)
    curve, _, _ = follower.ended(history)
    assert [len(step.points) for step in curve] == [step.n for step in curve]
    return [step.n for step in curve]


def test_every_change_of_a_front_is_noted() -> None:
    assert fronts(40) == list(range(1, 41))


def test_fronts_of_very_many_points_are_noted_at_larger_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_POINTS", 300)
    noted = fronts(60)
    assert noted[:24] == list(range(1, 25)) and noted[24:] == [27, 30, 33, 37, 41, 46, 51, 57, 60]
