"""The one table of what plugs in where, and specs, the JSON form of any configured object.

The table maps kind and short name to ``module:Class``. Other packages add rows through the entry-point group
``archsmith.<kind>`` (``archsmith.strategy``, ``archsmith.space``, …).

Objects are their own configuration. A spec is ``{"type": short name or "module:Class", "args": {field: value}}`` of a
dataclass, nested where a field holds another dataclass. Only classes found by such names are ever built from a spec,
with plain data for arguments. Nothing is unpickled.

A spec may come from a file that somebody sent. So it never imports a module that is not in the table: ``from_spec``
takes rows of the table, and what this process was told of otherwise (``admit``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import re
import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from archsmith.core.errors import TRACEBACK, ArchsmithError, MissingExtraError, UsageError, shortened, told
from archsmith.core.fields import fitted
from archsmith.core.files import json_value, reason

TABLE: dict[str, dict[str, str]] = {
    "space": {
        "conv_stages": "archsmith.spaces.conv_stages:ConvStages",
        "pictures": "archsmith.spaces.pictures:Pictures",
        "nasnet": "archsmith.spaces.nasnet:NasNet",
        "pnas": "archsmith.spaces.pnas:Pnas",
        "enas_micro": "archsmith.spaces.enas_micro:EnasMicro",
        "enas_macro": "archsmith.spaces.enas_macro:EnasMacro",
        "darts": "archsmith.spaces.darts:Darts",
        "nasbench201": "archsmith.spaces.nasbench201:NasBench201",
        "grammar": "archsmith.spaces.grammar:Grammar",
        "tabular": "archsmith.spaces.tabular:Tabular",
        "table": "archsmith.evaluators.table:TableSpace",
        "fcnet": "archsmith.evaluators.fcnet:FcNetSpace",
        "toy_flat": "archsmith.testing.toys:Flat",
        "toy_conditional": "archsmith.testing.toys:Conditional",
        "toy_recursive": "archsmith.testing.toys:Recursive",
        "toy_mixed": "archsmith.testing.toys:Mixed",
    },
    "strategy": {
        "random": "archsmith.strategies.random:RandomSearch",
        "evolution": "archsmith.strategies.evolution:RegularizedEvolution",
        "local": "archsmith.strategies.local:LocalSearch",
        "graph_gp": "archsmith.strategies.graph_gp:GraphGP",
        "reinforce": "archsmith.strategies.reinforce:Reinforce",
        "tabular": "archsmith.strategies.tabular:TabularReinforce",
        "progressive": "archsmith.strategies.progressive:Progressive",
        "bananas": "archsmith.strategies.bananas:Bananas",
        "nsga2": "archsmith.strategies.nsga2:NSGA2",
        "halving": "archsmith.strategies.halving:SuccessiveHalving",
        "hyperband": "archsmith.strategies.halving:Hyperband",
        "asha": "archsmith.strategies.halving:ASHA",
        "race": "archsmith.strategies.race:Race",
        "optuna": "archsmith.strategies.optuna_bridge:OptunaStrategy",
        "enas": "archsmith.oneshot.derived:Derived",
    },
    "evaluator": {
        "training": "archsmith.evaluators.training:TrainingEvaluator",
        "table": "archsmith.evaluators.table:TableEvaluator",
        "nasbench201": "archsmith.evaluators.nasbench201:NasBench201Evaluator",
        "fcnet": "archsmith.evaluators.fcnet:FcNetEvaluator",
        "function": "archsmith.evaluators.functions:FunctionEvaluator",
        "cost": "archsmith.evaluators.cost:CostEvaluator",
        "proxies": "archsmith.evaluators.proxies:Proxies",
        "shared_weights": "archsmith.oneshot.evaluator:SharedWeightsEvaluator",
        "toy": "archsmith.testing.toys:ToyEvaluator",
        "cached": "archsmith.evaluators.wrappers:Cached",
        "repeated": "archsmith.evaluators.wrappers:Repeated",
        "noisy": "archsmith.evaluators.wrappers:Noisy",
        "cascade": "archsmith.evaluators.wrappers:Cascade",
    },
    "data": {
        "image": "archsmith.data.images.store:ImageStore",
        "table": "archsmith.data.tables.store:TableStore",
    },
    "modality": {
        "image": "archsmith.automl.modalities.images:Images",
        "table": "archsmith.automl.modalities.tables:Tables",
    },
    "intake": {
        "image": "archsmith.bundle.images:ImageIntake",
        "table": "archsmith.bundle.tables:TableIntake",
    },
    "exporter": {
        "image": "archsmith.bundle.images_export:ImageExporter",
        "table": "archsmith.bundle.tables_export:TableExporter",
    },
    "executor": {
        "serial": "archsmith.runtime.serial:SerialExecutor",
        "processes": "archsmith.runtime.processes:ProcessExecutor",
    },
    "store": {
        "memory": "archsmith.runtime.memory:MemoryStore",
        "sqlite": "archsmith.runtime.sqlite:SqliteStore",
    },
}

# Packages that our modules may fail to import; the extra that brings each.
EXTRA_OF = {
    "torch": "train",
    "safetensors": "train",
    "sklearn": "train",
    "pandas": "train",
    "pyarrow": "train",
    "jinja2": "train",
    "onnx": "train",
    "onnxscript": "train",
    "uvicorn": "serve",
    "httptools": "serve",
    "orjson": "serve",
    "python_multipart": "serve",
    "prometheus_client": "serve",
    "nicegui": "app",
    "fastapi": "app",
    "starlette": "app",
    "ray": "ray",
    "optuna": "optuna",
}


EXAMPLES = {"strategy": "strategy.population=50", "space": "space.n_outputs=100"}  # of settings
# What fields hold, by the names of their types: some names of the catalogue stand for parts of several kinds.
PARTS = {"Space": "space", "Strategy": "strategy", "Evaluator": "evaluator"}
NAMING = ("type", "function")  # keys of specs that may hold module:Class or module:function
PYTHON = {"True": True, "False": False, "None": None}  # as people read them in the catalogue; JSON has other words

_admitted = {"__main__"}  # modules outside of the table whose classes and functions a spec may name


def kinds() -> tuple[str, ...]:
    return tuple(TABLE)


@lru_cache(maxsize=32)
def rows(kind: str) -> Mapping[str, str]:
    """Short name -> ``module:Class`` for one kind, plug-ins included. Raises UsageError for an unknown kind."""
    if kind not in TABLE:
        raise UsageError(f"There is no kind {kind!r} in the catalogue.", f"Kinds: {', '.join(TABLE)}.")
    from importlib.metadata import entry_points  # costs more than the rest of this module together

    plugins: dict[str, str] = {}
    for point in entry_points(group=f"archsmith.{kind}"):
        plugins.setdefault(point.name, point.value)
    return types.MappingProxyType({**plugins, **TABLE[kind]})


def strays() -> list[tuple[str, str, str, str]]:
    """Plug-ins that cannot be found by their name: (kind, name, place, why not)."""
    from importlib.metadata import entry_points

    installed = entry_points()
    groups = sorted(group for group in installed.groups if group.startswith("archsmith."))
    found, before = [], dict[tuple[str, str], str]()
    for point in (point for group in groups for point in installed.select(group=group)):
        kind = point.group.removeprefix("archsmith.")
        if kind not in TABLE:
            why = f"There is no kind {kind!r}. Kinds: {', '.join(TABLE)}."
        elif point.name in TABLE[kind]:
            why = "The name belongs to a part of Archsmith itself. Give the plug-in another one."
        elif before.get((kind, point.name), point.value) != point.value:
            why = f"The name is taken by {before[kind, point.name]}. Give one of them another one."
        else:
            before[kind, point.name] = point.value
            continue
        found.append((kind, point.name, point.value, why))
    return found


def package(kind: str, name: str, path: str) -> str:
    """The installed package that a row comes from: ``archsmith``, or that of a plug-in."""
    from importlib.metadata import entry_points

    own = __name__.partition(".")[0]
    if TABLE.get(kind, {}).get(name) == path:
        return own
    points = entry_points(group=f"{own}.{kind}").select(name=name)
    found = [point.dist.name for point in points if point.value == path and point.dist is not None]
    return found[0] if found else path.partition(":")[0].partition(".")[0]


def names(kind: str) -> tuple[str, ...]:
    return tuple(rows(kind))


def get(kind: str, name: str) -> type:
    """The class behind a short name, or behind ``module:Class`` itself: for names that a person gave. Raises UsageError
    with near misses.
    """
    if ":" in name:
        _admitted.add(name.partition(":")[0])
        return _load_evaluator(name) if kind == "evaluator" else load(name)
    table = rows(kind)
    if name not in table:
        near = get_close_matches(name, table, n=1)
        known = [row for row in table if not row.startswith("toy_")]
        raise UsageError(
            f"There is no {kind} named {name!r}.",
            f"Did you mean {near[0]!r}?"
            if near
            else f"Known: {', '.join(known)}; or give module:Class. A plug-in must be installed.",
        )
    try:
        return load(table[name])
    except MissingExtraError:
        raise
    except UsageError as error:
        if name in TABLE[kind]:
            raise
        brings, cause = package(kind, name, table[name]), error.__cause__
        lacks = (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
        own = table[name].partition(":")[0].partition(".")[0]
        what = f"install {lacks!r}, which it needs" if lacks not in ("", own) else "install that again, or uninstall it"
        raise UsageError(
            error.message, f"The name {name!r} comes from the installed package {brings!r}: {what}."
        ) from error


def _load_evaluator(path: str) -> type:
    """The class at ``path``. Of a function the error says how it becomes an evaluator."""
    try:
        return load(path)
    except UsageError:
        module, _, name = path.partition(":")
        if isinstance(getattr(sys.modules.get(module), name, None), types.FunctionType):
            hint = f"With --evaluator function --set evaluator.function={path} it is an evaluator."
            raise UsageError(f"{path!r} is a function.", hint) from None
        raise


def missing_extra(error: ModuleNotFoundError, purpose: str) -> MissingExtraError | None:
    """What to say where ``purpose`` needs a module that one of our extras would bring; None: it is no such module."""
    package = (error.name or "").partition(".")[0]
    return MissingExtraError.of(package, EXTRA_OF[package], purpose) if package in EXTRA_OF else None


def load(path: str) -> type:
    """The class at ``module:Class``."""
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise UsageError(f"{path!r} is not the place of a class.", "Write it like my_package.my_module:MyClass.")
    refuse_file(module_name, f":{class_name}")
    module = imported(module_name, f"The module of {path!r}")
    found: Any = module
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        near = get_close_matches(class_name, classes, n=1)
        own = [name for name in classes if getattr(module, name).__module__ == module_name]
        raise UsageError(
            f"There is no class {class_name!r} in the module {module_name!r}.",
            f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(own) or 'no class of its own'}.",
        )
    return found


def refuse_file(module: str, behind: str = "") -> None:
    """Raises UsageError where ``module`` is written as a file, or from a folder on. ``behind``: what follows it."""
    name = re.split(r"[/\\]", module.removesuffix(".py"))[-1].lstrip(".")
    if name and name != module:
        raise UsageError(
            f"{module!r} is not the name of a module.",
            f"Write {name}{behind}, with the folder of {name} on PYTHONPATH.",
        )


def imported(name: str, what: str) -> types.ModuleType:
    """The module ``name``, imported unless it was. What it prints then goes to standard error: standard output is for
    results. Raises UsageError, whose message begins with ``what``.
    """
    if (found := sys.modules.get(name)) is not None:
        return found
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if missing := missing_extra(error, what):
            raise missing from error
        raise UsageError(
            f"{what} cannot be imported: {error}.", "Install it, or put its folder on PYTHONPATH."
        ) from error
    except (Exception, SystemExit) as error:  # anybody's code
        raise UsageError(f"{what} fails when it is imported ({told(error)}).", "Mend it.") from error


def short_name(cls: type) -> str:
    """The catalogue's name of a class, or ``module:Class`` when it has none."""
    path = f"{cls.__module__}:{cls.__qualname__}"
    for table in TABLE.values():
        for name, row in table.items():
            if row == path:
                return name
    return path


