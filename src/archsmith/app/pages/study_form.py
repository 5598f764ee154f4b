"""The form of a new study below the page of its data: budget, goal, limits, everything else under "Advanced", the
forecast, and the button that starts it.

The browser keeps what is filled in; the page never writes into a field that it has made. So nothing is lost where
something is wrong, and a sentence stands beside the field that it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from archsmith.app import form
from archsmith.app.datasets import DataSet
from archsmith.app.forecast import forecast
from archsmith.app.form import BUDGETS, DEFAULT_BUDGET, GOAL, LIMITS, OWN_TIME, PARTS, Field
from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box, sheet
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.server.refusals import Refusal

SENT = "(event) => emit(Object.fromEntries(new FormData(event.currentTarget ?? event.target)))"
FIRST_WRONG = """const wrong = document.querySelector("[aria-invalid=true]");
wrong?.closest("details")?.setAttribute("open", "");
wrong?.focus();"""


class StudyForm:
    """The form on the page of the data ``found``. ``values``: what was filled in before."""

    def __init__(self, house: House, found: DataSet, values: Mapping[str, str]) -> None:
        self.house = house
        self.found = found
        self.values: dict[str, str] = dict(values)
        self._refused: dict[str, str] = {}  # what the job said when it was to begin, by field
        self._errors: dict[str, tuple[Element, Any]] = {}  # by field: the field, and the words below it
        with box("form", props="novalidate") as self._form:
            self._hidden("complete")
            with sheet("New study"):
                self._budget()
                self._goal()
                with box("div", "fields"):
                    for field in form.fields(("trials", *LIMITS), found.facts):
                        self._field(field)
            with sheet(), box("details"):
                Words("summary", "Advanced")
                self._advanced()
            with sheet("What will happen"):
                self._lines = box("div", props='role="status"')
                self._wrong: Any = Words("p", "", "failed", 'role="alert"')
                self._status: Any = Words("p", "", "faint", 'role="status"')
                self._button = Words("button", "Start the study", props='type="submit"')
        self._form.on("change", self._changed, js_handler=SENT)
        self._form.on("submit.prevent", self._submit, js_handler=SENT)
        self._show(form.read(self.values, found.facts))

    # -- fields

    def _hidden(self, name: str) -> None:
        made = box("input", props='type="hidden"')
        made.props["name"] = name
        made.props["^value"] = "1"

    def _budget(self) -> None:
        chosen = self.values.get("budget", DEFAULT_BUDGET)
        with box("fieldset"):
            Words("legend", "Time for everything")
            with box("div", "row"):
                for value, words in BUDGETS.items():
                    with box("label", "choice"):
                        radio = box("input", props='type="radio" name="budget"')
                        radio.props["^value"] = value
                        if value == OWN_TIME:
                            radio.props["data-own-budget"] = ""
                        if value == chosen:
                            radio.props["^checked"] = ""
                        Words("span", words)
                with box("span"):
                    own = box("input", "short", 'type="text" name="seconds" placeholder="1h30m" data-own-time')
                    own.props["aria-label"] = "Another time, like 90s, 20m or 1h30m"
                    own.props["^value"] = self.values.get("seconds", "")
                    self._below("seconds", own)

    def _goal(self) -> None:
        goals = form.goals(self.found.facts)
        with box("label", "goal"):
            Words("span", "Goal")
            made = self._select(GOAL, goals, self.values.get(GOAL, goals[0][0] if goals else ""))
            self._below(GOAL, made)

    def _advanced(self) -> None:
        facts = self.found.facts
        names = form.advanced(facts)
        for part in PARTS:
            (field,) = form.fields((part,), facts)
            with box("fieldset"):
                Words("legend", field.label)
                with box("div", "fields"):
                    self._field(field)
                chosen = self.values.get(part) or field.default
                summaries = form.summaries(part, facts)
                for name, own in form.part_fields(part, facts).items():
                    with box("div") as block:
                        block.props["data-part"] = f"{part}.{name}"
                        if name != chosen:
                            block.props["hidden"] = True
                        Words("p", summaries[name], "faint")
                        with box("div", "fields"):
                            for each in own:
                                self._field(each)
        with box("fieldset"):
            Words("legend", "Everything else")
            with box("div", "fields"):
                for field in form.fields([name for name in names if name not in PARTS], facts):
                    self._field(field)

    def _field(self, field: Field) -> None:
        value = self.values.get(field.name, "" if self._is_off(field) else field.default)
        with box("div", "field"):
            with box("label", "choice" if field.kind == "bool" else "") as label:
                if field.kind == "bool":
                    made = box("input", props='type="checkbox"')
                    made.props["^value"] = "yes"
                    if value:
                        made.props["^checked"] = ""
                    Words("span", field.label)
                else:
                    Words("span", field.label)
                    made = self._input(field, value)
                made.props["name"] = field.name
            label.props["for"] = made.props["id"] = f"f-{field.name.replace('.', '-')}"
            help = Words("small", field.help, "hint")
            help.props["id"] = f"{made.props['id']}-help"
            self._below(field.name, made, help.props["id"])

    def _is_off(self, field: Field) -> bool:
        """Is this a check box that a person has emptied?"""
        return field.kind == "bool" and bool(self.values) and field.name not in self.values

    def _input(self, field: Field, value: str) -> Element:
        if field.options:
            made = self._select(field.name, field.options, value)
            if field.name in PARTS:
                made.props["data-parts"] = ""
            return made
        made = box("input", props='type="text" autocomplete="off"')
        if field.kind in ("int", "float"):
            made.props["inputmode"] = "numeric" if field.kind == "int" else "decimal"
        made.props["^value"] = value
        return made

    def _select(self, name: str, options: Sequence[tuple[str, str]], chosen: str) -> Element:
        with box("select") as made:
            made.props["name"] = name
            for value, words in options:
                option = Words("option", words)
                option.props["value"] = value
                if value == chosen:
                    option.props["^selected"] = ""
        return made

    def _below(self, name: str, made: Element, help: str = "") -> None:
        """A place for what is wrong with a field."""
        words: Any = Words("small", "", "failed")
        words.props["id"] = f"wrong-{name.replace('.', '-')}"
        made.props["aria-describedby"] = f"{help} {words.props['id']}".strip()
        self._errors[name] = made, words

    # -- what happens

    def foretell(self, found: DataSet) -> None:
        """The machine was measured."""
        self.found = found
        self._show(form.read(self.values, found.facts))

    def _changed(self, event: Any) -> None:
        self._keep(event.args)
        self._refused = {}
        self._show(form.read(self.values, self.found.facts))

    def _keep(self, sent: Any) -> None:
        self.values = {str(name): str(value) for name, value in dict(sent).items()}

    def _show(self, order: form.Order) -> None:
        wrong = {**self._refused, **order.wrong}
        for name, (made, words) in self._errors.items():
            said = wrong.get(name, "")
            if words.text != said:
                words.set_text(said)
                if said:
                    made.props["aria-invalid"] = "true"
                else:
                    made.props.pop("aria-invalid", None)
                made.update()
        self._wrong.set_text(" ".join(said for name, said in wrong.items() if name not in self._errors))
        lines = [] if order.wrong else forecast(self.found.facts, self.found.speed, order.options)
        self._lines.clear()
        with self._lines:
            for line in lines or ["Some fields are wrong; the sentences beside them say what."]:
                Words("p", form.in_the_page(line))

    async def _submit(self, event: Any) -> None:
        self._keep(event.args)
        self._refused = {}
        order = form.read(self.values, self.found.facts)
        self._show(order)
        if order.wrong:
            ui.run_javascript(FIRST_WRONG)
            return
        self._button.props["disabled"] = True
        self._button.set_text("Starting …")
        self._status.set_text("The study reads its data and measures the machine first; then its page opens.")
        try:
            study = await asyncio.to_thread(self.house.start, {**order.options, "data": self.found.id})
        except (ArchsmithError, Refusal) as error:
            said = in_words(error)
            place = form.placed(UsageError(error.message), order.options)
            self._refused = {place if place in self._errors else "": said}
            self._show(order)
            ui.run_javascript(FIRST_WRONG)
        else:
            ui.navigate.to(f"/studies/{study}")
            return
        self._status.set_text("")
        self._button.props.pop("disabled", None)
        self._button.set_text("Start the study")


def in_words(error: ArchsmithError | Refusal) -> str:
    """What an error says, and what to do about it."""
    return form.in_the_page(" ".join(filter(None, (error.message, error.hint))))
