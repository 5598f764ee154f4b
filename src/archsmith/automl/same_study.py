"""Is a study the one that was asked for?

What a person gives with ``--resume`` is compared with what the study was begun with. What was not given is not
compared, and the time and the number of trials may change.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from archsmith.automl.command import flat
from archsmith.automl.modality import named
from archsmith.automl.plan import AUTO
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.task import Task
from archsmith.data.examples import Splits

FREE = ("seconds", "trials", "out", "replace", "workspace", "resume", "name")
LEARNT = ("data", "target", "task", "ignore")  # studies that differ in one of these are of different things
SET = "--set"


@dataclasses.dataclass(frozen=True)
class Difference:
    """``option``: what differs, as the command line calls it. ``sentence``: how, with both values."""

    option: str
    sentence: str


def given_in(settings: FitSettings) -> dict[str, Any]:
    """The settings that are not at their defaults, which is all that Python code can tell of what was given."""
    default = FitSettings(data=None)
    found = {entry.name: getattr(settings, entry.name) for entry in dataclasses.fields(settings)}
    return {name: value for name, value in found.items() if value != getattr(default, name, None) or name == "data"}


def is_of(fit: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Does the study learn what is asked for, from the same data? ``fit``: what its log says of the job."""
    return not any(differences(fit, {name: value for name, value in given.items() if name in LEARNT}))


def refuse_another(fit: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raises UsageError where what was ``given``, by the names of settings, is not what the study was begun with."""
    for found in differences(fit, given):
        hint = "To go on with it all the same: archsmith studies resume NAME." if found.option == "DATA" else ""
        hint = hint or f"Leave {found.option} out, or begin another study, with another --name and without --resume."
        raise UsageError(found.sentence, hint)


def differences(fit: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Difference]:
    """Each setting that was given and is another one in the study."""
    begun = _begun(fit)
    for entry in dataclasses.fields(FitSettings):
        name = entry.name
        if name in FREE or name not in given:
            continue
        had, asked = begun[name], given[name]
        if name == "data":
            yield from _of_data(had, asked)
        elif name == "settings":
            yield from _of_settings(had or {}, asked)
        elif not _same(name, had, asked):
            flag = entry.metadata.get("flag") or f"--{name.replace('_', '-')}"
            yield Difference(flag, _sentence(name, flag, had, asked))


def _begun(fit: Mapping[str, Any]) -> dict[str, Any]:
    """What a study was begun with. What was left to Archsmith is what came of it, as far as the log tells."""
    settings = fit.get("settings") or {}
    default = FitSettings(data=None)
    found = {
        entry.name: settings.get(entry.name, getattr(default, entry.name)) for entry in dataclasses.fields(default)
    }
    found["target"] = found["target"] or fit.get("target") or Splits.target
    # an earlier version may have written these in another way
    with contextlib.suppress(ArchsmithError, ValueError, TypeError, LookupError):
        found["modality"] = fit["kind"]
        found["space"] = found["space"] or named(fit["kind"]).space
        found["task"] = Task.from_dict(fit["task"]).target.name
    if found["weights"] == AUTO:
        found["weights"] = (fit.get("plan") or {}).get("weights", AUTO)
    return found


def _of_data(had: Any, asked: Any) -> Iterator[Difference]:
    """Data in memory have no name that could be compared."""
    if isinstance(asked, str) and had is None:
        yield Difference("DATA", f"This study learns from data in memory, not from {asked!r}.")
    elif isinstance(asked, str) and had != asked and os.path.realpath(str(had)) != os.path.realpath(asked):
        yield Difference("DATA", f"This study learns from {had!r}, not from {asked!r}.")


def _of_settings(had: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Difference]:
    begun = dict(flat(had))
    for path, text in flat(asked):
        if path not in begun:
            yield Difference(SET, f"This study was begun without {SET} {path}={text}.")
        elif begun[path] != text:
            yield Difference(SET, f"This study was begun with {SET} {path}={begun[path]}, not {path}={text}.")


def _same(name: str, had: Any, asked: Any) -> bool:
    if name == "ignore":
        return set(had or ()) == set(asked)
    if name in ("task", "modality", "weights", "device") and asked == AUTO:
        return True
    if name == "task" and had == AUTO:  # an earlier version did not log what came of it
        return True
    return bool(had == asked)


def _sentence(name: str, flag: str, had: Any, asked: Any) -> str:
    if name == "target":
        return f"This study learns {had!r}, not {asked!r}."
    if name == "ignore":
        return f"This study was begun {_ignoring(had)}, not {_ignoring(asked)}."
    if isinstance(had, bool):
        on, off = f"with {flag}", f"without {flag}"
        return f"This study was begun {on if had else off}, not {on if asked else off}."
    if had is None:
        return f"This study was begun without {flag}, not with {asked}."
    return f"This study was begun with {flag} {had}, not {asked}."


def _ignoring(columns: Any) -> str:
    names = ", ".join(repr(name) for name in columns or ())
    return f"with --ignore {names}" if names else "without --ignore"
