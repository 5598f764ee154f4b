"""A study that is killed at random points and run again tells the same story as one that was left alone."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from archsmith.core.history import History
from archsmith.runtime.sqlite import SqliteStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes the POSIX way")

SCRIPT = Path(__file__).parent / "scripts" / "toy_study.py"
N_TRIALS = 80
MIN_KILLS = 60


def toy_problem():
    spec = importlib.util.spec_from_file_location("toy_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PROBLEM


def environment() -> dict[str, str]:
    source = str(Path(__file__).parent.parent / "src")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }


class Studies:
    """Runs toy studies, each in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, str(SCRIPT), "serve"]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        )

    def run(self, folder: Path, strategy: str, seed: int, kill_after: float | None = None) -> bool:
        """Run to the end (True), or kill the process after some seconds; False when that caught it alive."""
        self._server.stdin.write(
            f"{folder} {strategy} {seed} {N_TRIALS} {'never' if kill_after is None else kill_after}\n"
        )
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the study ended with {status}"
        return status == 0

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()


@pytest.fixture(scope="module")
def studies() -> Iterator[Studies]:
    studies = Studies()
    yield studies
    studies.close()


def story(folder: Path) -> list[tuple]:
    history = History(toy_problem())
    events = list(SqliteStore(folder).read())
    assert [event.index for event in events] == list(range(len(events)))
    assert [event.kind for event in events].count("study") == 1
    assert max(Counter(event.data["trial"] for event in events if event.kind == "finished").values()) == 1
    for event in events:
        history.apply(event)
    assert not history.pending
    return [
        (
            t.id,
            list(t.architecture.items()),
            t.fidelity,
            t.parents,
            t.notes,
            t.outcome.status,
            t.metrics,
            t.outcome.error,
            t.curve,
        )
        for t in history.trials
    ]


def test_resumed_after_many_kills_equals_unbroken(studies: Studies, tmp_path: Path) -> None:
    points = random.Random(0)
    n_kills = 0
    for seed in range(40):  # far more than it takes
        strategy = ("evolution", "random")[seed % 2]
        unbroken, broken = tmp_path / f"unbroken{seed}", tmp_path / f"broken{seed}"
        while not studies.run(broken, strategy, seed, kill_after=points.uniform(0.0, 0.08)):
            n_kills += 1
        assert studies.run(unbroken, strategy, seed)
        expected = story(unbroken)
        assert len(expected) == N_TRIALS
        assert story(broken) == expected
        if n_kills >= MIN_KILLS and seed > 0:
            return
    pytest.fail(f"only {n_kills} kills found a living process")


def test_kills_of_a_whole_interpreter(studies: Studies, tmp_path: Path) -> None:
    """The same without the fork: start-up, imports and all."""
    points = random.Random(1)
    command = [sys.executable, str(SCRIPT), str(tmp_path / "broken"), "evolution", "7", str(N_TRIALS)]
    for _ in range(3):
        process = subprocess.Popen(command, env=environment())
        while process.poll() is None and not SqliteStore(tmp_path / "broken").exists:
            time.sleep(0.01)
        time.sleep(points.uniform(0.0, 0.2))
        process.kill()
        process.wait(10)
    subprocess.run(command, env=environment(), check=True, timeout=60)
    assert studies.run(tmp_path / "unbroken", "evolution", seed=7)
    assert story(tmp_path / "broken") == story(tmp_path / "unbroken")


def test_same_seed_same_log(studies: Studies, tmp_path: Path) -> None:
    logs = []
    for name in ("a", "b"):
        assert studies.run(tmp_path / name, "evolution", seed=3)
        logs.append([(event.kind, timeless(event.data)) for event in SqliteStore(tmp_path / name).read()])
    assert logs[0] == logs[1]


def timeless(value):
    """Without what may differ between two runs: how long things took, and in which process."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in ("seconds", "pid")}
    return value
