"""Do values fit what was declared? The annotations of dataclasses and functions say what they take; this is the one
place that looks. What does not fit becomes one sentence that names the field and the value, before anything begins.

Numpy's numbers become Python's and lists become tuples where those are declared, so that configurations stay plain,
hashable data.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from archsmith.core.errors import UsageError, shortened

T = TypeVar("T")

PLURAL = {int: "whole numbers", float: "finite numbers", str: "texts"}
WORDS = {int: "a whole number", float: "a finite number", str: "a text", bool: "True or False", type(None): "None"}
EXAMPLES = {  # how objects are written, by the name of their class
    "Architecture": "space.sample(rng)",
    "Executor": "ProcessExecutor(2)",
    "Evaluator": "FunctionEvaluator(function)",
    "Fidelity": 'Fidelity("epochs", 1, 10)',
    "Generator": "numpy.random.default_rng(0)",
    "History": "search.history",
    "Problem": 'Problem(space, Objective("accuracy"))',
    "Proposal": "Proposal(architecture)",
    "Retention": "Retention(top=5)",
    "Space": "ConvStages()",
    "Store": "SqliteStore(folder)",
    "Strategy": "RandomSearch()",
}


class _Misfit(Exception):
    """This value does not fit."""


def checked(declared: T) -> T:
    """A decorator: of a dataclass, whose fields are looked at before its ``__post_init__``; or of a function, whose
    arguments are. Annotations that cannot be resolved, and arguments that are not given, are passed over.
    """
    if isinstance(declared, type):
        declared.__init__ = _looking(declared.__init__, declared)  # type: ignore[misc]
        return declared
    return typing.cast(T, _looking(declared, declared))


def _looking(function: Any, source: Any) -> Any:
    """``function``, which looks at its arguments first. ``source``: has their annotations."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python's own words are clear
        bound.arguments.update(fitting(source, bound.arguments))
        return function(*bound.args, **bound.kwargs)

    return call


