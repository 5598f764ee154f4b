from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.spaces.cell_space import CellSpace, check_dropout, check_keep, check_size, kept_share
from archsmith.spaces.darts import Darts, DartsScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.recipe import ImageRecipe

SMALL = (3, 8, 8)
SPACES = [
    NasNet(SMALL, scale=NasNetScale(4, 1, auxiliary=True)),
    EnasMicro(SMALL, scale=EnasMicroScale(4, 3, auxiliary=True)),
    Darts(SMALL, scale=DartsScale(4, 3, auxiliary=True)),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_a_space_has_one_cell_to_compare_for_each_that_it_asks_for(space: CellSpace) -> None:
    sample = space.sample(np.random.default_rng(0))
    assert tuple(space.cells(sample)) == space.cell_names == tuple(dict.fromkeys(path.split("/")[0] for path in sample))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_an_auxiliary_head_says_where_the_image_is_too_small_for_it(space: CellSpace) -> None:
    with pytest.raises(UsageError, match=r"at least 5×5 pixels at its place; here they are \d×\d"):
        space.graph(space.sample(np.random.default_rng(0)))


def test_an_auxiliary_head_is_a_second_output() -> None:
    space = Darts(scale=DartsScale(4, 3, auxiliary=True))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert graph.outputs.keys() == {"class", "auxiliary"}
    assert graph.node(graph.outputs["auxiliary"]).shape == (10,)


def test_the_first_cell_reads_the_stem_alone() -> None:
    space = EnasMicro(scale=EnasMicroScale(4, 3))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert len(graph.scope_inputs("cell0")) == 1
    assert len(graph.scope_inputs("cell1")) == 2


def test_a_space_with_a_recipe_does_not_grow_by_blocks() -> None:
    assert NasNet().growth() is not None
    assert NasNet(recipe=ImageRecipe()).growth() is None


def test_fewer_paths_are_kept_the_deeper_a_cell_stands() -> None:
    assert [kept_share(0.5, depth) for depth in (0.0, 0.5, 1.0)] == [1.0, 0.75, 0.5]


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: check_size(2, 4, 1, 1, "cells"), "Give at least 4 filters and 1 cell."),
        (lambda: check_size(2, 2, 1, 3, "layers"), "Give at least 2 filters and 3 layers."),
        (lambda: check_keep(0.0), "above 0 up to 1"),
        (lambda: check_dropout(1.0), "from 0 to below 1"),
    ],
)
def test_a_scale_that_cannot_be_says_what_can(check: object, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check()  # type: ignore[operator]


def test_more_cells_than_can_be_laid_out_are_refused() -> None:
    with pytest.raises(UsageError, match="so many cells is too large"):
        check_size(8, 1, 10**9, 1, "cells")
