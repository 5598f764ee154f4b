from __future__ import annotations

from collections import Counter

import numpy as np

from archsmith.spaces.cells import Rules, choose_cell
from archsmith.spaces.darts import Darts, DartsScale
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.pnas import Pnas
from archsmith.spaces.zoo import NASNET_A


def test_nasnet_has_fifty_decisions() -> None:
    assert len(NasNet().sample(np.random.default_rng(0))) == 50


def test_unused_states_leave_the_cell() -> None:
    answers = {"left/input": "prev", "right/input": "cur"}
    cell = choose_cell(
        lambda path, options, weights=None: answers.get(path.split("/", 2)[2], options[0]),
        "normal",
        Rules(3, ("identity",)),
    )  # type: ignore[index]
    assert cell.output == ("block0", "block1", "block2")


def test_a_cell_with_chosen_ends_never_has_none() -> None:
    space = NasNet(output="chosen")
    trace = space.trace(lambda path, options, weights: options[0])  # type: ignore[index]
    assert trace.architecture["normal/output/block4"] is True


def test_the_two_inputs_of_a_darts_node_differ_and_every_pair_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    space = Darts()
    pairs = Counter()
    for _ in range(3000):
        sample = space.sample(rng)
        pairs[sample["normal/block3/left/input"], sample["normal/block3/right/input"]] += 1
    assert len(pairs) == 10
    # 300 expected for each; the chance that one of ten is off by 100 (six standard deviations) is below 1e-7
    assert all(200 < count < 400 for count in pairs.values())


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
    assert space.size() == 256
    assert len({space.identity(architecture) for architecture in space.enumerate()}) == 136


def test_strides_are_in_operations_on_the_inputs_of_a_reduction_cell_only() -> None:
    graph = NasNet(combines=("add",), output="chosen", scale=NasNetScale(8, 1)).graph(NASNET_A)
    strided = {node.name for node in graph.inside("cell1") if node.args.get("stride") == (2, 2)}
    assert "cell1.block0.left.depthwise1" in strided
    assert not any(name.startswith(("cell1.block3.right", "cell1.block4.left")) for name in strided)


def test_drop_path_grows_with_depth_and_spares_identities() -> None:
    space = NasNet(combines=("add",), output="chosen", scale=NasNetScale(8, 1, keep=0.5))
    paths = [node for node in space.graph(NASNET_A).nodes if node.op == "drop_path"]
    kept = {node.name.split(".")[0]: node.args["keep"] for node in paths}
    assert kept == {"cell0": 0.9, "cell1": 0.8, "cell2": 0.7, "cell3": 0.6, "cell4": 0.5}
    assert "cell0.block4.right_path" not in {node.name for node in paths}


def test_darts_drop_path_starts_at_none() -> None:
    space = Darts(scale=DartsScale(4, 4, keep=0.6))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert not [node for node in graph.inside("cell0") if node.op == "drop_path"]
