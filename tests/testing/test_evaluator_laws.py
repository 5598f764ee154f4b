"""Evaluators that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.testing.laws import check_evaluator
from archsmith.testing.toys import Conditional, Flat, ToyEvaluator

_calls = itertools.count()


@dataclass(frozen=True)
class Honest:
    """Breaks no law."""

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    simulated: ClassVar[bool] = False

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return 0.5


@dataclass(frozen=True)
class Moody(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return float(next(_calls))


@dataclass(frozen=True)
class Talkative(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return {"accuracy": 0.5, "secret": 1.0}


@dataclass(frozen=True)
class Deaf(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return 0.5


@dataclass(frozen=True)
class Undeclared(Honest):
    metrics: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True)
class BackInTime(Honest):
    simulated: ClassVar[bool] = True

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return Outcome.success({"accuracy": 0.5}, seconds=-1.0)


@dataclass(frozen=True)
class Backwards(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        for step in (2, 1):
            context.report(step, {"accuracy": 0.1})
        return 0.5


@dataclass(frozen=True)
class Boastful(Honest):
    repeatable: ClassVar[bool] = True

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return float(context.seed)


WRONG = {
    Boastful: "repeatable",
    Moody: "same seed, same numbers",
    Talkative: "declared metrics",
    Deaf: "stop",
    Undeclared: "declaration",
    BackInTime: "declared metrics",
    Backwards: "reports",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_evaluator_is_caught_by_the_law_that_it_breaks(wrong: type[Honest]) -> None:
    with pytest.raises(AssertionError, match=f"^{WRONG[wrong]}: "):
        check_evaluator(wrong(), Problem(Flat()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "evaluator",
    [
        ToyEvaluator(),
        ToyEvaluator(metrics=("accuracy", "seconds"), additive=False),
        ToyEvaluator(noise=0.1, steps=3),
        ToyEvaluator(simulated=True),
        ToyEvaluator(fail=0.5, nan=0.5),
    ],
    ids=str,
)
def test_toy_evaluators_pass(evaluator: ToyEvaluator) -> None:
    check_evaluator(evaluator, Problem(Conditional()), n_architectures=8)
