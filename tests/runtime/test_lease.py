from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archsmith.core.errors import LeaseError
from archsmith.runtime.lease import TIMEOUT, Holder, Lease, holder, is_alive, last_seen, start_of

HOLDING = """
import pathlib, sys
from archsmith.runtime.lease import Lease
lease = Lease(pathlib.Path(sys.argv[1]))
lease.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path):
    """Another process that holds the lease until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with names are files of Unix")
def test_a_lease_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lease.json")
    assert holder(tmp_path) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", '{"pid": 1}', "\ufeff"])
def test_a_lease_that_says_something_else_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / "lease.json").write_text(text, encoding="utf-8")
    assert holder(tmp_path) is None


def announce(folder: Path, host: str, seconds_ago: float, pid: int = 1) -> None:
    path = folder / "lease.json"
    path.write_text(json.dumps({"pid": pid, "host": host, "token": "1", "since": 0.0}))
    os.utime(path, (time.time() - seconds_ago,) * 2)


def test_another_process_is_excluded_and_named(tmp_path: Path, other) -> None:
    with pytest.raises(LeaseError, match=f"Process {other.pid}") as caught:
        Lease(tmp_path).acquire()
    assert caught.value.hint.endswith(f"archsmith studies stop {tmp_path}")
    assert holder(tmp_path).pid == other.pid


def test_killed_holder_frees_the_lease_at_once(tmp_path: Path, other) -> None:
    other.kill()
    other.wait()
    assert holder(tmp_path) is None
    lease = Lease(tmp_path)
    lease.acquire()
    assert holder(tmp_path).pid == os.getpid()
    lease.release()
    assert holder(tmp_path) is None


def test_two_leases_of_one_process_exclude_one_another(tmp_path: Path) -> None:
    first, second = Lease(tmp_path), Lease(tmp_path / "." / "")
    first.acquire()
    with pytest.raises(LeaseError, match="this process"):
        second.acquire()
    assert first.held and not second.held
    second.release()
    assert first.held
    first.release()


def test_holder_on_another_host_counts_until_it_falls_silent(tmp_path: Path) -> None:
    announce(tmp_path, "elsewhere", TIMEOUT / 2)
    assert holder(tmp_path) is not None
    with pytest.raises(LeaseError, match="elsewhere"):
        Lease(tmp_path).acquire()
    announce(tmp_path, "elsewhere", TIMEOUT + 5)
    assert holder(tmp_path) is None
    lease = Lease(tmp_path)
    lease.acquire()
    lease.release()


@pytest.mark.skipif(not Path("/proc/1/stat").exists(), reason="process start times are read from Linux's /proc")
def test_reused_process_number_is_not_the_holder(tmp_path: Path) -> None:
    announce(tmp_path, platform.node(), 0, pid=os.getppid())
    assert holder(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_holds_nothing(tmp_path: Path) -> None:
    # A fresh interpreter forks: the one that runs the tests has threads.
    script = HOLDING.replace(
        "sys.stdin.read()",
        "import os; child = os.fork(); child and os.wait(); print(bool(child), lease.held, flush=True)",
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout.split("\n") == ["held", "False False", "True True", ""]


def test_a_process_that_has_ended_counts_as_gone_before_its_parent_looks_at_its_end() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        known = Holder(child.pid, platform.node(), start_of(child.pid), time.time())
        assert is_alive(known)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(known)


def test_a_holder_that_was_killed_leaves_word_of_when_it_was_last_seen(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    lease.acquire()
    assert last_seen(tmp_path) is None  # it is alive
    said = (tmp_path / "lease.json").read_text()
    lease.release()
    assert last_seen(tmp_path) is None  # it let go
    gone = {**json.loads(said), "pid": 2**22 + 1, "seen": 123.0}
    (tmp_path / "lease.json").write_text(json.dumps(gone))
    assert last_seen(tmp_path) == 123.0
    (tmp_path / "lease.json").write_text(json.dumps({**gone, "seen": "yesterday"}))
    assert last_seen(tmp_path) is None


def test_a_heartbeat_says_when_it_was_and_never_comes_after_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsmith.runtime.lease.HEARTBEAT", 0.001)
    lease = Lease(tmp_path)
    lease.acquire()
    first = json.loads((tmp_path / "lease.json").read_text())["seen"]
    until = time.monotonic() + 20.0
    while json.loads((tmp_path / "lease.json").read_text())["seen"] == first and time.monotonic() < until:
        time.sleep(0.005)
    assert json.loads((tmp_path / "lease.json").read_text())["seen"] > first
    lease.release()
    time.sleep(0.05)
    assert not (tmp_path / "lease.json").exists()
