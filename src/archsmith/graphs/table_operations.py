"""The rows of the operation table that the columns of tables, and constants fitted on training data, are computed with.
See ``archsmith.graphs.operation`` for what a row says.

Numbers come as floats ``(d,)``, with NaN where a value is missing. Every constant is a buffer: it is fitted on training
rows by ``fit_constants``, saved with the weights, and part of an exported network. Until then it stands for columns of
mean 0 and deviation 1.

``piecewise_linear`` is the encoding of Gorishniy, Rubachev and Babenko 2022, "On Embeddings for Numerical Features in
Tabular Deep Learning" (arXiv 2203.05556, section 3.2, equation 1). Two edges of one place are a step here, where the
paper joins them into one bin.

``trees`` holds fitted decision trees. Its forks are buffers, which whoever fitted the trees fills in; the values of its
leaves are parameters. ``code_numbers`` gives it the codes of categories.
"""

from __future__ import annotations

from typing import Any

from archsmith.core.errors import UsageError
from archsmith.graphs.operation import INTEGER, REQUIRED, Args, Call, Ins, Operation, Shape, register, same_shape

FITTING = "archsmith.graphs.constants"
TREES = ("features", "groups", "trees", "forks", "leaves")  # sizes of trees that are at least 1


def _columns(op: str, ins: Ins) -> int:
    if len(ins[0]) != 1:
        raise UsageError(f"The operation {op!r} takes numbers (d,), not the shape {ins[0]}.")
    return ins[0][0]


def _standardise_shape(args: Args, ins: Ins) -> Shape:
    _columns("standardise", ins)
    return ins[0]


def _missing_complete(args: dict[str, Any], ins: Ins) -> dict[str, Any]:
    return {**args, "columns": tuple(args["columns"])}


def _missing_shape(args: Args, ins: Ins) -> Shape:
    n = _columns("missing", ins)
    wrong = [column for column in args["columns"] if not 0 <= column < n]
    if wrong or not args["columns"]:
        raise UsageError(f"The columns {args['columns']} are not those of {n} numbers.", "Columns count from 0.")
    return (len(args["columns"]),)


def _encoded_shape(args: Args, ins: Ins) -> Shape:
    if args["bins"] < 1:
        raise UsageError(f"A piecewise linear encoding cannot have {args['bins']} bins.")
    return (_columns("piecewise_linear", ins) * args["bins"],)


def _trees_shape(args: Args, ins: Ins) -> Shape:
    _columns("trees", ins)
    if any(args[name] < 1 for name in TREES) or args["sets"] < 0 or args["trees"] % args["features"]:
        raise UsageError(
            f"There are no {args['groups']} groups of {args['trees']} trees for {args['features']} outputs.",
            "Each group holds as many trees for each output.",
        )
    return (args["features"],)


def _trees_buffers(args: Args, ins: Ins) -> dict[str, Shape]:
    groups, trees, forks, leaves, sets = (args[name] for name in ("groups", "trees", "forks", "leaves", "sets"))
    found: dict[str, Shape] = {
        "feature": (groups, trees * forks),
        "threshold": (groups, trees * forks),
        "path": (groups, trees, leaves, forks),
        "count": (groups, trees, leaves),
    }
    return {**found, "column": (groups, sets), "start": (groups, sets), "side": (args["sides"],)} if sets else found


def _leaves(args: Args) -> int:
    """Leaves of all trees."""
    return int(args["groups"] * args["trees"] * args["leaves"])


def _moments(args: Args, ins: Ins) -> dict[str, Shape]:
    return {"mean": (ins[0][0],), "std": (ins[0][0],)}


register(
    Operation(
        "scale",
        same_shape,
        buffers=_moments,
        module=lambda args, ins: Call("Scale", (ins[0][0],)),
        fit=lambda args, ins: Call(f"{FITTING}:Moments", (1e-6,)),  # less is rounding of images that do not change
        silent=True,
        keeps_channels=True,
        about="(x - mean) / std of each channel, fitted on training data",
    ),
    Operation(
        "standardise",
        _standardise_shape,
        buffers=_moments,
        module=lambda args, ins: Call("Standardise", (ins[0][0],)),
        fit=lambda args, ins: Call(f"{FITTING}:Moments"),
        silent=True,
        keeps_channels=True,
        about="(x - mean) / std of each column, fitted on training data; 0 where a value is missing",
    ),
    Operation(
        "missing",
        _missing_shape,
        defaults={"columns": REQUIRED},
        complete=_missing_complete,
        code=lambda args, x: f"torch.isnan({x[0]}[:, {list(args['columns'])}]).float()",
        silent=True,
        label="missing values",
        about="for each of `columns`, 1 where its value is missing, else 0",
    ),
    Operation(
        "piecewise_linear",
        _encoded_shape,
        defaults={"bins": REQUIRED},
        buffers=lambda args, ins: {"edges": (ins[0][0], args["bins"] + 1)},
        module=lambda args, ins: Call("PiecewiseLinear", (ins[0][0], args["bins"])),
        fit=lambda args, ins: Call(f"{FITTING}:Quantiles", (args["bins"],)),
        roles=("in_channels", "bins"),
        label="piecewise linear",
        about="how far through each of `bins` bins a number is; edges are fitted on training data, zeros "
        "where it is missing",
    ),
    Operation(
        "code_numbers",
        same_shape,
        takes=INTEGER,
        code=lambda args, x: f"{x[0]}.float()",
        silent=True,
        label="codes",
        about="codes as floats",
    ),
    Operation(  # see archsmith.graphs.modules for the buffers
        "trees",
        _trees_shape,
        defaults={**dict.fromkeys(TREES, REQUIRED), "sets": 0, "sides": 0},
        params=lambda args, ins: {"value": (args["groups"], args["trees"], args["leaves"])},
        buffers=_trees_buffers,
        module=lambda args, ins: Call(
            "Trees", (ins[0][0], *(args[name] for name in (*TREES, *(("sets", "sides") if args["sets"] else ()))))
        ),
        macs=lambda args, ins, out: _leaves(args) * (args["forks"] + 1),
        extra=lambda args, ins, out: 4 * _leaves(args),  # which leaves are reached
        init={"value": "zeros"},
        roles=("in_channels", "filters", "groups_of_trees", "trees", "forks", "leaves", "sets", "sides"),
        starts_line=True,
        family="dense",
        rank=1,
        width="features",
        about="the sum of fitted decision trees, for each output",
    ),
)
