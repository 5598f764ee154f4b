"""How to go on with a study, as it is told to people: mostly by a command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core import budget as reasons

# Why a search is over that its budget did not end otherwise: it goes on only if it is given more.
AT_AN_END = (*reasons.FOR_TIME, reasons.TRIALS, reasons.EXHAUSTED, reasons.CONVERGED, reasons.SETTLED)
MORE_TIME, MORE_TRIALS = ("--time", "+10m"), ("--trials", "+10")
# of a search that ended as EXHAUSTED: the same history gets the same answer, which is no proposal
AFRESH = "The strategy has nothing more to propose, whatever it is given: start a new search."
THERE = "in the Python program that began it"  # where a study goes on that no command can go on with
BY_PROGRAM = f"Go on with it {THERE}."


def how_to_go_on(study: str | Path, began: Mapping[str, Any], *more: str) -> str:
    """The same as ``resume_command``, in a sentence; it names no command where none can work."""
    return BY_PROGRAM if bound(began) else f"Go on with: {resume_command(study, began, *more)}"


def resume_command(study: str | Path, began: Mapping[str, Any], *more: str) -> str:
    """The command that goes on with ``study``, an id or a folder, ready for a shell.

    ``began``: the data of its first event, with the specs that name code of a person's own: that must be imported.
    ``more``: words behind it, such as ``MORE_TIME``.
    """
    imports = [word for module in catalog.foreign(began) for word in ("--import", module)]
    return shlex.join(["archsmith", *imports, "studies", "resume", str(study), *more])


def bound(began: Mapping[str, Any]) -> bool:
    """Can only the Python program that began a study rebuild its parts? They then name code of the program's own file,
    or have no spec and are not what a command made. ``began``: the data of its first event.
    """
    parts = [began.get(part) for part in ("space", "strategy", "evaluator")]
    unwritten = any(isinstance(part, Mapping) and part.get("args", {}) is None for part in parts)
    return (unwritten and not began.get("command")) or any(map(_in_main, parts))


def _in_main(spec: Any) -> bool:
    """Does ``spec`` name something of a program's own file?"""
    if isinstance(spec, Mapping | list | tuple):
        return any(map(_in_main, spec.values() if isinstance(spec, Mapping) else spec))
    return isinstance(spec, str) and spec.startswith("__main__:")


def more_after(reason: str | None, *, spent: bool = False) -> tuple[str, ...]:
    """What a study needs more of that ended for ``reason``; nothing where it goes on as it is. ``spent``: have all
    trials that it may have come to their end, whatever it ended for?
    """
    if reason in (*reasons.FOR_TIME, reasons.SETTLED):
        return MORE_TIME
    return MORE_TRIALS if spent or reason in AT_AN_END else ()
