"""Which scopes of a graph are the same class: their skeletons, and what has to become a constructor argument.

Two scopes are of one class when they have the same kind, the same parts with the same names, and the same wiring,
whatever the numbers are. The numbers (channels, kernels, strides, rates) are *holes* of the skeleton. A hole with one
value over all instances is written out, holes that always agree are one constructor argument, and holes that follow
from another one by a simple rule (``kernel // 2``) are written as that rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.graph import Graph, Node, Scope
from archsmith.graphs.operations import INPUT, OPERATIONS, Args, Call, Operation

Ref = tuple[int, int]  # (step, which of its values), or (ARGUMENT, position)
ARGUMENT = -1

ORDER = ("stride", "padding", "dilation", "groups")  # of arguments by name; others follow
CHANNEL_ROLES = ("in_channels", "filters", "channels", "groups")


@dataclass(frozen=True)
class Hole:
    """A number that may differ between instances; ``role`` says what it means."""

    role: str


@dataclass(frozen=True)
class Module:
    """A constructor call with holes.

    ``name``: the class, as a ``Call`` names it.
    ``args``: positional arguments.
    ``kwargs``: arguments by name.
    ``options``: those of them that need not be written where they have the value given here.
    ``start``: statements that start its weights.
    ``gain``: the value that a normalisation's weight starts from.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    options: tuple[tuple[str, Any], ...] = ()
    start: tuple[str, ...] = ()
    gain: float = 1.0


@dataclass(frozen=True)
class Code:
    """An expression; ``{0}``, ``{1}`` … stand for its operands."""

    text: str


@dataclass(frozen=True)
class Step:
    """One part of a class.

    ``local``: its name there.
    ``op``: the name of the operation, empty for an instance of another class.
    ``what``: a torch module, an expression, or the number of another class.
    ``inputs``: where its operands come from.
    """

    local: str
    op: str
    what: Module | Code | int
    inputs: tuple[Ref, ...]


@dataclass(frozen=True)
class _Part:
    """A step before its wiring is known.

    ``local``: the last part of its name.
    ``op``: the name of the operation, empty for a scope.
    ``what``: as in ``Step``.
    ``values``: those of its holes.
    ``inputs``: nodes that go in.
    ``outputs``: nodes that come out.
    """

    local: str
    op: str
    what: Module | Code | int
    values: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass
class Instance:
    """One scope that is of a class.

    ``path``: of the scope.
    ``holes``: for every step the values of the holes of a module, or of the constructor arguments of a child.
    ``in_shapes``: of what goes in.
    ``out_shapes``: of what comes out.
    """

    path: str
    holes: tuple[tuple[Any, ...], ...]
    in_shapes: tuple[tuple[int, ...], ...]
    out_shapes: tuple[tuple[int, ...], ...]


@dataclass
class Parameter:
    """A constructor argument.

    ``name``: as it is written.
    ``role``: what it means.
    ``argument``: the argument of ``forward`` whose channels it counts, or None.
    ``column``: its value by instance.
    """

    name: str
    role: str
    argument: int | None
    column: tuple[Any, ...]


@dataclass(eq=False)
class Skeleton:
    """A class to be written.

    ``kind``: of its scopes.
    ``arguments``: of ``forward``.
    ``steps``: its parts, in topological order.
    ``outputs``: what ``forward`` returns.
    ``name``: of the class.
    ``instances``: the scopes of this class.
    ``parameters``: arguments of the constructor.
    ``fills``: for every step the text of each of its holes.
    """

    kind: str
    arguments: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]
    name: str = ""
    instances: list[Instance] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    fills: list[list[str]] = field(default_factory=list)


def skeletons(graph: Graph) -> list[Skeleton]:
    """The classes of a graph, children before parents; the last one is the network itself."""
    return _Finder(graph).classes()


