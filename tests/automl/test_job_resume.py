"""Kill a whole job with real training at random moments, resume it, and compare it with one that was left alone."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from archsmith.runtime.search import replayed
from archsmith.runtime.workspace import Workspace

TRIALS = ["--trials", "4", "--seed", "5", "--json"]
N_KILLS = 5


def command(workspace, *more):
    return [sys.executable, "-m", "archsmith", "fit", "digits", *TRIALS, "--workspace", str(workspace), *more]


def finished(workspace, environment, *more):
    done = subprocess.run(command(workspace, *more), env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def story(workspace):
    """Every trial and every final score, but for the seconds."""
    store = Workspace(workspace).open("last")
    began = next(store.read()).data
    from archsmith import catalog
    from archsmith.core.problem import Problem

    history = replayed(store, Problem.from_dict(catalog.from_spec(began["space"], "space"), began["problem"]))
    trials = [(t.id, dict(t.architecture), t.parents, dict(t.metrics), [(step, dict(m)) for step, m in t.curve]) for t in history.trials]
    results = {e.data["name"]: e.data["result"] for e in store.read() if e.kind == "phase" and e.data["state"] == "finished"}
    scores = {name: {k: v for k, v in result.items() if k in ("valid", "log_loss", "tests", "network")} for name, result in results.items()}
    return trials, scores


@pytest.mark.slow
def test_the_same_seed_gives_the_same_log(tmp_path, environment):
    for name in ("a", "b"):
        finished(tmp_path / name, environment)
    assert story(tmp_path / "a") == story(tmp_path / "b")


@pytest.mark.slow
def test_kills_anywhere_lose_nothing(tmp_path, environment):
    began = time.monotonic()
    whole = finished(tmp_path / "whole", environment)
    length = time.monotonic() - began
    moments = random.Random(0)
    killed = 0
    while killed < N_KILLS:
        more = ["--resume"] if Workspace(tmp_path / "parts").list() else []
        process = subprocess.Popen(command(tmp_path / "parts", *more), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=moments.uniform(2.0, max(6.0, 0.2 * length)))
            break  # it came to its end before it could be killed
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    if killed == N_KILLS:
        resumed = finished(tmp_path / "parts", environment, "--resume")
        assert resumed["test"] == whole["test"] and resumed["architecture"] == whole["architecture"]
    assert killed >= 3
    assert story(tmp_path / "parts") == story(tmp_path / "whole")
