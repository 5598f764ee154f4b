"""Cached, repeated and noisy evaluators: what they add, what they pass on, and that they nest."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.evaluators.wrappers import Cached, Noisy, Repeated
from archsmith.testing.toys import Flat, ToyEvaluator

SPACE = Flat()
ONE = SPACE.first()
OTHER = ONE.replace({"x0": 1})


@dataclass(frozen=True)
class Counted:
    """Counts its calls, and gives the number of the call."""

    fail_first: bool = False
    contexts: list[Context] = field(default_factory=list)

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    simulated: ClassVar[bool] = False

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return {"prepared": type(problem.space).__name__}

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        self.contexts.append(context)
        context.report(1, {"accuracy": 0.0})
        if self.fail_first and len(self.contexts) == 1:
            raise EvaluationError("bad luck")
        return Outcome.success({"accuracy": len(self.contexts)}, seconds=2.0)


@dataclass(frozen=True)
class Blurred(Flat):
    """Two architectures mean the same when their first answers agree."""

    def identity(self, architecture: Architecture) -> str:
        return str(architecture["x0"])


def test_cached_evaluates_each_architecture_and_fidelity_once() -> None:
    inner = Counted()
    cached = Cached(inner)
    answers = [cached.evaluate(a, f, Context(0, 0)) for a, f in [(ONE, 1), (ONE, 1), (OTHER, 1), (ONE, 2), (ONE, 1)]]
    assert [answer.metrics["accuracy"] for answer in answers] == [1, 1, 2, 3, 1]
    assert [answer.notes.get("cached", False) for answer in answers] == [False, True, False, False, True]
    assert Cached(inner) == Cached(inner)  # what it remembers is no part of what it is


def test_cached_goes_by_the_identity_of_the_space_given_or_prepared() -> None:
    same = ONE.replace({"x1": 2})
    for cached in (Cached(Counted(), Blurred()), prepared(Cached(Counted()), Blurred())):
        cached.evaluate(ONE, 1, Context(0, 0))
        assert cached.evaluate(same, 1, Context(1, 1)).notes == {"cached": True}
        assert not cached.evaluate(OTHER, 1, Context(2, 2)).notes


def prepared(cached: Cached, space: Flat) -> Cached:
    assert cached.prepare(Problem(space), Context(-1, 0)) == {"prepared": type(space).__name__}
    return cached


def test_cached_tries_failures_again() -> None:
    cached = Cached(Counted(fail_first=True))
    with pytest.raises(EvaluationError, match="bad luck"):
        cached.evaluate(ONE, 1, Context(0, 0))
    assert cached.evaluate(ONE, 1, Context(0, 0)).ok


def test_repeated_gives_mean_and_standard_deviation_of_different_seeds(tmp_path: Path) -> None:
    inner = Counted()
    reports: list[float] = []
    outcome = Repeated(inner, n=4).evaluate(ONE, 1, Context(0, 5, workspace=tmp_path, report=lambda step, metrics: reports.append(step)))
    assert outcome.metrics == {"accuracy": 2.5, "accuracy_sd": pytest.approx(statistics.stdev([1, 2, 3, 4]))}
    assert outcome.seconds == 8.0
    assert len({context.seed for context in inner.contexts}) == 4
    assert len({context.workspace for context in inner.contexts}) == 4
    assert reports == []
    assert Repeated(inner).metrics == ("accuracy", "accuracy_sd")


def test_one_failed_repeat_fails_the_trial() -> None:
    with pytest.raises(EvaluationError, match="bad luck"):
        Repeated(Counted(fail_first=True)).evaluate(ONE, 1, Context(0, 0))


def test_noise_has_the_standard_deviation_asked_for_and_follows_the_seed() -> None:
    noisy, exact = Noisy(ToyEvaluator(metrics=("a", "b")), sd=0.5, metric="b"), ToyEvaluator(metrics=("a", "b"))
    truth = {name: exact.score(ONE, name, 1) for name in ("a", "b")}
    shifts = []
    for seed in range(1000):
        metrics = noisy.evaluate(ONE, 1, Context(0, seed)).metrics
        assert metrics["a"] == truth["a"]
        shifts.append(metrics["b"] - truth["b"])
    # Of 1,000 draws the mean has standard deviation 0.016 and the spread 0.011: five of them fail by chance once in 10^6, and seeds are fixed.
    assert abs(np.mean(shifts)) < 0.08
    assert abs(np.std(shifts) - 0.5) < 0.055
    assert noisy.evaluate(ONE, 1, Context(0, 3)) == noisy.evaluate(ONE, 1, Context(9, 3))


def test_wrappers_nest_and_say_what_is_inside() -> None:
    evaluator = Cached(Repeated(Noisy(ToyEvaluator(simulated=True, seconds=2.0)), n=3))
    outcome = evaluator.evaluate(ONE, 5, Context(0, 0))
    assert evaluator.simulated
    assert outcome.seconds == 3 * 2.0 * 5
    assert evaluator.metrics == tuple(outcome.metrics)
    assert catalog.from_spec(catalog.to_spec(evaluator), "evaluator") == evaluator


@pytest.mark.parametrize("make", [lambda: Repeated(Counted(), n=1), lambda: Noisy(Counted(), sd=-1.0), lambda: Noisy(Counted(), metric="recall")])
def test_impossible_settings_are_refused(make: Any) -> None:
    with pytest.raises(UsageError, match=r"(Repeated|Noisy) has"):
        make()
