"""How a job evaluates: what the plan asks for, with the person's own settings on top."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

import pytest

from archsmith import catalog
from archsmith.automl.command import command_of
from archsmith.automl.evaluation import bank_rate, check_settings, evaluator_of, retention_of
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.opening import start
from archsmith.automl.plan import INHERITED, OWN, SHARED, Plan, Speed, make_plan
from archsmith.automl.settings import FitSettings, weights_of
from archsmith.core.errors import UsageError
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.sharing import SharedRecipe
from archsmith.spaces.conv_stages import ConvStages
from archsmith.training.recipe import Recipe

CHANGES = {"flip": True}  # to the data's augmentation
SPEED = Speed(step_seconds=0.05, batch_size=128, n_train=55_000, n_valid=5_000, n_test=10_000, example_seconds=1.6e-4)


def evaluator(
    weights: str, recipe: Recipe | None = None, steps_per_epoch: int = 430, **settings: Any
) -> TrainingEvaluator | SharedWeightsEvaluator:
    asked = FitSettings("digits", weights=weights, **settings)
    plan = make_plan(600.0, None, 5.0, SPEED, weights=weights_of(asked))
    plan = dataclasses.replace(plan, bank_rate=bank_rate(recipe or Recipe()))
    space = ConvStages((1, 28, 28), n_outputs=10)
    found = evaluator_of(
        asked, plan, space, recipe or Recipe(), CHANGES, steps_per_epoch, data="", device="cpu", memory_mb=None
    )
    assert catalog.from_spec(catalog.to_spec(found), "evaluator") == found  # so that a study can go on with it
    return found


@pytest.mark.parametrize("weights", [OWN, INHERITED])
def test_trials_are_trained_with_the_jobs_recipe(weights: str) -> None:
    found = evaluator(weights, Recipe(batch_size=64))
    assert isinstance(found, TrainingEvaluator)
    assert found.recipe == Recipe(batch_size=64) and found.inherit == (weights == INHERITED)


@pytest.mark.parametrize("decisions", [None, {"stage0/width": 8}, {}])
def test_work_is_counted_in_epochs_of_the_reference_of_the_plan(decisions: dict[str, Any] | None) -> None:
    plan = dataclasses.replace(make_plan(600.0, None, 5.0, SPEED), reference=decisions)
    space = ConvStages((1, 28, 28), n_outputs=10)
    found = evaluator_of(FitSettings("digits"), plan, space, Recipe(), {}, 430, data="", device="cpu", memory_mb=None)
    assert isinstance(found, TrainingEvaluator)
    assert found.reference == (dict(space.first()) if decisions is None else decisions)


def test_shared_weights_are_trained_for_their_share_of_the_search() -> None:
    found = evaluator(SHARED, Recipe(learning_rate=0.1, batch_size=64, balance=True))
    assert isinstance(found, SharedWeightsEvaluator)
    assert (found.recipe.learning_rate, found.recipe.schedule, found.recipe.restarts) == (0.1, "one_cycle", 0)
    assert (found.recipe.batch_size, found.augmentation, found.recipe.balance) == (64, CHANGES, True)
    assert 0.7 <= found.share <= 0.95
    assert (found.sampler, found.candidates) == ("uniform", 0)


def test_a_bank_takes_no_rate_that_is_for_another_optimizer() -> None:
    found = evaluator(SHARED, Tables().recipe())
    assert isinstance(found, SharedWeightsEvaluator)
    assert (found.recipe.optimizer, found.recipe.learning_rate) == ("sgd", SharedRecipe().learning_rate)
    assert found.recipe.batch_size == Tables().recipe().batch_size
    assert bank_rate(Recipe(learning_rate=0.1)) == 0.1


def test_a_bank_of_an_earlier_version_goes_on_at_the_rate_of_its_recipe() -> None:
    asked = FitSettings("digits", weights=SHARED)
    plan = Plan.from_dict(make_plan(600.0, None, 5.0, SPEED, weights=SHARED).to_dict())
    space, recipe = ConvStages((1, 28, 28), n_outputs=10), Tables().recipe()
    found = evaluator_of(asked, plan, space, recipe, {}, 430, data="", device="cpu", memory_mb=None)
    assert found.recipe.learning_rate == recipe.learning_rate


def test_enas_lets_a_controller_choose_and_derive() -> None:
    found = evaluator("auto", strategy="enas")
    assert isinstance(found, SharedWeightsEvaluator)
    assert found.sampler == "controller" and found.candidates > 0
    assert found.controller.steps == 30
    small = evaluator("auto", steps_per_epoch=40, strategy="enas")
    assert isinstance(small, SharedWeightsEvaluator) and small.controller.steps == 4


def test_a_persons_settings_change_what_they_name_and_nothing_else() -> None:
    plain = evaluator(SHARED)
    found = evaluator(
        SHARED, settings={"shared": {"sampler": "fair", "recipe": {"epochs": 3}, "controller": {"steps": 2}}}
    )
    assert isinstance(plain, SharedWeightsEvaluator) and isinstance(found, SharedWeightsEvaluator)
    expected = dataclasses.replace(
        plain,
        sampler="fair",
        recipe=dataclasses.replace(plain.recipe, epochs=3.0),
        controller=dataclasses.replace(plain.controller, steps=2),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samplr": "fair"}, "no setting shared.samplr. Shared weights have: recipe, sampler"),
        ({"sampler": "greedy"}, "sampler"),
        ({"recipe": {"epochs": -1}}, "epochs"),
        ({"recipe": {"epoch": 1}}, "epochs"),
        ({"recipe": 3}, "shared.recipe"),
        ({"recipe": {"optimizer": "adamw"}}, "Shared weights are trained by SGD"),
        ({"controller": "big", "sampler": "controller"}, "shared.controller"),
        ({"data": "elsewhere"}, "decides shared.data"),
        ({"memory_mb": 5}, "--memory-mb"),
        ({"controller": {"steps": 4}}, "no effect, because the sampler is 'uniform'"),
        ({"candidates": 300}, "no effect with the strategy 'graph_gp'"),
        ({"derived": 3}, "no effect with the strategy 'graph_gp'"),
    ],
)
def test_wrong_settings_are_found_before_any_data_are_read(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_settings(FitSettings("digits", weights=SHARED, settings={"shared": settings}), SHARED)
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("weights", ["auto", OWN, INHERITED])
def test_settings_of_a_bank_that_there_is_not_are_refused(weights: str) -> None:
    asked = FitSettings("nowhere", weights=weights, settings={"shared": {"sampler": "fair"}})
    with pytest.raises(UsageError, match=r"shared\.sampler has no effect"):
        start(asked, 0.0, lambda event: None)


@pytest.mark.parametrize(("name", "value"), [("schedule", "cosine"), ("warmup", 0.3)])
def test_a_schedule_that_no_network_is_trained_by_is_refused(name: str, value: object) -> None:
    asked = {"recipe": {name: value}}
    with pytest.raises(UsageError, match=rf"recipe\.{name} has no effect: networks are trained at a constant"):
        start(FitSettings("nowhere", settings=asked), 0.0, lambda event: None)
    check_settings(FitSettings("digits", weights=SHARED, settings=asked), SHARED)  # those weights have a schedule


def test_settings_that_have_an_effect_are_taken() -> None:
    enas = {"controller": {"steps": 4}, "candidates": 300, "derived": 3, "recipe": {"epochs": 2}}
    check_settings(FitSettings("digits", strategy="enas", settings={"shared": enas}), SHARED)
    learning = {"sampler": "controller", "controller": {"steps": 4}, "folder": "banks", "seed": 3}
    check_settings(FitSettings("digits", weights=SHARED, settings={"shared": learning}), SHARED)
    check_settings(FitSettings("digits"), OWN)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"weights": "borrowed"}, "inherited"),
        ({"strategy": "enas", "weights": "own"}, "enas"),
        ({"settings": {"bank": {}}}, "shared"),
    ],
)
def test_weights_that_make_no_sense_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        FitSettings("digits", **wrong)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_trainings_stay_that_may_go_on() -> None:
    plans = {weights: make_plan(600.0, None, 5.0, SPEED, weights=weights) for weights in (OWN, SHARED)}
    settings = FitSettings("digits", disk_mb=300.0)
    assert retention_of(settings, plans[OWN]).top > retention_of(settings, plans[SHARED]).top
    assert retention_of(settings, plans[OWN]).max_mb == 300.0


def test_the_command_of_a_job_asks_for_the_same_settings() -> None:
    settings = {
        "shared": {"sampler": "fair", "recipe": {"epochs": 3, "balance": True}},
        "recipe": {"learning_rate": 0.1},
    }
    words = shlex.split(command_of(FitSettings("digits", weights="shared", settings=settings)))
    assert words[words.index("--weights") + 1] == "shared"
    assert catalog.parse_settings([words[i + 1] for i, word in enumerate(words) if word == "--set"]) == settings