def summary(doc: str | None) -> str:
    """The first sentence of a docstring, without the marks of code."""
    first = " ".join((doc or "").strip().partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", first)[0].replace("``", "")


def to_spec(obj: Any) -> dict[str, Any]:
    """The JSON form of a configured dataclass. Raises UsageError for what cannot be rebuilt from data.

    Equal objects give the same text: 1 is written as 1.0 where a field holds floats.
    """
    if not dataclasses.is_dataclass(obj) or isinstance(obj, type):
        raise UsageError(
            f"{type(obj).__name__} is not a dataclass, so it cannot be written down.",
            "Make it a dataclass with plain fields in an importable module.",
        )
    if "<locals>" in type(obj).__qualname__:
        raise UsageError(
            f"{type(obj).__qualname__} is defined inside a function, so it cannot be rebuilt.",
            "Move it to the top of a module.",
        )
    cls, hints = type(obj), field_hints(type(obj))
    args = {
        field.name: _plain(getattr(obj, field.name), hints[field.name], f"{cls.__name__}.{field.name}")
        for field in dataclasses.fields(obj)
        if field.init
    }
    spec = {"type": short_name(cls), "args": args}
    _admitted.update(place.partition(":")[0] for place in _places(spec))
    return spec


def admit(module: str) -> None:
    """Import a module of a person's own, whose classes and functions specs may name from now on. It runs the module's
    code. Raises UsageError.
    """
    refuse_file(module)
    if not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"{module!r} is not the name of a module.", "Write it like my_package.my_module.")
    imported(module, f"The module {module!r}")
    _admitted.add(module)


