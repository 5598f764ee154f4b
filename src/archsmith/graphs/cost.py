"""What a network costs, from the graph alone: parameters, multiply-adds, and the memory that training it takes.

Multiply-adds are those of convolutions, linear layers and products of matrices, half of what
``torch.utils.flop_counter`` counts. Memory follows autograd: a value that several operations keep for the backward pass
is counted once, nothing is kept where no gradient flows, and an output that is a view of its input takes none. Products
of matrices and linear layers copy a view that reads its memory in another order, and keep the copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archsmith.core.fields import checked
from archsmith.graphs.graph import Graph
from archsmith.graphs.operation import BYTES


@dataclass(frozen=True)
class Cost:
    """What a graph costs.

    ``params``: trainable values.
    ``macs``: multiply-adds per example.
    ``saved_bytes``: bytes per example that are kept for the backward pass (float32).
    """

    params: int
    macs: int
    saved_bytes: int


@checked
def cost(graph: Graph) -> Cost:
    """The cost of everything in the graph; use ``graph.without("auxiliary")`` for the network that is served."""
    params = macs = saved = 0
    gradient: set[str] = set()  # values that gradients flow through
    kept: set[str] = set()  # values whose memory is held already
    storage: dict[str, str] = {}  # view -> the value whose memory it is
    size: dict[str, int] = {}
    permuted: set[str] = set()  # views in another order than their memory
    for node in graph.nodes:
        facts = node.facts or graph.facts(node)
        name, inputs = node.name, node.inputs
        copies = facts.dense and not permuted.isdisjoint(inputs)
        if facts.view and not copies:
            storage[name] = storage.get(inputs[0], inputs[0])
            if facts.view == "permuted" or inputs[0] in permuted:
                permuted.add(name)
        params += facts.n_params
        macs += facts.macs
        size[name] = prod(facts.shape)
        if not facts.n_params and gradient.isdisjoint(inputs):
            continue
        gradient.add(name)
        saved += facts.extra_bytes
        if facts.keeps == "inputs":
            for value in inputs:
                if not (copies and value in permuted):
                    value = storage.get(value, value)
                if value not in kept:
                    kept.add(value)
                    saved += BYTES * size[value]
        elif facts.keeps == "output" and name not in kept:
            kept.add(name)
            saved += BYTES * size[name]
    return Cost(params, macs, saved)


def training_memory_mb(graph: Graph, batch: int, n_slots: int = 1) -> float:
    """Megabytes (10⁶ bytes) that one training step holds: kept activations, weights, gradients and ``n_slots`` values
    of the optimiser per weight.

    SGD with momentum has one slot, Adam two. Working space of single operations is not in it.
    """
    total = cost(graph)
    return (total.saved_bytes * batch + BYTES * total.params * (2 + n_slots)) / 1e6


@dataclass(frozen=True)
class Row:
    """The cost of one part of a network.

    ``name``: of the scope or node.
    ``kind``: the kind of the scope, or the operation.
    ``shape``: what comes out last.
    ``params``: trainable values.
    ``macs``: multiply-adds per example.
    """

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
