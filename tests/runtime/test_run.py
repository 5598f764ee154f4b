from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, EvaluationError, Stopped, StudyError
from archsmith.core.problem import Constraint, Objective, Problem
from archsmith.core.protocols import Context, Job, Message
from archsmith.core.trial import Outcome, Status
from archsmith.runtime.run import run
from archsmith.testing.toys import Flat

PROBLEM = Problem(Flat())


@dataclass
class Returning:
    """Returns or raises ``answer``, or what it gives when called with the context."""

    answer: Any
    simulated: bool = False
    metrics: tuple[str, ...] = ("accuracy", "params")

    def evaluate(self, architecture, fidelity, context):
        answer = self.answer(context) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


def ran(answer: Any, problem: Problem = PROBLEM, **fields: Any) -> Message:
    simulated = fields.pop("simulated", False)
    report = fields.pop("report", lambda step, metrics: None)
    return run(
        Job(3, Architecture({"x": 1}), 1.0, 7, **fields), Returning(answer, simulated), problem, report, lambda: False
    )


@pytest.mark.parametrize("answer", [0.5, np.float32(0.5), {"accuracy": 0.5}, Outcome.success({"accuracy": 0.5})])
def test_number_mapping_and_outcome_mean_the_same(answer: Any) -> None:
    message = ran(answer)
    assert message.trial == 3 and message.outcome.ok and message.outcome.metrics == {"accuracy": 0.5}
    assert type(message.outcome.metrics["accuracy"]) is float


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (math.nan, "nan"),
        ({"accuracy": math.inf}, "nan"),
        ({"accuracy": 0.5, "params": math.nan}, "nan"),
        ({"params": 1}, "exception"),
        ({}, "exception"),
        (None, "exception"),
        (True, "exception"),
        ("0.5", "exception"),
        ({"accuracy": [0.5]}, "exception"),
        (Outcome.success({"accuracy": 0.5}, notes={"path": Path("x")}), "exception"),
        (ValueError("no"), "exception"),
        (SystemExit(1), "exception"),
        (GeneratorExit(), "exception"),
        (type("Own", (BaseException,), {})("own"), "exception"),
        (ValueError("half a letter: \ud800"), "exception"),
        (type("Silent", (Exception,), {"__str__": lambda self: 1 / 0})(), "exception"),
        (MemoryError(), "memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "memory"),
        (TimeoutError("late"), "timeout"),
        (DeadEnd("no way out"), "dead_end"),
        (EvaluationError("loss grew", kind="diverged"), "diverged"),
    ],
)
def test_what_cannot_be_used_is_a_failed_outcome(answer: Any, kind: str) -> None:
    outcome = ran(answer).outcome
    assert not outcome.ok and outcome.error_kind == kind and outcome.error and not outcome.metrics


def test_the_text_of_an_error_can_be_written_down_whatever_it_is(tmp_path: Path) -> None:
    outcome = ran(ValueError("half a letter: \ud800"), workspace=tmp_path).outcome
    assert outcome.error.startswith("ValueError: half a letter: ? (test_run.py, line ")
    outcome.error.encode()
    assert "half a letter" in (tmp_path / "error.txt").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("error")
def test_an_async_function_is_told_so() -> None:
    async def score(context: Context) -> float:
        return 0.5

    assert ran(score).outcome.error.startswith("The evaluator gave a coroutine, not a score: it is an async function.")


def test_an_error_without_words_is_its_name() -> None:
    def starved(context: Context) -> float:
        raise MemoryError

    def wordless(context: Context) -> float:
        raise KeyError

    assert ran(starved).outcome.error.startswith("Out of memory (test_run.py")
    assert ran(wordless).outcome.error.startswith("KeyError (test_run.py")


def test_a_forgotten_return_is_told_so() -> None:
    assert ran(None).outcome.error == "The evaluator returned nothing. Is a return missing at its end?"


