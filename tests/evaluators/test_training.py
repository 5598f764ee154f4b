from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archsmith.catalog import from_spec, to_spec
from archsmith.core.architecture import Architecture
from archsmith.core.errors import DataError, EvaluationError, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context
from archsmith.core.space import Choose
from archsmith.core.task import classification, image_classification
from archsmith.data.images.load import load
from archsmith.evaluators import training
from archsmith.evaluators.training import CHECKPOINT, TrainingEvaluator
from archsmith.graphs.layers import conv_bn_relu
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.recipe import ImageRecipe
from archsmith.testing.laws import check_evaluator
from archsmith.training import loop
from archsmith.training.memory import step_memory_mb
from archsmith.training.recipe import Recipe


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def space() -> ConvStages:
    return ConvStages((1, 8, 8), n_outputs=10, recipe=ImageRecipe(), scale=ConvStagesScale(filters=4), max_work=1.0)


@pytest.fixture(scope="module")
def evaluator(space: ConvStages, tmp_path_factory: pytest.TempPathFactory) -> TrainingEvaluator:
    folder = load("digits", tmp_path_factory.mktemp("data"), seed=0).folder
    return TrainingEvaluator(
        space, str(folder), n_train=320, n_valid=100, recipe=Recipe(batch_size=32), precision="float32", device="cpu"
    )


@pytest.fixture(scope="module")
def numbers(evaluator: TrainingEvaluator, tmp_path_factory: pytest.TempPathFactory) -> TrainingEvaluator:
    """Learns the mean brightness of noise whose level differs."""
    rng = np.random.default_rng(0)
    images = (rng.random((400, 8, 8, 1)) * rng.integers(50, 256, (400, 1, 1, 1))).astype(np.uint8)
    folder = load(
        (images, images.mean((1, 2, 3), dtype=np.float64)),
        tmp_path_factory.mktemp("numbers"),
        seed=0,
        task="regression",
    ).folder
    space = ConvStages((1, 8, 8), n_outputs=1, scale=ConvStagesScale(filters=4), max_work=1.0)
    return replace(evaluator, space=space, data=str(folder), n_train=200)


def test_it_obeys_the_laws_of_evaluators(evaluator: TrainingEvaluator) -> None:
    check_evaluator(
        evaluator, Problem(evaluator.space, fidelity=Fidelity("epochs", 0.5, 2)), n_architectures=2, fidelity=1.5
    )


def test_numbers_obey_the_laws_and_are_learnt(numbers: TrainingEvaluator) -> None:
    assert numbers.metrics == ("r2", "rmse", "mae", "params", "macs")
    check_evaluator(
        numbers, Problem(numbers.space, fidelity=Fidelity("epochs", 0.5, 2)), n_architectures=1, fidelity=1.5
    )
    assert numbers.evaluate(numbers.space.first(), 10, Context(0, 0)).metrics["r2"] > 0.5


