from __future__ import annotations

import dataclasses
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Job, Message
from archsmith.runtime import processes
from archsmith.runtime.processes import ProcessExecutor
from archsmith.testing.toys import Flat

SCRIPTS = Path(__file__).parents[1] / "scripts"
PROBLEM = Problem(Flat())


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch):
    """The evaluators of tests/scripts, importable here and in workers."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import odd_evaluators

    return odd_evaluators


@pytest.fixture
def started(scripts):
    """Makes executors whose jobs act by the number of their architecture, and closes them."""
    executors = []

    def start(*acts: str, n_workers: int = 1, grace: float = 0.2) -> ProcessExecutor:
        executor = ProcessExecutor(n_workers, grace=grace)
        executors.append(executor)
        executor.start(PROBLEM, scripts.Odd(acts))
        return executor

    yield start
    for executor in executors:
        executor.close()
    assert multiprocessing.active_children() == []


def job(trial: int, act: int, deadline: float | None = None) -> Job:
    return Job(trial, Architecture({"x0": act}), 1.0, 0, deadline)


def messages(executor: ProcessExecutor, n_ends: int, seconds: float = 30.0) -> list[Message]:
    """Poll until ``n_ends`` jobs have ended."""
    found: list[Message] = []
    until = time.monotonic() + seconds
    while sum(m.outcome is not None or m.stopped for m in found) < n_ends:
        assert time.monotonic() < until, f"only {found} came"
        found += executor.poll(1.0)
    return found


def test_a_worker_learns_what_a_promoted_trial_goes_on_from(started) -> None:
    executor = started("promoted", n_workers=1)
    executor.submit(dataclasses.replace(job(1, 0), parents=(0,), continues=True))
    assert [m.outcome.metrics for m in messages(executor, 1) if m.outcome is not None] == [{"accuracy": 1.0}]


def test_no_more_workers_start_than_there_is_work_for(started, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand may be allowed for three trials. Each takes seconds to start, and all together minutes."""
    monkeypatch.setattr(processes, "AT_A_TIME", 2)
    executor = started("ok", n_workers=1000)
    assert len(multiprocessing.active_children()) == 2
    for trial in range(3):
        executor.submit(job(trial, 0))
    messages(executor, 3)
    assert len(multiprocessing.active_children()) <= 4


def test_all_workers_that_are_wanted_come_although_few_start_together(started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "AT_A_TIME", 1)
    executor = started("polite", n_workers=3)
    for trial in range(3):
        executor.submit(job(trial, 0))
    until = time.monotonic() + 60.0
    while len(multiprocessing.active_children()) < 3:
        assert time.monotonic() < until
        executor.poll(0.1)


def test_one_outcome_a_job_whatever_happens(started) -> None:
    executor = started("ok", "raise", "die", "exit", n_workers=2)
    for trial in range(12):
        executor.submit(job(trial, trial % 4))
    outcomes = [m for m in messages(executor, 12) if m.outcome is not None]
    assert sorted(m.trial for m in outcomes) == list(range(12))
    kinds = {m.trial: (m.outcome.status.value, m.outcome.error_kind) for m in outcomes}
    expected = [("ok", None), ("failed", "exception"), ("failed", "lost"), ("failed", "exception")]
    assert kinds == {trial: expected[trial % 4] for trial in range(12)}
    assert all(m.outcome.notes == {"retryable": True} for m in outcomes if m.outcome.error_kind == "lost")
    assert executor.poll(0.0) == []


def test_an_interrupt_of_the_evaluator_s_own_is_a_failed_trial(started, capfd: pytest.CaptureFixture[str]) -> None:
    executor = started("interrupt", "ok")
    for trial in range(2):
        executor.submit(job(trial, trial))
    first, second = (m.outcome for m in messages(executor, 2) if m.outcome is not None)
    assert first.error == "The evaluator raised KeyboardInterrupt, though nobody interrupted it." and second.ok
    assert "Traceback" not in capfd.readouterr().err


