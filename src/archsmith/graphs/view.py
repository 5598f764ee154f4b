"""What a drawing shows of a graph: some scopes closed, each as one item, and frames around the opened ones.

A scope that only carries out one operation (a separable convolution with its activations and normalisations) can be
told from one that holds several. Dropout and drop path are passed over: they are part of the training.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from archsmith.graphs.graph import Graph, Node
from archsmith.graphs.labels import is_one, named
from archsmith.graphs.operations import OPERATIONS

WITHIN = "<"  # begins the path of what enters a drawn scope
LEAVES = ">"  # begins the path of what leaves a drawing


@dataclass(frozen=True)
class Item:
    """What one box stands for.

    ``path``: of a node or a closed scope; ``<`` and a name for what enters a drawn scope, ``>`` and a name for what
        leaves the drawing. A pile has those of all its members, with spaces between.
    ``kind``: the kind of the scope, or the operation.
    ``nodes``: the nodes inside; of a pile those of its first member.
    ``shape``: of what leaves it.
    ``closed``: is it a scope?
    ``frame``: the path of the frame that it stands in; empty for none.
    ``count``: how many equal ones are drawn as one pile.
    ``ends``: does what leaves it leave the network?
    """

    path: str
    kind: str
    nodes: tuple[Node, ...]
    shape: tuple[int, ...]
    closed: bool
    frame: str = ""
    count: int = 1
    ends: bool = False

    @property
    def is_input(self) -> bool:
        """Does it stand for what enters the drawing?"""
        return self.path.startswith(WITHIN) or (not self.closed and bool(self.nodes) and not self.nodes[0].inputs)

    @property
    def is_port(self) -> bool:
        """Does it stand for what enters or leaves the drawing?"""
        return self.is_input or self.path.startswith(LEAVES)


@dataclass(frozen=True)
class View:
    """A graph with some scopes closed.

    ``items``: in topological order.
    ``edges``: between the paths of items.
    ``frames``: the paths of the opened scopes, each with the path of the frame around it (empty for none), parents
        first.
    """

    items: tuple[Item, ...]
    edges: tuple[tuple[str, str], ...]
    frames: Mapping[str, str]

    def unframed(self, paths: Collection[str]) -> View:
        """The view without these frames; what stands in them stands in the frames around."""
        kept = [path for path in self.frames if path not in paths]
        items = [replace(item, frame=_nearest(item.frame + ".", kept)) for item in self.items]
        return replace(self, items=tuple(items), frames={path: _nearest(path, kept) for path in kept})


def level(path: str) -> int:
    """How deep a path is: 1 for a scope or node at the top."""
    return path.count(".") + 1 if path else 0


def ancestors(name: str) -> Iterable[str]:
    """The scopes around ``name``, outermost first."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)


def inside(graph: Graph) -> Mapping[str, list[Node]]:
    """The nodes below every scope, in order."""
    found: dict[str, list[Node]] = {path: [] for path in graph.scopes}
    for node in graph.nodes:
        for path in ancestors(node.name):
            found[path].append(node)
    return found


def is_operation(graph: Graph, path: str, nodes: Sequence[Node]) -> bool:
    """Does this scope carry out one operation: a composite that has a name of its own, or one operation with what comes
    with it, in a chain from one input to one output?
    """
    kind = graph.scopes[path].kind
    if named(kind):
        return True
    names = {node.name for node in nodes}
    outside = {source for node in nodes for source in node.inputs if source not in names}
    if len(outside) > 1 or len(graph.scope_outputs(path)) != 1 or len(nodes[-1].inputs) > 1:
        return False
    chain = all(len(node.inputs) <= 1 and len(graph.consumers(node.name)) <= 1 for node in nodes[:-1])
    return chain and is_one(nodes, kind)


