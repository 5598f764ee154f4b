"""What every page shares: the head with the way to the other pages, the style, and small parts.

NiceGUI brings the connection to the browser, charts and tables. Where HTML has an element of its own (button, table,
details, label), pages use that one: browsers and screen readers know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

STATIC = Path(__file__).parent.parent / "static"
FEW_COLUMNS = 3  # of a table that fits a narrow screen
ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row"}
ASSETS = "/assets"  # where ``STATIC`` is served
PLACES = {"Home": "/", "New study": "/new", "Comparisons": "/comparisons"}
FOOT = {"Words on these pages": "/words", "API": "/api/docs"}
HEAD = f'''<link rel="stylesheet" href="{ASSETS}/app.css"><script src="{ASSETS}/app.js"></script>'''


class Words(TextElement):
    """An HTML element with plain words in it; no character of them acts as markup.

    ``tag``: of HTML. ``kind``: its classes. ``props``: its attributes, as NiceGUI writes them.
    """

    def __init__(self, tag: str, words: str, kind: str = "", props: str = "") -> None:
        super().__init__(tag=tag, text=words)
        self.classes(kind).props(props)


def box(tag: str = "div", kind: str = "", props: str = "") -> Element:
    """An HTML element for others to be made in: ``with box("ul"): …``."""
    return Element(tag).classes(kind).props(props)


@contextmanager
def frame(title: str, here: str = "", *, style: str = "", twin: str = "") -> Iterator[None]:
    """The frame of a page; its content is made inside.

    ``title``: of the page, also of the browser's tab. ``here``: the path among ``PLACES`` that it belongs to.
    ``style``: the name of its own style sheet, besides the one of all pages. ``twin``: where programs get the same,
    below ``/api/v1``.
    """
    ui.page_title(f"{title} · Archsmith")
    if style:
        ui.add_head_html(f'<link rel="stylesheet" href="{ASSETS}/{style}.css">')
    with box("a", "skip", 'href="#main"'):
        Words("span", "Skip to the content")
    with box("header", "top"):
        Words("a", "Archsmith", "brand", 'href="/"')
        with box("nav", props='aria-label="Pages"'):
            for name, path in PLACES.items():
                Words("a", name, props=f'href="{path}"' + (' aria-current="page"' if path == here else ""))
        Words("button", "◐", "plain", 'type="button" data-theme aria-label="Switch between light and dark"')
    with box("div", props='id="main" tabindex="-1"'):  # NiceGUI lays a <main> around every page
        Words("h1", title)
        yield
        with box("nav", "foot", 'aria-label="About"'):
            for name, path in FOOT.items():
                Words("a", name, props=f'href="{path}"')
            if twin:
                Words("a", "This page as JSON").props["href"] = f"/api/v1{twin}"


def stacking(n_columns: int) -> bool:
    """Is a table of so many columns shown as a list of blocks, a row in each, where a screen is narrow?"""
    return n_columns > FEW_COLUMNS


def table_box(kind: str = "", *, stack: bool) -> Element:
    """A table. ``stack``: as blocks on narrow screens. That takes the meaning from its elements, and roles keep it; so
    its parts are made with ``part``, and each cell says what it is by ``data-label``.
    """
    return box("table", f"{kind} stack" if stack else kind, 'role="table"' if stack else "")


def part(tag: str, *, stack: bool) -> Element:
    """A part of a table (thead, tbody, tr)."""
    return box(tag, props=f'role="{ROLES[tag]}"' if stack else "")


def cell(tag: str, words: str, kind: str = "", *, stack: bool, label: str = "", scope: str = "") -> Words:
    """A cell of a table. ``label``: the heading of its column. ``scope``: of a heading: col or row."""
    made = Words(tag, words, kind, f'scope="{scope}"' if scope else "")
    if stack:
        made.props["role"] = {"col": "columnheader", "row": "rowheader"}.get(scope, "cell")
        if label:
            made.props["data-label"] = label
    return made


@contextmanager
def sheet(title: str | None = None, kind: str = "") -> Iterator[Element]:
    """A section of a page on a sheet of its own, with a heading unless ``title`` is None."""
    with box("section", f"sheet {kind}") as made:
        if title is not None:
            Words("h2", title)
        yield made
