"""Growth of the published cell spaces: levels are points, neutral blocks change nothing, and the counts are those of
the papers.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.growth import START, Grown, Prefixes, growth_of
from archsmith.graphs.cost import cost
from archsmith.spaces.cell_growth import SAMPLED, BlockGrowth, NodeGrowth
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasbench201 import NasBench201
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.pnas import Pnas
from archsmith.testing.toys import Flat

SPACES = [Pnas(), NasNet(), NasNet(output="all"), EnasMicro(), NasBench201()]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_every_level_offers_points_of_the_space(space: Pnas | NasNet | EnasMicro | NasBench201) -> None:
    growth, rng = growth_of(space), np.random.default_rng(0)
    assert isinstance(growth, BlockGrowth | NodeGrowth)
    beam = [START]
    for level in range(1, growth.n_levels + 1):
        grown = growth.expand(level, beam, 4, rng)
        chosen = rng.choice(len(grown), 4, replace=False).tolist()
        for i in chosen:
            space.validate(grown.architecture(i))
            slots = [growth.alphabet.layout[place] for place in range(grown.tokens.shape[1])]
            sizes = [growth.alphabet.vocabularies[growth.alphabet.slots[slot]] for slot in slots]
            assert all(0 <= token < size for token, size in zip(grown.tokens[i].tolist(), sizes, strict=True))
            assert (
                grown.tokens[i].tolist()[: len(beam[grown.parents[i]].tokens)] == beam[grown.parents[i]].tokens.tolist()
            )
        beam = [Grown(grown.architecture(i), grown.tokens[i]) for i in chosen]
    assert len(growth.alphabet.layout) == grown.tokens.shape[1]
    assert len(growth.expand(growth.n_levels + 1, beam, 4, rng)) == 0


def test_the_levels_of_pnas_are_as_large_as_the_paper_says() -> None:
    growth, rng = growth_of(Pnas()), np.random.default_rng(0)
    beam, sizes = [START], []
    for level in range(1, 6):
        grown = growth.expand(level, beam, 256, rng)
        sizes.append(len(grown) // len(beam))
        beam = [Grown(START.architecture, row) for row in grown.tokens[:256]]
    assert sizes == [256, 576, 1024, 1600, 2304]  # (b + 1)² · 8², Liu et al. 2018
    assert len(grown) == 589_824


def test_levels_beyond_that_are_sampled() -> None:
    growth, rng = growth_of(NasNet()), np.random.default_rng(0)
    first = growth.expand(1, [START], 256, rng)
    assert len(first) == (2 * 13) ** 2 * 2
    grown = growth.expand(2, [Grown(START.architecture, row) for row in first.tokens[:300]], 256, rng)
    assert len(grown) == len(np.unique(grown.tokens, axis=0)) == SAMPLED


def test_a_nas_bench_201_cell_grows_node_by_node() -> None:
    growth, rng = growth_of(NasBench201()), np.random.default_rng(0)
    first = growth.expand(1, [START], 5, rng)
    second = growth.expand(2, [Grown(START.architecture, row) for row in first.tokens], 5, rng)
    third = growth.expand(3, [Grown(START.architecture, row) for row in second.tokens], 5, rng)
    assert [len(first), len(second), len(third)] == [5, 125, 15_625]
    assert len({third.architecture(i) for i in range(15_625)}) == 15_625
    assert list(first.architecture(3).values()) == ["nor_conv_3x3", "none", "none", "none", "skip_connect", "none"]
    assert list(second.architecture(0).values()) == ["none", "none", "none", "none", "none", "skip_connect"]


def test_neutral_blocks_leave_a_cell_as_it_is() -> None:
    scale = NasNetScale(filters=4, cells=1)
    wide, narrow = (NasNet(blocks=blocks, combines=("add",), input_shape=(2, 12, 12), scale=scale) for blocks in (4, 2))
    rng = np.random.default_rng(0)
    growth = growth_of(wide)
    for _ in range(5):
        small = narrow.sample(rng)
        grown = growth.architecture(tokens_of(small))  # type: ignore[attr-defined]
        alone = {path: answer for path, answer in small.items() if path.startswith("normal")}
        assert {path: grown[path] for path in alone} == alone
        for cell in ("normal", "reduction"):
            for i in (2, 3):
                assert grown[f"{cell}/block{i}/left/input"] == grown[f"{cell}/block{i}/right/input"] == f"block{i - 1}"
        same_reduction = Architecture(
            {**small, **{path: grown[path] for path in small if path.startswith("reduction")}}
        )
        assert cost(wide.graph(grown)).params == cost(narrow.graph(same_reduction)).params


def tokens_of(architecture: Architecture) -> np.ndarray:
    """The normal cell of two blocks as a row of tokens."""
    space, row = NasNet(), []
    for i in range(2):
        known = ("prev", "cur", "block0")
        row += [known.index(str(architecture[f"normal/block{i}/{side}/input"])) for side in ("left", "right")]
        row += [space.operations.index(str(architecture[f"normal/block{i}/{side}/op"])) for side in ("left", "right")]
    return np.array(row, np.int16)


def test_where_there_is_no_natural_growth_a_space_grows_by_its_decisions() -> None:
    for space in (
        NasNet(output="chosen"),
        EnasMicro(operations=("sep3x3", "max3x3"), scale=EnasMicroScale(filters=4)),
        dataclasses.replace(Pnas(), recipe=Flat(1, 2)),
        Flat(),
    ):
        assert isinstance(growth_of(space), Prefixes)
