"""``/``: studies, data and models, and the way to a new study."""

from __future__ import annotations

from nicegui import ui

from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box, frame, sheet


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/")
    def home() -> None:
        with frame("Studies", "/"), sheet():
            found = house.workspace.list()
            if not found:
                Words("p", "There are no studies yet.")
            with box("ul"):
                for summary in found:
                    Words("li", f"{summary.id}: {summary.state}")
