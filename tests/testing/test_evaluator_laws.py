"""Evaluators that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.evaluators.wrappers import Cached, Cascade, Noisy, Repeated
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
class Forgetful(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return None


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


@dataclass(frozen=True)
class Clock(Honest):
    """Has a latency, which is another one each time."""

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "latency")

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return {"accuracy": self.accuracy(context.seed), "latency": 1.0 + next(_calls)}

    def accuracy(self, seed: int) -> float:
        return 0.5


@dataclass(frozen=True)
class Measuring(Clock):
    """Says so."""

    measured: ClassVar[tuple[str, ...]] = ("latency",)
    repeatable: ClassVar[bool] = True


@dataclass(frozen=True)
class MoodyClock(Measuring):
    """Has a mood besides."""

    def accuracy(self, seed: int) -> float:
        return float(next(_calls))


@dataclass(frozen=True)
class BoastfulClock(Measuring):
    """Says of the other metric that it is repeatable."""

    def accuracy(self, seed: int) -> float:
        return float(seed)


@dataclass(frozen=True)
class Misnamed(Clock):
    measured: ClassVar[tuple[str, ...]] = ("latency_ms",)


@dataclass(frozen=True)
class ListOfMeasured(Clock):
    measured: ClassVar[list[str]] = ["latency"]


@dataclass(frozen=True)
class Dividing(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return 1 / 0


@dataclass(frozen=True)
class Leaving(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        raise SystemExit(1)


@dataclass(frozen=True)
class Bottomless(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return self.evaluate(architecture, fidelity, context)


@dataclass(frozen=True)
class Wordy(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return {"accuracy": "high"}


@dataclass(frozen=True)
class Truthful(Honest):
    value: ClassVar[object] = True

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return self.value


@dataclass(frozen=True)
class Exact(Truthful):
    value: ClassVar[object] = Decimal("0.5")


@dataclass(frozen=True)
class Undefined(Truthful):
    value: ClassVar[object] = math.nan


@dataclass(frozen=True)
class Endless(Truthful):
    value: ClassVar[object] = math.inf


@dataclass(frozen=True)
class Waiting(Honest):
    async def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        return 0.5


@dataclass(frozen=True)
class Hopeless(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        raise EvaluationError("There is no data.")


@dataclass(frozen=True)
class Nervous(Honest):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        raise Stopped("Somebody may have asked.")


@dataclass(frozen=True)
class Unprepared(Honest):
    def prepare(self, problem: Problem, context: Context) -> object:
        return {}["notes"]


@dataclass(frozen=True)
class Undecided(Honest):
    @property
    def simulated(self) -> bool:  # type: ignore[override]
        raise NotImplementedError


@dataclass(frozen=True)
class OneForTwo(Honest):
    """Returns no mapping, with two metrics declared."""

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "loss")
    given: object = 0.5

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        context.check()
        return self.given


@pytest.mark.parametrize(("given", "kind"), [(0.5, "one number"), ("good", "a str"), ((0.2, 3), "a tuple")])
def test_what_is_returned_is_called_by_its_kind(given: object, kind: str) -> None:
    with pytest.raises(AssertionError, match=f"returned {kind}. Return a dict with a number for each"):
        check_evaluator(OneForTwo(given), Problem(Flat()))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Choosy(Honest):
    """Refuses one architecture before it begins."""

    refused: str = ""

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> object:
        if architecture.key == self.refused:
            raise EvaluationError("It does not take this one.")
        return super().evaluate(architecture, fidelity, context)


def test_what_is_refused_at_once_need_not_be_stopped() -> None:
    problem = Problem(Flat())
    first = problem.space.sample(np.random.default_rng(0))
    check_evaluator(Choosy(first.key), problem, seed=0)  # type: ignore[arg-type]


WRONG = {
    Clock: "same seed, same numbers",
    MoodyClock: "same seed, same numbers",
    BoastfulClock: "repeatable",
    Misnamed: "declaration",
    ListOfMeasured: "declaration",
    Dividing: "failures",
    Leaving: "failures",
    Bottomless: "failures",
    Wordy: "declared metrics",
    Truthful: "declared metrics",
    Exact: "declared metrics",
    Waiting: "declared metrics",
    Undefined: "scores",
    Endless: "scores",
    Hopeless: "scores",
    Nervous: "stop",
    Unprepared: "prepare",
    Undecided: "declaration",
    Boastful: "repeatable",
    Moody: "same seed, same numbers",
    Talkative: "declared metrics",
    Deaf: "stop",
    Undeclared: "declaration",
    BackInTime: "scores",
    Backwards: "reports",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_evaluator_is_caught_by_the_law_that_it_breaks(wrong: type[Honest]) -> None:
    with pytest.raises(AssertionError, match=f"^{WRONG[wrong]}: "):
        check_evaluator(wrong(), Problem(Flat()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            Dividing,
            r"Dividing fails with something else than an EvaluationError: Dividing\.evaluate \(line \d+ of .*\) rai",
        ),
        (Bottomless, r"Bottomless\.evaluate \(line \d+ of .*\) calls itself without an end\.$"),
        (Forgetful, r"Forgetful returned nothing\. Is a return missing at its end\?"),
        (Wordy, r"Wordy returned {'accuracy': 'high'}: The evaluator gave 'accuracy' as str, not as a number\."),
        (Undefined, r"^scores: Undefined scored none of 3 architectures: The metric 'accuracy' came out as nan\."),
        (Hopeless, r"^scores: Hopeless scored none of 3 architectures: There is no data\.$"),
        (BackInTime, r"^scores: BackInTime scored none of 3 architectures: An outcome cannot have taken -1 seconds\."),
        (Clock, r"name metrics that are timings in measured\.$"),
    ],
)
def test_the_sentence_says_what_to_look_at(wrong: type[Honest], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_evaluator(wrong(), Problem(Flat()))  # type: ignore[arg-type]


def test_what_is_measured_may_differ_and_the_rest_may_not() -> None:
    check_evaluator(Measuring(), Problem(Flat()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrap",
    [Cached, Repeated, Noisy, lambda e: Cascade(ToyEvaluator(), e)],
    ids=["cached", "repeated", "noisy", "cascade"],
)
def test_a_wrapper_passes_the_mark_on(wrap: Any) -> None:
    check_evaluator(wrap(Measuring()), Problem(Flat()))


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


def test_the_problem_may_want_another_metric() -> None:
    check_evaluator(ToyEvaluator(metrics=("size",)), Problem(Flat()))
