from __future__ import annotations

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Job
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
