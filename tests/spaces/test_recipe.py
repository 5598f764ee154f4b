"""That the first options are the training side's defaults is tested beside the training recipe."""

from __future__ import annotations

import numpy as np

from archsmith.spaces.recipe import ImageRecipe


def test_only_decisions_about_training_are_asked() -> None:
    architecture = ImageRecipe().sample(np.random.default_rng(0))
    assert architecture.recipe == architecture


def test_the_first_architecture_takes_the_first_option_of_every_decision() -> None:
    space = ImageRecipe()
    decisions = space.decisions(space.first())
    assert all(decision.answer == next(iter(decision.options)) for decision in decisions)  # type: ignore[arg-type]