class _Finder:
    """Goes through the scopes from the innermost to the outermost and sorts them into classes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: list[Skeleton] = []
        self.by_key: dict[tuple[Any, ...], int] = {}
        self.number: dict[str, int] = {}  # scope -> its class
        self.given: dict[str, tuple[str, ...]] = {}  # scope -> the nodes that are the arguments of its forward
        self.leaving: dict[str, tuple[str, ...]] = {}

    def classes(self) -> list[Skeleton]:
        root = Scope("", "Network", {name.rpartition(".")[2]: name for name in self.graph.inputs})
        for path in self.graph.scopes:
            self.leaving[path] = self.graph.scope_outputs(path)
        self.leaving[""] = tuple(self.graph.outputs.values())
        # A scope that takes one node in two roles can be an instance of a class with two arguments: the scopes that
        # show the difference go first.
        for scope in sorted(
            self.graph.scopes.values(), key=lambda s: (-s.path.count("."), -len(self.graph.scope_inputs(s.path)))
        ):
            self._sort_in(scope)
        self._sort_in(root)
        for skeleton in self.found:
            _resolve(skeleton, self.found)
        return self.found

    def _sort_in(self, scope: Scope) -> None:
        parts = self._parts(scope)
        names: dict[str, str] = {}
        for argument, node in scope.inputs.items():
            names.setdefault(node, argument)
        # Nodes that a part takes from outside without the scope saying so become arguments under their own name.
        taken = [node for part in parts for node in part.inputs] + list(self.leaving[scope.path])
        outside = (
            [node for node in taken if not node.startswith(scope.path + ".")] if scope.path else list(self.graph.inputs)
        )
        for node in outside:
            if node not in names:
                names[node] = _fresh(node.rpartition(".")[2], scope.inputs, names.values())
        index, given = self._class_of(scope, parts, {node: names[node] for node in outside})
        skeleton = self.found[index]
        self.number[scope.path], self.given[scope.path] = index, given
        in_shapes, out_shapes = self.graph.shapes_of(given), self.graph.shapes_of(self.leaving[scope.path])
        skeleton.instances.append(Instance(scope.path, tuple(part.values for part in parts), in_shapes, out_shapes))

    def _parts(self, scope: Scope) -> list[_Part]:
        parts = []
        for child in self.graph.children(scope.path):
            if isinstance(child, Scope):
                # Its holes are the constructor arguments of its class, known later.
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
        """The class that a scope is an instance of, made if need be, and the nodes that are its arguments."""
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
        """The nodes to give to the arguments of the class ``other`` so that it does what the scope does; None if that
        cannot be.
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


def _fresh(wish: str, *taken: Any) -> str:
    name, count = wish, 1
    while any(name in group for group in taken):
        count += 1
        name = f"{wish}{count}"
    return name


def _form(node: Node, graph: Graph) -> tuple[Module | Code, tuple[Any, ...]]:
    """How a node is written, with the values of its holes."""
    row = OPERATIONS[node.op]
    shapes = graph.shapes_of(node.inputs)
    constructor = row.written or row.module
    if constructor is not None:
        return _module(constructor(node.args, shapes), row, node.args)
    if row.code is None:
        raise UsageError(
            f"The operation {node.op!r} has neither a module nor an expression, so it cannot be written out."
        )
    return Code(row.code(node.args, [f"{{{k}}}" for k in range(len(node.inputs))])), ()


def _module(call: Call, row: Operation, node_args: Args) -> tuple[Module, tuple[Any, ...]]:
    values: list[Any] = []

    def hole(value: Any, role: str) -> Any:
        if isinstance(value, tuple):
            return tuple(hole(part, role) for part in value)
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


# From holes to constructor arguments


@dataclass
class _Group:
    """Holes that have the same values in all instances.

    ``column``: those values.
    ``uses``: (step, hole, role, argument of ``forward`` whose channels it counts).
    ``leaves``: is it the number of channels of what comes out?
    """

    column: tuple[Any, ...]
    uses: list[tuple[int, int, str, int | None]]
    leaves: bool = False

    @property
    def argument(self) -> int | None:
        return next((argument for *_, argument in self.uses if argument is not None), None)

    @property
    def role(self) -> str:
        roles = [role for _, _, role, _ in self.uses]
        if self.leaves and any(role in CHANNEL_ROLES for role in roles):
            return "filters"
        for role in ("filters", "in_channels", "channels", "groups"):
            if role in roles:
                return "channels" if role in ("in_channels", "groups") else role
        return roles[0]

    @property
    def counts_channels(self) -> bool:
        return self.role in CHANNEL_ROLES


def _resolve(skeleton: Skeleton, classes: Sequence[Skeleton]) -> None:
    """Name the constructor arguments of a class and write its holes in terms of them. The classes of its children are
    resolved already.
    """
    columns = _columns(skeleton, classes)
    groups: dict[tuple[Any, ...], _Group] = {}
    for (k, h), (column, role, argument) in columns.items():
        if any(value != column[0] or type(value) is not type(column[0]) for value in column):
            # Kernels and channels that happen to agree stay apart.
            group = groups.setdefault((role in CHANNEL_ROLES or role, column), _Group(column, []))
            group.uses.append((k, h, role, argument))
    leaving = tuple(_channels(instance.out_shapes) for instance in skeleton.instances)
    for group in groups.values():
        group.leaves = group.column == leaving
    ordered = sorted(groups.values(), key=_rank)
    texts: dict[int, str] = {}
    n_in = len({group.argument for group in ordered if group.argument is not None})
    for group in ordered:
        rule = (
            None
            if group.argument is not None or (group.counts_channels and n_in > 1)
            else _rule(group, skeleton.parameters)
        )
        if rule is None:
            rule = _name(group, skeleton, n_in)
            skeleton.parameters.append(Parameter(rule, group.role, group.argument, group.column))
        texts[id(group)] = rule
    where = {(k, h): texts[id(group)] for group in ordered for k, h, _, _ in group.uses}
    for k in range(len(skeleton.steps)):
        n = sum(step == k for step, _ in columns)
        skeleton.fills.append([where.get((k, h), literal(columns[k, h][0][0])) for h in range(n)])


