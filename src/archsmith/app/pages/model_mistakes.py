"""The worst mistakes on a model's page: each as a picture or as a row, with room to say what it really is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nicegui import events, ui
from nicegui.element import Element

from archsmith.analysis.report.images import brief
from archsmith.analysis.report.tables import NUMBERED
from archsmith.app.api.base import PREFIX
from archsmith.app.house import House
from archsmith.app.mistakes import IMAGE, MistakeFacts, MistakesFacts, mistakes_facts
from archsmith.app.model_facts import ModelFacts
from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.pieces import said, scrolling, section, starting, whole
from archsmith.app.relabels import LONGEST
from archsmith.core.errors import ArchsmithError
from archsmith.server.refusals import Refusal

MORE = 24  # that are shown at a time
NOT_KEPT = "Not kept:"


def show(house: House, known: ModelFacts, relabels: Mapping[int, str]) -> None:
    """Make the section; none without mistakes."""
    if known.mistakes is not None and known.mistakes.shown:
        with section("mistakes", "The worst mistakes"):
            _Mistakes(house, known, known.mistakes, dict(relabels))


class _Mistakes:
    """Some mistakes, and more on request."""

    def __init__(self, house: House, known: ModelFacts, found: MistakesFacts, relabels: dict[int, str]) -> None:
        self._house, self._known, self._relabels = house, known, relabels
        self._columns, self._n, self._n_shown = found.columns, found.n, 0
        Words("p", found.lead)
        Words(
            "p",
            "Is a label wrong? Write down what it really is. That is kept, and changes neither the data nor the model; "
            "take the list to mend your data.",
            "faint",
        )
        if known.classes:
            with said(box("datalist"), id="classes"):
                for name in known.classes:
                    said(box("option"), value=name)
        pictures = known.modality == IMAGE
        self._place = box("ul", "mistakes") if pictures else self._table()
        self._add(found)
        if not pictures and all(mistake.place for mistake in found.shown):
            Words("p", NUMBERED, "faint")
        if found.n_hidden:
            Words("p", f"{found.n_hidden:,} more columns are not shown.", "faint")
        with box("div", "row"):
            self._more = Words("button", "", "second", 'type="button"')
            self._more.on("click", self._show_more)
            address = f"{PREFIX}/models/{known.id}/mistakes.csv"
            said(Words("a", "All mistakes as CSV, with your labels", "button second"), href=address, download="")
        self._count()

    def _table(self) -> Element:
        names = self._known.mistakes.shown[0].told if self._known.mistakes else []
        with scrolling("Table of the worst mistakes"), box("table"):
            with box("thead"), box("tr"):
                for name in ("Row", *(name for name, _ in names), "Really", *self._columns):
                    Words("th", name, props='scope="col"')
            return box("tbody")

    def _add(self, found: MistakesFacts) -> None:
        with self._place:
            for mistake in found.shown:
                if self._place.tag == "ul":
                    self._picture(mistake)
                else:
                    self._row(mistake)
        self._n_shown += len(found.shown)

    def _picture(self, mistake: MistakeFacts) -> None:
        told = ", ".join(f"{name.lower()} {text}" for name, text in mistake.told)
        with box("li"):
            if mistake.picture:
                picture = box("img", props='loading="lazy" width="96" height="96"')
                address = f"{PREFIX}/models/{self._known.id}/mistakes/{mistake.index}.png"
                said(picture, src=address, alt=f"Test picture {mistake.index}: {told}")
            else:
                Words("span", "picture not there", "gone")
            with box("dl"):
                for name, text in mistake.told:
                    with box("div"):
                        Words("dt", name)
                        Words("dd", text)
                if mistake.place:
                    with said(box("div"), title=mistake.place):
                        Words("dt", "File")
                        Words("dd", brief(mistake.place))
            self._field(mistake, f"What test picture {mistake.index} really is")

    def _row(self, mistake: MistakeFacts) -> None:
        with box("tr"):
            name = mistake.place or f"test row {mistake.index + 1}"
            Words("th", name.removeprefix("row "), props='scope="row"')
            for _, text in mistake.told:
                Words("td", text)
            with box("td"):
                self._field(mistake, f"What {name} really is")
            for text in mistake.cells:
                Words("td", text, whole(text))

    def _field(self, mistake: MistakeFacts, label: str) -> None:
        field = box("input", "really", f'type="text" maxlength="{LONGEST}" autocomplete="off"')
        said(field, aria_label=label, placeholder="really …")
        starting(field, self._relabels.get(mistake.index, ""))
        if self._known.classes:
            said(field, list="classes")

        state = Words("small", "", "hint", 'role="status" aria-live="polite"')

        async def keep(event: events.GenericEventArguments) -> None:
            words = await self._keep(mistake.index, str(event.args))
            state.set_text(words)
            wrong = words.startswith(NOT_KEPT)
            state.classes(replace="failed" if wrong else "hint")
            said(field, aria_invalid=str(wrong).lower())
            field.update()

        field.on("change", keep, js_handler="(event) => emit(event.target.value)")

    async def _keep(self, index: int, label: str) -> str:
        """What came of it, in a word."""
        try:
            await asyncio.to_thread(self._house.models.relabel, self._known.id, index, label[: LONGEST + 1])
        except (Refusal, ArchsmithError) as error:
            return f"{NOT_KEPT} {error.message}"
        label, classes = " ".join(label.split()), self._known.classes
        if label and classes and label not in classes:
            return "Kept, as a new class: the model knows none of this name."
        return "Kept." if label else "Taken back."

    async def _show_more(self) -> None:
        try:
            study = await asyncio.to_thread(self._house.models.study, self._known.id)
            found = await asyncio.to_thread(mistakes_facts, study, self._n_shown, MORE)
        except (Refusal, ArchsmithError) as error:
            ui.notify(error.message, type="warning")
            return
        if found is not None:
            self._add(found)
        self._count()

    def _count(self) -> None:
        left = self._n - self._n_shown
        self._more.set_text(f"Show the other {left}" if left <= MORE else f"Show {MORE} more of {left:,}")
        self._more.set_visibility(left > 0)
