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
    """Something that can be done. ``asks``: the question; ``happens``: what will happen then, with a job; ``waits``:
    what is said until it has happened; ``alone``: what will happen with a search alone, where that is something else.
    """

    name: str
    asks: str
    happens: str
    does: str
    waits: str
    alone: str = ""


PAUSES = (
    "Its process ends. What is finished is kept; what is being trained just now goes on from its last checkpoint when "
    "it is resumed, or begins anew where it has none."
)
DEEDS = {
    "stop": Deed(
        "Finish with the best so far",
        "Finish now with the best so far?",
        "No further network is tried. The best one is trained for a little, tested and exported. That takes some "
        "moments, and you can give the study more time afterwards.",
        "Finish",
        "It is asked to finish …",
        "No further trial is begun, and the search ends with what it has found.",
    ),
    "pause": Deed(
        "Pause",
        "Pause this study?",
        f"{PAUSES} A study that has only its report to write comes to its end instead.",
        "Pause",
        "It is asked to pause, and ends at its next step …",
        PAUSES,
    ),
    "resume": Deed(
        "Resume",
        "Go on with this study?",
        "It goes on where it stopped, with what is left of its budget.",
        "Resume",
        "It is starting …",
    ),
    "extend": Deed(
        "More time",
        "How much more time?",
        "The search goes on with what it knows; some baselines are fitted again, where they get much more time. At the "
        "end the test split is measured, once more if it was before, and the bundle is written anew, with the "
        "network from before if nothing better was found.",
        "Go on",
        "It is starting …",
        "The search goes on with what it knows.",
    ),
}


class StudyControls:
    """The buttons, with a dialog each."""

    def __init__(self, house: House, study: str) -> None:
        self._jobs: Jobs | None = getattr(house, "jobs", None)
        self._study = study
        self._minutes = str(MINUTES)
        self._buttons: dict[str, Element] = {}
        self._happens: dict[str, Words] = {}
        self._awaited: str | None = None  # the deed that was asked for and has not happened yet
        self._state = ""
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
        """Offer what can be done now. What was asked for is not offered again until it has happened."""
        if self._awaited is not None and _happened(self._awaited, facts):
            self._awaited = None
            self._tell("")
        elif self._awaited is None and facts.state != self._state:
            self._tell("")  # what was said is of another state
        self._state = facts.state
        for name, words in self._happens.items():
            words.text = DEEDS[name].happens if facts.job else DEEDS[name].alone or DEEDS[name].happens
        reveal(self._model, facts.model and facts.state == "finished")
        for name, button in self._buttons.items():
            offered = self._jobs is not None and bool(getattr(facts.controls, name))
            reveal(button, offered and self._awaited is None)

    def gone(self) -> None:
        """The study is not there any more."""
        self._awaited = None
        self._tell("")
        for element in (self._model, *self._buttons.values()):
            reveal(element, False)

    def _dialog(self, name: str, deed: Deed) -> Element:
        with box("dialog", "ask", f'aria-labelledby="ask-{name}"') as dialog:
            Words("h2", deed.asks, props=f'id="ask-{name}"')
            self._happens[name] = Words("p", deed.happens)
            if name == "extend":
                with box("label", "row"):
                    Words("span", "Minutes")
                    field = starting(box("input", props=f'type="number" min="1" max="{MOST_MINUTES}"'), MINUTES)
                    field.on("input", lambda event: self._typed(event.args), js_handler=VALUE)
                self._wrong = Words("p", "", "failed", props='role="alert"')
            with box("div", "row"):
                Words("button", deed.does, props='type="button"').on("click", lambda: self._do(name, dialog))
                Words("button", "Cancel", "second", 'type="button"').on("click", lambda: dialog.run_method("close"))
        return dialog

    def _typed(self, said: object) -> None:
        self._minutes = str(said)

    async def _do(self, name: str, dialog: Element) -> None:
        minutes = self._minutes if name == "extend" else None
        if minutes is not None and not (minutes.isdecimal() and 1 <= int(minutes) <= MOST_MINUTES):
            self._wrong.text = f"Give whole minutes from 1 to {MOST_MINUTES:,}."
            return
        self._wrong.text = ""
        dialog.run_method("close")
        if self._awaited is not None:  # pressed twice
            return
        self._awaited = name
        self._tell(DEEDS[name].waits)
        for button in self._buttons.values():
            reveal(button, False)
        try:
            await asyncio.to_thread(self._call, name, minutes)
        except ArchsmithError as error:
            self._awaited = None
            self._tell(str(error))
            return
        if name in ("resume", "extend"):  # it runs, or has ended already
            self._awaited = None
            self._tell("")

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


def _happened(name: str, facts: StudyFacts) -> bool:
    """Has the study done what it was asked for?"""
    if name == "stop":
        return facts.asked_to_finish or facts.state != "running"
    return facts.state != "running" if name == "pause" else facts.state == "running"


def _opening(dialog: Element) -> Callable[[], None]:
    def opening() -> None:
        dialog.run_method("showModal")

    return opening