def admitted(spec: Any) -> list[str]:
    """The modules outside of this package that ``spec``, or data with specs inside, names. Another process has to admit
    them before it can rebuild what was written down here.
    """
    named = {place.partition(":")[0] for place in _places(spec)}
    return sorted(name for name in named & _admitted if not _ours(name))


def foreign(spec: Any) -> list[str]:
    """The modules that ``spec``, or data with specs inside, names and that another process would have to ``admit``:
    those that are neither ours nor an installed plug-in's.
    """
    known = {place for kind in TABLE for place in rows(kind).values()}
    modules = {place.partition(":")[0] for place in _places(spec) if place not in known}
    return sorted(name for name in modules if not _ours(name) and name != "__main__")


def refuse_code(spec: Any) -> None:
    """Raises UsageError where ``spec``, or data with specs inside, names a module that this process was not told of. A
    class of a module that is imported already may be named: nothing is run to find it.
    """
    for place in _places(spec):
        module, _, name = place.partition(":")
        if module in _admitted or _ours(module) or any(place in rows(kind).values() for kind in TABLE):
            continue
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
            raise UsageError(
                f"{place!r} is named here, which is code that Archsmith does not bring along.",
                f"If you trust it: archsmith --import {module} …, or in Python archsmith.catalog.admit({module!r}).",
            )


