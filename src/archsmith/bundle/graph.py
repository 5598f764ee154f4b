"""The graph of a bundle's network, rebuilt from its manifest. Free of torch."""

from __future__ import annotations

from pathlib import Path

from archsmith import catalog
from archsmith.bundle.manifest import Manifest, read
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.files import reading
from archsmith.graphs.drawing import draw
from archsmith.graphs.graph import Graph


def graph_of_bundle(folder: Path) -> Graph:
    """The graph of the network in ``folder``. Raises UsageError where it is not known or damaged."""
    return graph_of(read(folder), str(folder))


def graph_of(manifest: Manifest, called: str) -> Graph:
    """The same from a manifest; ``called`` names the bundle in errors."""
    spec, graph = (manifest.facts.search.get(name) for name in ("space_spec", "graph"))
    if not isinstance(graph, dict) and not isinstance(spec, dict):
        raise UsageError(f"The bundle {called!r} does not name its search space.", "Draw the study that it comes from.")
    with reading(f"The network of the bundle {called!r} is damaged", "Export it again."):
        if isinstance(graph, dict):  # a network of no space
            found = Graph.from_dict(graph)
        else:
            space = catalog.from_spec(spec or {}, "space")
            if not hasattr(space, "graph"):
                raise UsageError(f"The space {type(space).__name__} has no networks.", "Name a space of networks.")
            found = space.graph(Architecture(manifest.facts.architecture))
        draw(found)  # whatever somebody wrote into it shows itself here
    return found
