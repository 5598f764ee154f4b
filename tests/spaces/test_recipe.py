from __future__ import annotations

import numpy as np
import pytest

from archsmith.spaces.recipe import ImageRecipe


def test_only_decisions_about_training_are_asked() -> None:
    architecture = ImageRecipe().sample(np.random.default_rng(0))
    assert architecture.recipe == architecture


def test_the_training_side_knows_every_decision_and_its_default_is_the_first_option() -> None:
    pytest.importorskip("torch")
    from archsmith.training.recipe import Recipe

    assert Recipe().with_decisions(ImageRecipe().first()) == Recipe()
