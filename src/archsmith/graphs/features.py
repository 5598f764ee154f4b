"""Numbers that describe a graph, for surrogates and for tables: counts, sizes, depth and paths."""

from __future__ import annotations

import math
from collections import Counter

from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.operations import INPUT, OPERATIONS


def features(graph: Graph) -> dict[str, float]:
    """Always the same names, whatever the graph; an operation that a plug-in registers adds one.

    ``depth`` is the longest way from an input to an output in nodes, ``weighted_depth`` and ``mean_weighted_depth`` the
    longest and the mean over all ways, in operations with weights; ``log_paths`` the natural logarithm of the number of
    ways; ``width`` the most values that are alive at once; ``count_<op>`` how often an operation occurs; the other
    ``log_*`` are natural logarithms of 1 + x.
    """
    total = cost(graph)
    counts = Counter(node.op for node in graph.nodes)
    paths: dict[str, int] = {}
    depth: dict[str, int] = {}
    weighted: dict[str, int] = {}
    summed: dict[str, int] = {}  # layers with weights, summed over all ways to this node
    for node in graph.nodes:
        own = 1 if node.key else 0
        inputs = node.inputs
        paths[node.name] = sum(paths[name] for name in inputs) if inputs else 1
        depth[node.name] = 1 + max(depth[name] for name in inputs) if inputs else 0
        weighted[node.name] = own + max((weighted[name] for name in inputs), default=0)
        summed[node.name] = own * paths[node.name] + sum(summed[name] for name in inputs)
    ends = list(graph.outputs.values())
    n_paths = sum(paths[name] for name in ends)
    sizes = [math.prod(node.shape) for node in graph.nodes]
    return {
        "nodes": float(len(graph.nodes)),
        "params": float(total.params),
        "macs": float(total.macs),
        "saved_bytes": float(total.saved_bytes),
        "log_params": math.log1p(total.params),
        "log_macs": math.log1p(total.macs),
        "log_saved_bytes": math.log1p(total.saved_bytes),
        "values": float(sum(sizes)),
        "largest_value": float(max(sizes)),
        "depth": float(max(depth[name] for name in ends)),
        "weighted_depth": float(max(weighted[name] for name in ends)),
        "mean_weighted_depth": float(sum(summed[name] for name in ends) / n_paths) if n_paths else 0.0,
        "log_paths": math.log(n_paths) if n_paths else 0.0,
        "width": float(_width(graph)),
        **{f"count_{op}": float(counts[op]) for op in OPERATIONS if op != INPUT},
    }


def _width(graph: Graph) -> int:
    last = {name: position for position, node in enumerate(graph.nodes) for name in node.inputs}
    ends = Counter(last.values())
    alive = most = 0
    for position, _ in enumerate(graph.nodes):
        alive += 1
        most = max(most, alive)
        alive -= ends[position]
    return most
