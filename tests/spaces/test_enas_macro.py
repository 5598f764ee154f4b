from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from archsmith.graphs.graph import Graph
from archsmith.spaces.enas_macro import SKIPS, EnasMacro, EnasMacroScale
from archsmith.strategies.policy import kind

SPACE = EnasMacro((3, 16, 16), layers=6, scale=EnasMacroScale(4))


def keys(graph: Graph, inside: str) -> set[str | None]:
    return {node.key for node in graph.inside(inside) if node.key}


def test_twelve_layers_have_78_decisions() -> None:
    assert len(EnasMacro().sample(np.random.default_rng(0))) == 12 + 66


def test_weights_are_shared_by_layer_and_operation() -> None:
    a = SPACE.sample(np.random.default_rng(0)).replace({"layer2/op": "sep3x3", "layer2/skip0": False})
    other_skip = a.replace({"layer2/skip0": True})
    other_operation = a.replace({"layer2/op": "sep5x5"})
    mine = keys(SPACE.graph(a), "layer2.body")
    assert mine == keys(SPACE.graph(other_skip), "layer2.body")
    assert not mine & keys(SPACE.graph(other_operation), "layer2.body")


def test_shared_weights_have_one_shape_whatever_was_chosen() -> None:
    rng = np.random.default_rng(0)
    shapes: dict[str, set[str]] = {}
    for _ in range(60):
        for node in SPACE.graph(SPACE.sample(rng)).nodes:
            if node.key:
                role, _, signature = node.key.rpartition(":")
                shapes.setdefault(role, set()).add(signature)
                assert "#" not in signature
    assert all(len(signatures) == 1 for signatures in shapes.values())


@pytest.mark.parametrize("skips", SKIPS)
def test_all_layers_but_the_first_are_normalised_with_skips_and_without(skips: str) -> None:
    space = dataclasses.replace(SPACE, scale=EnasMacroScale(4, skips=skips))
    sample = space.sample(np.random.default_rng(0))
    for skip in (False, True):
        graph = space.graph(sample.replace({path: skip for path in sample if "skip" in path}))
        outside = [[node for node in graph.inside(f"layer{k}") if ".body." not in node.name] for k in range(6)]
        assert not outside[0]
        assert all(nodes[-1].op == "batch_norm" for nodes in outside[1:])
        assert any(node.op == "conv" for node in outside[1]) is (skips == "concat")


def test_the_kind_of_its_skips_is_that_of_their_paths() -> None:
    sample = SPACE.sample(np.random.default_rng(0))
    assert {kind(path) for path in sample} == {"op", SPACE.skip_kind}
    assert all(isinstance(sample[path], bool) for path in sample if kind(path) == SPACE.skip_kind)


def test_the_final_form_doubles_the_filters_at_each_reduction() -> None:
    space = EnasMacro((3, 16, 16), layers=6, scale=EnasMacroScale(4, grow=True))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    last = next(node for node in reversed(graph.nodes) if len(node.shape) == 3)
    assert last.shape == (16, 4, 4)
