"""Removing a study from its pages: a button that asks, and what such a page says when its study is gone."""

from __future__ import annotations

import asyncio

from nicegui import ui
from nicegui.element import Element

from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.rows import reveal
from archsmith.core.errors import ArchsmithError, NoStudyError

LOOK_SECONDS = 3.0


class RemoveButton:
    """The button, and the dialog that says what goes and what stays.

    ``model``: does it stand on the page of a model?
    """

    def __init__(self, house: House, study: str, *, model: bool = False) -> None:
        self._house = house
        self._study = study
        name = "Remove this study and its model" if model else "Remove this study"
        with box("div", "row leave") as self._place:
            self._button = Words("button", name, "second", 'type="button" aria-haspopup="dialog"')
            self._button.on("click", self._ask)
            self._said = Words("span", "", "failed", 'role="status"')
        with box("dialog", "ask", 'aria-labelledby="ask-remove"') as self._dialog:
            Words("h2", f"{name}?", props='id="ask-remove"')
            self._words = Words("p", "")
            with box("div", "row"):
                Words("button", "Remove", props='type="button"').on("click", self._remove)
                Words("button", "Cancel", "second", 'type="button"').on(
                    "click", lambda: self._dialog.run_method("close")
                )

    def offer(self, offered: bool) -> None:
        """Show the button, or not."""
        reveal(self._place, offered)

    async def _ask(self) -> None:
        self._said.text = ""
        try:
            self._words.text = await asyncio.to_thread(self._house.removal.words, self._study)
        except ArchsmithError as error:
            self._said.text = str(error)
            return
        self._dialog.run_method("showModal")

    async def _remove(self) -> None:
        client = self._place.client  # a look at the study that is gone may take this button away meanwhile
        self._dialog.run_method("close")
        try:
            await asyncio.to_thread(self._house.removal.remove, self._study)
        except ArchsmithError as error:
            self._said.text = str(error)
            return
        client.open("/")


def gone(place: Element, message: str) -> None:
    """Instead of all that was in ``place``: the sentence, and the way home."""
    place.clear()
    with place:
        Words("p", message, "notice", 'role="status"')
        with box("p"):
            Words("a", "All studies", "button", 'href="/"')


def watch(house: House, study: str, place: Element) -> None:
    """Let what was made in ``place`` be gone with its study."""

    async def look() -> None:
        try:
            await asyncio.to_thread(house.studies.get, study)
        except NoStudyError as error:
            timer.cancel()
            gone(place, str(error))

    timer = ui.timer(LOOK_SECONDS, look)
