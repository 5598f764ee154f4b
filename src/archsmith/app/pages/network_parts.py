"""Pieces of the pages about networks: facts, tables, charts, and drawings that a person can zoom and move."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from nicegui import ui

from archsmith.app.pages import pieces
from archsmith.app.pages.frame import ASSETS, Words, box
from archsmith.core.wording import visible

SCRIPT = f'<script src="{ASSETS}/drawing.js"></script>'
LARGEST_SCALE, LEAST_SCALE = 1.2, 0.6  # of a drawing that is fitted to its page
NARROW = 320  # pixels that every page has


def text(words: str) -> str:
    """Words of people's data, with every character written out that would act."""
    return visible(words, but="\n\t")


def path_of(decision: str) -> str:
    """The path of a decision, which may be broken after each part."""
    return text(decision).replace("/", "/\u200b")


def network_path(study: str, name: str | int) -> str:
    """The address of a network's page."""
    return f"/studies/{quote(study, safe='')}/networks/{name}"


def link(words: str, path: str, kind: str = "", label: str = "") -> Words:
    """A link. ``label``: what a screen reader says, where the words alone do not tell where it leads."""
    made = Words("a", text(words), kind)
    made._props["href"] = path
    if label:
        made._props["aria-label"] = label
    return made


def back(study: str) -> None:
    """The way back to the study."""
    with box("p"):
        link(f"← {study}", f"/studies/{quote(study, safe='')}", label=f"Back to the study {study}")


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names of people's data, and what stands beside them."""
    pieces.facts((text(name), text(value)) for name, value in rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], label: str, numbers: bool = True) -> None:
    """A table of people's data. ``label``: what it is, for screen readers. ``numbers``: do all columns but the first
    hold numbers?
    """
    right = range(1, len(columns)) if numbers else ()
    told = ([text(cell) for cell in row] for row in rows)
    pieces.table([text(name) for name in columns], told, label, right, kind="" if numbers else "decisions")


def chart(svg: str) -> None:
    """A chart of this project, which takes its colours from the page."""
    ui.html(svg, sanitize=False).classes("plot")


def viewer(title: str, svg: str, name: str, told: bool = True) -> None:
    """A drawing of this project with buttons to zoom. ``name``: tells its marks from those of others on the page.
    ``told``: say how it is moved.
    """
    with box("div", "viewer", "data-viewer"):
        with box("div", "row viewer-tools", 'role="group"') as tools:
            tools._props["aria-label"] = f"Zoom: {title}"
            for sign, does, words in (
                ("+", "in", "Larger"),
                ("−", "out", "Smaller"),
                ("Fit", "fit", "Fit to the page"),
            ):
                Words("button", sign, "second", f'type="button" data-zoom="{does}" aria-label="{words}"')
            if told:
                Words("span", "Drag, or use the arrow keys, to move. Zoom with + and −, or Ctrl and the wheel.", "hint")
        with box("div", "drawing", 'tabindex="0" role="region" data-canvas') as canvas:
            canvas._props["aria-label"] = f"Drawing: {title}"
            ui.html(fitted(svg, name, title), sanitize=False)


def fitted(svg: str, name: str, title: str) -> str:
    """The drawing as wide as the page, but never so small that its words cannot be read."""
    width = float((re.search(r'width="([\d.]+)"', svg) or re.match("(.*)", "600"))[1])  # type: ignore[index]
    least = max(LEAST_SCALE * width, min(width, NARROW - 60))
    style = f'style="width:100%;min-width:{least:.0f}px;max-width:{LARGEST_SCALE * width:.0f}px;height:auto"'
    styled = re.sub(r'style="[^"]*"', style, svg, count=1)
    styled = styled.replace('role="img"', f'role="img" aria-label="{escape(title, quote=True)}"', 1)
    return styled.replace('id="tip"', f'id="tip-{name}"').replace("url(#tip)", f"url(#tip-{name})")
