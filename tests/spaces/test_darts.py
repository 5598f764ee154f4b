from __future__ import annotations

from collections import Counter

import numpy as np

from archsmith.spaces.darts import Darts, DartsScale


def test_the_two_inputs_of_a_darts_node_differ_and_every_pair_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    space = Darts()
    pairs: Counter[tuple[object, object]] = Counter()
    for _ in range(3000):
        sample = space.sample(rng)
        pairs[sample["normal/block3/left/input"], sample["normal/block3/right/input"]] += 1
    assert len(pairs) == 10
    # 300 expected for each; the chance that one of ten is off by 100 (six standard deviations) is below 1e-7
    assert all(200 < count < 400 for count in pairs.values())


def test_drop_path_is_as_strong_in_the_first_cell_as_in_the_last() -> None:
    space = Darts(scale=DartsScale(4, 6, keep=0.6))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    kept = {node.name.split(".")[0]: node.args["keep"] for node in graph.nodes if node.op == "drop_path"}
    assert kept == {f"cell{i}": 0.6 for i in range(6)}


def test_reductions_stand_at_one_and_two_thirds() -> None:
    space = Darts(scale=DartsScale(4, 9))
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert [i for i in range(9) if graph.scopes[f"cell{i}"].kind == "ReductionCell"] == [3, 6]
