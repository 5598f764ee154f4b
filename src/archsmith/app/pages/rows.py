"""A table whose rows change while somebody looks: only what is another text is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui.element import Element

from archsmith.app.pages.frame import Words, box, cell, part, stacking, table_box


@dataclass(frozen=True)
class Column:
    """A column: its heading, and whether it holds numbers, which stand to the right."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its texts, of which the first one names it. ``pick``: what a press on the name hands on; None: a row that
    cannot be picked. ``marked``: does it stand out?
    """

    texts: tuple[str, ...]
    pick: int | None = None
    marked: bool = False


class _Line:
    """The elements of one row."""

    def __init__(self, columns: Sequence[Column], picked: Callable[[int], object] | None) -> None:
        self.pick: int | None = None
        stack = stacking(len(columns))
        self.row = part("tr", stack=stack)
        with self.row:
            with cell("th", "", scope="row", stack=stack):
                self.name = Words("span", "")
                self.button = Words("button", "", "plain pick", 'type="button"')
                if picked is not None:
                    self.button.on("click", lambda: None if self.pick is None else picked(self.pick))
            self.cells = [
                cell("td", "", "n" if column.number else "", stack=stack, label=column.title) for column in columns[1:]
            ]

    def show(self, row: Row) -> None:
        self.pick = row.pick
        reveal(self.row, True)
        self.row.classes(add="marked" if row.marked else "", remove="" if row.marked else "marked")
        self.name.text = row.texts[0] if row.pick is None else ""
        self.button.text = "" if row.pick is None else row.texts[0]
        reveal(self.name, row.pick is None)
        reveal(self.button, row.pick is not None)
        for words, text in zip(self.cells, row.texts[1:], strict=True):
            words.text = text


class Rows:
    """A table in a frame that scrolls by itself. ``caption``: says what it is; ``picked``: is called with ``Row.pick``.

    Made where NiceGUI makes elements; ``show`` fills it, as often as there is something new.
    """

    def __init__(
        self, caption: str, columns: Sequence[Column], picked: Callable[[int], object] | None = None, kind: str = ""
    ) -> None:
        self._columns = tuple(columns)
        self._picked = picked
        self._lines: list[_Line] = []
        self._shown: list[Row] = []
        stack = stacking(len(self._columns))
        scrolls = box("div", f"wide {kind}", f'tabindex="0" role="region" aria-label="{caption}"')
        with scrolls, table_box(stack=stack):
            Words("caption", caption, "unseen")
            with part("thead", stack=stack), part("tr", stack=stack):
                for column in columns:
                    cell("th", column.title, "n" if column.number else "", scope="col", stack=stack)
            self._body = part("tbody", stack=stack)

    def show(self, rows: Sequence[Row]) -> None:
        """Fill the table."""
        while len(self._lines) < len(rows):
            with self._body:
                self._lines.append(_Line(self._columns, self._picked))
                self._shown.append(Row(()))
        for i, line in enumerate(self._lines):
            if i >= len(rows):
                reveal(line.row, False)
                self._shown[i] = Row(())
            elif rows[i] != self._shown[i]:
                line.show(rows[i])
                self._shown[i] = rows[i]


def reveal(element: Element, shown: bool) -> None:
    """Show an element, or hide it from everybody."""
    if shown and "hidden" in element.props:
        element.props(remove="hidden")
    elif not shown and "hidden" not in element.props:
        element.props("hidden")
