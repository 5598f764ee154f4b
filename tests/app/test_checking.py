"""The processes that look at data: in turn, ended and refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from archsmith.app import checking, inspector
from archsmith.app.checking import Checks, refuse_harm
from archsmith.data.lock import FileLock
from archsmith.server.refusals import Refusal

SLEEP = "import time; time.sleep(600)"


def until(what: object, found: object = True) -> None:
    """Wait for ``what()`` to be ``found``."""
    end = time.monotonic() + 60
    while callable(what) and what() != found:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """Processes that sleep in place of those that look at data."""
    made: list[subprocess.Popen[str]] = []

    def sleeping(verb: str, path: Path, output: int) -> subprocess.Popen[str]:
        made.append(subprocess.Popen([sys.executable, "-c", SLEEP], stdout=output, text=True))
        return made[-1]

    monkeypatch.setattr(checking, "inspecting", sleeping)
    return made


def test_a_check_runs_until_it_is_ended(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    checks = Checks(tmp_path)
    checks.start("a", "look-1")
    until(lambda: len(started), 1)
    assert checks.runs("a")
    checks.end("a")
    assert started[0].returncode is not None
    assert not checks.runs("a")


def test_only_a_few_run_at_once(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    checks = Checks(tmp_path)
    for name in "abc":
        checks.start(name, "look-1")
    until(lambda: len(started), checking.AT_ONCE)
    assert all(checks.runs(name) for name in "abc")
    checks.end("c")  # it has not had its turn, and never will
    for name in "ab":
        checks.end(name)
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("check ")])
    assert len(started) == checking.AT_ONCE


def test_a_new_check_takes_the_place_of_the_one_before(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    checks = Checks(tmp_path)
    checks.start("a", "look-1")
    until(lambda: len(started), 1)
    checks.end("a")
    checks.start("a", "look-2")
    until(lambda: len(started), 2)
    assert checks.looks == {"a": "look-2"}
    checks.end("a")


def test_a_check_of_another_app_is_not_ended(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    lock = FileLock(tmp_path / "a" / inspector.LOCK)
    assert lock.take()
    with lock:
        assert Checks(tmp_path).runs("a")
        with pytest.raises(Refusal, match="being checked"):
            Checks(tmp_path).end("a")


def test_a_file_that_never_opens_is_refused(
    tmp_path: Path, started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "LOOK_SECONDS", 0.05)
    with pytest.raises(Refusal, match="too much time or memory"):
        refuse_harm(tmp_path / "x.zip")
    assert started[0].returncode is not None


def test_a_process_of_its_own_opens_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(checking.__file__).parents[2]))
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(Refusal, match="'x.zip' is not a zip archive"):
        refuse_harm(tmp_path / "x.zip")
