"""The command line that repeats a job."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from archsmith.automl.settings import FitSettings

# Options that a repeated job says in another way, or that are this machine's own; and those that are always said.
NOT_REPEATED = ("seconds", "out", "replace", "workspace", "name", "workers", "memory_mb", "disk_mb")
ALWAYS = ("space", "seed")


def command_of(settings: FitSettings) -> str:
    """The command line that asks for the same job."""
    default = FitSettings(data=None)
    parts = ["archsmith fit", shlex.quote(settings.data) if isinstance(settings.data, str) else "DATA"]
    parts += [] if settings.seconds is None else [f"--time {settings.seconds:g}s"]
    for entry in dataclasses.fields(FitSettings):
        value = getattr(settings, entry.name)
        if "help" not in entry.metadata or entry.name in NOT_REPEATED or value is None:
            continue
        flag = entry.metadata["flag"] or f"--{entry.name.replace('_', '-')}"
        if isinstance(value, bool):
            if value != getattr(default, entry.name):
                parts.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            parts += [f"{flag} {shlex.quote(each)}" for each in value]
        elif value != getattr(default, entry.name) or entry.name in ALWAYS:
            parts.append(f"{flag} {value:g}" if isinstance(value, float) else f"{flag} {shlex.quote(str(value))}")
    parts += [f"--set {shlex.quote(f'{path}={text}')}" for path, text in flat(settings.settings)]
    return " ".join(parts)


def flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """``shared.recipe.epochs`` and ``10``: each value as ``catalog.parse_settings`` reads it."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        else:
            yield before + name, value if isinstance(value, str) else json.dumps(value)
