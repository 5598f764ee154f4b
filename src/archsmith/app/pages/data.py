"""``/data/{id}``: what was found in data, and the form of a study that learns from them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from archsmith.analysis.wording import between, from_data, share
from archsmith.app import form
from archsmith.app.datasets import CHECKING, READY, REFUSED, SAMPLE, UPLOAD, DataSet
from archsmith.app.house import House
from archsmith.app.pages.frame import ASSETS, Words, box, frame, sheet
from archsmith.app.pages.pieces import scrolling
from archsmith.app.pages.study_form import StudyForm
from archsmith.core.targets import REGRESSION
from archsmith.core.wording import SPLITS, amount, sentence_case
from archsmith.server.refusals import Refusal

LOOK_SECONDS = 1.0  # between two looks at whether the check has come further
MANY = 15  # classes, of which the others are folded away
TASKS = {"": "as it was found", "classification": "classification (a class)", "regression": "regression (a number)"}


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/data/{id}")
    async def data(id: str) -> None:
        ui.add_head_html(f'<script src="{ASSETS}/form.js" defer></script>')
        found = await asyncio.to_thread(house.data.get, id)
        with frame(found.name, "/new", style="data", twin=f"/data/{id}"):
            await _Page(house, found).begin()


class _Page:
    """One opened page of one data set."""

    def __init__(self, house: House, found: DataSet) -> None:
        self.house = house
        self.found = found
        self.status: Any = Words("p", "", "faint", 'role="status"')
        self.place = box()
        self.form: StudyForm | None = None
        self.values: dict[str, str] = {}  # what was filled in, also when the data are checked again

    async def begin(self) -> None:
        found = self.found
        if found.state not in (READY, REFUSED) or (found.state == READY and not found.measured and not found.measuring):
            self.found = await asyncio.to_thread(self.house.data.check, self.found.id)
        self.draw()
        ui.timer(LOOK_SECONDS, self.look)

    async def look(self) -> None:
        """Show what has changed; what a person has filled in stays."""
        if self.found.state not in (CHECKING,) and not self.found.measuring:
            return
        try:
            now = await asyncio.to_thread(self.house.data.get, self.found.id)
        except Refusal:  # removed in another window
            ui.navigate.to("/new")
            return
        before, self.found = self.found, now
        if now.state != before.state:
            self.draw()
        elif self.form is not None and now.measuring != before.measuring:
            self.form.foretell(now)

    def draw(self) -> None:
        found = self.found
        if self.form is not None:
            self.values = self.form.values
            self.form = None
        checking = found.state == CHECKING
        self.status.set_text("The data are being read and checked. This takes some seconds." if checking else "")
        self.place.clear()
        with self.place:
            if checking:
                box("progress", props='aria-label="The data are being checked"')
                return
            if found.state == REFUSED:
                with sheet("These data cannot be used like this"):
                    _refusal(found)
                    self._meaning()
                    self._remove()
                return
            if found.state != READY:
                with sheet("The check was ended before it had finished"):
                    Words("p", "It took too much time or memory, or the app was ended.")
                    again = Words("button", "Check again", props='type="button"')
                    again.on("click", lambda: self._check(dict(found.asked)))
                    self._remove()
                return
            self._facts()
            self.form = StudyForm(self.house, found, self.values)

    def _facts(self) -> None:
        facts = self.found.facts
        with sheet("What was found"):
            _overview(facts)
            _problems(facts)
        _samples(self.found)
        with box("div", "columns"):
            with sheet("How often what is learnt occurs" if facts["task"] == REGRESSION else "Balance of the classes"):
                _balance(facts)
            with sheet("What is learnt"):
                self._meaning()
                self._remove()

    def _meaning(self) -> None:
        """Task and columns, as they were found, and changeable."""
        facts, asked = self.found.facts, self.found.asked
        headings: Sequence[str] = facts.get("headings") or ()
        if facts.get("task"):
            target = f" It stands in the column “{facts['target']}”." if facts.get("target") else ""
            Words("p", f"Found: {TASKS[facts['task']]}.{target}")
        selects = {"task": ("Task", TASKS)}
        if headings:
            columns = {"": "as it was found", **{name: name for name in headings}}
            selects["target"] = ("Column to be predicted", columns)
            if facts.get("kind") == "image" or asked.get("image"):
                selects["image"] = ("Column of pictures", columns)
        with box("form") as made:
            with box("div", "fields"):
                for name, (words, options) in selects.items():
                    with box("label"):
                        Words("span", words)
                        choice(name, options, asked.get(name) or "")
            Words("button", "Check again", "second", 'type="submit"')
        made.on("submit.prevent", lambda event: self._check(event.args), js_handler=SENT)

    async def _check(self, asked: Mapping[str, Any]) -> None:
        wanted = {name: str(value) for name, value in asked.items() if value}
        if wanted == {name: value for name, value in self.found.asked.items() if value} and self.found.facts:
            ui.notify("The data were checked like this already.")
            return
        try:
            self.found = await asyncio.to_thread(self.house.data.check, self.found.id, wanted)
        except Refusal as refusal:
            ui.notify(refusal.message)
            return
        self.draw()

    def _remove(self) -> None:
        """Remove the data, after a question."""
        if self.found.origin == SAMPLE:
            return
        with box("details", "remove"):
            Words("summary", "Remove these data")
            gone = (
                "The uploaded files are deleted." if self.found.origin == UPLOAD else "The files stay where they lie."
            )
            kept = (
                "Studies that learnt from them stay, and the workspace keeps what they read: the pages and reports of"
            )
            Words("p", f"{gone} {kept} their models still show examples.")
            Words("button", "Remove", "second", 'type="button"').on("click", self._removed)

    async def _removed(self) -> None:
        try:
            await asyncio.to_thread(self.house.data.remove, self.found.id)
        except Refusal as refusal:
            ui.notify(f"{refusal.message} {refusal.hint or ''}")
            return
        ui.navigate.to("/new")


SENT = "(event) => emit(Object.fromEntries(new FormData(event.target)))"


def choice(name: str, options: Mapping[str, str], chosen: str, props: str = "") -> Element:
    """A ``select``; what a person chooses in it stays when the page changes around it."""
    with box("select", props=f"{props}") as made:
        made.props["name"] = name
        for value, words in options.items():
            option = Words("option", words)
            option.props["value"] = value
            if value == chosen:
                option.props["^selected"] = ""
    return made


def _refusal(found: DataSet) -> None:
    Words("p", form.in_the_page(str(found.facts["message"])), "failed", 'role="alert"')
    if found.facts.get("hint"):
        Words("p", sentence_case(form.in_the_page(str(found.facts["hint"]))))


def _overview(facts: Mapping[str, Any]) -> None:
    findings = facts["findings"]
    n = findings["n_examples"]
    rows = {"Kind": _kind(facts)}
    for split in ("train", "valid", "test"):
        made = ", set apart by chance" if split in findings["made"] else ""
        rows[f"{sentence_case(SPLITS[split])} split"] = f"{amount(n[split], facts['noun'])}{made}"
    if facts["task"] == REGRESSION:
        figures = findings["target"]
        rows["To be predicted"] = f"{figures['name']}, {_figure(figures['min'])} to {_figure(figures['max'])}"
    else:
        rows["To be predicted"] = f"one of {amount(findings['n_classes'], 'class').replace('classs', 'classes')}"
    with box("dl", "facts"):
        for name, value in rows.items():
            with box():
                Words("dt", name)
                Words("dd", value)


def _kind(facts: Mapping[str, Any]) -> str:
    shape = facts["findings"].get("shape")
    if shape:
        return f"{'grey' if shape[0] == 1 else 'colour'} pictures of {shape[1]} × {shape[2]}"
    if facts.get("columns"):
        return f"a table with {amount(facts['n_columns'], 'column')} to learn from"
    return str(facts["nouns"])


def _problems(facts: Mapping[str, Any]) -> None:
    findings = facts["findings"]
    if findings["warnings"]:
        Words("h3", "What you should look at")
        _sentences(findings["warnings"], "warnings")
    else:
        Words("p", "Nothing was found that speaks against learning from these data.")
    if findings["notes"]:
        Words("h3", "What was decided while reading")
        _sentences(findings["notes"])
    if findings["n_skipped"]:
        with box("details"):
            Words("summary", _left_out(findings["n_skipped"], str(facts["noun"]), bool(facts.get("columns"))))
            with box("ul"):
                for name, why in findings["skipped"]:
                    Words("li", f"{name.rpartition('/')[2]}: {why}")


def _left_out(n: int, noun: str, of_a_table: bool) -> str:
    """Rows that were read, but cannot be learnt from; and pictures that are damaged."""
    lacks = f"{'lacks' if n == 1 else 'lack'} the target" if of_a_table else "could not be read"
    return f"{amount(n, noun)} {lacks}"


def _sentences(lines: Sequence[str], kind: str = "") -> None:
    with box("ul", kind):
        for line in lines:
            Words("li", form.in_the_page(line))


def _samples(found: DataSet) -> None:
    facts = found.facts
    if facts.get("pictures"):
        with sheet("Some of the pictures, as a network sees them"), box("ul", "wall"):
            for place, picture in enumerate(facts["pictures"]):
                with box("li"), box("figure"):
                    image = box("img", props='loading="lazy" width="64" height="64"')
                    image.props["src"] = f"/api/v1/data/{found.id}/pictures/{place}?v={facts['asked']}"
                    image.props["alt"] = picture["name"] or f"picture {place + 1}"
                    Words("figcaption", picture["label"])
    elif facts.get("rows"):
        with sheet("The first training rows, as a network sees them"):
            _table("First rows", [*facts["headings"], str(facts["target"])], facts["rows"])
            with box("details"):
                Words("summary", "All columns")
                _columns(facts)


def _table(label: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with scrolling(label), box("table"):
        with box("thead"), box("tr"):
            for name in head:
                Words("th", name, props='scope="col"')
        with box("tbody"):
            for row in rows:
                with box("tr"):
                    for cell in row:
                        Words("td", "–" if cell is None else str(cell))


def _columns(facts: Mapping[str, Any]) -> None:
    rows = []
    for column in facts["columns"]:
        if column["kind"] == "category":
            values = ", ".join(f"{text} ({share(part)})" for text, part in column["top"])
        else:
            figures = (column["minimum"], column["median"], column["maximum"])
            values = " · ".join(_figure(figure) for figure in figures if figure is not None)
        missing = share(column["missing"]) if column["missing"] else "–"
        rows.append((column["name"], column["kind"], missing, f"{column['distinct']:,}", values))
    _table("Columns", ("Column", "Kind", "Missing", "Different", "Smallest · middle · largest, or most frequent"), rows)
    Words("p", "Counted on the training split.", "faint")
    for name, reason in facts["ignored"]:
        Words("p", f"{name} is not used: it {reason}.", "faint")


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else from_data(value, 6)


def _balance(facts: Mapping[str, Any]) -> None:
    """Bars: how many training examples each class has, or where regression targets lie."""
    if facts["task"] == REGRESSION:
        counts, edges, whole = (facts["histogram"].get(name) for name in ("counts", "edges", "whole"))
        ranges = [(between(edges[at], edges[at + 1], bool(whole)), n, ()) for at, n in enumerate(counts)]
        _bars("Range", ("training",), ranges)
        return
    findings = facts["findings"]
    counts = findings["counts"]
    rows: list[Any] = [
        (findings["classes"][at], counts["train"][at], (counts["valid"][at], counts["test"][at]))
        for at in range(len(findings["classes"]))
    ]
    heads = tuple(SPLITS.values())
    _bars("Class", heads, rows[:MANY])
    if len(rows) > MANY:
        with box("details"):
            Words("summary", f"The other {findings['n_classes'] - MANY:,} classes")
            _bars("Class", heads, rows[MANY:], rows[0][1])
            if findings["n_classes"] > len(rows):
                Words("p", f"There are {findings['n_classes'] - len(rows):,} more, all of them smaller.", "faint")


def _bars(what: str, heads: Sequence[str], rows: Sequence[tuple[str, int, Sequence[int]]], most: int = 0) -> None:
    most = most or max((n for _, n, _ in rows), default=1) or 1
    with scrolling(f"{what}: how many {heads[0]} examples"), box("table", "bars"):
        with box("thead"), box("tr"):
            Words("th", what, props='scope="col"')
            for at, name in enumerate(heads):
                Words("th", sentence_case(name), "" if at == 0 else "n", 'scope="col"')
        with box("tbody"):
            for name, n, others in rows:
                with box("tr"):
                    Words("th", name, props='scope="row"')
                    with box("td"), box("span", "bar"):
                        with box("span", "track", 'aria-hidden="true"'):
                            box("span").style(f"width: {100 * n / most:.1f}%")
                        Words("b", f"{n:,}").style(f"min-width: {len(f'{most:,}')}ch")
                    for other in others:
                        Words("td", f"{other:,}", "n")