def _ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _places(value: Any) -> Iterator[str]:
    """Where ``value`` names classes and functions by their modules."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in NAMING and isinstance(item, str):
                yield from [item] if ":" in item else []
            else:
                yield from _places(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _places(item)


def from_spec(spec: Mapping[str, Any], kind: str | None = None) -> Any:
    """Rebuild what ``to_spec`` wrote. Raises UsageError for code that this process was not told of, see ``admit``.

    ``kind``: where a short name is looked up; None: every kind is tried.
    """
    refuse_code(spec)
    args = (spec.get("args") or {}) if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(spec.get("type"), str) or not isinstance(args, Mapping):
        raise UsageError(f"This is not a spec: {str(spec)[:80]!r}.", 'A spec is {"type": name, "args": {…}}.')
    name = spec["type"]
    if kind is None and ":" not in name:
        kind = next((k for k in TABLE if name in rows(k)), "space")
    return build(get(kind or "space", name), args)


def build(cls: type, args: Mapping[str, Any]) -> Any:
    """``cls(**args)``, with JSON values turned into what the fields want: tuples, nested dataclasses.

    Raises UsageError that names the field.
    """
    if not dataclasses.is_dataclass(cls):
        raise UsageError(
            f"{cls.__name__} is not a dataclass, so it cannot be built from a spec.",
            "Write @dataclass(frozen=True) above the class.",
        )
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    unknown = [name for name in args if name not in fields]
    if unknown:
        near = get_close_matches(unknown[0], fields, n=1)
        raise UsageError(
            f"{cls.__name__} has no setting {unknown[0]!r}.",
            f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(fields) or 'none'}.",
        )
    missing = [
        name
        for name, field in fields.items()
        if field.default is field.default_factory is dataclasses.MISSING and name not in args
    ]
    if missing:
        raise UsageError(
            f"{cls.__name__} needs a value for {' and '.join(map(repr, missing))}, which has no default.",
            f"On the command line: --set KIND.{missing[0]}=VALUE, where KIND is space, strategy or evaluator "
            "(of a strategy in a comparison: strategy.LABEL).",
        )
    hints = field_hints(cls)
    values = {name: _rebuilt(value, hints[name], f"{cls.__name__}.{name}") for name, value in args.items()}
    try:
        return cls(**values)
    except (ArchsmithError, ImportError, OSError):
        raise  # these are told well elsewhere
    except Exception as error:  # anybody's code
        raise UsageError(f"{cls.__name__} cannot be built: {told(error).rstrip('.')}.", TRACEBACK) from error


@cache
def field_hints(cls: type) -> dict[str, Any]:
    """What the fields of a dataclass hold. Any where that cannot be told: annotations are anybody's, and names may be
    imported for type checkers alone.
    """
    with contextlib.suppress(Exception):
        return typing.get_type_hints(cls)
    hints: dict[str, Any] = {field.name: Any for field in dataclasses.fields(cls)}
    for field in dataclasses.fields(cls):
        alone = types.SimpleNamespace(__annotations__={field.name: field.type})
        with contextlib.suppress(Exception):
            hints |= typing.get_type_hints(alone, vars(sys.modules[cls.__module__]))
    return hints


def _plain(value: Any, hint: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if type(value) is int and (
        hint is float or (origin in (typing.Union, types.UnionType) and float in inner and int not in inner)
    ):
        return float(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_spec(value)
    if isinstance(value, tuple | list):
        each = inner[0] if inner and origin in (tuple, list) and len(set(inner) - {Ellipsis}) == 1 else Any
        return [_plain(item, each, where) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, Any, where) for key, item in value.items()}
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    raise UsageError(
        f"{where} holds a {type(value).__name__}, which cannot be written down.",
        "Use numbers, strings, tuples, mappings or dataclasses of these.",
    )


def _rebuilt(value: Any, hint: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(value, Mapping) and "type" in value and set(value) <= {"type", "args"}:
        kinds_of = (PARTS.get(getattr(each, "__name__", "")) for each in (hint, *inner))
        return from_spec(value, next(filter(None, kinds_of), None))
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        chosen = [option for option in inner if option is not type(None)]
        return _rebuilt(value, chosen[0], where) if len(chosen) == 1 else value
    if isinstance(value, str) and origin in (tuple, list):
        words = [word for part in value.split(",") if (word := part.strip("()[]\"' "))]
        listed = json.dumps(words, ensure_ascii=False) if inner[:1] == (str,) else f"[{', '.join(words)}]"
        name = where.rpartition(".")[2]
        raise UsageError(
            f"{where} cannot be {shortened(repr(value))}.",
            f"It takes a list: {listed}. On the command line, in quotes: --set 'KIND.{name}={listed}'.",
        )
    if isinstance(value, list | tuple) and (origin in (tuple, list) or hint in (tuple, list)):
        each = inner[0] if inner else Any
        per_item = inner if inner and len(inner) == len(value) and Ellipsis not in inner else [each] * len(value)
        items = [_rebuilt(item, item_hint, where) for item, item_hint in zip(value, per_item, strict=True)]
        return items if (origin or hint) is list else tuple(items)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value)
    if hint in (int, float, bool, str):
        return float(fitted(value, hint, where)) if hint is float else fitted(value, hint, where)
    if isinstance(hint, type) and _ours(hint.__module__) and isinstance(value, bool | int | float | str | list):
        raise UsageError(f"{where} cannot be {shortened(repr(value))}.", 'Give a spec, {"type": name, "args": {…}}.')
    return value


def has_setting(cls: Any, name: str) -> bool:
    """Is ``name`` a field of this class, that may be set?"""
    return dataclasses.is_dataclass(cls) and any(field.init and field.name == name for field in dataclasses.fields(cls))


def _value(text: str) -> Any:
    """What ``text`` says: JSON, or one of PYTHON; else itself. Raises ValueError for JSON without end."""
    try:
        return json_value(text)
    except json.JSONDecodeError:
        return PYTHON.get(text.strip(), text)


def parse_settings(pairs: list[str], kind: str = "strategy", labels: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Settings as nested mappings: ``["strategy.population=50"]`` gives ``{"strategy": {"population": 50}}``.

    More dots go deeper: ``space.scale.filters=8``. Values are JSON, or True, False and None; else text. Raises
    UsageError for what is not ``kind.field=value``; ``kind``: of the example that the error gives; ``labels``:
    of strategies, which count as one name whatever dots they have.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        *path, field = _names(name.strip(), labels)
        if not (equals and path and field and all(path)):
            bare = equals and not path and field
            raise UsageError(
                f"{pair!r} is not a setting.",
                f"Say whose it is, such as {kind}.{pair}." if bare else f"Write it like {EXAMPLES[kind]}.",
            )
        try:
            value = _value(text)
        except ValueError as error:  # a number of thousands of digits, too many brackets
            raise UsageError(f"The value of --set {name.strip()} cannot be read: {reason(error)}.") from error
        inner: Any = parsed
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{pair!r} sets a part of something that another setting sets as a whole.")
        inner[field] = value
    return parsed


def _names(setting: str, labels: Collection[str]) -> list[str]:
    """The parts of a setting's name: those between its dots, and a label whole."""
    kind, _, rest = setting.partition(".")
    whole = max((label for label in labels if rest.startswith(f"{label}.")), key=len, default=None)
    if kind != "strategy" or whole is None:
        return setting.split(".")
    return [kind, whole, *rest[len(whole) + 1 :].split(".")]
