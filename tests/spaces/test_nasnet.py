from __future__ import annotations

import numpy as np

from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.zoo import NASNET_A

SHAPE = (3, 32, 32)


def nasnet_a(scale: NasNetScale) -> NasNet:
    return NasNet(combines=("add",), output="chosen", scale=scale)


def test_nasnet_has_fifty_decisions() -> None:
    assert len(NasNet().sample(np.random.default_rng(0))) == 50


def test_a_cell_with_chosen_ends_never_has_none() -> None:
    space = NasNet(output="chosen")
    trace = space.trace(lambda path, options, weights: options[0])  # type: ignore[index]
    assert trace.architecture["normal/output/block4"] is True


def test_strides_are_in_operations_on_the_inputs_of_a_reduction_cell_only() -> None:
    graph = nasnet_a(NasNetScale(8, 1)).graph(NASNET_A)
    strided = {node.name for node in graph.inside("cell1") if node.args.get("stride") == (2, 2)}
    assert "cell1.block0.left.depthwise1" in strided
    assert not any(name.startswith(("cell1.block3.right", "cell1.block4.left")) for name in strided)


def test_drop_path_grows_with_depth_and_spares_identities() -> None:
    space = nasnet_a(NasNetScale(8, 1, keep=0.5))
    paths = [node for node in space.graph(NASNET_A).nodes if node.op == "drop_path"]
    kept = {node.name.split(".")[0]: node.args["keep"] for node in paths}
    assert kept == {"cell0": 0.9, "cell1": 0.8, "cell2": 0.7, "cell3": 0.6, "cell4": 0.5}
    assert "cell0.block4.right_path" not in {node.name for node in paths}


def test_two_reductions_stand_between_three_stacks() -> None:
    graph = nasnet_a(NasNetScale(8, 2)).graph(NASNET_A)
    kinds = [graph.scopes[f"cell{i}"].kind for i in range(8)]
    normal, reduction = "NormalCell", "ReductionCell"
    assert kinds == [normal, normal, reduction, normal, normal, reduction, normal, normal]


def test_an_imagenet_stem_brings_two_more_reductions() -> None:
    space = NasNet((3, 64, 64), combines=("add",), output="chosen", scale=NasNetScale(8, 1, stem="imagenet"))
    graph = space.graph(NASNET_A)
    assert [graph.scopes[f"cell{i}"].kind for i in range(3)] == ["ReductionCell", "ReductionCell", "NormalCell"]


def test_without_the_input_of_the_reduction_the_next_cell_reads_the_state_before_it() -> None:
    plain, skipping = (
        nasnet_a(NasNetScale(8, 2, skip_reduction_input=skip)).graph(NASNET_A).scope_inputs("cell3")
        for skip in (False, True)
    )
    assert plain != skipping and set(plain) & set(skipping)
