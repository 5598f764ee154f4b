"""What an operation of a graph is: one row of a table, with everything that any part of the library asks about it.

A row says how many inputs there are, which arguments with which defaults, the shape that comes out, the parameters and
buffers, the multiply-adds (as ``torch.utils.flop_counter`` counts them, halved), what autograd keeps for the backward
pass, and what computes the operation: a torch module or an expression. It also says how first weights are drawn, how
constants are fitted, how a weight bank shares widths, and what drawings call it. No other file asks for an operation by
its name. Module and expression are text, so that the runnable network and the written-out source come from the same
row.

The rows of the library are in ``basic_operations``, ``image_operations``, ``token_operations`` and
``table_operations``; ``archsmith.graphs.operations`` holds all of them. A package of yours adds its own with
``register``:

    register(Operation("softsign", same_shape, keeps="inputs", code=lambda args, x: f"F.softsign({x[0]})"))

Shapes are without the batch axis. Images are ``(C, H, W)``, tokens ``(L, C)``, vectors ``(F,)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from archsmith.core.errors import ArchsmithError, DeadEnd, UsageError, told

Shape = tuple[int, ...]
Args = Mapping[str, Any]
Ins = tuple[Shape, ...]

REQUIRED = object()  # stands for "no default" in a row
INPUT = "input"  # the operation that stands for what is fed into the network
FLOAT = "float"  # the type of values that layers compute with
INTEGER = "int"  # the type of codes, such as categories and tokens
BYTES = 4  # of a float32


@dataclass(frozen=True)
class Call:
    """A constructor call as data: ``Call("nn.Linear", (8, 10))``.

    ``name``: ``nn.Linear`` is a class of torch.nn, ``DropPath`` one of archsmith.graphs.modules, ``module:Class`` one
        of any other module.
    ``args``: positional arguments.
    ``kwargs``: arguments by name.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """The name as it stands in written-out source: without the module of a plug-in."""
        return self.name.rpartition(":")[2]

    def __str__(self) -> str:
        parts = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"{self.class_name}({', '.join(parts)})"


