"""The prepare phase: it goes on where it was stopped or killed, keeps its time, and says where it stands."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.bundle.export import export
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.predictor import Predictor
from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.data.images.store import open_splits
from archsmith.graphs.network import recalibrate
from archsmith.oneshot import preparation
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.preparation import FILE, load_shared
from archsmith.oneshot.sharing import Shared, SharedRecipe, sharing_form
from archsmith.runtime.sqlite import SqliteStore
from archsmith.training import checkpoint
from archsmith.training.batches import plain_batches

SCRIPT = Path(__file__).parent.parent / "scripts" / "shared_study.py"
N_KILLS = 5


def prepare(evaluator: SharedWeightsEvaluator, folder: Path, **context: Any) -> Mapping[str, Any]:
    return evaluator.prepare(Problem(evaluator.space), Context(-1, 0, workspace=folder, **context))


def saved(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    found = checkpoint.load(folder / FILE)
    assert found is not None
    return found


def bank_of(evaluator: SharedWeightsEvaluator, folder: Path) -> Shared:
    return load_shared(sharing_form(evaluator.space), torch.device("cpu"), *saved(folder))


def after(n: int) -> Any:
    """A ``stop`` that says yes when it was asked ``n`` times."""
    left = [n]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


@pytest.mark.parametrize("sampler", ["fair", "controller"])
def test_stopped_anywhere_it_ends_like_an_unbroken_one(
    evaluator: SharedWeightsEvaluator, sampler: str, tmp_path: Path
) -> None:
    evaluator = replace(evaluator, sampler=sampler)
    unbroken = prepare(evaluator, tmp_path / "unbroken")
    for n in (0, 2, 4, 1):  # one step more than that each time: in the middle of epochs and of turns
        with pytest.raises(Stopped):
            prepare(evaluator, tmp_path / "broken", stop=after(n))
    notes = prepare(evaluator, tmp_path / "broken")
    assert {**notes, "seconds": 0} == {**unbroken, "seconds": 0}
    ours, theirs = saved(tmp_path / "broken")[0], saved(tmp_path / "unbroken")[0]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.clock
def test_a_finished_one_is_found_and_costs_nothing(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    notes = prepare(evaluator, tmp_path)
    began = time.perf_counter()
    assert prepare(evaluator, tmp_path) == notes
    assert time.perf_counter() - began < 0.5 * notes["seconds"]


def test_another_job_in_the_same_folder_begins_anew(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    prepare(evaluator, tmp_path)
    other = replace(evaluator, seed=1)
    prepare(other, tmp_path)
    assert saved(tmp_path)[1]["job"] == other._fingerprint


@pytest.mark.clock
def test_it_ends_within_its_share_of_the_time_and_annealed(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []
    long = replace(evaluator, recipe=SharedRecipe(batch_size=32, epochs=10_000, restarts=0), share=0.5)
    began = time.time()
    notes = prepare(long, tmp_path, deadline=began + 6.0, report=lambda step, metrics: told.append(metrics))
    assert 1.5 < time.time() - began < 4.5  # half of six seconds, on a machine that may be busy
    assert 0 < notes["epochs"] < 10_000 and len(notes["derived"]) == 3
    rates = [metrics["learning_rate"] for metrics in told if "learning_rate" in metrics]
    assert rates[-1] < 0.1 * long.recipe.peak < rates[0]


def test_a_deadline_that_is_over_is_a_timeout(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        prepare(evaluator, tmp_path, deadline=time.time() - 1.0)
    assert caught.value.kind == "timeout"


def test_it_says_where_it_stands(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    told: list[tuple[float, Mapping[str, Any]]] = []
    notes = prepare(
        replace(evaluator, sampler="controller"), tmp_path, report=lambda step, metrics: told.append((step, metrics))
    )
    steps = [step for step, _ in told]
    assert steps == sorted(steps) and steps[-1] == notes["epochs"] == 2.0
    last = told[-1][1]
    assert {
        "epochs",
        "seconds",
        "seconds_left",
        "train_loss",
        "reward",
        "baseline",
        "entropy",
        "best_reward",
        "best",
    } <= last.keys()
    assert 0 <= last["reward"] <= 1 and last["entropy"] > 0 and last["seconds_left"] == 0
    evaluator.space.validate(Architecture.from_json(last["best"]))
    assert notes["controller_steps"] == 4 and notes["steps"] == 12


def test_derived_architectures_come_best_first_and_are_points_of_the_space(
    evaluator: SharedWeightsEvaluator, tmp_path: Path
) -> None:
    derived = prepare(evaluator, tmp_path)["derived"]
    scores = [row["score"] for row in derived]
    assert len(derived) == 3 and scores == sorted(scores, reverse=True)
    for row in derived:
        evaluator.space.validate(Architecture(row["architecture"]))


def test_a_recalibrated_child_leaves_the_house_like_any_network(
    evaluator: SharedWeightsEvaluator, digits: str, tmp_path: Path
) -> None:
    notes = prepare(evaluator, tmp_path)
    shared, splits = bank_of(evaluator, tmp_path), open_splits(digits)
    architecture = Architecture(notes["derived"][0]["architecture"])
    child = shared.network(architecture)
    batches = plain_batches(splits.train, splits.pipeline(), 64, 256, torch.device("cpu"))
    assert recalibrate(child, batches) == 4
    some = splits.test.take(np.arange(40))
    target = tmp_path / "bundle"
    found = export(
        child.eval(),
        shared.graph(architecture),
        splits.task,
        target,
        intake=ImageIntake.of(splits),
        examples=some.originals,
        targets=some.targets,
    )
    assert found.max_difference < 1e-4
    assert len(Predictor(str(target)).predict(list(some.originals))) == 40


# Kills


def story(folder: Path, evaluator: SharedWeightsEvaluator) -> tuple[Any, list[Any]]:
    history, prepared = History(Problem(evaluator.space)), 0
    for event in SqliteStore(folder).read():
        history.apply(event)
        prepared += event.kind == "prepared"
    assert prepared == 1 and not history.pending and history.prepared is not None
    notes = {name: value for name, value in history.prepared.items() if name != "seconds"}
    return notes, [(dict(trial.architecture), trial.notes, trial.metrics) for trial in history.trials]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes the POSIX way")
def test_killed_in_the_middle_of_its_preparation_a_study_goes_on_to_the_same_end(
    evaluator: SharedWeightsEvaluator, digits: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, str(SCRIPT), digits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def run(folder: str, checkpoints: int = 0, part: float = 0.0) -> int:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(f"{tmp_path / folder} {checkpoints} {part}\n")
        server.stdin.flush()
        return int(server.stdout.readline())

    try:
        assert run("unbroken") == 0
        points, steps = random.Random(0), [0]
        for _ in range(N_KILLS):
            assert run("broken", points.randint(2, 4), points.random()) == -signal.SIGKILL
            found = checkpoint.load(tmp_path / "broken" / "prepared" / FILE)
            assert found is not None and not found[1]["finished"]
            steps.append(found[1]["step"])
        # each opening went on where the last one had been
        assert steps == sorted(steps) and len(set(steps)) > N_KILLS / 2
        assert run("broken") == 0
    finally:
        server.communicate(timeout=10)
    assert story(tmp_path / "broken", evaluator) == story(tmp_path / "unbroken", evaluator)
    assert preparation.SAVE_SECONDS > 1  # the script's own change stayed in its process
