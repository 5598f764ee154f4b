from __future__ import annotations

import numpy as np

from archsmith.core.errors import DeadEnd
from archsmith.core.space import draw
from archsmith.graphs.cost import cost
from archsmith.spaces.grammar import Grammar, GrammarScale


def test_derived_shapes_and_costs_are_those_of_the_graph() -> None:
    space = Grammar((3, 24, 17))
    rng = np.random.default_rng(0)
    for _ in range(50):
        sample = space.sample(rng)
        graph = space.graph(sample)
        stem_and_head = [node for node in graph.nodes if node.name.startswith(("stem", "classifier"))]
        parts = cost(graph).macs - sum(graph.facts(node).macs for node in stem_and_head)
        assert parts <= space.scale.max_macs
        assert all(node.shape[0] <= space.scale.max_filters for node in graph.nodes if len(node.shape) == 3)


def test_few_derivations_run_into_a_dead_end() -> None:
    space = Grammar()
    rng = np.random.default_rng(0)
    dead = 0
    for _ in range(500):
        try:
            space.trace(lambda path, options, weights: draw(options, weights, rng))
        except DeadEnd:
            dead += 1
    assert dead < 25


def test_depth_is_bounded() -> None:
    space = Grammar(scale=GrammarScale(depth=2))
    rng = np.random.default_rng(0)
    deepest = max(path.count("/") for _ in range(100) for path in space.sample(rng))
    assert deepest == 3  # part, two rules, the question


def test_arms_of_a_branch_meet_in_one_shape() -> None:
    space = Grammar((1, 28, 28))
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(60):
        graph = space.graph(space.sample(rng))
        for node in graph.nodes:
            if node.op in ("add", "concat"):
                seen.add(node.op)
                assert len({shape[1:] for shape in graph.shapes_of(node.inputs)}) == 1
    assert seen == {"add", "concat"}
