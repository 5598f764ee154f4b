"""``archsmith catalog``: what plugs in where, with the settings of each."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer


def catalog(
    kind: Annotated[
        str | None, typer.Argument(help="space, strategy, evaluator, executor or store; all of them when left out.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """List spaces, strategies, evaluators and the rest.

    Plug-ins are included; the settings are what --set takes.
    """
    from archsmith import catalog as table
    from archsmith.cli.output import emit, show

    kinds = [kind] if kind else list(table.kinds())
    rows = [_row(each, name) for each in kinds for name in table.names(each)]
    if json:
        emit(rows)
        return
    people = [row for row in rows if not row["name"].startswith("toy_")]
    settings = [", ".join(f"{name}={value}" for name, value in row["settings"].items()) for row in people]
    shown = [
        (row["kind"], row["name"], text, row["summary"] or row["missing"])
        for row, text in zip(people, settings, strict=True)
    ]
    show(("kind", "name", "settings", "what it is"), shown)


def _row(kind: str, name: str) -> dict[str, Any]:
    """One row; a class whose extra is missing stays listed, with what would bring it."""
    from archsmith import catalog as table
    from archsmith.core.errors import MissingExtraError

    path = table.rows(kind)[name]
    try:
        cls = table.get(kind, name)
    except MissingExtraError as error:
        return {"kind": kind, "name": name, "class": path, "summary": "", "settings": {}, "missing": error.hint}
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    return {"kind": kind, "name": name, "class": path, "summary": summary, "settings": _settings(cls), "missing": None}


def _settings(cls: type) -> dict[str, Any]:
    """Field -> default of a dataclass; ``required`` where there is none."""
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
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
