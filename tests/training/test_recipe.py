from __future__ import annotations

import dataclasses
import json

import pytest

from archsmith.core import wording
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.data.examples import Augmentation
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.spaces.recipe import ImageRecipe
from archsmith.training.recipe import Recipe, decided

PICTURES = ImageAugmentation()


def test_decisions_replace_defaults_and_others_are_left_alone() -> None:
    architecture = Architecture({"depth": 3, "recipe/flip": True, "recipe/learning_rate": 0.05})
    recipe, augmentation = decided(Recipe(), PICTURES, architecture)
    assert (recipe.learning_rate, recipe.momentum) == (0.05, Recipe().momentum)
    assert augmentation == ImageAugmentation(flip=True)


def test_an_unknown_decision_is_named() -> None:
    with pytest.raises(UsageError, match="'magic'"):
        decided(Recipe(), PICTURES, {"recipe/magic": 1})


def test_data_without_augmentation_take_no_decisions_of_it() -> None:
    with pytest.raises(UsageError, match="'flip'"):
        decided(Recipe(), Augmentation(), {"recipe/flip": True})


def test_the_space_of_recipes_begins_at_these_defaults() -> None:
    assert decided(Recipe(), PICTURES, ImageRecipe().first()) == (Recipe(), PICTURES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"momentum": 1.0},
        {"weight_decay": -1.0},
        {"bias_rate": -1.0},
        {"schedule": "steps"},
        {"optimizer": "newton"},
        {"batch_size": 0},
        {"clip": float("nan")},
    ],
)
def test_senseless_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Recipe(**wrong)  # type: ignore[arg-type]


def test_survives_json() -> None:
    recipe = Recipe(optimizer="adamw", schedule="cosine")
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_the_proxy_can_be_continued() -> None:
    proxy = Recipe().proxy()
    assert proxy.schedule == "constant"
    assert proxy.average > 0
    assert proxy.learning_rate <= Recipe().learning_rate


@pytest.mark.parametrize(("n_train", "batch"), [(55_000, 128), (5_000, 64), (1_300, 32), (100, 16), (1, 16)])
def test_small_data_get_small_batches(n_train: int, batch: int) -> None:
    assert Recipe().sized(n_train).batch_size == batch


def test_a_batch_that_was_asked_for_is_never_enlarged() -> None:
    assert Recipe(batch_size=8).sized(55_000).batch_size == 8


def test_cards_say_what_every_field_means() -> None:
    assert {field.name for field in dataclasses.fields(Recipe)} <= set(wording.RECIPE)