def test_a_balanced_task_puts_balanced_accuracy_first(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    task = classification(evaluator.learnt.inputs, evaluator.learnt.classes, balanced=True)
    balanced = replace(evaluator, task=task, recipe=replace(evaluator.recipe, balance=True))
    assert balanced.metrics[:2] == ("balanced_accuracy", "accuracy")
    assert tuple(balanced.evaluate(space.first(), 0.2, Context(0, 0)).metrics) == balanced.metrics


def test_more_epochs_score_higher(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    first = space.first()
    short, long = (evaluator.evaluate(first, epochs, Context(0, 0)).metrics for epochs in (0.2, 5))
    assert long["accuracy"] > short["accuracy"] + 0.15
    assert long["params"] == short["params"] > 0


def test_work_is_counted_in_epochs_of_the_reference(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    first = space.first()
    by_work = replace(evaluator, reference=dict(first), timed=False)
    assert by_work.evaluate(first, 1.5, Context(0, 0)).notes["epochs"] == 1.5
    cheap = first.replace({"stage2/width": 0.5})
    outcome = by_work.evaluate(cheap, 1.5, Context(0, 0))
    cost = outcome.notes["cost"]
    assert isinstance(cost, float) and cost < 1
    assert outcome.notes["epochs"] == pytest.approx(1.5 / cost, abs=0.06)  # whole steps, ten of them in an epoch
    capped = replace(by_work, most_epochs=1.0).evaluate(cheap, 1.5, Context(0, 0))
    assert capped.notes["epochs"] == 1.0


def test_work_is_measured_once_for_a_training_that_goes_on(
    evaluator: TrainingEvaluator, space: ConvStages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = iter([0.5])
    monkeypatch.setattr("archsmith.evaluators.training.measured", lambda *arguments, **options: next(costs))
    by_work = replace(evaluator, reference=dict(space.first()))
    cheap = space.first().replace({"stage2/width": 0.5})
    notes = [
        by_work.evaluate(cheap, work, Context(i, i, workspace=tmp_path / str(i), parents=parents)).notes
        for i, (work, parents) in enumerate([(0.5, ()), (1.0, (0,))])
    ]
    assert [note["cost"] for note in notes] == [0.5, 0.5] and [note["epochs"] for note in notes] == [1.0, 2.0]


def test_decisions_about_the_recipe_count(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    first = space.first()
    other = first.replace({"recipe/learning_rate": 0.4, "recipe/cutout": 0.5})
    assert evaluator.evaluate(first, 1, Context(0, 0)).metrics != evaluator.evaluate(other, 1, Context(0, 0)).metrics


def test_it_reports_each_epoch(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    reports: list[tuple[float, Mapping[str, float]]] = []
    outcome = evaluator.evaluate(
        space.first(), 2, Context(0, 0, report=lambda step, metrics: reports.append((step, metrics)))
    )
    assert [step for step, _ in reports] == [1, 2]
    assert reports[-1][1]["accuracy"] == outcome.metrics["accuracy"]
    assert outcome.notes["epochs"] == 2


def test_a_deadline_ends_it(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluator.evaluate(space.first(), 10_000, Context(0, 0, deadline=time.time() + 0.3))
    assert caught.value.kind == "timeout"


@pytest.mark.clock
def test_a_deadline_ends_it_inside_an_epoch(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    started = time.time()
    with pytest.raises(EvaluationError):
        evaluator.evaluate(space.first(), 10_000, Context(0, 0, deadline=started + 0.3))
    assert time.time() - started < 1.3


@pytest.mark.clock
def test_a_trial_goes_on_from_its_own_checkpoint(
    evaluator: TrainingEvaluator, space: ConvStages, tmp_path: Path
) -> None:
    context = Context(0, 0, workspace=tmp_path)
    outcome = evaluator.evaluate(space.first(), 2, context)
    assert (tmp_path / CHECKPOINT).exists()
    started = time.perf_counter()
    again = evaluator.evaluate(space.first(), 2, context)
    assert again.metrics == outcome.metrics == evaluator.evaluate(space.first(), 2, Context(0, 0)).metrics
    assert time.perf_counter() - started < 2 * outcome.seconds + 1


def test_a_longer_trial_goes_on_from_its_shorter_parent(
    evaluator: TrainingEvaluator, space: ConvStages, tmp_path: Path
) -> None:
    architecture = space.first()
    evaluator.evaluate(architecture, 2, Context(0, 7, workspace=tmp_path / "0"))
    longer = evaluator.evaluate(architecture, 3, Context(1, 8, workspace=tmp_path / "1", parents=(0,)))
    in_one = evaluator.evaluate(architecture, 3, Context(0, 7))
    assert longer.metrics == in_one.metrics and longer.notes["epochs"] == 3
    epochs = []
    evaluator.evaluate(
        architecture,
        4,
        Context(2, 9, workspace=tmp_path / "2", parents=(1,), report=lambda epoch, metrics: epochs.append(epoch)),
    )
    assert min(epochs) > 3


def test_another_architecture_or_a_lost_parent_begins_anew(
    evaluator: TrainingEvaluator, space: ConvStages, tmp_path: Path
) -> None:
    architecture = space.first()
    other = next(iter(space.neighbours(architecture)))
    evaluator.evaluate(other, 2, Context(0, 7, workspace=tmp_path / "0"))
    alone = evaluator.evaluate(architecture, 2, Context(1, 8))
    assert (
        evaluator.evaluate(architecture, 2, Context(1, 8, workspace=tmp_path / "1", parents=(0,))).metrics
        == alone.metrics
    )
    assert (
        evaluator.evaluate(architecture, 2, Context(2, 8, workspace=tmp_path / "2", parents=(9,))).metrics
        == alone.metrics
    )
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "trial.json").write_text("{")
    assert (
        evaluator.evaluate(architecture, 2, Context(4, 8, workspace=tmp_path / "4", parents=(3,))).metrics
        == alone.metrics
    )


def test_it_is_its_own_configuration(evaluator: TrainingEvaluator) -> None:
    assert from_spec(to_spec(evaluator), "evaluator") == evaluator


def test_a_space_that_does_not_fit_the_data_is_named(evaluator: TrainingEvaluator) -> None:
    with pytest.raises(EvaluationError, match=r"\(3, 32, 32\)"):
        evaluator.at(ConvStages()).evaluate(ConvStages().first(), 1, Context(0, 0))


def test_missing_data_are_named(space: ConvStages, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no stored data"):
        TrainingEvaluator(space, str(tmp_path)).evaluate(Architecture(), 1, Context(0, 0))


def test_senseless_caps_are_refused(space: ConvStages) -> None:
    with pytest.raises(UsageError, match="n_train"):
        TrainingEvaluator(space, "x", n_train=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"memory_mb": 0.0}, "memory_mb is 0.0"),
        ({"memory_mb": -5.0}, "memory_mb"),
    ],
)
def test_senseless_fields_are_refused(space: ConvStages, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingEvaluator(space, "x", **wrong)  # type: ignore[arg-type]


def test_a_task_that_does_not_fit_the_data_is_named(evaluator: TrainingEvaluator, numbers: TrainingEvaluator) -> None:
    for wrong in (replace(evaluator, task=numbers.learnt), replace(numbers, task=evaluator.learnt)):
        with pytest.raises(EvaluationError, match="task is .* but the data are for"):
            wrong.evaluate(wrong.space.first(), 1, Context(0, 0))


def test_a_device_that_is_not_here_is_named(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    with pytest.raises(UsageError, match="'gpu'"):
        replace(evaluator, device="gpu").evaluate(space.first(), 1, Context(0, 0))


# Memory


def test_what_would_not_fit_gets_a_smaller_batch_and_says_so(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    graph = space.graph(space.first())
    wide = replace(evaluator, recipe=Recipe(batch_size=64), memory_mb=step_memory_mb(graph, 40))
    assert wide.evaluate(space.first(), 0.2, Context(0, 0)).notes["batch_size"] == 32
    assert "batch_size" not in evaluator.evaluate(space.first(), 0.2, Context(0, 0)).notes


def test_what_fits_in_no_batch_fails_before_anything_is_allocated(
    evaluator: TrainingEvaluator, space: ConvStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "Network", None)
    with pytest.raises(EvaluationError, match="are allowed") as caught:
        replace(evaluator, memory_mb=0.1).evaluate(space.first(), 1, Context(0, 0))
    assert caught.value.kind == "memory"


@pytest.mark.parametrize("most", [16, 8])
def test_real_exhaustion_halves_the_batch_once(
    evaluator: TrainingEvaluator, space: ConvStages, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    real, calls = loop.training_batches, []

    def scarce(feed: object, batch_size: int, *args: object) -> object:
        calls.append(batch_size)
        if batch_size > most:
            torch.empty(2**50)  # a petabyte
        return real(feed, batch_size, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "training_batches", scarce)
    if most == 16:
        assert evaluator.evaluate(space.first(), 0.2, Context(0, 0)).notes["batch_size"] == 16
    else:
        with pytest.raises(EvaluationError) as caught:
            evaluator.evaluate(space.first(), 0.2, Context(0, 0))
        assert caught.value.kind == "memory"
    assert calls == [32, 16]


def test_the_smallest_batch_is_not_halved(
    evaluator: TrainingEvaluator, space: ConvStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def full(*args: object, **more: object) -> object:
        calls.append(1)
        raise EvaluationError("The training ran out of memory.", kind="memory")

    monkeypatch.setattr(training, "train", full)
    with pytest.raises(EvaluationError):
        replace(evaluator, recipe=Recipe(batch_size=16)).evaluate(space.first(), 0.2, Context(0, 0))
    assert len(calls) == 1


@dataclass(frozen=True)
class Headless(ImageSpace):
    """Forgets the classifier."""

    def build(self, choose: Choose, net: Net) -> None:
        net.output(conv_bn_relu(net, net.input("image"), choose("width", (4, 8)), kernel=3))  # type: ignore[arg-type]


def test_a_network_without_a_classifier_fails_with_a_sentence() -> None:
    space = Headless(input_shape=(1, 8, 8))
    graph = space.graph(Architecture({"width": 4}))
    task = image_classification((1, 8, 8), tuple("0123456789"))
    with pytest.raises(EvaluationError, match=r"gives values of shape \(4, 8, 8\), and the task takes \(10,\)\. End w"):
        training.need_outputs(graph, task)
