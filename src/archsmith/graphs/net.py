"""Laying out a network: ``Net`` collects operations and scopes while a space's program runs, and hands back a
``Graph``.

    net = Net({"image": (3, 32, 32)})
    x = net.input("image")
    with net.scope("stem", "Stem", x=x):
        x = net.op("conv", x, filters=16)
    net.output(net.op("linear", net.op("global_pool", x), features=10))
    graph = net.graph()

Names are wishes: one that is taken already in its scope gets a number. The weight key of a node with parameters is the
chain of its scopes' roles (their names where no role is given), its own name, its operation and the shapes of its
parameters.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.task import Input
from archsmith.graphs.graph import AUXILIARY, Graph, Node, Scope, prune
from archsmith.graphs.operations import FLOAT, INPUT, INTEGER, OPERATIONS, Args, Shape, infer

# Public attributes of torch.nn.Module and of Network: a submodule of such a name would hide a method. (A test compares
# this with torch.)
RESERVED = frozenset(
    {
        "T_destination",
        "add_module",
        "channels_last",
        "forward_all",
        "graph",
        "set_progress",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    }
)


@dataclass(frozen=True, slots=True)
class Value:
    """What an operation gives.

    ``name``: of its node.
    ``shape``: without the batch axis.
    """

    name: str
    shape: Shape

    @property
    def channels(self) -> int:
        return self.shape[0]


class _Level:
    """One open scope: the prefixes of names and keys, and the local names that are taken."""

    __slots__ = ("key", "prefix", "taken")

    def __init__(self, prefix: str, key: str) -> None:
        self.prefix = prefix
        self.key = key
        self.taken: dict[str, int] = {}

    def free(self, wish: str) -> str:
        """``wish``, or with the first free number behind it (``conv``, ``conv2``, ``conv3``)."""
        count = self.taken.get(wish)
        if count is None:
            _check(wish)
            self.taken[wish] = 1
            return wish
        while True:
            count += 1
            name = f"{wish}{count}"
            if name not in self.taken:
                self.taken[wish] = count
                self.taken[name] = 1
                return name


_CHECKED: set[str] = set()


def _check(name: str) -> None:
    if name in _CHECKED:
        return
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or name in RESERVED:
        raise UsageError(
            f"{name!r} cannot name a part of a network.",
            "Only the paths of questions have slashes: put one scope inside the other."
            if "/" in name
            else "Use a Python identifier that is no attribute of torch.nn.Module.",
        )
    _CHECKED.add(name)


class _Open:
    """The context manager behind ``Net.scope``."""

    __slots__ = ("_level", "_levels")

    def __init__(self, levels: list[_Level], level: _Level) -> None:
        self._levels = levels
        self._level = level

    def __enter__(self) -> None:
        self._levels.append(self._level)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._levels.pop()


def _declared(inputs: Mapping[str, Any] | Sequence[Input]) -> Iterator[tuple[str, Shape, str]]:
    """Name, shape and type of every input."""
    if not isinstance(inputs, Mapping):
        for entry in inputs:
            yield entry.name, fixed_shape(entry), FLOAT if entry.n_codes is None else INTEGER
        return
    for name, shape in inputs.items():
        typed = len(shape) == 2 and isinstance(shape[1], str)
        yield name, tuple(shape[0] if typed else shape), shape[1] if typed else FLOAT


def fixed_shape(entry: Input) -> tuple[int, ...]:
    """The shape of an input. Raises UsageError where one of its lengths is open."""
    if None in entry.shape:
        raise UsageError(f"The input {entry.name!r} has the shape {entry.shape}.", "Networks need a fixed shape.")
    return tuple(int(length or 0) for length in entry.shape)


class Net:
    """A network under construction.

    ``inputs``: the inputs of a task or a space, or shapes without the batch axis by input name. An input of codes is
        one with ``n_codes``, or ``(shape, "int")`` in place of the shape.
    """

    def __init__(self, inputs: Mapping[str, Any] | Sequence[Input]) -> None:
        self._nodes: list[Node] = []
        self._codes: set[str] = set()  # values that are integers
        self._scopes: dict[str, Scope] = {}
        self._outputs: dict[str, str] = {}
        self._keys: dict[str, int] = {}
        self._levels = [_Level("", "")]
        self._inputs = {
            name: self.op(INPUT, name=name, shape=shape, dtype=dtype) for name, shape, dtype in _declared(inputs)
        }

    def input(self, name: str = "image") -> Value:
        try:
            return self._inputs[name]
        except KeyError:
            raise UsageError(f"The network has no input {name!r}.", f"It has {', '.join(self._inputs)}.") from None

    def op(self, op: str, /, *values: Value, name: str | None = None, **args: Any) -> Value:
        """Add one operation of the table. Raises UsageError for a mistake, DeadEnd where nothing would be left of an
        image.
        """
        facts = infer(op, args, tuple([value.shape for value in values]))
        codes = self._gives_codes(op, facts.args, values)
        level = self._levels[-1]
        local = level.free(name or op)
        full = level.prefix + local
        key = None
        if facts.signature is not None:
            key = f"{level.key}{local}:{op}:{facts.signature}"
            count = self._keys.get(key, 0) + 1
            self._keys[key] = count
            if count > 1:  # two parts of one network in the same role keep their own weights
                key = f"{key}#{count}"
        if codes:
            self._codes.add(full)
        self._nodes.append(Node(full, op, tuple([value.name for value in values]), facts.args, facts.shape, key, facts))
        return Value(full, facts.shape)

    def _gives_codes(self, op: str, args: Args, values: Sequence[Value]) -> bool:
        """Does the operation give integers? Raises UsageError where codes and numbers are mixed up."""
        if not values:
            return args.get("dtype") == INTEGER
        takes = OPERATIONS[op].takes
        if takes != INTEGER and not self._codes:
            return False
        first = values[0].name in self._codes
        wanted = takes == INTEGER or (not takes and first)
        wrong = next((value.name for value in values if (value.name in self._codes) != wanted), None)
        if wrong is None:
            return wanted and not takes
        if wanted:
            message = f"The operation {op!r} takes codes, and {wrong!r} gives floats."
            raise UsageError(message, 'Declare the input as (shape, "int"), or with n_codes.')
        raise UsageError(f"The operation {op!r} takes floats, and {wrong!r} gives codes.", "Put an embedding between.")

    def scope(self, name: str, kind: str, /, role: str | None = None, **inputs: Value) -> _Open:
        """``with net.scope("cell3", "NormalCell", prev=prev, cur=cur):`` puts what follows into a named part.

        ``kind`` is what a person would call such a part; ``role`` replaces the name in weight keys and so says which
        parts of different networks share weights; ``inputs`` name the values that come in.
        """
        above = self._levels[-1]
        local = above.free(name)
        path = above.prefix + local
        self._scopes[path] = Scope(path, kind, {argument: value.name for argument, value in inputs.items()})
        return _Open(self._levels, _Level(path + ".", f"{above.key}{role or local}/"))

    def output(self, value: Value, name: str = "class") -> None:
        """Declare an output; one named ``auxiliary`` is computed in training only."""
        if name in self._outputs:
            raise UsageError(f"The network has an output {name!r} already.")
        self._outputs[name] = value.name

    def graph(self) -> Graph:
        """The graph of everything that reaches an output. Raises UsageError without one."""
        if not any(name != AUXILIARY for name in self._outputs):
            raise UsageError("The network has no output.", "Call net.output(value) at the end.")
        return prune(self._nodes, self._scopes, tuple(value.name for value in self._inputs.values()), self._outputs)