@dataclass(frozen=True)
class Operation:
    """One row of the table. Exactly one of ``module`` and ``code`` is given, except for the input of a graph.

    What it computes:

    ``name``: what a graph calls it.
    ``shape``: from complete arguments and input shapes to the shape that comes out.
    ``arity``: the least and the greatest number of inputs; None means any number.
    ``defaults``: every argument with its default; ``REQUIRED`` where there is none.
    ``quiet``: arguments that a graph leaves out where they have their default. An argument that joins an old row must
        be quiet, or stored graphs and identities would change.
    ``complete``: turns arguments into their full form (pairs, computed padding).
    ``takes``: the type of the inputs, ``float`` or ``int``; empty for either, and then the output has that type too.
    ``params``: shapes of parameters by name.
    ``buffers``: shapes of buffers by name.
    ``module``: the constructor of the torch module that computes it.
    ``stand_in``: the constructor of a module of the same function and weights that a network runs instead.
    ``code``: the expression over input names that computes it.
    ``inplace``: the expression that overwrites its input.
    ``written``: the constructor of a module that written-out source uses instead of the expression.

    What it costs:

    ``macs``: multiply-adds per example.
    ``keeps``: what autograd keeps for the backward pass: ``inputs``, ``output`` or nothing.
    ``extra``: bytes per example that autograd keeps besides.
    ``view``: ``same`` where the output is the memory of the first input, ``permuted`` where it is that memory read in
        another order; empty where it is new memory.
    ``dense``: does it make a copy of an input that is read in another order, and keep that?
    ``disposable``: is the output new memory that its own backward pass does not need? The next operation may overwrite
        it.

    What it means:

    ``symmetric``: the order of the inputs does not matter.
    ``random``: training mode draws random numbers.
    ``neutral``: it gives back its input.
    ``cuts``: the output does not depend on the input.
    ``silent``: it does not count on functional paths, because it changes little or comes with another operation.
    ``keeps_channels``: as many channels come out as go in.

    Weights and constants:

    ``init``: how each parameter starts: ``he`` (He et al. 2015, arXiv 1502.01852, by fan-in), ``uniform``
        (U(±1/√fan-in)), ``gain`` (the argument ``gain``, else 1), ``ones`` or ``zeros``. Without an entry a bias starts
        at zero, and anything else is ``uniform``.
    ``written_init``: statements of written-out source that start a ``module`` so, where torch starts it otherwise.
    ``n_sliced``: how many leading axes of a parameter are channels. A weight bank uses the first channels of a wider
        operation for a narrower one.
    ``fit``: the constructor of what fits the buffers on training data (see archsmith.graphs.constants).

    How it is written and drawn:

    ``roles``: what the positional numbers in the constructor mean.
    ``options``: arguments of the constructor that may vary between parts of a network, with the values of torch.
    ``starts_line``: source gives it a line of its own after a normalisation.
    ``normalises``: it is a normalisation.
    ``about``: what it does, in a few words, for the list of operations.
    ``label``: what drawings call it; the name where it is empty.
    ``family``: the colour in drawings (see archsmith.graphs.figure).
    ``form``: the shape in drawings: ``box``, ``circle`` or ``bar``.
    ``drawn``: drawings pass over it where this is false.
    ``rank``: a box of several operations is named after the one of the highest rank; with 0 it names a box only alone.
    ``width``: the argument that says how wide the output is; drawings tell it.
    """

    name: str
    shape: Callable[[Args, Ins], Shape]
    arity: tuple[int, int | None] = (1, 1)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    quiet: tuple[str, ...] = ()
    complete: Callable[[dict[str, Any], Ins], dict[str, Any]] = lambda args, ins: args
    takes: str = FLOAT
    params: Callable[[Args, Ins], dict[str, Shape]] = lambda args, ins: {}
    buffers: Callable[[Args, Ins], dict[str, Shape]] = lambda args, ins: {}
    module: Callable[[Args, Ins], Call] | None = None
    stand_in: Callable[[Args, Ins], Call | None] = lambda args, ins: None
    code: Callable[[Args, Sequence[str]], str] | None = None
    inplace: Callable[[Args, Sequence[str]], str] | None = None
    written: Callable[[Args, Ins], Call] | None = None
    macs: Callable[[Args, Ins, Shape], int] = lambda args, ins, out: 0
    keeps: str = ""
    extra: Callable[[Args, Ins, Shape], int] = lambda args, ins, out: 0
    view: Callable[[Args], str] = lambda args: ""
    dense: bool = False
    disposable: bool = False
    symmetric: bool = False
    random: bool = False
    neutral: bool = False
    cuts: bool = False
    silent: bool = False
    keeps_channels: bool = False
    init: Mapping[str, str] = field(default_factory=dict)
    written_init: Callable[[Args], tuple[str, ...]] = lambda args: ()
    n_sliced: int = 0
    fit: Callable[[Args, Ins], Call] | None = None
    roles: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    starts_line: bool = False
    normalises: bool = False
    about: str = ""
    label: str = ""
    family: str = "pointwise"
    form: str = "box"
    drawn: bool = True
    rank: int = 0
    width: str = ""

    @property
    def owns(self) -> bool:
        """Has it weights, constants or random draws of its own? Two equal ones of a network are then two."""
        return self.module is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the table says about one operation with given arguments and input shapes, per example.

    ``args``: complete arguments.
    ``shape``: what comes out.
    ``params``: shapes of parameters by name.
    ``buffers``: shapes of buffers by name.
    ``n_params``: trainable values.
    ``macs``: multiply-adds.
    ``signature``: the shapes of the parameters as text, None without parameters.
    ``keeps``: what autograd keeps, as in the row.
    ``extra_bytes``: what autograd keeps besides.
    ``view``: whether the output is memory of the first input, as in the row.
    ``dense``: whether a permuted input is copied, as in the row.
    """

    args: Args
    shape: Shape
    params: Mapping[str, Shape]
    buffers: Mapping[str, Shape]
    n_params: int
    macs: int
    signature: str | None
    keeps: str
    extra_bytes: int
    view: str
    dense: bool


OPERATIONS: dict[str, Operation] = {}  # by name; filled by register()
_MEMORY: dict[tuple[Any, ...], Facts] = {}  # a net asks the same few hundred questions again and again


def register(*rows: Operation) -> None:
    """Add rows to the table. Raises UsageError for a name that is taken, or a row that nothing computes."""
    for row in rows:
        if row.name in OPERATIONS:
            raise UsageError(f"There is an operation {row.name!r} already.", "Give yours another name.")
        if not row.name.isidentifier():
            raise UsageError(f"The name {row.name!r} of an operation is no Python identifier.")
        if (row.module is None) == (row.code is None) and row.name != INPUT:
            raise UsageError(f"The operation {row.name!r} needs a module or an expression, and not both.")
        OPERATIONS[row.name] = row


def infer(op: str, args: Args, ins: Ins) -> Facts:
    """The facts of ``op`` on inputs of shapes ``ins``. Raises UsageError for what cannot be meant, DeadEnd where an
    image shrinks to nothing.
    """
    key = (op, tuple(args.items()), ins)
    try:
        return _MEMORY[key]
    except KeyError:
        pass
    except TypeError:
        raise UsageError(f"The arguments of {op!r} must be scalars and tuples, not {dict(args)}.") from None
    facts = _infer(op, args, ins)
    if len(_MEMORY) > 50_000:
        _MEMORY.clear()
    _MEMORY[key] = facts
    return facts


def _infer(op: str, args: Args, ins: Ins) -> Facts:
    row = OPERATIONS.get(op)
    if row is None:
        known = ", ".join(OPERATIONS)
        raise UsageError(
            f"There is no operation {op!r}.", f"The table has {known}. Import the package that registers another one."
        )
    unknown = [name for name in args if name not in row.defaults]
    if unknown:
        raise UsageError(
            f"The operation {op!r} has no argument {unknown[0]!r}.", f"It takes {', '.join(row.defaults) or 'none'}."
        )
    low, high = row.arity
    if len(ins) < low or (high is not None and len(ins) > high):
        count = f"{low}" if high == low else f"{low} or more" if high is None else f"{low} to {high}"
        raise UsageError(f"The operation {op!r} got {len(ins)} inputs.", f"It takes {count}.")
    full = {**row.defaults, **args}
    missing = [name for name, value in full.items() if value is REQUIRED]
    if missing:
        raise UsageError(f"The operation {op!r} needs the argument {missing[0]!r}.")
    try:
        return _facts(row, full, ins)
    except ArchsmithError:
        raise
    except Exception as error:  # it computed with an argument that is none
        texts = [name for name in args if isinstance(args[name], str) and not isinstance(row.defaults[name], str)]
        if texts:
            raise UsageError(
                f"The argument {texts[0]} of the operation {op!r} cannot be {args[texts[0]]!r}.",
                "Give a number, without quotation marks.",
            ) from error
        given = ", ".join(f"{name}={value!r}" for name, value in args.items()) or "no argument"
        raise UsageError(f"The operation {op!r} cannot work with {given} on {ins}: {told(error)}.") from error


def _facts(row: Operation, full: dict[str, Any], ins: Ins) -> Facts:
    op, full = row.name, row.complete(full, ins)
    shape = row.shape(full, ins)
    if any(size < 1 for size in shape):
        raise DeadEnd(f"The operation {op!r} with {full} turns {ins[0] if ins else ()} into {shape}: nothing is left.")
    params = row.params(full, ins)
    return Facts(
        args={name: value for name, value in full.items() if name not in row.quiet or value != row.defaults[name]},
        shape=shape,
        params=params,
        buffers=row.buffers(full, ins),
        n_params=sum(prod(s) for s in params.values()),
        macs=row.macs(full, ins, shape),
        signature="+".join("x".join(map(str, s)) for s in params.values()) if params else None,
        keeps=row.keeps,
        extra_bytes=row.extra(full, ins, shape),
        view=row.view(full),
        dense=row.dense,
    )


def pair(value: Any) -> tuple[int, int]:
    """Height and width from one number or two."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def same_shape(args: Args, ins: Ins) -> Shape:
    """The shape rule of operations that change values and nothing else."""
    return ins[0]


def differing(args: Args, **defaults: Any) -> dict[str, Any]:
    """Those of ``defaults`` that ``args`` differ from: what a constructor call has to say."""
    return {name: args[name] for name, value in defaults.items() if args[name] != value}


def with_bias(weight: Shape, args: Args) -> dict[str, Shape]:
    """The parameters of a layer with a weight, and a bias where the argument ``bias`` asks for it."""
    return {"weight": weight, "bias": weight[:1]} if args["bias"] else {"weight": weight}
