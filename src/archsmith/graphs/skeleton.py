"""A class of the written source as data: its steps, its instances, and the arguments of its constructor.

``skeletons`` finds the classes of a graph, ``parameters`` names their constructor arguments, and ``source`` and
``statements`` write them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Ref = tuple[int, int]  # a value: (step, index of its output), or (ARGUMENT, index of the argument of forward)
ARGUMENT = -1

CHANNEL_ROLES = ("in_channels", "filters", "channels", "groups")  # roles of holes that count channels


@dataclass(frozen=True)
class Hole:
    """A number that may differ between instances.

    ``role``: what the number means: ``filters``, ``kernel``, ``stride``, …
    """

    role: str


@dataclass(frozen=True)
class Module:
    """A constructor call with holes.

    ``name``: the class, as a ``Call`` names it.
    ``args``: positional arguments.
    ``kwargs``: arguments by name.
    ``options``: default values of arguments by name; an argument with its default value is not written.
    ``start``: statements that initialise its weights.
    ``gain``: initial weight of a normalisation.
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
    """One operation of a class, or one instance of another class.

    ``local``: its name inside the class.
    ``op``: the name of the operation, empty for an instance of another class.
    ``what``: a torch module, an expression, or the index of another class.
    ``inputs``: the values that it takes.
    """

    local: str
    op: str
    what: Module | Code | int
    inputs: tuple[Ref, ...]


@dataclass
class Instance:
    """One scope that belongs to a class.

    ``path``: path of the scope.
    ``holes``: the values of the holes, by step.
    ``in_shapes``: shapes of its inputs, without the batch axis.
    ``out_shapes``: shapes of its outputs, without the batch axis.
    """

    path: str
    holes: tuple[tuple[Any, ...], ...]
    in_shapes: tuple[tuple[int, ...], ...]
    out_shapes: tuple[tuple[int, ...], ...]


@dataclass
class Parameter:
    """A constructor argument.

    ``name``: the name in the source.
    ``role``: what it means, as in ``Hole``.
    ``argument``: index of the argument of ``forward`` whose channels it counts; None: no such argument.
    ``column``: its value in each instance.
    """

    name: str
    role: str
    argument: int | None
    column: tuple[Any, ...]


@dataclass(eq=False)
class Skeleton:
    """A class to be written.

    ``kind``: kind of its scopes.
    ``arguments``: arguments of ``forward``.
    ``steps``: its steps, in topological order.
    ``outputs``: the values that ``forward`` returns.
    ``name``: the name of the class.
    ``instances``: the scopes of this class.
    ``parameters``: arguments of the constructor.
    ``fills``: the text for each hole, by step.
    """

    kind: str
    arguments: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]
    name: str = ""
    instances: list[Instance] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    fills: list[list[str]] = field(default_factory=list)


def walk(module: Module, visit: Callable[[Hole], Any]) -> tuple[list[Any], list[tuple[str, Any]]]:
    """The arguments of a call. Every hole is replaced by the result of ``visit``, in order."""

    def filled(value: Any) -> Any:
        if isinstance(value, Hole):
            return visit(value)
        return tuple(filled(item) for item in value) if isinstance(value, tuple) else value

    return [filled(value) for value in module.args], [(name, filled(value)) for name, value in module.kwargs]


def unused_name(wish: str, *taken: Any) -> str:
    """``wish``, or ``wish2``, ``wish3``, … where the name is in one of the groups of ``taken`` names."""
    name, count = wish, 1
    while any(name in group for group in taken):
        count += 1
        name = f"{wish}{count}"
    return name