def fitting(source: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` by name, as ``source``, a dataclass or a function, declares them. Raises UsageError."""
    hints = _hints(source)
    owner = source.__qualname__.rpartition("<locals>.")[2]
    dot = isinstance(source, type) or owner.endswith(".__init__")
    owner = owner.removesuffix(".__init__")
    return {
        name: fitted(value, hints[name], f"{owner}.{name}" if dot else f"The argument {name} of {owner}")
        for name, value in values.items()
        if name in hints and name not in ("self", "cls")
    }


def fitted(value: Any, hint: Any, where: str) -> Any:
    """``value`` as ``hint`` declares it. Raises UsageError, which begins with ``where``."""
    try:
        return _fit(value, hint)
    except _Misfit:
        raise UsageError(f"{where} {said(value)}.", _advice(value, hint)) from None


def check_above_0(owner: str, **values: Any) -> None:
    """Raises UsageError for a value that is neither None nor a finite number above 0."""
    for name, value in values.items():
        number = fitted(value, float | None, f"{owner}.{name}")
        if number is not None and number <= 0:
            raise UsageError(f"{owner}.{name} cannot be {value!r}.", "Give a number above 0.")


def check_from_0(owner: str, **values: Any) -> None:
    """Raises UsageError for a value that is neither None nor a finite number, 0 or more."""
    for name, value in values.items():
        number = fitted(value, float | None, f"{owner}.{name}")
        if number is not None and number < 0:
            raise UsageError(f"{owner}.{name} cannot be {value!r}.", "Give 0 or more.")


@functools.cache
def _hints(source: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(source)
    except Exception:  # anybody's annotations; those of a class in a function cannot be found
        return {}


def _fit(value: Any, hint: Any) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _fit_one_of(value, inner)
    if origin is typing.Literal:
        return _require(value, value in inner)
    if hint in WORDS:
        return _fit_scalar(value, hint)
    kind = origin or hint
    if kind is Callable:
        return _require(value, callable(value))
    if kind in (Any, object) or not isinstance(kind, type):
        return value  # Any, and what has no meaning while a program runs
    if kind in (tuple, list, Sequence):
        return _fit_several(value, kind, inner)
    if issubclass(kind, os.PathLike):
        return _require(value, isinstance(value, str | os.PathLike))
    if _protocol(kind):
        return _require(value, not isinstance(value, type) and all(hasattr(value, name) for name in _methods(kind)))
    return _require(value, isinstance(value, kind))


def _require(value: Any, fits: bool) -> Any:
    if not fits:
        raise _Misfit
    return value


def _fit_one_of(value: Any, hints: Sequence[Any]) -> Any:
    for hint in hints:
        try:
            return _fit(value, hint)
        except _Misfit:
            continue
    raise _Misfit


def _fit_scalar(value: Any, hint: type) -> Any:
    if type(value) is hint and hint is not float:
        return value
    boolean = type(value).__name__ in ("bool", "bool_")  # numpy's, too, without importing it
    if hint is bool and boolean:
        return bool(value)
    if hint is int and isinstance(value, numbers.Integral) and not boolean:
        return int(value)
    if hint is float and isinstance(value, numbers.Real) and not boolean and _finite(value):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    if hint is str and isinstance(value, str | os.PathLike):
        return os.fsdecode(value)
    raise _Misfit


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _fit_several(value: Any, kind: type, inner: Sequence[Any]) -> Any:
    if not isinstance(value, tuple | list):
        raise _Misfit
    fixed = kind is tuple and bool(inner) and Ellipsis not in inner
    if fixed and len(inner) != len(value):
        raise _Misfit
    each = inner if fixed else [inner[0] if inner else Any] * len(value)
    items = [_fit(item, hint) for item, hint in zip(value, each, strict=True)]
    return items if kind is list else tuple(items)


def said(value: Any) -> str:
    """``cannot be …``, of any value of anybody's."""
    if isinstance(value, type):
        return f"is the class {value.__name__}, not an object"
    if value is None or isinstance(value, bool | int | float | str | tuple | list | os.PathLike):
        return f"cannot be {shortened(repr(value))}"
    return f"cannot be {named(value)}"


def named(value: Any) -> str:
    """``a Flat``, ``an Outcome``: an object by its class."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _advice(value: Any, hint: Any) -> str:
    options = [*dict.fromkeys(_words(each) for each in _options(hint))]
    takes = f"It takes {(', or ' if ',' in ''.join(options) else ' or ').join(options)}"
    if isinstance(value, type) and any(_makes(value, each) for each in _options(hint)):
        return f"Write {value.__name__}() with brackets."
    if isinstance(value, str) and _takes((value,), hint):
        return f"{takes}: ({value!r},)."
    if {int, float} & set(_options(hint)) and _number(value):
        return f"{takes}, without quotation marks."
    return f"{takes}."


def _takes(value: Any, hint: Any) -> bool:
    try:
        _fit(value, hint)
    except _Misfit:
        return False
    return True


def _number(value: Any) -> bool:
    """Is it a text that says a number?"""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _makes(cls: type, hint: Any) -> bool:
    """Would an object of ``cls`` fit?"""
    if not isinstance(hint, type):
        return False
    return all(hasattr(cls, name) for name in _methods(hint)) if _protocol(hint) else issubclass(cls, hint)


def _protocol(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _methods(protocol: type) -> list[str]:
    return [name for name in dir(protocol) if callable(getattr(protocol, name)) and not name.startswith("_")]


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _words(hint: Any) -> str:
    """What fits ``hint``, as a person says it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in WORDS:
        return WORDS[hint]
    if origin is typing.Literal:
        return f"one of {', '.join(map(repr, inner))}"
    kind = origin or hint
    if kind is Callable:
        made = EXAMPLES.get(getattr(inner[-1], "__name__", "")) if len(inner) == 2 and not inner[0] else None
        return f"a function that makes a new one, such as lambda: {made}" if made else "a function"
    if kind in (tuple, list, Sequence):
        several = "list" if kind is list else "tuple"
        items = [*dict.fromkeys(item for item in inner if item is not Ellipsis)]
        how = f"{len(inner)} " if inner and Ellipsis not in inner and kind is tuple else ""
        each = PLURAL.get(items[0]) or f"{getattr(items[0], '__name__', 'value')}s" if len(items) == 1 else "values"
        return f"a {several} of {how}{each}"
    if kind in (Mapping, dict):
        return 'a mapping, such as {"name": value}'
    name = getattr(kind, "__name__", str(kind))
    article = "an" if name[0] in "AEIOUaeiou" else "a"
    return f"{article} {name}, such as {EXAMPLES[name]}" if name in EXAMPLES else f"{article} {name}"
