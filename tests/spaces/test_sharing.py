"""Which parts of different networks share weights: those with equal keys."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.graphs.graph import Graph
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale

MICRO = EnasMicro((3, 16, 16), scale=EnasMicroScale(4, 3, shared=True))
MACRO = EnasMacro((3, 16, 16), layers=6, scale=EnasMacroScale(4))


def _keys(graph: Graph, inside: str) -> set[str | None]:
    return {node.key for node in graph.inside(inside) if node.key}


def test_micro_shares_by_cell_node_operation_and_source() -> None:
    a = MICRO.sample(np.random.default_rng(0)).replace(
        {"normal/block1/left/input": "prev", "normal/block1/left/op": "sep3x3"}
    )
    same_side = a.replace({"normal/block1/right/op": "sep5x5", "normal/block0/left/op": "max3x3"})
    other_source = a.replace({"normal/block1/left/input": "cur"})
    other_operation = a.replace({"normal/block1/left/op": "sep5x5"})
    side = "cell0.block1.left"
    mine = _keys(MICRO.graph(a), side)
    assert mine == _keys(MICRO.graph(same_side), side)
    assert not mine & _keys(MICRO.graph(other_source), side)
    assert not mine & _keys(MICRO.graph(other_operation), side)


def test_macro_shares_by_layer_and_operation() -> None:
    a = MACRO.sample(np.random.default_rng(0)).replace({"layer2/op": "sep3x3", "layer2/skip0": False})
    other_skip = a.replace({"layer2/skip0": True})
    other_operation = a.replace({"layer2/op": "sep5x5"})
    mine = _keys(MACRO.graph(a), "layer2.body")
    assert mine == _keys(MACRO.graph(other_skip), "layer2.body")
    assert not mine & _keys(MACRO.graph(other_operation), "layer2.body")


@pytest.mark.parametrize("space", [MICRO, MACRO], ids=["micro", "macro"])
def test_shared_weights_have_one_shape_whatever_was_chosen(space: NetworkSpace) -> None:
    rng = np.random.default_rng(0)
    shapes: dict[str, set[str]] = {}
    for _ in range(60):
        for node in space.graph(space.sample(rng)).nodes:
            if node.key:
                role, _, signature = node.key.rpartition(":")
                shapes.setdefault(role, set()).add(signature)
                assert "#" not in signature
    assert all(len(signatures) == 1 for signatures in shapes.values())
