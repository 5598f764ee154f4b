from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost
from archsmith.graphs.identity import identity
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.pictures import FAMILIES, KNOWN, STAGES, Pictures
from archsmith.spaces.recipe import OpenRecipe, PictureRecipe
from archsmith.testing.laws import check_network_space

SHAPES = [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 33, 50), (3, 96, 96), (3, 224, 224), (1, 256, 256), (3, 8, 256)]


def compact(space: Pictures, family: str) -> Architecture:
    """The first options of a family."""
    return space.trace(lambda path, options, weights: family if path == "family" else options[0]).architecture  # type: ignore[index]


def sampled(space: Pictures, family: str, rng: np.random.Generator) -> Architecture:
    return space.complete({"family": family}, rng)


def test_every_family_is_known() -> None:
    assert set(FAMILIES) == {STAGES, *KNOWN}
    assert FAMILIES[0] == STAGES


def test_the_first_architecture_is_the_hand_made_network() -> None:
    space, stages = Pictures((1, 28, 28), recipe=PictureRecipe()), ConvStages((1, 28, 28))
    first = space.first()
    assert first.structure == Architecture({"family": STAGES, **stages.first()})
    assert identity(space.graph(first)) == identity(stages.graph(stages.first()))
    assert first.recipe == PictureRecipe().first()


def test_architectures_of_conv_stages_are_points() -> None:
    space, stages = Pictures(), ConvStages()
    rng = np.random.default_rng(0)
    for _ in range(20):
        sample = stages.sample(rng)
        same = Architecture({"family": STAGES, **sample})
        space.validate(same)
        assert identity(space.graph(same)) == identity(stages.graph(sample))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_family_suits_any_image_at_a_sane_cost(shape: tuple[int, int, int]) -> None:
    space = Pictures(shape)
    rng = np.random.default_rng(0)
    for family in FAMILIES:
        for architecture in (compact(space, family), *(sampled(space, family, rng) for _ in range(8))):
            graph = space.graph(architecture)
            assert graph.node(graph.outputs["class"]).shape == (10,)
            found = cost(graph)
            assert found.macs < (160e6 if family in ("resnet", "wide") else 125e6), architecture
            assert found.params < 16e6, architecture


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_of_a_family_differ(family: str) -> None:
    space = Pictures()
    rng = np.random.default_rng(1)
    assert len({space.identity(sampled(space, family, rng)) for _ in range(10)}) >= 6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_laws_of_networks_hold_in_every_family(family: str) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    check_network_space(_OneFamily((2, 12, 12), 3, of=family), n_samples=3)


class _OneFamily(Pictures):
    """The space with one family only."""

    def __init__(self, shape: tuple[int, int, int], n_outputs: int, of: str) -> None:
        super().__init__(shape, n_outputs, scale=replace(Pictures().scale, filters=4))
        object.__setattr__(self, "of", of)

    def sample(self, rng: np.random.Generator) -> Architecture:
        return self.complete({"family": self.of}, rng)  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", FAMILIES)
def test_widths_follow_the_scale(family: str) -> None:
    space = Pictures()
    wide = replace(space, scale=replace(space.scale, filters=32))
    architecture = compact(space, family)
    assert cost(wide.graph(architecture)).params > 1.7 * cost(space.graph(architecture)).params


def test_a_family_that_is_trained_in_its_own_way_says_so_last() -> None:
    own = [(f"recipe/{name}", value) for name, value in KNOWN["wide"].recipe]
    space = Pictures(recipe=PictureRecipe())
    asked = list(compact(space, "wide").items())
    assert asked[-len(own) :] == own
    space.validate(compact(space, "wide"))
    assert set(compact(space, "resnet").recipe) == set(PictureRecipe().first())
    assert not compact(Pictures(), "wide").recipe


def test_what_a_user_decided_about_training_goes_before_the_way_of_a_family() -> None:
    space = Pictures(recipe=OpenRecipe(PictureRecipe(), {"clip": 1.0}))
    assert "recipe/clip" not in compact(space, "wide")
    assert "recipe/bias_rate" in compact(space, "wide")


def test_what_sgd_does_with_a_family_is_not_asked_of_another_optimizer() -> None:
    space = Pictures(recipe=OpenRecipe(PictureRecipe(), {"optimizer": "adamw"}))
    assert set(compact(space, "wide").recipe) == set(PictureRecipe().first())


def test_dropout_stands_before_the_last_layer() -> None:
    space = replace(Pictures(), scale=replace(Pictures().scale, dropout=0.5))
    for family in ("resnet", "tiles", STAGES):
        assert any(node.op == "dropout" and node.args["p"] == 0.5 for node in space.graph(compact(space, family)).nodes)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError):
        Pictures(max_work=0.5)