def test_reports_come_before_the_outcome(started) -> None:
    executor = started("ok")
    executor.submit(job(0, 0))
    report, end = messages(executor, 1)
    assert (report.step, report.metrics) == (1, {"accuracy": 0.25}) and end.outcome.metrics == {"accuracy": 0.5}


def test_workers_have_one_numeric_thread(started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    executor = started("threads")
    assert os.environ["OMP_NUM_THREADS"] == "5"
    executor.submit(job(0, 0))
    assert messages(executor, 1)[-1].outcome.metrics == {"accuracy": 1.0}


def test_deadline_that_is_ignored_ends_the_worker(started) -> None:
    executor = started("deaf", "ok")
    executor.submit(job(0, 0, deadline=time.time() + 0.1))
    executor.submit(job(1, 1))
    ends = {m.trial: m.outcome for m in messages(executor, 2) if m.outcome}
    assert ends[0].error_kind == "timeout" and 0.2 < ends[0].seconds < 600 and ends[1].ok


def test_stop_ends_running_and_waiting_jobs(started) -> None:
    executor = started("polite", "deaf", n_workers=2)
    for trial in range(4):
        executor.submit(job(trial, trial % 2))
    assert executor.poll(0.3) == []
    executor.stop()
    assert sorted(m.trial for m in messages(executor, 4) if m.stopped) == [0, 1, 2, 3]


def test_close_ends_busy_workers_and_is_idempotent(started) -> None:
    executor = started("deaf", n_workers=2)
    executor.submit(job(0, 0))
    executor.poll(0.1)
    executor.close()
    executor.close()
    assert multiprocessing.active_children() == []


def test_evaluator_that_cannot_be_built_is_named(scripts) -> None:
    with pytest.raises(UsageError, match="could not build the evaluator: FileNotFoundError: the data are gone"):
        ProcessExecutor(1).start(PROBLEM, scripts.Unbuildable())
    assert multiprocessing.active_children() == []


def test_workers_that_die_at_start_are_not_replaced_for_ever(scripts) -> None:
    with pytest.raises(StudyError, match="exit code 7"):
        ProcessExecutor(1).start(PROBLEM, scripts.Suicidal())
    assert multiprocessing.active_children() == []


def test_evaluator_without_a_spec_is_refused_before_any_worker() -> None:
    class Local:
        metrics = ("accuracy",)
        simulated = False

        def evaluate(self, architecture, fidelity, context):
            return 0.5

    with pytest.raises(UsageError, match="Local"):
        ProcessExecutor(1).start(PROBLEM, Local())


@pytest.mark.parametrize("field", ["n_workers", "n_threads"])
@pytest.mark.parametrize("count", [0, 10**9])
def test_counts_are_checked(field: str, count: int) -> None:
    with pytest.raises(UsageError, match=field):
        ProcessExecutor(**{"n_workers": 1, field: count})


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "src"), str(SCRIPTS)])}


def test_classes_of_a_script_work() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "own_evaluator.py")],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert done.stdout.split() == ["trials", "6", "True"], done.stderr


def test_script_without_a_guard_gets_a_hint(tmp_path: Path) -> None:
    unguarded = tmp_path / "unguarded.py"
    unguarded.write_text((SCRIPTS / "own_evaluator.py").read_text().replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, str(unguarded)], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert done.returncode != 0 and 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_classes_of_a_session_are_refused_in_one_sentence() -> None:
    script = (SCRIPTS / "own_evaluator.py").read_text()
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, env=environment(), timeout=60
    )
    assert "UsageError: Sum is defined in a notebook" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in Linux's /proc")
def test_workers_do_not_outlive_a_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, str(SCRIPTS / "deserted_workers.py")], stdout=subprocess.PIPE, text=True, env=environment()
    ) as parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2 and all(alive(pid) for pid in workers)
        parent.kill()
    until = time.monotonic() + 10
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < until, "workers live on without their parent"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