def view(graph: Graph, root: str, closed: Callable[[str], bool]) -> View:
    """``graph`` (below ``root``) with the scopes for which ``closed`` holds as one item each."""
    prefix = root + "." if root else ""
    shut = {path for path in graph.scopes if path.startswith(prefix) and path != root and closed(path)}
    owners = _Owners(graph, root)
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not node.name.startswith(prefix):
            continue
        path = next((p for p in ancestors(node.name) if p in shut), node.name)
        if path == node.name and not OPERATIONS[node.op].drawn:
            owners.owner[node.name] = owners.of(node.inputs[0])
            continue
        owners.owner[node.name] = path
        members.setdefault(path, []).append(node)
    edges: dict[tuple[str, str], None] = {}
    for path, group in members.items():
        for node in group:
            edges.update(((start, path), None) for source in node.inputs if (start := owners.of(source)) != path)
    ends = []
    for name, producer in _outputs(graph, root, prefix).items():
        ends.append(Item(LEAVES + name, name, (), graph.node(producer).shape, False))
        edges[owners.of(producer), LEAVES + name] = None
    items = [_item(graph, owners.owner, path, group, path in shut) for path, group in members.items()]
    frames = _frames(graph, prefix, items)
    items = [replace(item, frame=_nearest(item.path, frames)) for item in items]
    return View((*owners.entries(), *items, *ends), tuple(edges), frames)


class _Owners:
    """The item that each node belongs to; a node outside the drawn scope becomes one of its inputs."""

    def __init__(self, graph: Graph, root: str) -> None:
        self.owner: dict[str, str] = {}
        self._graph = graph
        self._names: dict[str, list[str]] = {}
        self._entries: dict[str, Item] = {}
        for argument, producer in graph.scopes[root].inputs.items() if root else ():
            self._names.setdefault(producer, []).append(argument)

    def of(self, source: str) -> str:
        if source not in self.owner:
            path = WITHIN + source
            label = " = ".join(self._names.get(source, [source.rpartition(".")[2]]))
            self._entries[path] = Item(path, label, (), self._graph.node(source).shape, False)
            self.owner[source] = path
        return self.owner[source]

    def entries(self) -> list[Item]:
        """The inputs of the scope in the order of its arguments, then those that it does not declare."""
        declared = [self._entries[WITHIN + name] for name in self._names if WITHIN + name in self._entries]
        return declared + [entry for entry in self._entries.values() if entry not in declared]


def _item(graph: Graph, owner: Mapping[str, str], path: str, group: Sequence[Node], closed: bool) -> Item:
    leaving = [node for node in group if any(owner.get(user.name) != path for user in graph.consumers(node.name))]
    kind = graph.scopes[path].kind if closed else group[0].op
    last = any(owner.get(producer) == path for producer in graph.outputs.values())
    return Item(path, kind, tuple(group), (leaving or group)[-1].shape, closed, ends=last)


def _outputs(graph: Graph, root: str, prefix: str) -> Mapping[str, str]:
    """Name -> producing node of what leaves the drawn part."""
    if not root:
        return dict(graph.outputs)
    leaving = list(graph.scope_outputs(root))
    if len(leaving) == 1:
        return {"output": leaving[0]}
    return {name.removeprefix(prefix).replace(".", " "): name for name in leaving}


def _frames(graph: Graph, prefix: str, items: Sequence[Item]) -> dict[str, str]:
    """The opened scopes around items. One that holds a single thing is left out, and so is one that holds the whole
    drawing but for its inputs and last layer: a frame around that would tell nothing.
    """
    open_scopes = [path for path in graph.scopes if path.startswith(prefix)]
    holding = {path for item in items for path in ancestors(item.path)}
    frames = [path for path in open_scopes if path in holding and path + "." != prefix]
    held: dict[str, set[str]] = {path: set() for path in ("", *frames)}
    for item in items:
        chain = ["", *(path for path in ancestors(item.path) if path in held and path), item.path]
        for outer, inner in pairwise(chain):
            held[outer].add(inner)
    last = {item.path for item in items if item.is_port or item.ends}
    whole = [path for path in frames if held[""] - last == {path}]
    kept = [path for path in frames if path not in whole and len(held[path]) > 1]
    return {path: _nearest(path, kept) for path in kept}


def _nearest(path: str, frames: Iterable[str]) -> str:
    """The innermost of ``frames`` around ``path``; empty for none."""
    around = [outer for outer in ancestors(path) if outer in frames]
    return around[-1] if around else ""
