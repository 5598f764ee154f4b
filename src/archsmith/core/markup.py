"""Small pieces of HTML for notebooks.

Everything is escaped and nothing is loaded from elsewhere. Colours are those of the page, light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from archsmith.core import wording

CELL = "padding:.15em .8em .15em 0;text-align:left;vertical-align:top;background:none;border:0"
NUMBER = CELL.replace("text-align:left", "text-align:right;font-variant-numeric:tabular-nums")
FAINT = "opacity:.7"


def text(value: object) -> str:
    """A value as a person reads it, escaped.

    Fractions have four places, digits stand in groups of three, and a dash stands for nothing.
    """
    if value is None:
        return "–"
    return wording.number(value) if isinstance(value, int | float) else escape(wording.visible(str(value), but="\n"))


def table(rows: Iterable[Sequence[object]], head: Sequence[str] = (), caption: str = "") -> str:
    """An HTML table; columns that hold only numbers stand to the right. ``head`` and ``caption`` may be empty."""
    rows = [*rows]
    columns = [CELL if any(map(_is_text, column)) else NUMBER for column in zip(*rows, strict=True)] or [CELL] * len(
        head
    )
    titled = f'<caption style="{CELL};{FAINT};white-space:nowrap">{escape(caption)}</caption>' if caption else ""
    top = (
        "".join(
            f'<th style="{style};{FAINT};font-weight:normal">{escape(name)}</th>'
            for name, style in zip(head, columns, strict=True)
        )
        if head
        else ""
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, columns))}</tr>" for row in rows)
    headed = f"<thead><tr>{top}</tr></thead>" if top else ""
    return (
        f'<table style="border-collapse:collapse;border:0;margin:.3em 0">{titled}{headed}<tbody>{body}</tbody></table>'
    )


def _cell(value: object, style: str) -> str:
    return f'<td style="{style}">{text(value)}</td>'


def _is_text(value: object) -> bool:
    return value is not None and (isinstance(value, bool) or not isinstance(value, int | float))
