from __future__ import annotations

import numpy as np

from archsmith.graphs.graph import Graph
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale

SHARED = EnasMicro((3, 16, 16), scale=EnasMicroScale(4, 3, shared=True))


def keys(graph: Graph, inside: str) -> set[str | None]:
    return {node.key for node in graph.inside(inside) if node.key}


def test_weights_are_shared_by_cell_node_operation_and_source() -> None:
    a = SHARED.sample(np.random.default_rng(0)).replace(
        {"normal/block1/left/input": "prev", "normal/block1/left/op": "sep3x3"}
    )
    same_side = a.replace({"normal/block1/right/op": "sep5x5", "normal/block0/left/op": "max3x3"})
    other_source = a.replace({"normal/block1/left/input": "cur"})
    other_operation = a.replace({"normal/block1/left/op": "sep5x5"})
    side = "cell0.block1.left"
    mine = keys(SHARED.graph(a), side)
    assert mine == keys(SHARED.graph(same_side), side)
    assert not mine & keys(SHARED.graph(other_source), side)
    assert not mine & keys(SHARED.graph(other_operation), side)


def test_shared_weights_have_one_shape_whatever_was_chosen() -> None:
    rng = np.random.default_rng(0)
    shapes: dict[str, set[str]] = {}
    for _ in range(60):
        for node in SHARED.graph(SHARED.sample(rng)).nodes:
            if node.key:
                role, _, signature = node.key.rpartition(":")
                shapes.setdefault(role, set()).add(signature)
                assert "#" not in signature
    assert all(len(signatures) == 1 for signatures in shapes.values())


def test_a_shared_reduction_cell_halves_its_inputs_and_has_no_stride_itself() -> None:
    graph = SHARED.graph(SHARED.sample(np.random.default_rng(0)))
    strided = {node.name for node in graph.inside("cell1") if node.args.get("stride") == (2, 2)}
    assert strided == {f"cell1.fit_{state}.{path}" for state in ("prev", "cur") for path in ("even", "odd")}


def test_reductions_come_on_top_of_the_layers() -> None:
    space = EnasMicro((3, 16, 16), scale=EnasMicroScale(4, 3))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert [i for i in range(5) if graph.scopes[f"cell{i}"].kind == "ReductionCell"] == [1, 3]
