"""The form of a new study below the page of its data: budget, goal, limits, everything else under "Advanced", the
forecast, and the button that starts it.

The browser keeps what is filled in; the page never writes into a field that it has made. So nothing is lost where
something is wrong, and a sentence stands beside the field that it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui.element import Element

from archsmith.app import form
from archsmith.app.datasets import DataSet
from archsmith.app.fields import Field
from archsmith.app.forecast import forecast
from archsmith.app.form import BUDGETS, DEFAULT_BUDGET, GOAL, LIMITS, OWN_TIME, PARTS
from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box, sheet
from archsmith.app.pages.starting import study_page
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.wording import sentence_case
from archsmith.server.refusals import Refusal

SENT = "(event) => emit(Object.fromEntries(new FormData(event.currentTarget ?? event.target)))"
SHOWN = ("task", "target", "image")  # what the page says is learnt, by the names of facts and options
FIRST_WRONG = """const wrong = document.querySelector("[aria-invalid=true]");
wrong?.closest("details")?.setAttribute("open", "");
wrong?.focus();"""


class StudyForm:
    """The form on the page of the data ``found``. ``values``: what was filled in before. ``began``: is called with the
    id of a job that has begun.
    """

    def __init__(
        self, house: House, found: DataSet, values: Mapping[str, str], began: Callable[[str], Awaitable[object]]
    ) -> None:
        self.house = house
        self._began = began
        self._told_of: str | None = None  # the study that runs, as the page says
        self._held = ""  # why no study can be started now
        self.found = found
        self.values: dict[str, str] = dict(values)
        self._refused: dict[str, str] = {}  # what the job said when it was to begin, by field
        self._errors: dict[str, tuple[Element, Any]] = {}  # by field: the field, and the words below it
        self._labels: dict[str, str] = {}
        with box("form", props="novalidate data-kept") as self._form:
            self._hidden("complete")
            with sheet("New study"):
                self._budget()
                self._goal()
            with sheet(), box("details"):
                Words("summary", "Advanced")
                self._advanced()
            with sheet("What will happen"):
                self._lines = box("div", props='role="status" data-forecast')
                self._wrong: Any = Words("p", "", "failed", 'role="alert"')
                self._places = box("ul", "failed")
                self._status: Any = Words("p", "", "faint", 'role="status"')
                self._runs = box("p", "faint")
                self._button = Words("button", "Start the study", props='type="submit"')
        self._form.on("settled", self._changed, js_handler=SENT)  # form.js: a while after the last letter
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
        if "ignore" in form.advanced(self.found.facts):  # notes on the data speak of it, so it stands in the open
            (field,) = form.fields(("ignore",), self.found.facts)
            self._field(field)

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
            Words("legend", "Limits")
            with box("div", "fields"):
                for field in form.fields(("trials", *LIMITS), facts):
                    self._field(field)
        with box("fieldset"):
            Words("legend", "Everything else")
            with box("div", "fields"):
                for field in form.fields([name for name in names if name not in (*PARTS, "ignore")], facts):
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
            label.props["for"] = made.props["id"] = _id(field.name)
            help = Words("small", field.help, "hint")
            help.props["id"] = f"{made.props['id']}-help"
            self._below(field.name, made, help.props["id"], field.label)

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

    def _below(self, name: str, made: Element, help: str = "", label: str = "") -> None:
        """A place for what is wrong with a field."""
        made.props["id"] = _id(name)
        self._labels[name] = label or form.LABELS.get(name, sentence_case(name))
        words: Any = Words("small", "", "failed")
        words.props["id"] = f"wrong-{name.replace('.', '-')}"
        made.props["aria-describedby"] = f"{help} {words.props['id']}".strip()
        self._errors[name] = made, words

    # -- what happens

    def foretell(self, found: DataSet) -> None:
        """The machine was measured."""
        self.found = found
        self._show(form.read(self.values, found.facts))

    def hold(self, why: str = "") -> None:
        """Let no study be started now, and say why; without words, let it be started again."""
        self._held = why
        if why:
            self._button.props["disabled"] = True
        else:
            self._button.props.pop("disabled", None)
        self._button.update()
        self._status.set_text(why)

    def tell_of(self, study: str | None) -> None:
        """Say beside the button that a study of these data runs already."""
        if study != self._told_of:
            self._told_of = study
            self._runs.clear()
            if study is not None:
                with self._runs:
                    Words("span", "A study of these data runs: ")
                    Words("a", study, props=f'href="{study_page(study)}"')

    def fail(self, said: str) -> None:
        """The study that was to begin came to nothing: say why, at the field that it speaks of."""
        order = form.read(self.values, self.found.facts)
        place = form.placed(UsageError(said), order.options, self.found.facts)
        self._refused = {place if place in self._errors else "": form.in_the_page(said)}
        self._show(order)
        self._form.client.run_javascript(FIRST_WRONG)

    def _changed(self, event: Any) -> None:
        self._keep(event.args)
        self._refused = {}
        self._show(form.read(self.values, self.found.facts))

    def _keep(self, sent: Any) -> None:
        self.values = {str(name): str(value) for name, value in dict(sent).items()}

    def _show(self, order: form.Order, *, pressed: bool = False) -> None:
        """``pressed``: is a study to be started? Before, a time that is still to be written is not called wrong."""
        wrong = {**self._refused, **order.wrong}
        lines = [] if order.wrong else [*order.notes, *forecast(self.found.facts, self.found.speed, order.options)]
        if not pressed and wrong.get("seconds") == form.NO_TIME_YET:
            lines = [wrong.pop("seconds")]
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
        self._list([name for name in wrong if name in self._errors], wrong)
        self._lines.clear()
        with self._lines:
            for line in lines or ["Nothing can be started like this:"] * bool(wrong):
                Words("p", form.in_the_page(line))

    def _list(self, names: Sequence[str], wrong: Mapping[str, str]) -> None:
        """Links to the fields that are wrong, beside the button."""
        self._places.clear()
        with self._places:
            for name in names:
                with box("li"):
                    Words("a", f"{self._labels[name]}: {wrong[name]}", props=f'href="#{_id(name)}" data-to-field')

    async def _submit(self, event: Any) -> None:
        self._keep(event.args)
        self._refused = {}
        order = form.read(self.values, self.found.facts)
        self._show(order, pressed=True)
        client = self._form.client
        if order.wrong:
            client.run_javascript(FIRST_WRONG)
            return
        if self._held:
            return
        shown = {name: self.found.facts[name] for name in SHOWN if self.found.facts.get(name)}
        self.hold("Starting …")
        try:
            job = await asyncio.to_thread(self.house.begin, {**shown, **order.options, "data": self.found.id})
        except (ArchsmithError, Refusal) as error:
            if not client.is_deleted:
                self.hold()
                self.fail(" ".join(filter(None, (error.message, error.hint))))
        else:
            await self._began(job)


def _id(name: str) -> str:
    return f"f-{name.replace('.', '-')}"
