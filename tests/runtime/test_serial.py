from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Job
from archsmith.runtime import serial
from archsmith.runtime.serial import SerialExecutor
from archsmith.testing.toys import Flat, ToyEvaluator


def job(trial: int) -> Job:
    return Job(trial, Architecture({"x0": trial}), 1.0, 0)


@pytest.fixture
def executor() -> SerialExecutor:
    executor = SerialExecutor()
    executor.start(Problem(Flat()), ToyEvaluator(steps=2))
    return executor


def test_one_outcome_a_job_after_its_reports(executor: SerialExecutor) -> None:
    for trial in (4, 5):
        executor.submit(job(trial))
    first, second = executor.poll(0), executor.poll(0)
    assert [(m.trial, m.step) for m in first] == [(4, 1), (4, 2), (4, None)] and first[-1].outcome.ok
    assert second[-1].trial == 5 and executor.poll(0) == []


def test_reports_go_out_while_the_job_runs(executor: SerialExecutor) -> None:
    seen = []
    executor.on_message = seen.append
    executor.submit(job(0))
    assert [m.outcome is not None for m in executor.poll(0)] == [True]
    assert [m.step for m in seen] == [1, 2]


def test_stop_inside_a_job(executor: SerialExecutor) -> None:
    executor.on_check = executor.stop
    for trial in (0, 1):
        executor.submit(job(trial))
    assert [(m.trial, m.stopped) for _ in range(2) for m in executor.poll(0)] == [(0, True), (1, True)]


def test_start_after_stop_runs_again(executor: SerialExecutor) -> None:
    executor.stop()
    executor.close()
    executor.start(Problem(Flat()), ToyEvaluator())
    executor.submit(job(0))
    assert executor.poll(0)[-1].outcome.ok


def test_not_started_is_named() -> None:
    executor = SerialExecutor()
    executor.submit(job(0))
    with pytest.raises(UsageError, match="not started"):
        executor.poll(0)


class Deaf:
    """Never asks whether it should stop; ends when somebody has told of it."""

    metrics = ("accuracy",)
    simulated = False

    def __init__(self, executor: SerialExecutor, *, stopped: bool) -> None:
        self.told: list[int] = []
        self._heard = threading.Event()
        self._stop = executor.stop if stopped else None
        executor.on_silence = self.hear

    def hear(self, trial: int) -> None:
        self.told.append(trial)
        self._heard.set()

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> float:
        if self._stop is not None:
            self._stop()
        return float(self._heard.wait(60))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_trial_that_does_not_answer_is_told(stopped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial, "PATIENCE", 0.0)
    executor = SerialExecutor()
    evaluator = Deaf(executor, stopped=stopped)
    executor.start(Problem(Flat()), evaluator)
    executor.submit(replace(job(3), deadline=None if stopped else time.time()))
    (message,) = executor.poll(0)
    assert message.outcome is not None and message.outcome.metrics == {"accuracy": 1.0}
    assert evaluator.told == [3]


def test_a_trial_that_ends_in_time_is_not_told(executor: SerialExecutor) -> None:
    told: list[int] = []
    executor.on_silence = told.append
    executor.submit(replace(job(3), deadline=time.time() + 1000))
    executor.poll(0)
    assert told == [] and executor._timer is None
