from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsmith.graphs.cost import cost
from archsmith.spaces.conv_stages import ConvStages, _nominal_width, _side_after, _stem_work, first_work, stage_work
from archsmith.spaces.recipe import ImageRecipe


def _work(space: ConvStages, architecture: object) -> float:
    stem, stages = space._plan(lambda path, options, weights=None: architecture[path])  # type: ignore[index]
    work, width, side = _stem_work(stem), 16 * stem, 32
    for i, stage in enumerate(stages):
        work += stage_work(stage, i, width, side)
        width, side = _nominal_width(stage.width, i), _side_after(stage.downsample, side)
    return work


def test_the_first_architecture_is_the_plain_residual_network() -> None:
    space = ConvStages((1, 28, 28))
    graph = space.graph(space.first())
    convs = [
        (node.args["filters"], node.args["kernel"], node.args["stride"]) for node in graph.nodes if node.op == "conv"
    ]
    assert convs[0] == (16, (3, 3), (1, 1))
    for i, filters in enumerate((32, 64, 128)):
        assert convs[1 + 3 * i : 4 + 3 * i] == [
            (filters, (3, 3), (2, 2)),
            (filters, (3, 3), (1, 1)),
            (filters, (1, 1), (2, 2)),
        ]
    assert len(convs) == 10


@pytest.mark.parametrize("max_work", [1.0, 2.0, 4.0])
def test_no_sample_works_more_than_allowed(max_work: float) -> None:
    space = ConvStages(max_work=max_work)
    rng = np.random.default_rng(0)
    works = [_work(space, space.sample(rng)) for _ in range(300)]
    assert max(works) <= max_work * first_work() * (1 + 1e-6)
    assert max(works) > 0.9 * max_work * first_work()


def test_mutations_stay_within_the_cap() -> None:
    space = ConvStages()
    rng = np.random.default_rng(0)
    architecture = space.first()
    for _ in range(100):
        architecture = space.mutate(architecture, rng)
        assert _work(space, architecture) <= 2 * first_work() * (1 + 1e-6)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 33, 50), (3, 96, 96), (3, 256, 256), (1, 256, 256), (3, 8, 256)]
)
def test_any_image_gives_a_network_of_sane_cost(shape: tuple[int, int, int]) -> None:
    space = ConvStages(shape)
    rng = np.random.default_rng(0)
    for architecture in (space.first(), *(space.sample(rng) for _ in range(20))):
        graph = space.graph(architecture)
        last = next(node for node in reversed(graph.nodes) if len(node.shape) == 3)
        assert last.shape[1] * last.shape[2] >= 16
        assert cost(graph).macs < 80e6


def test_widths_follow_the_scale() -> None:
    space = ConvStages()
    wide = replace(space, scale=replace(space.scale, filters=32))
    assert cost(wide.graph(space.first())).params == pytest.approx(
        4 * cost(space.graph(space.first())).params, rel=0.02
    )


def test_the_first_architecture_takes_the_recipe_along() -> None:
    first = ConvStages(recipe=ImageRecipe()).first()
    assert first.recipe == ImageRecipe().first()
    assert first["recipe/flip"] is False
