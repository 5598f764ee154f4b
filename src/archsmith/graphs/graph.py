"""The network as data: a flat tuple of nodes in topological order, plus a table of scopes that says which nodes belong
together and their names.

A graph holds no weights and needs no torch. Everything else (cost, identity, features, drawing, source, the runnable
network) is a view of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.files import reading
from archsmith.graphs.operations import INPUT, Args, Facts, Shape, infer

AUXILIARY = "auxiliary"  # the output that exists for training only


@dataclass(frozen=True)
class Node:
    """One primitive operation.

    ``name``: a dotted path of identifiers (``cell3.block0.left.conv``).
    ``op``: the name of the operation.
    ``inputs``: names of nodes.
    ``args``: scalars and tuples, complete with defaults.
    ``shape``: without the batch axis: ``(C, H, W)``, ``(L, C)`` or ``(F,)``.
    ``key``: names the weights; None where there are none.
    ``facts``: what the operation table says about this node.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    args: Args
    shape: Shape
    key: str | None = None
    facts: Facts | None = field(default=None, repr=False, compare=False)

    @property
    def local(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def scope(self) -> str:
        """The path of the scope that the node is directly in; empty at the top."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Scope:
    """A named part of the graph.

    ``path``: a dotted path of identifiers.
    ``kind``: what a person would call it (``NormalCell``).
    ``inputs``: argument name -> producing node.
    """

    path: str
    kind: str
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def local(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, repr=False)
class Graph:
    """A network as data.

    ``nodes``: in topological order.
    ``scopes``: by path, parents first.
    ``inputs``: names of input nodes.
    ``outputs``: output name -> node name.
    """

    nodes: tuple[Node, ...]
    scopes: Mapping[str, Scope]
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        n_params = sum(self.facts(node).n_params for node in self.nodes)
        ends = f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}"
        return f"Graph({len(self.nodes)} nodes, {n_params:,} parameters, {ends})"

    @property
    def main_output(self) -> str:
        """The name of the first output that is not the auxiliary one."""
        return next(name for name in self.outputs if name != AUXILIARY)

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _consumers(self) -> dict[str, list[Node]]:
        consumers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                consumers[name].append(node)
        return consumers

    @cached_property
    def _children(self) -> dict[str, list[Scope | Node]]:
        children: dict[str, list[Scope | Node]] = {"": [], **{path: [] for path in self.scopes}}
        seen: set[str] = set()
        for node in self.nodes:
            children[node.scope].append(node)
            path = node.scope
            while path and path not in seen:
                seen.add(path)
                parent = path.rpartition(".")[0]
                children[parent].append(self.scopes[path])
                path = parent
        return children

    def node(self, name: str) -> Node:
        """Raises UsageError for an unknown name."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UsageError(f"The graph has no node {name!r}.") from None

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that take ``name`` as an input, each once, in topological order."""
        return tuple(self._consumers[name])

    def children(self, path: str = "") -> tuple[Scope | Node, ...]:
        """Direct child scopes and nodes of a scope (the whole graph for an empty path), in the order in which they
        first appear.
        """
        if path and path not in self.scopes:
            raise UsageError(f"The graph has no scope {path!r}.")
        return tuple(self._children[path])

    def inside(self, path: str) -> tuple[Node, ...]:
        """All nodes in a scope and its children, in order; all of the graph for an empty path."""
        return tuple(node for node in self.nodes if not path or node.name.startswith(path + "."))

    def scope_inputs(self, path: str) -> tuple[str, ...]:
        """Names of the nodes outside the scope that its nodes take as inputs, in the order of first use."""
        prefix = path + "."
        return tuple(
            dict.fromkeys(name for node in self.inside(path) for name in node.inputs if not name.startswith(prefix))
        )

    def scope_outputs(self, path: str) -> tuple[str, ...]:
        """Names of the nodes in the scope that are used outside of it or are outputs of the graph, in order."""
        prefix = path + "."
        outputs = set(self.outputs.values())
        return tuple(
            node.name
            for node in self.inside(path)
            if node.name in outputs
            or any(not consumer.name.startswith(prefix) for consumer in self._consumers[node.name])
        )

    def shapes_of(self, names: tuple[str, ...]) -> tuple[Shape, ...]:
        return tuple([self._by_name[name].shape for name in names])

    def facts(self, node: Node) -> Facts:
        """What the operation table says about a node of this graph."""
        return node.facts or infer(node.op, node.args, self.shapes_of(node.inputs))

    def takes(self, shapes: Mapping[str, Shape]) -> bool:
        """Can the network take inputs of other ``shapes``, by name, with the same weights, and give outputs of the same
        shape?
        """
        found: dict[str, Shape] = {}
        for node in self.nodes:
            if node.op == INPUT:
                found[node.name] = tuple(shapes[node.name])
                continue
            try:
                facts = infer(node.op, node.args, tuple([found[name] for name in node.inputs]))
            except (UsageError, DeadEnd):
                return False
            before = self.facts(node)
            if (facts.params, facts.buffers) != (before.params, before.buffers):
                return False
            found[node.name] = facts.shape
        return all(found[name] == self.node(name).shape for name in self.outputs.values())

    def without(self, output: str) -> Graph:
        """The graph without one output and without whatever served only that."""
        left = {name: source for name, source in self.outputs.items() if name != output}
        return self if len(left) == len(self.outputs) else prune(self.nodes, self.scopes, self.inputs, left)

    def to_dict(self) -> dict[str, Any]:
        """JSON data; ``Graph.from_dict`` reads it back."""
        return {
            "nodes": [
                {
                    "name": n.name,
                    "op": n.op,
                    "inputs": list(n.inputs),
                    "args": dict(n.args),
                    "shape": list(n.shape),
                    "key": n.key,
                }
                for n in self.nodes
            ],
            "scopes": [{"path": s.path, "kind": s.kind, "inputs": dict(s.inputs)} for s in self.scopes.values()],
            "inputs": list(self.inputs),
            "outputs": dict(self.outputs),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        """Raises UsageError where a node does not follow from its inputs, and for what is no graph at all."""
        with reading("This is not a whole graph", "Export or search it again."):
            return cls._from_dict(data)

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Graph:
        nodes: dict[str, Node] = {}
        for row in data["nodes"]:
            missing = [name for name in row["inputs"] if name not in nodes]
            if missing:
                raise UsageError(f"The node {row['name']!r} takes {missing[0]!r}, which does not come before it.")
            inputs = tuple(row["inputs"])
            args = {name: tuple(value) if isinstance(value, list) else value for name, value in row["args"].items()}
            facts = infer(row["op"], args, tuple(nodes[name].shape for name in inputs))
            if facts.shape != tuple(row["shape"]):
                raise UsageError(
                    f"The node {row['name']!r} has the shape {tuple(row['shape'])}, but its inputs give {facts.shape}."
                )
            nodes[row["name"]] = Node(row["name"], row["op"], inputs, facts.args, facts.shape, row["key"], facts)
        scopes = {row["path"]: Scope(row["path"], row["kind"], row["inputs"]) for row in data["scopes"]}
        lost = [name for name in [*data["inputs"], *data["outputs"].values()] if name not in nodes]
        if lost:
            raise UsageError(f"The graph names {lost[0]!r} as an input or output but has no such node.")
        return cls(tuple(nodes.values()), scopes, tuple(data["inputs"]), dict(data["outputs"]))

    def _repr_svg_(self) -> str:
        from archsmith.graphs.drawing import draw

        return draw(self)


def prune(
    nodes: tuple[Node, ...] | list[Node],
    scopes: Mapping[str, Scope],
    inputs: tuple[str, ...],
    outputs: Mapping[str, str],
) -> Graph:
    """The graph of the nodes that reach an output; inputs always stay, scopes without nodes go."""
    needed = set(outputs.values())
    needed.update(inputs)
    kept = []
    for node in reversed(nodes):
        if node.name in needed:
            kept.append(node)
            needed.update(node.inputs)
    kept.reverse()
    occupied: set[str] = set()
    for node in kept:
        for path in _ancestors(node.name):
            if path in occupied:
                break
            occupied.add(path)
    left = {}
    for path, scope in scopes.items():
        if path in occupied:
            known = needed.issuperset(scope.inputs.values())
            left[path] = (
                scope
                if known
                else Scope(
                    path, scope.kind, {argument: name for argument, name in scope.inputs.items() if name in needed}
                )
            )
    return Graph(tuple(kept), left, tuple(inputs), dict(outputs))


def _ancestors(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
