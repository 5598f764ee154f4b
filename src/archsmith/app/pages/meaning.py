"""How data are understood: the task and the columns, as they are now, to be chosen otherwise.

What the fields show is what is asked for, and a choice is looked at as soon as it is made. The fields stay while that
goes on, so that whoever chooses with the keyboard is not thrown out of them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from archsmith.app.datasets import CHECKING, REFUSED, DataSet
from archsmith.app.pages.frame import Words, box, sheet
from archsmith.core.targets import CLASSIFICATION, REGRESSION
from archsmith.core.wording import NUMBER

TASKS = {CLASSIFICATION: "classification (a class)", REGRESSION: "regression (a number)"}
SENT = "(event) => emit(Object.fromEntries(new FormData(event.currentTarget ?? event.target)))"
BACK = """if (document.activeElement === document.body)
document.querySelector("form[data-meaning] select[name=%s]")?.focus();"""
CHOOSE, FOUND = "choose a column", "as the data look"

Choice = tuple[str, dict[str, str], str]  # the words beside a field, its values with words, and the chosen one


class Meaning:
    """The fields. ``ask``: is called with the values of all of them, by ``task``, ``target`` and ``image``."""

    def __init__(self, ask: Callable[[Mapping[str, Any]], Awaitable[object]]) -> None:
        self._ask = ask
        self._shown: dict[str, Choice] | None = None
        self._changed_last = ""  # the field that a person was in
        self._place = box()
        self._found: Any = None

    def show(self, found: DataSet) -> None:
        """As they are understood now. While that is looked for, what was there stays."""
        if found.state == CHECKING:
            return
        fields = choices(found)
        if self._shown is None or fields != self._shown:
            self._draw(fields)
        self._found.set_text(told(found.facts))

    def _draw(self, fields: dict[str, Choice]) -> None:
        self._shown = fields
        self._place.clear()
        with self._place, sheet("What is learnt"):
            self._found = Words("p", "")
            if not fields:
                return
            with box("form", props='autocomplete="off" data-meaning') as made, box("div", "fields"):
                for name, (words, options, chosen) in fields.items():
                    with box("label"):
                        Words("span", words)
                        _select(name, options, chosen)
            made.on("change", self._changed, js_handler=SENT)
            Words("p", "The data are checked again as soon as you choose something else.", "hint")
        if self._changed_last in fields:
            made.client.run_javascript(BACK % self._changed_last)

    async def _changed(self, event: Any) -> None:
        values = {str(name): str(value) for name, value in dict(event.args).items()}
        if self._shown is not None:  # the browser shows these now
            self._changed_last = next((name for name, (*_, old) in self._shown.items() if values.get(name) != old), "")
            self._shown = {
                name: (words, options, values.get(name, chosen))
                for name, (words, options, chosen) in self._shown.items()
            }
        await self._ask(values)


def told(facts: Mapping[str, Any]) -> str:
    """The task and the column that were found, in words."""
    if not facts.get("task"):
        return ""
    target = f" It stands in the column “{facts['target']}”." if facts.get("target") and facts.get("headings") else ""
    return f"What is to be predicted is {'a number' if facts['task'] == REGRESSION else 'a class'}.{target}"


def choices(found: DataSet) -> dict[str, Choice]:
    """The fields by name, each with the present choice. There is none for what can be understood in one way only."""
    facts, asked = found.facts, found.asked
    made: dict[str, Choice] = {}
    if headings := {str(name): str(name) for name in facts.get("headings") or ()}:
        made["target"] = _column("Column to be predicted", headings, asked.get("target") or facts.get("target"))
        wrong = f"{facts.get('message')} {facts.get('hint')}" if found.state == REFUSED else ""
        if facts.get("kind") == "image" or asked.get("image") or "--image-column" in wrong:
            made["image"] = _column("Column of pictures", headings, asked.get("image") or facts.get("image"))
    if headings or asked.get("task") or facts.get("task") == REGRESSION or _are_numbers(facts):
        made["task"] = _task(facts, asked.get("task"))
    return made


def _column(words: str, headings: Mapping[str, str], chosen: str | None) -> Choice:
    if chosen:  # of facts that an earlier version wrote it may not be among them
        return words, {**headings, str(chosen): str(chosen)}, str(chosen)
    return words, {"": CHOOSE, **headings}, ""


def _task(facts: Mapping[str, Any], asked: str | None) -> Choice:
    """Nothing asked for: the kind that the data look like stands there, and another column may have another kind."""
    if asked in TASKS:
        return "Task", {"": FOUND, **TASKS}, str(asked)
    found = facts.get("task")
    others = {name: words for name, words in TASKS.items() if name != found}
    return "Task", {"": f"{TASKS[found]}, {FOUND}" if found in TASKS else FOUND, **others}, ""


def _are_numbers(facts: Mapping[str, Any]) -> bool:
    """Could these classes be numbers to be predicted?"""
    classes = (facts.get("findings") or {}).get("classes") or ()
    return bool(classes) and all(re.fullmatch(NUMBER, str(name)) for name in classes)


def _select(name: str, options: Mapping[str, str], chosen: str) -> None:
    with box("select") as made:
        made.props["name"] = name
        for value, words in options.items():
            option = Words("option", words)
            option.props["value"] = value
            if value == chosen:
                option.props["^selected"] = ""
