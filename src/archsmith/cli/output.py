"""How commands answer: one JSON line for programs, tables and sentences for people.

With ``--json`` standard output carries exactly one line, at the end; all else goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from archsmith.core.wording import number


def emit(data: Any) -> None:
    """The one JSON line of a command, on standard output."""
    sys.stdout.write(json.dumps(data, default=_plain, allow_nan=False) + "\n")
    sys.stdout.flush()


def say(*lines: str, to: Console | None = None) -> None:
    """Sentences on standard output; markup in square brackets is not interpreted, so that any name can be shown."""
    console = to or Console()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def to_stderr(*lines: str) -> None:
    """Sentences beside the answer, in the form of the error line."""
    for line in lines:
        sys.stderr.write(f"archsmith: {' '.join(line.split())}\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> Table:
    """A table for people: numbers to the right, everything else to the left."""
    built = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", show_header=any(columns)
    )
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        built.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        built.add_row(*(_cell(value) for value in row))
    return built


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Print such a table on standard output."""
    Console().print(table(columns, rows, title))


def _cell(value: object) -> Any:
    from rich.text import Text

    if value is None:
        return Text("–")
    return Text(number(value) if isinstance(value, int | float) else str(value))


def _plain(value: Any) -> Any:
    """What json cannot write by itself: numpy scalars and arrays, paths, mappings, tuples are known already."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return str(value)