def _channels(shapes: Sequence[tuple[int, ...]]) -> int:
    """The channels of the first of ``shapes``; they are the last axis of tokens."""
    return 0 if not shapes else shapes[0][-1] if len(shapes[0]) == 2 else shapes[0][0]


def _columns(
    skeleton: Skeleton, classes: Sequence[Skeleton]
) -> dict[tuple[int, int], tuple[tuple[Any, ...], str, int | None]]:
    """For every hole: its value in each instance, its role, and the argument of ``forward`` with so many channels."""
    columns: dict[tuple[int, int], tuple[tuple[Any, ...], str, int | None]] = {}
    for k, step in enumerate(skeleton.steps):
        if isinstance(step.what, int):
            child = classes[step.what]
            place = {instance.path: i for i, instance in enumerate(child.instances)}
            at = [
                place[f"{instance.path}.{step.local}" if instance.path else step.local]
                for instance in skeleton.instances
            ]
            for h, parameter in enumerate(child.parameters):
                argument = None if parameter.argument is None else _origin(skeleton, step.inputs[parameter.argument])
                columns[k, h] = (tuple(parameter.column[i] for i in at), parameter.role, argument)
        elif isinstance(step.what, Module):
            for h, role in enumerate(_roles(step.what)):
                takes = role in ("in_channels", "channels", "groups") and step.inputs
                argument = _origin(skeleton, step.inputs[0]) if takes else None
                columns[k, h] = (tuple(instance.holes[k][h] for instance in skeleton.instances), role, argument)
    return columns


def _roles(module: Module) -> list[str]:
    roles: list[str] = []
    walk(module, lambda hole: roles.append(hole.role))
    return roles


def walk(module: Module, visit: Callable[[Hole], Any]) -> tuple[list[Any], list[tuple[str, Any]]]:
    """The arguments of a call with every hole replaced by what ``visit`` makes of it, in order."""

    def filled(value: Any) -> Any:
        if isinstance(value, Hole):
            return visit(value)
        return tuple(filled(part) for part in value) if isinstance(value, tuple) else value

    return [filled(value) for value in module.args], [(name, filled(value)) for name, value in module.kwargs]


def _origin(skeleton: Skeleton, ref: Ref) -> int | None:
    """The argument of ``forward`` that a value has its channels from, None if it is made inside."""
    while ref[0] != ARGUMENT:
        step = skeleton.steps[ref[0]]
        if step.op not in OPERATIONS or not OPERATIONS[step.op].keeps_channels:
            return None
        ref = step.inputs[0]
    return ref[1]


def literal(value: Any) -> str:
    """``value`` as a person would write it: a float without the noise of its last binary digits."""
    if isinstance(value, float):
        short = float(f"{value:.6g}")
        return repr(short if abs(short - value) <= 1e-9 * abs(value) else value)
    return repr(value)


def _rank(group: _Group) -> tuple[int, int, int]:
    """Constructor arguments in the order that people write them: channels in, channels out, other widths, kernel,
    stride, the rest.
    """
    if group.argument is not None:
        return 0, group.argument, 0
    if group.counts_channels:
        return 1 if group.leaves else 2, group.uses[0][0], group.uses[0][1]
    return (
        {"kernel": 3, "padding": 4, "dilation": 4, "stride": 6}.get(group.role, 5),
        group.uses[0][0],
        group.uses[0][1],
    )


def _rule(group: _Group, parameters: Sequence[Parameter]) -> str | None:
    """The group's values written by an earlier constructor argument, where that is a rule that people use."""
    if group.role == "padding":
        rules: list[tuple[str, Callable[[Any], Any]]] = [("{} // 2", lambda v: v // 2), ("{} - 1", lambda v: v - 1)]
        sources = [p for p in parameters if p.role == "kernel"]
    elif group.counts_channels:
        rules = [
            ("{} // 2", lambda v: v // 2),
            ("2 * {}", lambda v: 2 * v),
            ("{} // 4", lambda v: v // 4),
            ("4 * {}", lambda v: 4 * v),
        ]
        sources = [p for p in parameters if p.role in CHANNEL_ROLES]
    else:
        return None
    for parameter in sources:
        for text, apply in rules:
            if tuple(apply(value) for value in parameter.column) == group.column:
                return text.format(parameter.name)
    return None


def _name(group: _Group, skeleton: Skeleton, n_in: int) -> str:
    taken = {parameter.name for parameter in skeleton.parameters}
    if group.argument is not None:
        both = group.leaves and all(step.inputs for step in skeleton.steps) and n_in == 1
        wish = "channels" if both else "in_channels" if n_in == 1 else f"{skeleton.arguments[group.argument]}_channels"
    else:
        wish = group.role
    if wish in taken:
        wish = f"{skeleton.steps[group.uses[0][0]].local}_{wish}"
    return _fresh(wish, taken)
