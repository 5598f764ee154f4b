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
from archsmith.oneshot.preparation import FILE, Preparation, load_shared
from archsmith.oneshot.sharing import Shared, SharedRecipe, SharedTraining, sharing_form
from archsmith.runtime.sqlite import SqliteStore
from archsmith.training import checkpoint
from archsmith.training.batches import plain_batches
from archsmith.training.goal import Score

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


class Clock:
    """In the place of ``time``: nothing takes time but what waits here."""

    def __init__(self) -> None:
        self.now = time.time() + 1e6  # in the future: nothing here waits for the world's clock

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return self.now

    perf_counter = time


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
    assert last["measure"] == notes["measure"] == "accuracy"
    assert notes["drawn"] == evaluator.candidates and 0 < notes["scored"] <= notes["drawn"]


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


# Limits


def test_a_derivation_goes_on_where_it_was_stopped(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = replace(evaluator, sampler="fair", candidates=12)
    unbroken = prepare(evaluator, tmp_path / "unbroken")
    scored: list[int] = []
    score = Preparation._score
    monkeypatch.setattr(Preparation, "_score", lambda *arguments: (scored.append(1), score(*arguments))[1])
    for n, steps in ((15, 12), (3, 12), (2, 12)):  # 12 steps of the bank, and so many looks at candidates
        with pytest.raises(Stopped):
            prepare(evaluator, tmp_path / "broken", stop=after(n))
        assert saved(tmp_path / "broken")[1]["step"] == steps
    assert saved(tmp_path / "broken")[1]["derivation"]["drawn"] == 4 + 4 + 3
    assert {**prepare(evaluator, tmp_path / "broken"), "seconds": 0} == {**unbroken, "seconds": 0}
    assert len(scored) == len(saved(tmp_path / "broken")[1]["derivation"]["seen"])  # none of them twice


def test_a_derivation_ends_with_its_time_and_not_without_a_candidate(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock of its own: a step takes 4 s, a look at a candidate 20 s."""
    clock, step, score = Clock(), SharedTraining.step, Preparation._score
    monkeypatch.setattr(preparation, "time", clock)
    monkeypatch.setattr(SharedTraining, "step", lambda *arguments: (clock.wait(4.0), step(*arguments))[1])
    monkeypatch.setattr(Preparation, "_score", lambda *arguments: (clock.wait(20.0), score(*arguments))[1])
    long = replace(evaluator, recipe=replace(evaluator.recipe, epochs=10_000), candidates=10**6, share=0.8)
    notes = prepare(long, tmp_path, deadline=clock.time() + 200.0)
    assert 28 <= notes["steps"] <= 31  # a quarter of 160 s is for candidates, however many there are
    assert 180 <= notes["seconds"] <= 200  # half of what a share of 0.8 leaves
    short = prepare(long, tmp_path / "short", deadline=clock.time() + 5.0)
    assert len(short["derived"]) == 1


def test_outputs_that_are_no_numbers_get_no_score(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their accuracy is that of the first class, which may be the most frequent one."""
    looked = [0]

    def sometimes(*arguments: Any, **options: Any) -> Score:
        looked[0] += 1
        return Score({"accuracy": 0.9, "log_loss": float("nan") if looked[0] % 2 else 0.5}, 10)

    monkeypatch.setattr(preparation, "evaluate", sometimes)
    told: list[Mapping[str, Any]] = []
    evaluator = replace(evaluator, sampler="controller", candidates=9, derived=9)
    notes = prepare(evaluator, tmp_path, report=lambda step, metrics: told.append(metrics))
    assert 0 < len(notes["derived"]) <= 5 and all(row["score"] == 0.9 for row in notes["derived"])
    assert 0 < told[-1]["reward"] < 0.9  # the others got the lowest reward


def test_a_bank_whose_last_step_broke_it_has_diverged(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SharedTraining.step

    def breaking(training: SharedTraining, *arguments: Any) -> None:
        step(training, *arguments)
        if arguments[4] == 11:
            next(iter(training.shared.bank.tensors().values())).fill_(float("nan"))

    monkeypatch.setattr(SharedTraining, "step", breaking)
    with pytest.raises(EvaluationError) as caught:
        prepare(evaluator, tmp_path)
    assert caught.value.kind == "diverged" and not (tmp_path / FILE).exists()


def test_a_bank_that_gives_no_network_a_score_has_diverged(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Preparation, "_score", lambda *arguments: float("nan"))
    shared = replace(evaluator, folder=str(tmp_path / "banks"))
    with pytest.raises(EvaluationError, match="none of 6 networks") as caught:
        prepare(shared, tmp_path / "study")
    assert caught.value.kind == "diverged" and not (tmp_path / "banks").exists()
    assert prepare(replace(shared, derived=0), tmp_path / "other")["derived"] == []  # nobody asked for scores


def test_a_bank_that_outgrows_the_memory_ends(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as in a space whose networks are small and have little in common
    monkeypatch.setattr(SharedWeightsEvaluator, "_fitting", lambda self, space: self.recipe)
    size = 8 * prepare(evaluator, tmp_path / "without")["params"] / 1e6
    prepare(replace(evaluator, memory_mb=size), tmp_path / "within")
    with pytest.raises(EvaluationError, match="MB are allowed") as caught:
        prepare(replace(evaluator, memory_mb=0.99 * size), tmp_path / "beyond")
    assert caught.value.kind == "memory"


def test_memory_that_runs_out_is_said_as_such(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SharedTraining, "step", exhausted)
    with pytest.raises(EvaluationError) as caught:
        prepare(evaluator, tmp_path)
    assert caught.value.kind == "memory"


def test_weights_that_would_see_too_few_examples_are_refused_at_once(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, step = Clock(), SharedTraining.step
    monkeypatch.setattr(preparation, "time", clock)
    monkeypatch.setattr(SharedTraining, "step", lambda *arguments: (clock.wait(60.0), step(*arguments))[1])
    recipe = replace(evaluator.recipe, batch_size=16)  # twelve steps an epoch
    whole = replace(evaluator, share=0.5, candidates=0, recipe=recipe)
    began = clock.time()
    with pytest.raises(EvaluationError, match="that takes about 12:00 here, and there are 5:00 for it") as caught:
        prepare(whole, tmp_path, deadline=began + 600.0)
    assert caught.value.kind == "timeout" and clock.time() - began == pytest.approx(180.0)
    # a person who asks for a part of an epoch gets it
    part = replace(whole, recipe=replace(recipe, epochs=0.3))
    assert prepare(part, tmp_path / "part", deadline=clock.time() + 600.0)["steps"] == 4


# Folders that studies share


def test_studies_of_one_folder_pay_for_their_own_time(
    evaluator: SharedWeightsEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, step = Clock(), SharedTraining.step
    monkeypatch.setattr(preparation, "time", clock)
    monkeypatch.setattr(SharedTraining, "step", lambda *arguments: (clock.wait(1.0), step(*arguments))[1])
    recipe = replace(evaluator.recipe, epochs=10_000)
    shared = replace(evaluator, folder=str(tmp_path / "banks"), recipe=recipe, candidates=0, share=0.5)
    with pytest.raises(Stopped):
        prepare(shared, tmp_path / "one", deadline=clock.time() + 1000.0, stop=after(30))
    notes = prepare(shared, tmp_path / "two", deadline=clock.time() + 20.0)
    assert notes["steps"] == 10 and notes["seconds"] == pytest.approx(10.0)  # its own half of 20 s, and nobody else's


def test_studies_that_train_at_once_keep_their_drafts_apart_and_end_with_one_bank(
    evaluator: SharedWeightsEvaluator, tmp_path: Path
) -> None:
    shared = replace(evaluator, folder=str(tmp_path / "banks"), candidates=6)
    with pytest.raises(Stopped):
        prepare(shared, tmp_path / "one", stop=after(7))
    drafts = []

    def between() -> bool:  # the other study trains, from its beginning to its end, while the first one does
        if not drafts:
            drafts.append(prepare(shared, tmp_path / "two"))
            assert saved(tmp_path / "one")[1]["step"] == 8
        return False

    notes = prepare(shared, tmp_path / "one", stop=between)
    (two,) = drafts
    assert "elsewhere" not in two and notes == {**two, "elsewhere": True}
    assert [path.name for path in sorted(tmp_path.rglob("*.*"))] == [f"bank-{shared._fingerprint}.safetensors"]
    third = prepare(shared, tmp_path / "three")
    assert third == notes


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
