"""Kill whole jobs with real training at random moments, resume them, and compare them with one that was left alone."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.manifest import check_files, read
from archsmith.runtime.search import replayed
from archsmith.runtime.study_view import read_view
from archsmith.runtime.workspace import Workspace

TRIALS = ["--trials", "3", "--seed", "5", "--set", "recipe.epochs=12"]
N_KILLS = 20
KILLS_A_JOB = 5
N_PICTURES = 2400  # enough that reading them takes a second or two


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of three classes of coloured noise, made so that there is something to learn and something to decode."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for index in range(N_PICTURES):
        label = index % 3
        place = folder / "abc"[label]
        place.mkdir(exist_ok=True)
        pixels = rng.integers(0, 160, (96, 96, 3))
        pixels[..., label] += rng.integers(0, 90)
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{index}.png")
    return folder


def command(data, workspace, *more):
    return [
        sys.executable,
        "-m",
        "archsmith",
        "fit",
        str(data),
        "--side",
        "16",
        "--no-pretrained",
        "--workspace",
        str(workspace),
        "--json",
        "--resume",
        *more,
    ]


def finished(data, workspace, environment, *more):
    done = subprocess.run(
        command(data, workspace, *more), env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def killed_after(seconds, data, workspace, environment, *more):
    """Was there a living process to kill after ``seconds``?"""
    process = subprocess.Popen(
        command(data, workspace, *more), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0 or ended(workspace), said
    return False


def ended(workspace):
    """Has the job come to its end? The last kill may have come behind it."""
    found = Workspace(workspace).list()
    return bool(found) and read_view(found[0].folder).ended


def story(workspace):
    """Every trial and every final score, but for the clock and for what was known from an earlier opening."""
    store = Workspace(workspace).open("last")
    began = next(store.read()).data
    from archsmith import catalog
    from archsmith.core.problem import Problem

    history = replayed(store, Problem.from_dict(catalog.from_spec(began["space"], "space"), began["problem"]))
    trials = [
        (t.id, dict(t.architecture), t.parents, dict(t.metrics), [(step, dict(m)) for step, m in t.curve])
        for t in history.trials
    ]
    results = {
        e.data["name"]: e.data["result"] for e in store.read() if e.kind == "phase" and e.data["state"] == "finished"
    }
    scores = {
        name: {k: v for k, v in result.items() if k not in ("seconds", "lead", "read")}
        for name, result in results.items()
    }
    return trials, scores


@pytest.mark.slow
def test_the_same_seed_gives_the_same_log(tmp_path, environment):
    for name in ("a", "b"):
        finished("digits", tmp_path / name, environment, *TRIALS)
    assert story(tmp_path / "a") == story(tmp_path / "b")


@pytest.mark.slow
def test_kills_anywhere_lose_nothing(tmp_path, environment, pictures):
    """Reading, search, final training, test, export and report are all cut somewhere: moments are drawn over the length
    of the whole job.
    """
    began = time.monotonic()
    whole = finished(pictures, tmp_path / "whole", environment, *TRIALS)
    length = time.monotonic() - began
    expected, moments, n_killed, n_jobs = story(tmp_path / "whole"), random.Random(0), 0, 0
    while n_killed < N_KILLS:
        place = tmp_path / f"job{n_jobs}"
        n_jobs += 1
        assert n_jobs < N_KILLS, "the jobs end before they can be killed"
        for _ in range(KILLS_A_JOB):
            if not killed_after(moments.uniform(1.0, 0.6 * length), pictures, place, environment, *TRIALS):
                break  # this one came to its end
            n_killed += 1
        else:
            if not ended(place):
                finished(pictures, place, environment, *TRIALS)
        result = [event.data for event in Workspace(place).open("last").read() if event.kind == "result"][-1]
        check_files(result["model_dir"])
        assert read(result["model_dir"]).verification["max_difference"] <= 1e-4
        assert result["test"] == whole["test"] and result["architecture"] == whole["architecture"]
        assert story(place) == expected
        assert len(Workspace(place).list()) == 1


@pytest.mark.slow
def test_a_job_with_a_time_limit_is_killed_and_ends_in_time(tmp_path, environment, pictures):
    budget = ["--time", "45s", "--seed", "1"]
    for seconds in (3.0, 9.0, 14.0):
        assert killed_after(seconds, pictures, tmp_path, environment, *budget)
    began = time.monotonic()
    result = finished(pictures, tmp_path, environment, *budget)
    assert time.monotonic() - began < 45 * 1.05 + 10
    check_files(result["model_dir"])
