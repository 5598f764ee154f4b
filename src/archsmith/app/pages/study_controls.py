"""What a person can do with a study: pause it, let it finish with the best so far, go on, give it more time. Each asks
first, and says what will happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from nicegui.element import Element

from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.pieces import starting
from archsmith.app.pages.rows import reveal
from archsmith.app.study_facts import StudyFacts
from archsmith.core.errors import ArchsmithError

MINUTES, MOST_MINUTES = 10, 10_000
VALUE = "(event) => emit(event.target.value)"


class Jobs(Protocol):
    """Who does it. All raise ArchsmithError where it cannot be done."""

    def stop(self, id: str) -> object: ...
    def pause(self, id: str) -> object: ...
    def resume(self, id: str, more: str | None) -> object: ...


@dataclass(frozen=True)
class Deed:
    """Something that can be done. ``asks``: the question; ``happens``: what will happen then."""

    name: str
    asks: str
    happens: str
    does: str


DEEDS = {
    "stop": Deed(
        "Finish with the best so far",
        "Finish now with the best network so far?",
        "No further network is tried. The best one is trained on for a little, tested and exported. That takes some "
        "moments, and you can give the study more time afterwards.",
        "Finish",
    ),
    "pause": Deed(
        "Pause",
        "Pause this study?",
        "Its process ends. What is finished is kept; what is being trained just now goes on from its last checkpoint "
        "when you press Resume.",
        "Pause",
    ),
    "resume": Deed(
        "Resume",
        "Go on with this study?",
        "It goes on where it stopped, with what is left of its budget.",
        "Resume",
    ),
    "extend": Deed(
        "More time",
        "How much more time?",
        "The search goes on with what it knows. The test split is measured once more at the end, and the bundle is "
        "written anew if a better network was found.",
        "Go on",
    ),
}


class StudyControls:
    """The buttons, with a dialog each."""

    def __init__(self, house: House, study: str) -> None:
        self._jobs: Jobs | None = getattr(house, "jobs", None)
        self._study = study
        self._minutes = str(MINUTES)
        self._buttons: dict[str, Element] = {}
        with box("div", "row"):
            self._model = Words("a", "Open the model", "button", f'href="/models/{quote(study, safe="")}"')
            for name, deed in DEEDS.items():
                dialog = self._dialog(name, deed)
                button = Words("button", deed.name, "second", 'type="button" aria-haspopup="dialog"')
                button.on("click", _opening(dialog))
                self._buttons[name] = button
        self._said = Words("p", "", props='role="status"')
        reveal(self._said, False)

    def show(self, facts: StudyFacts) -> None:
        """Offer what can be done now."""
        reveal(self._model, facts.model)
        for name, button in self._buttons.items():
            reveal(button, self._jobs is not None and bool(getattr(facts.controls, name)))

    def _dialog(self, name: str, deed: Deed) -> Element:
        with box("dialog", "ask", f'aria-labelledby="ask-{name}"') as dialog:
            Words("h2", deed.asks, props=f'id="ask-{name}"')
            Words("p", deed.happens)
            if name == "extend":
                with box("label", "row"):
                    Words("span", "Minutes")
                    field = starting(box("input", props=f'type="number" min="1" max="{MOST_MINUTES}"'), MINUTES)
                    field.on("input", lambda event: self._typed(event.args), js_handler=VALUE)
            with box("div", "row"):
                Words("button", deed.does, props='type="button"').on("click", lambda: self._do(name, dialog))
                Words("button", "Cancel", "second", 'type="button"').on("click", lambda: dialog.run_method("close"))
        return dialog

    def _typed(self, said: object) -> None:
        self._minutes = str(said)

    async def _do(self, name: str, dialog: Element) -> None:
        minutes = self._minutes if name == "extend" else None
        if minutes is not None and not (minutes.isdecimal() and 1 <= int(minutes) <= MOST_MINUTES):
            self._tell(f"Give whole minutes from 1 to {MOST_MINUTES:,}.")
            dialog.run_method("close")
            return
        dialog.run_method("close")
        self._tell("Asked.")
        try:
            await asyncio.to_thread(self._call, name, minutes)
        except ArchsmithError as error:
            self._tell(str(error))

    def _call(self, name: str, minutes: str | None) -> None:
        jobs, study = self._jobs, self._study
        assert jobs is not None  # else no button is shown
        if name == "stop":
            jobs.stop(study)
        elif name == "pause":
            jobs.pause(study)
        else:
            jobs.resume(study, None if minutes is None else f"+{minutes}m")

    def _tell(self, sentence: str) -> None:
        self._said.text = sentence
        reveal(self._said, bool(sentence))


def _opening(dialog: Element) -> Callable[[], None]:
    def opening() -> None:
        dialog.run_method("showModal")

    return opening
