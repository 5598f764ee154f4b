"""The command that goes on with a study, as it is told to people."""

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


def resume_command(study: str | Path, began: Mapping[str, Any], *more: str) -> str:
    """The command that goes on with ``study``, an id or a folder, ready for a shell.

    ``began``: the data of its first event, with the specs that name code of a person's own: that must be imported.
    ``more``: words behind it, such as ``MORE_TIME``.
    """
    imports = [word for module in catalog.foreign(began) for word in ("--import", module)]
    return shlex.join(["archsmith", *imports, "studies", "resume", str(study), *more])


def more_after(reason: str | None) -> tuple[str, ...]:
    """What a study needs more of that ended for ``reason``; nothing where it goes on as it is."""
    if reason not in AT_AN_END:
        return ()
    return MORE_TIME if reason in (*reasons.FOR_TIME, reasons.SETTLED) else MORE_TRIALS
