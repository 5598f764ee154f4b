"""The output of commands: one JSON line for programs, tables and sentences for people.

With ``--json`` standard output has exactly one line, at the end. Everything else goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from archsmith.core.wording import number, visible

ANY_WIDTH = 10_000  # columns; tables take what they need of it


def emit(data: Any) -> None:
    """Write the JSON line of a command to standard output."""
    sys.stdout.write(json.dumps(data, default=_plain, allow_nan=False) + "\n")
    sys.stdout.flush()


def say(*lines: str, to: Console | None = None) -> None:
    """Print sentences on standard output. Square brackets are not read as markup, so that every name can be shown."""
    console = to or Console(emoji=False)
    for line in lines:
        console.print(visible(line, but="\n\t"), markup=False, highlight=False, soft_wrap=True)


def to_stderr(*lines: str) -> None:
    """Print sentences on standard error, in the form of an error line."""
    for line in lines:
        sys.stderr.write(f"archsmith: {visible(' '.join(line.split()))}\n")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None, *, whole: int = 0
) -> Table:
    """A table for people. Numbers are aligned to the right, everything else to the left. Where space is short, cells
    are folded, but for those of the first ``whole`` columns.
    """
    built = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", show_header=any(columns)
    )
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        built.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=index < whole)
    for row in rows:
        built.add_row(*(_cell(value) for value in row))
    return built


def show(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    title: str | None = None,
    *,
    whole: int = 0,
    most: int = ANY_WIDTH,
) -> None:
    """Print a table on standard output; ``whole`` as in ``table``. Where no terminal limits its width, in a file or a
    pipe, a row is one line of at most ``most`` columns, and no line ends with blanks.
    """
    console = Console(emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = most
    if title is not None:
        say(title, to=console)  # a title of the table would be broken at the table's width
    built = table(columns, rows, whole=whole)
    if console.is_terminal:
        console.print(built)
        return
    with console.capture() as captured:
        console.print(built)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _cell(value: object) -> Any:
    from rich.text import Text

    if value is None:
        return Text("–")
    return Text(number(value) if isinstance(value, int | float) else visible(str(value), but="\n"))


def _plain(value: Any) -> Any:
    """Values that ``json`` cannot write: mappings, numpy scalars and arrays, objects with ``to_dict``, paths."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return str(value)
