from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from archsmith.catalog import from_spec, to_spec
from archsmith.core.architecture import Architecture
from archsmith.core.errors import DataError, EvaluationError, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context
from archsmith.data import cache
from archsmith.data.readers import read
from archsmith.data.splits import split
from archsmith.evaluators.training import CHECKPOINT, TrainingEvaluator
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.recipe import ImageRecipe
from archsmith.testing.laws import check_evaluator
from archsmith.training.recipe import Recipe


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def space() -> ConvStages:
    return ConvStages((1, 8, 8), 10, recipe=ImageRecipe(), scale=ConvStagesScale(filters=4), max_work=1.0)


@pytest.fixture(scope="module")
def evaluator(space: ConvStages, tmp_path_factory: pytest.TempPathFactory) -> TrainingEvaluator:
    folder = cache.write(split(read("digits"), seed=0), tmp_path_factory.mktemp("data"))
    return TrainingEvaluator(space, str(folder), n_train=320, n_valid=100, recipe=Recipe(batch_size=32), precision="float32")


def test_it_obeys_the_laws_of_evaluators(evaluator: TrainingEvaluator) -> None:
    check_evaluator(evaluator, Problem(evaluator.space, fidelity=Fidelity("epochs", 0.5, 2)), n_architectures=2, fidelity=1.5)


def test_more_epochs_score_higher(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    first = space.first()
    short, long = (evaluator.evaluate(first, epochs, Context(0, 0)).metrics for epochs in (0.2, 5))
    assert long["accuracy"] > short["accuracy"] + 0.15
    assert long["params"] == short["params"] > 0


def test_decisions_about_the_recipe_count(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    first = space.first()
    other = first.replace({"recipe/learning_rate": 0.4, "recipe/cutout": 0.5})
    assert evaluator.evaluate(first, 1, Context(0, 0)).metrics != evaluator.evaluate(other, 1, Context(0, 0)).metrics


def test_it_reports_each_epoch(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    reports: list[tuple[float, Mapping[str, float]]] = []
    outcome = evaluator.evaluate(space.first(), 2, Context(0, 0, report=lambda step, metrics: reports.append((step, metrics))))
    assert [step for step, _ in reports] == [1, 2]
    assert reports[-1][1]["accuracy"] == outcome.metrics["accuracy"]
    assert outcome.notes["epochs"] == 2


def test_a_deadline_ends_it_inside_an_epoch(evaluator: TrainingEvaluator, space: ConvStages) -> None:
    started = time.time()
    with pytest.raises(EvaluationError) as caught:
        evaluator.evaluate(space.first(), 10_000, Context(0, 0, deadline=time.time() + 0.3))
    assert caught.value.kind == "timeout"
    assert time.time() - started < 1.3


def test_a_trial_goes_on_from_its_own_checkpoint(evaluator: TrainingEvaluator, space: ConvStages, tmp_path: Path) -> None:
    context = Context(0, 0, workspace=tmp_path)
    outcome = evaluator.evaluate(space.first(), 2, context)
    assert (tmp_path / CHECKPOINT).exists()
    started = time.perf_counter()
    again = evaluator.evaluate(space.first(), 2, context)
    assert again.metrics == outcome.metrics == evaluator.evaluate(space.first(), 2, Context(0, 0)).metrics
    assert time.perf_counter() - started < 2 * outcome.seconds + 1


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
