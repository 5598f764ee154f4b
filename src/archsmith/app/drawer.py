"""The process that draws a network, or writes it as PyTorch: ``python -m archsmith.app.drawer`` reads one order from
standard input and writes one answer to standard output, both JSON.

An order holds what a log says: the spec of a space and the decisions of an architecture, or the path of a stored graph.
A log may ask for a network without end, so this is a process with limits of its own, which the app outlives. A spec is
rebuilt through the names of the catalogue only; no module that a log names is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import ArchsmithError, UsageError, shortened, told
from archsmith.core.files import json_value, small_text
from archsmith.graphs.graph import AUXILIARY, Graph

DRAWING, SOURCE = "drawing", "source"
LARGEST_ORDER = 4 * 2**20  # bytes
LARGEST_GRAPH = 64 * 2**20
LARGEST_ANSWER = 12 * 2**20  # characters
MEMORY = {DRAWING: 2 * 2**30, SOURCE: 6 * 2**30}  # bytes of address space; some sources need torch, which takes much
CPU_SECONDS = 40


def answer(order: Mapping[str, Any]) -> dict[str, Any]:
    """What comes of one order: ``{"error", "hint"}`` where it cannot be carried out."""
    try:
        graph = _graph(order)
        made = _source(graph) if order.get("what") == SOURCE else _drawing(graph)
        if sum(len(text) for text in made.values() if isinstance(text, str)) > LARGEST_ANSWER:
            raise UsageError("This network is too large to be shown.", "Draw it with: archsmith draw")
        return made
    except ArchsmithError as error:
        return {"error": error.message, "hint": error.hint}
    except MemoryError:
        return {"error": "This network needs too much memory to be drawn.", "hint": None}
    except Exception as error:  # a space may be anybody's, and raise anything
        return {"error": f"This network cannot be rebuilt here ({shortened(told(error))}).", "hint": None}


def _graph(order: Mapping[str, Any]) -> Graph:
    if order.get("file") is not None:
        return Graph.from_dict(json_value(small_text(Path(order["file"]), LARGEST_GRAPH)))
    try:
        space = catalog.from_spec(order["space"], "space")
    except UsageError as error:
        if not (modules := catalog.foreign(order["space"])):
            raise
        imports = " ".join(f"--import {module}" for module in modules)  # which this process never does
        does = "source" if order.get("what") == SOURCE else "draw"
        raise UsageError(error.message, f"If you trust it: archsmith {imports} {does} STUDY --trial N") from error
    if not hasattr(space, "graph"):
        raise UsageError(f"The search space {type(space).__name__} has settings, not networks, so nothing is drawn.")
    graph: Graph = space.graph(Architecture(order["architecture"]))
    return graph


def _drawing(graph: Graph) -> dict[str, Any]:
    from archsmith.analysis.report.network import parts
    from archsmith.graphs.cost import cost
    from archsmith.graphs.drawing import draw_cell, draw_network

    served = graph.without(AUXILIARY)
    counted, trained = cost(served), cost(graph)
    made: dict[str, Any] = {
        "params": counted.params,
        "macs": counted.macs,
        "saved_bytes": trained.saved_bytes,
        "n_operations": len(served.nodes),
        "titles": ["Whole network"],
        "drawing0": draw_network(graph, title="", note=False),
    }
    for i, (title, path) in enumerate(parts(graph), start=1):
        made["titles"].append(title)
        made[f"drawing{i}"] = draw_cell(graph, path, title="", note=False)
    return made


def _source(graph: Graph) -> dict[str, Any]:
    from archsmith.graphs.source import source

    return {"source": source(graph)}


def main() -> int:
    """Carry out the order on standard input."""
    order = json_value(sys.stdin.read(LARGEST_ORDER))
    memory = MEMORY[SOURCE if order.get("what") == SOURCE else DRAWING]
    try:
        import resource
    except ImportError:  # Windows has no such limits
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    out, sys.stdout = sys.stdout, sys.stderr  # whatever a space prints is no answer
    out.write(json.dumps(answer(order)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
