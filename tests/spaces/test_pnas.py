from __future__ import annotations

import numpy as np

from archsmith.spaces.nasnet import NasNetScale
from archsmith.spaces.pnas import Pnas


def test_pnas_grows_by_its_first_decision() -> None:
    space = Pnas(scale=NasNetScale(8, 1))
    first = next(iter(space.decisions(space.sample(np.random.default_rng(0)))))
    assert first.path == "blocks" and tuple(first.options) == (1, 2, 3, 4, 5)  # type: ignore[arg-type]
    small = space.complete({"blocks": 1}, np.random.default_rng(0))
    assert len(small) == 5
    larger = space.complete(small.replace({"blocks": 2}), np.random.default_rng(0))
    assert len(larger) == 9 and all(larger[path] == small[path] for path in small if path != "blocks")


def test_pnas_has_136_unique_cells_of_one_block() -> None:
    space = Pnas(input_shape=(3, 8, 8), blocks=1, scale=NasNetScale(4, 1))
    assert space.count() == 256
    assert len({space.identity(architecture) for architecture in space.enumerate()}) == 136


def test_the_number_of_blocks_is_weighted_by_how_many_cells_have_it() -> None:
    space = Pnas(operations=("identity", "sep3x3"), blocks=2)
    first = next(iter(space.decisions(space.sample(np.random.default_rng(0)))))
    assert first.weights == (4.0**2, 4.0**2 * 6.0**2)


def test_one_cell_is_laid_out_with_both_strides() -> None:
    space = Pnas((3, 16, 16), scale=NasNetScale(4, 1, skip_reduction_input=True))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert [graph.scopes[f"cell{i}"].kind for i in range(3)] == ["Cell", "StridedCell", "StridedCell"]
