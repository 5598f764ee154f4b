"""The constructor arguments of a class of the written source.

A hole with one value over all instances is written out as that value. Holes that always agree become one constructor
argument. A hole that follows from an earlier argument by a simple rule (``kernel // 2``) is written as that rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.graphs.operations import OPERATIONS
from archsmith.graphs.skeleton import ARGUMENT, CHANNEL_ROLES, Module, Parameter, Ref, Skeleton, unused_name, walk


@dataclass
class _Group:
    """Holes that have the same values in all instances.

    ``column``: the value in each instance.
    ``uses``: the holes: (step, hole, role, argument of ``forward`` whose channels it counts or None).
    ``is_output``: True: the values are the channels of the output.
    """

    column: tuple[Any, ...]
    uses: list[tuple[int, int, str, int | None]]
    is_output: bool = False

    @property
    def argument(self) -> int | None:
        return next((argument for *_, argument in self.uses if argument is not None), None)

    @property
    def role(self) -> str:
        roles = [role for _, _, role, _ in self.uses]
        if self.is_output and any(role in CHANNEL_ROLES for role in roles):
            return "filters"
        for role in ("filters", "in_channels", "channels", "groups"):
            if role in roles:
                return "channels" if role in ("in_channels", "groups") else role
        return roles[0]

    @property
    def counts_channels(self) -> bool:
        return self.role in CHANNEL_ROLES


def resolve(skeleton: Skeleton, classes: Sequence[Skeleton]) -> None:
    """Fill ``parameters`` and ``fills`` of a class. The classes of its children must be resolved before."""
    columns = _columns(skeleton, classes)
    groups: dict[tuple[Any, ...], _Group] = {}
    for (k, h), (column, role, argument) in columns.items():
        if any(value != column[0] or type(value) is not type(column[0]) for value in column):
            # A kernel and a channel count stay separate, even if their values are equal.
            group = groups.setdefault((role in CHANNEL_ROLES or role, column), _Group(column, []))
            group.uses.append((k, h, role, argument))
    leaving = tuple(_channels(instance.out_shapes) for instance in skeleton.instances)
    for group in groups.values():
        group.is_output = group.column == leaving
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
    """The channels of the first of ``shapes``. Tokens ``(L, C)`` have them on the last axis."""
    return 0 if not shapes else shapes[0][-1] if len(shapes[0]) == 2 else shapes[0][0]


def _columns(
    skeleton: Skeleton, classes: Sequence[Skeleton]
) -> dict[tuple[int, int], tuple[tuple[Any, ...], str, int | None]]:
    """For every hole: its value in each instance, its role, and the ``forward`` argument whose channels it counts."""
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


def _origin(skeleton: Skeleton, ref: Ref) -> int | None:
    """The argument of ``forward`` that gives a value its channels; None: the class decides them itself."""
    while ref[0] != ARGUMENT:
        step = skeleton.steps[ref[0]]
        if step.op not in OPERATIONS or not OPERATIONS[step.op].keeps_channels:
            return None
        ref = step.inputs[0]
    return ref[1]


def literal(value: Any) -> str:
    """``value`` as a person would write it: a float without rounding noise in its last digits."""
    if isinstance(value, float):
        short = float(f"{value:.6g}")
        return repr(short if abs(short - value) <= 1e-9 * abs(value) else value)
    return repr(value)


def _rank(group: _Group) -> tuple[int, int, int]:
    """Sorts constructor arguments as people write them: input channels, output channels, other widths, kernel, padding,
    all others, stride.
    """
    if group.argument is not None:
        return 0, group.argument, 0
    if group.counts_channels:
        return 1 if group.is_output else 2, group.uses[0][0], group.uses[0][1]
    return (
        {"kernel": 3, "padding": 4, "dilation": 4, "stride": 6}.get(group.role, 5),
        group.uses[0][0],
        group.uses[0][1],
    )


def _rule(group: _Group, parameters: Sequence[Parameter]) -> str | None:
    """The group as a simple rule over an earlier constructor argument; None: no rule fits."""
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
        both = group.is_output and all(step.inputs for step in skeleton.steps) and n_in == 1
        wish = "channels" if both else "in_channels" if n_in == 1 else f"{skeleton.arguments[group.argument]}_channels"
    else:
        wish = group.role
    if wish in taken:
        wish = f"{skeleton.steps[group.uses[0][0]].local}_{wish}"
    return unused_name(wish, taken)
