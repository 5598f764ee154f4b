"""Properties of every space, tried on architectures that hypothesis makes up."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.space import Range, Space, allowed
from archsmith.graphs.drawing import draw, draw_cell
from archsmith.graphs.graph import Graph
from archsmith.graphs.identity import identity
from archsmith.graphs.network_space import NetworkSpace
from archsmith.graphs.operations import OPERATIONS
from archsmith.spaces.zoo import ZOO

SPACES: dict[str, Space] = {name: catalog.get("space", name)() for name in catalog.names("space") if name != "table"}
NETWORKS = [name for name, space in SPACES.items() if isinstance(space, NetworkSpace)]
SEEDS = st.integers(0, 2**32 - 1)


def answered(space: Space, data: st.DataObject) -> Architecture:
    """A point of the space whose every answer hypothesis chose; random ones from a dead end on."""

    def answer(path: str, options: Any, weights: Any) -> Any:
        if isinstance(options, Range):
            return options.at(data.draw(st.floats(0, 1, exclude_max=True), path))
        return data.draw(st.sampled_from(list(options)), path)

    with contextlib.suppress(DeadEnd):
        return space.trace(answer).architecture
    return space.sample(np.random.default_rng(data.draw(SEEDS)))


def shuffled(graph: Graph, rng: random.Random) -> Graph:
    """The same network without scopes, with its nodes named anew and in another topological order."""
    numbers = rng.sample(range(len(graph)), len(graph))
    names = {node.name: f"n{number}" for node, number in zip(graph.nodes, numbers, strict=True)}
    names |= {name: name for name in graph.inputs}  # what an input is called is part of what a network takes in
    missing = {node.name: len(set(node.inputs)) for node in graph.nodes}
    ready, listed = [node for node in graph.nodes if not node.inputs], []
    while ready:
        node = ready.pop(rng.randrange(len(ready)))
        listed.append(replace(node, name=names[node.name], inputs=tuple(names[name] for name in node.inputs), key=None))
        for consumer in graph.consumers(node.name):
            missing[consumer.name] -= 1
            if not missing[consumer.name]:
                ready.append(consumer)
    assert len(listed) == len(graph)
    outputs = {output: names[name] for output, name in graph.outputs.items()}
    return Graph(tuple(listed), {}, graph.inputs, outputs)


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
def test_what_a_space_was_answered_is_a_point_of_it(name: str, data: st.DataObject) -> None:
    space = SPACES[name]
    architecture = answered(space, data)
    space.validate(architecture)
    for decision in space.decisions(architecture):
        assert allowed(architecture[decision.path], decision.options)


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data(), seed=SEEDS)
def test_children_are_points_of_the_space(name: str, data: st.DataObject, seed: int) -> None:
    space, rng = SPACES[name], np.random.default_rng(seed)
    mother, father = answered(space, data), answered(space, data)
    space.validate(space.crossover(mother, father, rng))
    with contextlib.suppress(UsageError):  # a point without another answer anywhere cannot be mutated
        space.validate(space.mutate(mother, rng))


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
def test_json_keeps_every_answer_and_its_type(name: str, data: st.DataObject) -> None:
    architecture = answered(SPACES[name], data)
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture and again.key == architecture.key and list(again) == list(architecture)


@pytest.mark.parametrize("name", NETWORKS)
@given(data=st.data(), seed=st.integers(0, 2**16))
def test_identity_looks_at_no_name_and_no_order(name: str, data: st.DataObject, seed: int) -> None:
    space = SPACES[name]
    graph = space.graph(answered(space, data))
    assert identity(shuffled(graph, random.Random(seed))) == identity(graph)


def check_drawing(svg: str, graph: Graph, scope: str = "") -> None:
    """The boxes of a drawing hold every operation of the scope, and its arrows are the edges of the graph between them.
    No pile hides an arrow: what enters it enters its first box, and what it feeds is fed by its last one.
    """
    parts = list(ElementTree.fromstring(svg).iter())
    arrows = [(part.get("data-from"), part.get("data-to")) for part in parts if part.get("data-from")]
    boxes = [name for part in parts if part.tag.endswith("}g") and (name := part.get("data-name"))]
    pile_of = {path: pile for pile in boxes if pile[0] not in "<>" for path in pile.split(" ")}
    prefix = f"{scope}." if scope else ""

    def box(name: str) -> str:
        if not name.startswith(prefix):
            return f"<{name}"
        around = [name[:i] for i, letter in enumerate(name) if letter == "."]
        found = next((path for path in (*around, name) if path in pile_of), None)
        assert found or not OPERATIONS[graph.node(name).op].drawn, f"{name} is in no box"
        return found or box(graph.node(name).inputs[0])

    ends = {f">{output}": name for output, name in graph.outputs.items()}
    if scope:
        leaving = graph.scope_outputs(scope)
        ends = {">" + name.removeprefix(prefix).replace(".", " "): name for name in leaving}
        ends = {">output": leaving[0]} if len(leaving) == 1 else ends
    wires = {(box(source), box(node.name)) for node in graph.inside(scope) for source in node.inputs}
    wires |= {(box(name), end) for end, name in ends.items()}
    across = {(a, b) for a, b in wires if pile_of.get(a, a) != pile_of.get(b, b)}
    assert sorted(arrows) == sorted({(pile_of.get(a, a), pile_of.get(b, b)) for a, b in across})
    for a, b in across:
        first, last = pile_of[b].split(" ")[0] if b in pile_of else b, pile_of[a].split(" ")[-1] if a in pile_of else a
        assert (a, first) in wires and (last, b) in wires, f"a pile hides the edge from {a} to {b}"


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=5)  # drawing a big network takes half a second
@given(data=st.data(), depth=st.sampled_from((None, 2, 1, 4)))
def test_a_drawing_has_the_arrows_of_its_network(name: str, data: st.DataObject, depth: int | None) -> None:
    graph = SPACES[name].graph(answered(SPACES[name], data))  # type: ignore[attr-defined]
    check_drawing(draw(graph, depth=depth), graph)
    scope = data.draw(st.sampled_from(list(graph.scopes)))
    check_drawing(draw_cell(graph, scope), graph, scope)


@pytest.mark.parametrize("name", ZOO)
def test_a_drawing_of_the_zoo_has_the_arrows_of_its_network(name: str) -> None:
    graph = ZOO[name].space.graph(ZOO[name].architecture)
    check_drawing(draw(graph), graph)
    scope = max(graph.scopes, key=lambda path: len(set(graph.scopes[path].inputs.values())))
    check_drawing(draw_cell(graph, scope), graph, scope)


@given(text=st.text('{}[]":,.0123456789eE+-ntrufalsNI \\x', max_size=30))
def test_any_text_is_an_architecture_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(Architecture.from_json(text), Architecture)
