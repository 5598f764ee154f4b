"""When results of a comparison were shown, and with how many runs: ``<folder>/looks.json``.

A test holds for a number of runs that was fixed beforehand. Whether it was can be told only where looks are recorded.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from archsmith.core.errors import StudyError
from archsmith.core.files import json_value, reason, small_text
from archsmith.runtime.comparison.runs import write_json

LOOKS = "looks.json"


@dataclass(frozen=True)
class Look:
    """A look at the results.

    time: Unix time.
    runs: how many of each strategy were shown.
    """

    time: float
    runs: int


def read_looks(folder: Path) -> tuple[Look, ...]:
    """The looks at the comparison in ``folder``, the earliest first. Raises StudyError when they cannot be read."""
    path = folder / LOOKS
    try:
        rows = json_value(small_text(path))["looks"]
        return tuple(Look(float(row["time"]), int(row["runs"])) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StudyError(
            f"{path} is damaged: {reason(error)}.", "Delete it; looks at the results before now are then forgotten."
        ) from error


def add_look(folder: Path, runs: int) -> None:
    """Record that results of ``runs`` runs of each strategy are shown now. A second look at as many is none."""
    before: Sequence[Look] = read_looks(folder)
    if all(look.runs != runs for look in before):
        write_json(folder / LOOKS, {"looks": [asdict(look) for look in (*before, Look(time.time(), runs))]})