def test_a_whole_number_that_no_float_holds_is_no_score() -> None:
    assert ran(10**400).outcome.error_kind == "nan"


def test_negative_seconds_are_refused() -> None:
    error = "An outcome cannot have taken -3 seconds. Give 0 or more."
    assert ran(lambda context: Outcome.success({"accuracy": 0.5}, seconds=-3), simulated=True).outcome.error == error
    assert ran(Outcome(Status.OK, {"accuracy": 0.5}, seconds=-3), simulated=True).outcome.error == error


def test_ctrl_c_is_no_failed_trial() -> None:
    with pytest.raises(KeyboardInterrupt):
        ran(KeyboardInterrupt())


def test_failure_says_which_metric_is_missing() -> None:
    problem = Problem(Flat(), (Objective("accuracy"),), (Constraint("params", upper=5),))
    assert "'params'" in ran(0.5, problem).outcome.error


def test_seconds_are_measured() -> None:
    assert 0.02 <= ran(lambda context: time.sleep(0.02) or 0.5).outcome.seconds < 900


def test_simulated_seconds_are_kept() -> None:
    assert ran(Outcome.success({"accuracy": 0.5}, seconds=900), simulated=True).outcome.seconds == 900
    assert ran(Outcome.success({"accuracy": 0.5}, seconds=900), simulated=False).outcome.seconds < 900


def test_context_carries_the_job(tmp_path: Path) -> None:
    seen = []
    ran(lambda context: seen.append(context) or 0.5, deadline=12.0, workspace=tmp_path, parents=(1, 2), continues=True)
    context = seen[0]
    assert (context.trial, context.seed, context.deadline, context.workspace, context.parents) == (
        3,
        7,
        12.0,
        tmp_path,
        (1, 2),
    )
    assert context.continues


def test_deadline_ends_a_trial_that_checks() -> None:
    assert ran(lambda context: context.check() or 0.5, deadline=time.time() - 1).outcome.error_kind == "timeout"


def test_stopped_is_no_outcome() -> None:
    assert ran(Stopped("asked to")) == Message(3, stopped=True)


def test_keyboard_interrupt_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        ran(KeyboardInterrupt())


def test_reports_are_numbers() -> None:
    reports = []
    message = ran(
        lambda context: context.report(1, {"accuracy": np.float32(0.5)}) or 0.5,
        report=lambda *report: reports.append(report),
    )
    assert message.outcome.ok and reports == [(1.0, {"accuracy": 0.5})]


def test_report_of_nan_fails_the_trial() -> None:
    assert ran(lambda context: context.report(1, {"accuracy": math.nan}) or 0.5).outcome.error_kind == "nan"


def test_error_of_the_loop_is_not_the_trials() -> None:
    def report(step, metrics):
        raise StudyError("The disk is full.")

    def evaluate(context):
        try:
            context.report(1, {})
        except Exception:
            return 0.5

    with pytest.raises(StudyError, match="disk"):
        ran(evaluate, report=report)


def test_traceback_is_kept_in_the_trials_folder(tmp_path: Path) -> None:
    ran(ValueError("no luck"), workspace=tmp_path / "3")
    assert "ValueError: no luck" in (tmp_path / "3" / "error.txt").read_text()


def test_an_error_names_the_line_of_the_persons_own_code() -> None:
    def broken(context: Any) -> Any:
        return {}["opp0"] if context else Architecture({})["opp0"]

    line = broken.__code__.co_firstlineno + 1
    outcome = ran(broken).outcome
    assert outcome is not None and outcome.error == f"KeyError: 'opp0' (test_run.py, line {line})"


def test_the_line_is_the_last_one_before_ours() -> None:
    def broken(context: Any) -> Any:
        return Architecture({})["opp0"]

    outcome = ran(broken).outcome
    assert outcome is not None and str(outcome.error).endswith(f"line {broken.__code__.co_firstlineno + 1})")
