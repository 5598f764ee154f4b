"""Which scopes of a graph become one class of the written source.

Two scopes are of one class when they have the same kind, the same steps with the same names, and the same wiring.
Their numbers (channels, kernels, strides, rates) may differ: they are the *holes* of the class, and
``archsmith.graphs.parameters`` turns them into constructor arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.graph import Graph, Node, Scope
from archsmith.graphs.operations import INPUT, OPERATIONS, Args, Call, Operation
from archsmith.graphs.parameters import resolve
from archsmith.graphs.skeleton import ARGUMENT, Code, Hole, Instance, Module, Ref, Skeleton, Step, unused_name

ORDER = ("stride", "padding", "dilation", "groups")  # arguments by name in this order, all others behind them


@dataclass(frozen=True)
class _Part:
    """A step before its wiring is known.

    ``local``: its name inside the scope.
    ``op``: the name of the operation, empty for a scope.
    ``what``: as in ``Step``.
    ``values``: the values of its holes.
    ``inputs``: names of its input nodes.
    ``outputs``: names of its output nodes.
    """

    local: str
    op: str
    what: Module | Code | int
    values: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def skeletons(graph: Graph) -> list[Skeleton]:
    """The classes of a graph, children before parents; the last one is the network itself."""
    return _Finder(graph).classes()


class _Finder:
    """Visits the scopes from the innermost to the outermost and finds the class of each."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: list[Skeleton] = []
        self.by_key: dict[tuple[Any, ...], int] = {}
        self.number: dict[str, int] = {}  # scope -> index of its class
        self.given: dict[str, tuple[str, ...]] = {}  # scope -> the nodes given to its forward
        self.leaving: dict[str, tuple[str, ...]] = {}  # scope -> its output nodes

    def classes(self) -> list[Skeleton]:
        root = Scope("", "Network", {name.rpartition(".")[2]: name for name in self.graph.inputs})
        for path in self.graph.scopes:
            self.leaving[path] = self.graph.scope_outputs(path)
        self.leaving[""] = tuple(self.graph.outputs.values())
        # A scope that takes one node twice can be an instance of a class with two arguments. So the scopes with more
        # inputs come first.
        for scope in sorted(
            self.graph.scopes.values(), key=lambda s: (-s.path.count("."), -len(self.graph.scope_inputs(s.path)))
        ):
            self._add(scope)
        self._add(root)
        for skeleton in self.found:
            resolve(skeleton, self.found)
        return self.found

    def _add(self, scope: Scope) -> None:
        parts = self._parts(scope)
        names: dict[str, str] = {}
        for argument, node in scope.inputs.items():
            names.setdefault(node, argument)
        # A node from outside that the scope does not declare becomes an argument under the node's own name.
        taken = [node for part in parts for node in part.inputs] + list(self.leaving[scope.path])
        outside = (
            [node for node in taken if not node.startswith(scope.path + ".")] if scope.path else list(self.graph.inputs)
        )
        for node in outside:
            if node not in names:
                names[node] = unused_name(node.rpartition(".")[2], scope.inputs, names.values())
        index, given = self._class_of(scope, parts, {node: names[node] for node in outside})
        skeleton = self.found[index]
        self.number[scope.path], self.given[scope.path] = index, given
        in_shapes, out_shapes = self.graph.shapes_of(given), self.graph.shapes_of(self.leaving[scope.path])
        skeleton.instances.append(Instance(scope.path, tuple(part.values for part in parts), in_shapes, out_shapes))

    def _parts(self, scope: Scope) -> list[_Part]:
        parts = []
        for child in self.graph.children(scope.path):
            if isinstance(child, Scope):
                # Its holes are the constructor arguments of its class. They are not known yet.
                parts.append(
                    _Part(
                        child.local, "", self.number[child.path], (), self.given[child.path], self.leaving[child.path]
                    )
                )
            elif child.op != INPUT:
                what, values = _form(child, self.graph)
                parts.append(_Part(child.local, child.op, what, values, child.inputs, (child.name,)))
        return parts

    def _class_of(self, scope: Scope, parts: Sequence[_Part], names: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
        """The index of the scope's class, which is made if needed, and the nodes that are its arguments."""
        produced = {node: (k, i) for k, part in enumerate(parts) for i, node in enumerate(part.outputs)}
        order = list(scope.inputs)
        arguments = sorted(names, key=lambda node: order.index(names[node]) if names[node] in order else len(order))
        place = {**{node: (ARGUMENT, k) for k, node in enumerate(arguments)}, **produced}
        steps = tuple(
            Step(part.local, part.op, part.what, tuple(place[node] for node in part.inputs)) for part in parts
        )
        outputs = tuple(place[node] for node in self.leaving[scope.path])
        key = (scope.kind, tuple(names[node] for node in arguments), steps, outputs)
        if key in self.by_key:
            return self.by_key[key], tuple(arguments)
        for index, other in enumerate(self.found):
            bound = (
                self._bound(other, scope, parts, produced)
                if other.kind == scope.kind and len(other.arguments) > len(arguments)
                else None
            )
            if bound is not None:
                return index, bound
        self.by_key[key] = len(self.found)
        self.found.append(Skeleton(scope.kind, key[1], steps, outputs))
        return self.by_key[key], tuple(arguments)

    def _bound(
        self, other: Skeleton, scope: Scope, parts: Sequence[_Part], produced: Mapping[str, Ref]
    ) -> tuple[str, ...] | None:
        """The nodes that make the class ``other`` compute what the scope computes, one for each argument. None:
        ``other`` cannot do it.
        """
        leaving = self.leaving[scope.path]
        if len(other.steps) != len(parts) or len(other.outputs) != len(leaving):
            return None
        pairs = list(zip(leaving, other.outputs, strict=True))
        for part, step in zip(parts, other.steps, strict=True):
            if (part.local, part.op, part.what, len(part.inputs)) != (step.local, step.op, step.what, len(step.inputs)):
                return None
            pairs += zip(part.inputs, step.inputs, strict=True)
        bound: dict[int, str] = {}
        for node, ref in pairs:
            if node in produced and produced[node] != ref:
                return None
            if node not in produced and (ref[0] != ARGUMENT or bound.setdefault(ref[1], node) != node):
                return None
        return tuple(bound[k] for k in range(len(other.arguments)))


def _form(node: Node, graph: Graph) -> tuple[Module | Code, tuple[Any, ...]]:
    """The written form of a node, and the values of its holes."""
    row = OPERATIONS[node.op]
    shapes = graph.shapes_of(node.inputs)
    constructor = row.written or row.module
    if constructor is not None:
        return _module(constructor(node.args, shapes), row, node.args)
    if row.code is None:
        raise UsageError(
            f"The operation {node.op!r} has neither a module nor an expression, so there is no source for it."
        )
    return Code(row.code(node.args, [f"{{{k}}}" for k in range(len(node.inputs))])), ()


def _module(call: Call, row: Operation, node_args: Args) -> tuple[Module, tuple[Any, ...]]:
    values: list[Any] = []

    def hole(value: Any, role: str) -> Any:
        if isinstance(value, tuple):
            return tuple(hole(item, role) for item in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        values.append(value)
        return Hole(role)

    roles = row.roles
    args = tuple(hole(value, roles[k] if k < len(roles) else "channels") for k, value in enumerate(call.args))
    given = {**row.options, **call.kwargs}
    ordered = sorted(given, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    kwargs = tuple((name, hole(given[name], name)) for name in ordered)
    start = row.written_init(node_args)
    return Module(call.name, args, kwargs, tuple(row.options.items()), start, node_args.get("gain", 1.0)), tuple(values)
