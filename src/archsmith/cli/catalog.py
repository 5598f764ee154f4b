"""``archsmith catalog``: everything that can be plugged in, with its settings."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

OWN = "archsmith"  # the package of what is no plug-in
WIDTH = 120  # columns of the table in a file or a pipe
FROM_DATA = (
    "data",
    "modality",
    "intake",
    "exporter",
)  # their fields come from the data, so the table shows no settings


def catalog(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="space, strategy, evaluator, data, modality, intake, exporter, executor or store.  [default: all]",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """List spaces, strategies, evaluators, kinds of data and other parts, with their settings.

    Plug-ins are included. --set changes the settings of spaces, strategies and evaluators.
    """
    from archsmith import catalog as table
    from archsmith.cli.output import emit, show

    kinds = [kind] if kind else list(table.kinds())
    rows = [_row(each, name) for each in kinds for name in table.names(each)]
    for group, name, path, why in table.strays():
        if kind in (None, group) or group not in table.kinds():
            rows.append(_without(group, name, path, why))
    if json:
        emit(rows)
        return
    people = [row for row in rows if not row["name"].startswith("toy_")]
    settings = [
        "" if row["kind"] in FROM_DATA else ", ".join(f"{name}={value}" for name, value in row["settings"].items())
        for row in people
    ]
    columns: dict[str, list[Any]] = {
        "kind": [row["kind"] for row in people],
        "name": [row["name"] for row in people],
        "package": [row["package"] for row in people],
        "what it is": [row["summary"] or row["missing"] for row in people],
        "settings": settings,
    }
    for name, all_alike in (("package", {OWN}), ("settings", {""})):  # a column that says nothing
        if set(columns[name]) <= all_alike:
            del columns[name]
    show(tuple(columns), list(zip(*columns.values(), strict=True)), whole=2, most=WIDTH)


METHODS = {"strategy": "ask", "space": "decide", "evaluator": "evaluate"}  # of every class of the kind


def _row(kind: str, name: str) -> dict[str, Any]:
    """One row. A class that cannot be imported is listed, too, with the reason or the command that installs it."""
    from archsmith import catalog as table
    from archsmith.core.errors import MissingExtraError, UsageError

    path = table.rows(kind)[name]
    try:
        cls = table.get(kind, name)
    except UsageError as error:
        return _without(kind, name, path, str(error.hint if isinstance(error, MissingExtraError) else error.message))
    method = METHODS.get(kind)
    if method is not None and not callable(getattr(cls, method, None)):
        return _without(kind, name, path, f"{cls.__name__} has no method {method}, so it is no {kind}.")
    return {
        "kind": kind,
        "name": name,
        "class": path,
        "package": table.package(kind, name, path),
        "summary": table.summary(cls.__doc__),
        "settings": _settings(cls),
        "missing": None,
    }


def _without(kind: str, name: str, path: str, why: str) -> dict[str, Any]:
    """The row of what cannot be used."""
    from archsmith import catalog as table

    package = table.package(kind, name, path)
    return {
        "kind": kind,
        "name": name,
        "class": path,
        "package": package,
        "summary": "",
        "settings": {},
        "missing": why,
    }


def _settings(cls: type) -> dict[str, Any]:
    """Defaults of a dataclass by field; ``required`` for a field without a default."""
    if not dataclasses.is_dataclass(cls):
        return {}
    return {field.name: _default(field) for field in dataclasses.fields(cls) if field.init}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    elif field.default is not dataclasses.MISSING:
        value = field.default
    else:
        return "required"
    if dataclasses.is_dataclass(value):  # its own settings stand in its own row
        return type(value).__name__
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
