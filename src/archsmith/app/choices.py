"""What can be chosen besides the settings of a job: search spaces and strategies with their own fields, as plain JSON.

It comes from the classes themselves, so that each field is described once: by its dataclass and its docstring. The
classes are heavy to import, so only the process that looks at data does it.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from types import UnionType
from typing import Any

from archsmith import catalog
from archsmith.core.errors import ArchsmithError
from archsmith.core.task import Task
from archsmith.graphs.network_space import NetworkSpace

# Fields that the data or the job set, not a person.
FROM_DATA = ("input_shape", "numbers", "missing", "categories", "n_codes", "n_outputs", "recipe", "seed", "start")
AROUND = ("race",)  # strategies that every job has around the one that was asked for
PLAIN = {int: "int", float: "float", bool: "bool", str: "str"}
FIELD = re.compile(r"^((?:``[\w.]+``(?:, )?)+): (.+?)(?=^``|\Z)", re.MULTILINE | re.DOTALL)


def spaces_for(task: Task) -> list[dict[str, Any]]:
    """The spaces that lay out networks for ``task``: ``name``, ``summary`` and ``fields`` of each."""
    found = []
    for name, cls in _classes("space"):
        if not issubclass(cls, NetworkSpace) or name.startswith("toy_"):
            continue
        try:
            made = cls.for_task(task)
        except ArchsmithError:  # a space for data of another kind
            continue
        found.append({"name": name, "summary": catalog.summary(cls.__doc__), "fields": fields_of(made)})
    return found


def strategies() -> list[dict[str, Any]]:
    """All strategies, in the same form."""
    rows = ((name, cls) for name, cls in _classes("strategy") if dataclasses.is_dataclass(cls) and name not in AROUND)
    return [{"name": name, "summary": catalog.summary(cls.__doc__), "fields": fields_of(cls)} for name, cls in rows]


def _classes(kind: str) -> list[tuple[str, type]]:
    found = []
    for name in catalog.names(kind):
        try:
            found.append((name, catalog.get(kind, name)))
        except Exception:  # an extra that is missing, a plug-in that fails
            continue
    return found


def fields_of(made: Any, prefix: str = "", plain: Any = None) -> list[dict[str, Any]]:
    """The fields of a dataclass, or of an object of one, that a person may set: ``name``, ``kind``, ``default`` and
    ``help``. Those of an object within it have its name in front, as in ``scale.filters``. What is not as in ``plain``
    (None: not the default of its class) was set by the data, and is left out.
    """
    cls = made if isinstance(made, type) else type(made)
    hints, told = catalog.field_hints(cls), helps(cls)
    found: list[dict[str, Any]] = []
    for entry in dataclasses.fields(cls):
        if entry.name in FROM_DATA or entry.name not in told:
            continue
        default = _default(entry) if plain is None else getattr(plain, entry.name)
        value = default if made is cls else getattr(made, entry.name)
        if dataclasses.is_dataclass(value):
            found += fields_of(value, f"{prefix}{entry.name}.", default)
            continue
        kind = _kind(hints[entry.name])
        if kind is not None and value == default:
            shown = list(value) if isinstance(value, tuple) else value
            found.append({"name": prefix + entry.name, "kind": kind, "default": shown, "help": told[entry.name]})
    return found


def _default(entry: dataclasses.Field[Any]) -> Any:
    if entry.default_factory is not dataclasses.MISSING:
        return entry.default_factory()
    return None if entry.default is dataclasses.MISSING else entry.default


def _kind(hint: Any) -> str | None:
    """``int``, ``float``, ``bool``, ``str``, or ``list`` of numbers or texts; None for what a form cannot hold."""
    if isinstance(hint, UnionType):
        inner = [option for option in typing.get_args(hint) if option is not type(None)]
        return _kind(inner[0]) if len(inner) == 1 else None
    if typing.get_origin(hint) is tuple:
        return "list" if typing.get_args(hint)[0] in (int, float, str) else None
    return PLAIN.get(hint)


def helps(cls: type) -> Mapping[str, str]:
    """What the docstring says of each field."""
    found = {}
    text = "\n".join(line.strip() for line in (cls.__doc__ or "").splitlines())
    for match in FIELD.finditer(text):
        told = " ".join(match[2].partition("\n\n")[0].split()).replace("``", "")
        for name in re.findall(r"``([\w.]+)``", match[1]):
            found[name] = told
    return found
