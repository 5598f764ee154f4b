from __future__ import annotations

from dataclasses import replace

import pytest

from archsmith.core.architecture import RECIPE
from archsmith.core.errors import UsageError
from archsmith.spaces import picture_seeds
from archsmith.spaces.picture_seeds import ANCHORS, VARIANTS, seeds
from archsmith.spaces.pictures import FAMILIES, Pictures
from archsmith.spaces.recipe import ImageRecipe, PictureRecipe


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 224, 224)])
def test_seeds_are_points_of_the_space(shape: tuple[int, int, int]) -> None:
    space = Pictures(shape, recipe=PictureRecipe())
    for architecture in seeds(space).values():
        space.validate(architecture)
        space.graph(architecture)


def test_every_family_has_one_anchor_and_these_come_first() -> None:
    found = list(seeds(Pictures()).values())
    assert found[0] == Pictures().first()
    assert sorted(str(architecture["family"]) for architecture in found[: len(ANCHORS)]) == sorted(FAMILIES)


def test_seeds_are_different_networks() -> None:
    space = Pictures(recipe=PictureRecipe())
    identities = {space.identity(architecture) for architecture in seeds(space).values()}
    assert len(identities) == len(ANCHORS) + len(VARIANTS) >= 15


def test_every_wish_is_met() -> None:
    space = Pictures(recipe=PictureRecipe())
    found = seeds(space)
    for name, (family, decisions, recipe) in {**ANCHORS, **VARIANTS}.items():
        prefix = "" if family == "stages" else f"{family}/"
        wanted = {prefix + path: answer for path, answer in decisions.items()}
        wanted |= {RECIPE + path: answer for path, answer in recipe.items()}
        assert wanted.items() <= dict(found[name]).items(), name


def test_seeds_say_how_to_train_if_the_space_asks() -> None:
    assert not any(path.startswith(RECIPE) for path in seeds(Pictures())["mlp"])
    assert seeds(Pictures(recipe=PictureRecipe()))["mlp"]["recipe/shift"] == 0.0
    space = Pictures(recipe=ImageRecipe())
    for architecture in seeds(space).values():
        space.validate(architecture)


def test_a_wish_that_the_space_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_seeds, "VARIANTS", {"odd": ("mlp", {"width": 3}, {})})
    with pytest.raises(UsageError, match="mlp/width"):
        seeds(replace(Pictures(), n_outputs=3))
