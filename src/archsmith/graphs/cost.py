"""What a network costs, from the graph alone: parameters, multiply-adds, and the memory that training it takes.

Multiply-adds are those of convolutions and linear layers, half of what ``torch.utils.flop_counter`` counts. Memory
follows autograd: a value that several operations keep for the backward pass is counted once, nothing is kept where no
gradient flows, and an output that is a view of its input takes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archsmith.graphs.graph import Graph

_FLOAT = 4  # bytes of a float32


@dataclass(frozen=True)
class Cost:
    """``params``: trainable values. ``macs``: multiply-adds per example. ``saved_bytes``: kept per example for the
    backward pass (float32).
    """

    params: int
    macs: int
    saved_bytes: int


def cost(graph: Graph) -> Cost:
    """The cost of everything in the graph; use ``graph.without("auxiliary")`` for the network that is served."""
    params = macs = saved = 0
    gradient: set[str] = set()  # values that gradients flow through
    kept: set[str] = set()  # values whose memory is held already
    storage: dict[str, str] = {}  # view -> the value whose memory it is
    size: dict[str, int] = {}
    for node in graph.nodes:
        facts = node.facts or graph.facts(node)
        name, inputs = node.name, node.inputs
        if facts.alias:
            storage[name] = storage.get(inputs[0], inputs[0])
        params += facts.n_params
        macs += facts.macs
        size[name] = prod(facts.shape)
        if not facts.n_params and gradient.isdisjoint(inputs):
            continue
        gradient.add(name)
        saved += facts.extra_bytes
        if facts.keeps == "input":
            for value in inputs:
                value = storage.get(value, value)
                if value not in kept:
                    kept.add(value)
                    saved += _FLOAT * size[value]
        elif facts.keeps == "output" and name not in kept:
            kept.add(name)
            saved += _FLOAT * size[name]
    return Cost(params, macs, saved)


def training_memory_mb(graph: Graph, batch: int, n_slots: int = 1) -> float:
    """Megabytes (10⁶ bytes) that one training step holds: kept activations, weights, gradients and ``n_slots`` values
    of the optimiser per weight.

    SGD with momentum has one slot, Adam two. Working space of single operations is not in it.
    """
    total = cost(graph)
    return (total.saved_bytes * batch + _FLOAT * total.params * (2 + n_slots)) / 1e6


@dataclass(frozen=True)
class Row:
    """The cost of one part of a network: ``name`` and ``kind`` of a scope or node, ``shape`` that comes out last."""

    name: str
    kind: str
    shape: tuple[int, ...]
    params: int
    macs: int


def table(graph: Graph, depth: int = 1) -> list[Row]:
    """One row for each scope or node at ``depth`` (1: the top), in order of first appearance."""
    rows: dict[str, Row] = {}
    for node in graph.nodes:
        name = ".".join(node.name.split(".")[:depth])
        kind = graph.scopes[name].kind if name in graph.scopes else node.op
        facts, before = graph.facts(node), rows.get(name)
        params, macs = (before.params, before.macs) if before else (0, 0)
        rows[name] = Row(name, kind, node.shape, params + facts.n_params, macs + facts.macs)
    return list(rows.values())
