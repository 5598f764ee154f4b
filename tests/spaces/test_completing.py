from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.spaces.completing import completed
from archsmith.spaces.tabular import TableRecipe, Tabular

SPACE = Tabular(5, recipe=TableRecipe())


def test_what_is_not_said_is_the_first_option() -> None:
    assert completed(SPACE, "it", {}) == SPACE.first()
    found = completed(SPACE, "it", {"width": 64, "recipe/learning_rate": 5e-4})
    assert (found["width"], found["recipe/learning_rate"], found["depth"]) == (64, 5e-4, SPACE.first()["depth"])


def test_an_answer_that_has_no_question_is_named() -> None:
    with pytest.raises(UsageError, match="'it' wants nothing"):
        completed(SPACE, "it", {"nothing": 1})


def test_a_recipe_may_lack_an_option() -> None:
    assert completed(SPACE, "it", {"recipe/learning_rate": 123.0}) == SPACE.first()
