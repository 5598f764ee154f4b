"""That the first options for images are the training side's defaults is tested beside the training recipe."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.space import Space
from archsmith.spaces.recipe import ImageRecipe, OpenRecipe, OwnRecipe, PictureRecipe
from archsmith.spaces.tabular import TableRecipe

SPACES = (ImageRecipe(), PictureRecipe(), TableRecipe())
every_recipe = pytest.mark.parametrize("space", SPACES, ids=[type(space).__name__ for space in SPACES])


@every_recipe
def test_only_decisions_about_training_are_asked(space: Space) -> None:
    architecture = space.sample(np.random.default_rng(0))
    assert architecture.recipe == architecture


@every_recipe
def test_the_first_architecture_takes_the_first_option_of_every_decision(space: ImageRecipe | TableRecipe) -> None:
    decisions = space.decisions(space.first())
    assert all(decision.answer == next(iter(decision.options)) for decision in decisions)  # type: ignore[arg-type]


def test_pictures_are_trained_like_images_unless_something_else_is_decided() -> None:
    assert PictureRecipe().first() == ImageRecipe().first()
    assert set(ImageRecipe().enumerate()) < set(PictureRecipe().enumerate())


def test_what_was_decided_beforehand_is_asked_no_more() -> None:
    given = {"weight_decay": 0.01, "shift": 0.2, "epochs": 3}
    asked = OpenRecipe(PictureRecipe(), given).sample(np.random.default_rng(0))
    names = ("learning_rate", "flip", "cutout", "label_smoothing")
    assert set(asked) == {f"recipe/{name}" for name in names}
    given = dict.fromkeys(("learning_rate", "weight_decay", "label_smoothing"), 0.1)
    assert not OpenRecipe(TableRecipe(), given).sample(np.random.default_rng(0))


def test_what_is_settled_is_told_as_decisions_of_one_option() -> None:
    own = OwnRecipe((("momentum", 0.8), ("clip", 0.0)))
    assert [dict(each) for each in own.enumerate()] == [{"recipe/momentum": 0.8, "recipe/clip": 0.0}]


def test_the_first_options_for_tables_are_the_recipe_of_tables() -> None:
    pytest.importorskip("torch")
    from archsmith.automl.modalities.tables import RECIPE
    from archsmith.data.examples import Augmentation
    from archsmith.training.recipe import decided

    assert decided(RECIPE, Augmentation(), TableRecipe().first()) == (RECIPE, Augmentation())
