"""What surrogates learn from a graph: its functional paths and a few numbers.

A functional path is the sequence of operations between an input and an output, without those that change nothing (sums,
skips) and those that come with others (activations, batch norm). Counting paths of a cell rather than its wiring makes
what computes alike look alike (path encoding: White et al. 2021, arXiv 1910.11858; ours keeps how often a path occurs).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph, Node
from archsmith.graphs.operations import OPERATIONS

MOST_PATHS = 2000  # different ones; a graph with more than these is described by its numbers alone
# parameters of a 3×3 convolution with 16 filters, as if it stood around a cell: one without parameters is no outlier in
# logarithms
AROUND = 2304

Paths = Counter[str]


def sketch_of(graphs: Mapping[str, Graph]) -> tuple[dict[str, int], dict[str, float]]:
    """Paths and numbers of ``graphs`` by name; a graph that its output cuts off from every input adds no paths."""
    paths: dict[str, int] = {}
    numbers: dict[str, float] = {}
    for name, graph in graphs.items():
        own = functional_paths(graph)
        paths.update({f"{name}: {path}": count for path, count in own.items()})
        numbers.update({f"{name} {what}": value for what, value in _numbers(graph, own).items()})
    return paths, numbers


def functional_paths(graph: Graph) -> Paths:
    """How often each functional path leads to the main output; nothing where there are more than ``MOST_PATHS``
    different ones.
    """
    ways: dict[str, Paths] = {}
    for node in graph.nodes:
        if OPERATIONS[node.op].cuts:
            ways[node.name] = Counter()
            continue
        if not node.inputs:
            ways[node.name] = Counter({node.name if len(graph.inputs) > 1 else "": 1})
            continue
        arriving: Paths = Counter()
        for source in node.inputs:
            arriving.update(ways[source])
        if len(arriving) > MOST_PATHS:
            return Counter()
        label = _label(node)
        ways[node.name] = (
            Counter({f"{path} {label}" if path else label: count for path, count in arriving.items()})
            if label
            else arriving
        )
    return ways[graph.outputs[graph.main_output]]


def _label(node: Node) -> str:
    """What an operation does, for telling it from others; empty for one that is silent."""
    if OPERATIONS[node.op].silent:
        return ""
    args = node.args
    marks = [str(args["kernel"]).replace(", ", "x").strip("()")] if "kernel" in args else []
    marks += [
        f"{mark}{args[name]}"
        for name, mark in (("dilation", "d"), ("groups", "g"))
        if args.get(name, 1) not in (1, (1, 1))
    ]
    return node.op + "".join(marks)


def _numbers(graph: Graph, paths: Paths) -> dict[str, float]:
    """Sizes, and the depth and number of ways in operations that are not silent."""
    total = cost(graph)
    named = len(graph.inputs) > 1  # then paths begin with the name of their input
    lengths = [(len(path.split()) - named, count) for path, count in paths.items()]
    n_paths = sum(count for _, count in lengths)
    counts = Counter(label for node in graph.nodes if (label := _label(node)) and not OPERATIONS[node.op].cuts)
    return {
        "params": float(total.params),
        "log_params": math.log(total.params + AROUND),
        "macs": float(total.macs),
        "paths": math.log1p(n_paths),
        "depth": float(max((length for length, _ in lengths), default=0)),
        "least_depth": float(min((length for length, _ in lengths), default=0)),
        "mean_depth": sum(length * count for length, count in lengths) / n_paths if n_paths else 0.0,
        **{f"n_{label}": float(count) for label, count in counts.items()},
    }
