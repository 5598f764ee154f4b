"""``/data/{id}``: what was found in data, and the form of a study that learns from them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from archsmith.analysis.wording import between, from_data, share
from archsmith.app import form
from archsmith.app.datasets import CHECKING, PATH, READY, REFUSED, SAMPLE, UPLOAD, DataSet
from archsmith.app.house import House
from archsmith.app.pages.frame import ASSETS, Words, box, frame, sheet
from archsmith.app.pages.meaning import Meaning
from archsmith.app.pages.pieces import scrolling, whole
from archsmith.app.pages.starting import OPENS, Starting
from archsmith.app.pages.study_form import StudyForm
from archsmith.core.targets import REGRESSION
from archsmith.core.wording import SPLITS, amount, sentence_case
from archsmith.server.refusals import Refusal

LOOK_SECONDS = 1.0  # between two looks at whether something has come further
REST = 5  # looks of which one is taken while nothing goes on
MANY = 15  # classes, of which the others are folded away
QUICK_BYTES, SLOW_BYTES = 2e6, 20e6  # of data whose check takes seconds, and minutes
AGAIN = "The data are being checked again, as you have chosen. What you have filled in stays."


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
        self.client = ui.context.client
        self.status: Any = Words("p", "", "faint", 'role="status"')
        self.starting = Starting(house.jobs, found.source, self.hold, self.fail)
        self.above = box()
        self.meaning = Meaning(self.ask)
        self.place = box()
        self.form: StudyForm | None = None
        self.values: dict[str, str] = {}  # what was filled in, also when the data are checked again
        self.wanted: Mapping[str, str] | None = None  # what was asked for last
        self.since = time.monotonic()  # of the check
        self.running: Any = None  # the words that say how long it has run
        self.looks = 0
        self.learning: str | None = None  # the study that learns from these data now

    async def begin(self) -> None:
        found = self.found
        await self.look_at_studies()
        measured = found.measured or found.measuring or self.starting.runs  # what starts measures the machine itself
        if found.state not in (READY, REFUSED) or (found.state == READY and not measured):
            self.found = await asyncio.to_thread(self.house.data.check, self.found.id)
        self.draw()
        ui.timer(LOOK_SECONDS, self.look)

    async def look(self) -> None:
        """Show what has changed; what a person has filled in stays."""
        self.looks += 1
        if self.starting.runs or self.looks % REST == 0:
            await self.look_at_studies()
        if self.found.state != CHECKING and not self.found.measuring:
            return
        try:
            now = await asyncio.to_thread(self.house.data.get, self.found.id)
        except Refusal:  # removed in another window
            self.client.open("/new")
            return
        before, self.found = self.found, now
        if now.state != before.state:
            self.draw()
        elif self.form is not None and now.measuring != before.measuring:
            self.form.foretell(now)
        elif self.running is not None:
            self.running.set_text(f"{time.monotonic() - self.since:.0f} s so far")

    async def look_at_studies(self) -> None:
        """Show whether a study of these data is about to begin, or runs."""
        await self.starting.look()
        job = await asyncio.to_thread(self.house.jobs.learning, self.found.source)
        self.learning = job.study if job is not None else None
        if self.form is not None:
            self.form.tell_of(self.learning)

    def hold(self, starting: bool) -> None:
        """Let no study be started while another one of these data begins."""
        if self.form is not None:
            self.form.hold(f"A study of these data is starting. {OPENS}" if starting else "")

    def fail(self, said: str) -> None:
        """Say why no study came of what this page has begun."""
        if self.form is not None:
            self.form.hold()
            self.form.fail(said)
        else:
            self.status.set_text(said)

    def draw(self) -> None:
        found = self.found
        if self.form is not None:
            self.values = self.form.values
            self.form = None
        self.running = None
        checking = found.state == CHECKING
        self.status.set_text(f"The data are being read and checked. {how_long(found)}" if checking else "")
        self.above.clear()
        self.place.clear()
        with self.above:
            if checking:
                box("progress", props='aria-label="The data are being checked"')
                self.running = Words("p", "", "faint")
                return
            if found.state == REFUSED:
                with sheet("These data cannot be used like this"):
                    _refusal(found)
                    self._check_again()
            elif found.state != READY:
                with sheet("The check was ended before it had finished"):
                    Words("p", "It took too much time or memory, the app was ended, or the data were changed.")
                    self._check_again()
        self.meaning.show(found)
        with self.place:
            if found.state == READY:
                self._facts()
                self.form = StudyForm(self.house, found, self.values, self.starting.began)
                self.form.tell_of(self.learning)
                if self.starting.runs:
                    self.hold(True)
            self._remove()

    def _check_again(self) -> None:
        """For whoever made room meanwhile, or mended a file that lies elsewhere."""
        again = Words("button", "Check again", props='type="button"')
        again.on("click", lambda: self.ask(dict(self.found.asked)))

    def _facts(self) -> None:
        facts = self.found.facts
        with sheet("What was found"):
            _overview(facts)
            _problems(facts)
            if self.found.origin == PATH:
                self._check_again()
        _samples(self.found)
        with sheet("How often what is learnt occurs" if facts["task"] == REGRESSION else "Balance of the classes"):
            _balance(facts)

    async def ask(self, asked: Mapping[str, Any]) -> None:
        """Check the data again at once, as they are to be understood now; until then no study can be started."""
        self.wanted = wanted = {name: str(value) for name, value in asked.items() if value}
        if self.form is not None:
            self.form.hold(AGAIN)
        self.status.set_text(AGAIN)
        self.since = time.monotonic()
        try:
            found = await asyncio.to_thread(self.house.data.check, self.found.id, wanted)
        except Refusal as refusal:
            why = f"{refusal.message} {refusal.hint or ''}"
            self.status.set_text(why)
            if self.form is not None:  # which shows what was not looked at
                self.form.hold(why)
            return
        if self.wanted is wanted:  # nothing else was asked for meanwhile
            self.found = found
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
            self.said: Any = Words("p", "", "failed", 'role="alert"')

    async def _removed(self) -> None:
        try:
            await asyncio.to_thread(self.house.data.remove, self.found.id)
        except Refusal as refusal:
            self.said.set_text(f"{refusal.message} {refusal.hint or ''}")
            return
        self.client.open("/new")


def how_long(found: DataSet) -> str:
    """How long a check of the data may take, by their size where that is known."""
    if found.origin == PATH and (found.size is None or found.asked.get("image")):  # a folder, or a list of pictures
        return "This may take some minutes."
    if found.n_bytes < QUICK_BYTES:
        return "This takes some seconds."
    large = found.n_bytes >= SLOW_BYTES
    return "This may take some minutes, since they are large." if large else "This may take a minute."


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
        least, most = _figure(figures["min"]), _figure(figures["max"])
        rows["To be predicted"] = f"{figures['name']}, {least} to {most} in training {facts['nouns']}"
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
            was = "was" if findings["n_skipped"] == 1 else "were"
            Words("summary", f"{amount(findings['n_skipped'], str(facts['noun']))} {was} left out")
            with box("ul"):
                for name, why in findings["skipped"]:
                    Words("li", f"{name.rpartition('/')[2]}: {why}")


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
            columns = facts.get("shown") or facts["headings"]
            _table("First rows", [*columns, str(facts["target"])], facts["rows"])
            if len(columns) < facts["n_columns"]:
                Words("p", f"{_first(len(columns), facts['n_columns'])} columns are shown.", "faint")
            with box("details"):
                Words("summary", f"{_first(len(facts['columns']), facts['n_columns'], 'All')} columns")
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
                        Words("td", "–" if cell is None else str(cell), whole(str(cell)))


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
    more = facts.get("n_ignored", 0) - len(facts["ignored"])
    if more > 0:
        Words("p", f"{more:,} more {'is' if more == 1 else 'are'} not used.", "faint")


def _first(n: int, total: int, whole: str = "") -> str:
    """How many of ``total`` are shown; ``whole`` where these are all."""
    return f"The first {n:,} of {total:,}" if n < total else whole


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
                Words("p", f"There are {findings['n_classes'] - len(rows):,} more, none of them larger.", "faint")


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
