"""Makes command-line options from the fields of a settings class, so that each option is written once.

A field with a ``help`` in its metadata becomes an option. ``flag`` is the option's name if it differs from the field's.
What is true unless a person says otherwise also gets a ``--no-`` in front of its name.
``least`` is the smallest allowed value.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

SECONDS, TRIALS = "seconds", "trials"  # fields that are written as 90s, 20m or 1h30m, and +20m or +10 on resume


def with_options(
    settings: type, *, leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command. Its last parameter ``**options`` gets the options of ``settings`` by field name.

    ``leave_out``: fields that do not become options.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature, hints = inspect.signature(command), typing.get_type_hints(command, include_extras=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        shown = [
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=hints[parameter.name],
            )
            for parameter in own
        ]
        given = [_parameter(entry, hint) for entry, hint in _fields(settings) if entry.name not in leave_out]
        wrapped = _calling(command)
        wrapped.__signature__ = inspect.Signature([*shown, *given])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in (*shown, *given)}
        return wrapped

    return decorate


def given_options(context: typer.Context) -> dict[str, Any]:
    """The parameters of a command that a person gave, by name."""
    return {
        name: value
        for name, value in context.params.items()
        if getattr(context.get_parameter_source(name), "name", "DEFAULT") != "DEFAULT"
    }


def _calling(command: Callable[..., None]) -> Callable[..., None]:
    def wrapped(**given: Any) -> None:
        command(**given)

    wrapped.__name__, wrapped.__doc__, wrapped.__module__ = command.__name__, command.__doc__, command.__module__
    return wrapped


def _fields(settings: type) -> list[tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(settings)
    return [(entry, hints[entry.name]) for entry in dataclasses.fields(settings) if "help" in entry.metadata]


def _parameter(entry: dataclasses.Field[Any], hint: Any) -> inspect.Parameter:
    metadata: Mapping[str, Any] = entry.metadata
    flag = metadata["flag"] or f"--{entry.name.replace('_', '-')}"
    kind, default = _plain(hint), entry.default
    if kind is bool and default is True:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    several = typing.get_origin(hint) is tuple
    if several:
        kind, default = list[str], []
    limit = entry.name in (SECONDS, TRIALS)
    if limit:
        kind, default = str | None, None
    least = {} if metadata["least"] is None or limit else {"min": metadata["least"]}
    shown = typer.Option(flag, help=metadata["help"], show_default=not several, **least)
    return inspect.Parameter(
        entry.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown]
    )


def _plain(hint: Any) -> Any:
    """The type for typer: one type, or one type and None."""
    inner = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (kind,) = (option for option in inner if option is not type(None))
    return kind | None if type(None) in inner else kind
