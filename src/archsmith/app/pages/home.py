"""``/``: studies, data and models, and the way to a new study."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from archsmith.app.house import House
from archsmith.app.overview import PAGE, Beginning, Line, Overview, StudyLine, begin_sample, overview
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.rows import reveal
from archsmith.core.errors import ArchsmithError
from archsmith.server.refusals import Refusal

FIRST_SECONDS = 1.5  # that the first answer waits for studies to be read; then the page comes without them
LOOK_SECONDS, LOOK_TURNS = 1.0, 5  # of which one is taken while nothing begins
MOST_STUDIES = 100_000
WHAT = (
    "Archsmith designs a network for your data: it tries many kinds, trains the most promising ones, and hands over "
    "the best as files that run anywhere. Everything stays on this machine."
)
SAMPLE = "The sample is 1,797 small pictures of handwritten digits. A study of it takes two minutes."


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/")
    async def home(offset: int = 0) -> None:
        page = Home(house, min(max(0, offset), MOST_STUDIES))
        with frame("Studies", "/", style="home", twin="/studies"):
            page.draw()
        await page.begin()


@dataclass
class Cell:
    """Of a table. ``link``: where it leads; empty: nowhere. ``kind``: classes of the words."""

    words: str
    link: str = ""
    kind: str = ""


class Table:
    """A table that changes in place, so that whoever is in it with the keyboard stays there."""

    def __init__(self, caption: str, columns: Sequence[str]) -> None:
        self._shown: list[tuple[str, list[Cell]]] = []
        self._words: list[list[Words]] = []
        # Narrow screens show rows as blocks, which takes the meaning from the elements; the roles keep it.
        with box("table", "stack", f'role="table" aria-label="{caption}"'):
            with box("thead", props='role="rowgroup"'), box("tr", props='role="row"'):
                for column in columns:
                    Words("th", column, props='scope="col" role="columnheader"')
            self._body = box("tbody", props='role="rowgroup"')

    def show(self, rows: list[tuple[str, list[Cell]]]) -> None:
        """``rows``: a key and the cells of each; the first cell is the heading of its row."""
        same = [(key, [cell.link for cell in cells]) for key, cells in rows]
        if same != [(key, [cell.link for cell in cells]) for key, cells in self._shown]:
            self._body.clear()
            with self._body:
                self._words = [self._row(cells) for _, cells in rows]
        for words, (_, cells) in zip(self._words, rows, strict=True):
            for shown, cell in zip(words, cells, strict=True):
                shown.set_text(cell.words)
                shown.classes(replace=cell.kind)
        self._shown = rows

    def _row(self, cells: list[Cell]) -> list[Words]:
        made = []
        with box("tr", props='role="row"'):
            for place, cell in enumerate(cells):
                with box(*(("th", "", 'scope="row" role="rowheader"') if place == 0 else ("td", "", 'role="cell"'))):
                    made.append(
                        Words("a" if cell.link else "span", "", props=f'href="{cell.link}"' if cell.link else "")
                    )
        return made


class Home:
    """The page, for one browser."""

    def __init__(self, house: House, offset: int) -> None:
        self._house = house
        self._offset = offset
        self._shown: Overview | None = None
        self._busy = False
        self._turn = 0
        self._own = ""  # the job that this page has begun
        self._client = ui.context.client
        self._lines: list[tuple[tuple[str, bool], Words]] = []  # of studies that begin

    def draw(self) -> None:
        """Lay out the page, without what has to be read."""
        self._first = box("section", "sheet first")
        with self._first:
            Words("h2", "Begin")
            Words("p", WHAT)
            Words("p", SAMPLE)
        with box("div", "row begin"):
            self._sample = Words("button", "Try the sample: 2 minutes", props='type="button"')
            self._sample.on("click", self._try)
            Words("a", "New study with your own data", "button second", 'href="/new"')
        self._said = Words("p", "", "said", 'role="status"')
        self._beginnings = box("div", "beginnings")
        with sheet("All studies", "studies") as self._studies:
            self._table = Table("Studies", ("Study", "State", "Score", "Data", "Trials", "Changed"))
            self._more = box("nav", "row", 'aria-label="Older and newer studies"')
        with box("div", "columns"):
            with sheet("Models", "models") as self._models:
                self._model_table = Table("Models", ("Model", "What it comes to"))
                self._model_note = Words("p", "", "hint")
            with sheet("Data sets", "data") as self._data:
                self._data_table = Table("Data sets", ("Data set", "State and size"))
                self._data_note = Words("p", "", "hint")
                self._data_all = Words("a", "All data sets", props='href="/new#data"')
        for part in (self._first, self._studies, self._models, self._data):
            reveal(part, False)

    async def begin(self) -> None:
        """Fill the page: at once where that is quick, and otherwise as soon as it can be."""
        looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait([looking], timeout=FIRST_SECONDS)
        if not done:
            self._said.set_text("Reading the studies …")
        ui.timer(LOOK_SECONDS, self._again)

    async def _again(self) -> None:
        """Look for what is new: every few seconds, and every second while something begins."""
        self._turn += 1
        begins = self._own or any(running for (_, running), _ in self._lines)
        if self._own:
            await self._follow()
        if not self._busy and (begins or self._turn % LOOK_TURNS == 0):
            await self._look()

    async def _look(self) -> None:
        self._busy = True
        try:
            found = await asyncio.to_thread(overview, self._house, self._offset)
        except (ArchsmithError, Refusal, OSError) as error:
            self._said.set_text(f"The studies cannot be read. {in_words(error)}")
            self._said.classes(replace="said failed")
            return
        finally:
            self._busy = False
        if found != self._shown:
            self._show(found)

    def _show(self, found: Overview) -> None:
        if self._shown is None or "failed" in self._said.classes:
            self._said.set_text("")
            self._said.classes(replace="said")
        self._table.show([(each.id, study_cells(each)) for each in found.studies])
        self._model_table.show([(each.id, line_cells(each, "/models")) for each in found.models])
        self._data_table.show([(each.id, line_cells(each, "/data")) for each in found.data])
        for part, shown in (
            (self._first, found.first),
            (self._studies, found.n_studies > 0),
            (self._models, found.n_models > 0),
            (self._data, found.n_data > 0),
        ):
            reveal(part, shown)
        self._model_note.set_text(rest(found.n_models, len(found.models), "models"))
        self._data_note.set_text(rest(found.n_data, len(found.data), "data sets"))
        reveal(self._data_all, found.n_data > len(found.data))
        if self._shown is None or found.n_studies != self._shown.n_studies:
            self._draw_more(found.n_studies)
        self._show_beginnings(found.beginnings)
        self._shown = found

    def _draw_more(self, n: int) -> None:
        self._more.clear()
        with self._more:
            if self._offset:
                Words("a", "Newer", props=f'href="/?offset={max(0, self._offset - PAGE)}"')
            if n > self._offset + PAGE:
                Words("a", "Older", props=f'href="/?offset={self._offset + PAGE}"')
            if n > PAGE:
                last = min(n, self._offset + PAGE)
                Words("span", f"{min(n, self._offset + 1):,} to {last:,} of {n:,}", "faint")

    def _show_beginnings(self, beginnings: tuple[Beginning, ...]) -> None:
        """Drawn anew where there are others; the seconds of those that are there go on in place."""
        keys = [(each.id, each.running) for each in beginnings]
        if keys != [key for key, _ in self._lines]:
            self._lines = []
            self._beginnings.clear()
            with self._beginnings:
                for each in beginnings:
                    with sheet(), box("div", "row"):
                        words = Words("span", each.words, "" if each.running else "failed")
                        self._lines.append(((each.id, each.running), words))
                        self._end_button(each)
        for each, (_, words) in zip(beginnings, self._lines, strict=True):
            words.set_text(each.words)

    def _end_button(self, each: Beginning) -> None:
        jobs = self._house.jobs
        words, busy, act = ("Cancel", "Cancelling …", jobs.pause) if each.running else ("Close", "…", jobs.forget)
        button = Words("button", words, "second", 'type="button"')

        async def press() -> None:
            button.props('disabled="true"')
            button.set_text(busy)
            with contextlib.suppress(ArchsmithError, Refusal):  # it has begun, or ended, meanwhile
                await asyncio.to_thread(act, each.id)
            await self._look()

        button.on("click", press)

    async def _try(self) -> None:
        """Begin the study of the sample. Its page opens when it is there: data are read and the machine is measured."""
        self._sample.props('disabled="true"')
        self._said.classes(replace="said")
        self._said.set_text("Starting …")
        try:
            self._own = await asyncio.to_thread(begin_sample, self._house)
        except (ArchsmithError, Refusal) as error:
            self._said.set_text(in_words(error))
            self._said.classes(replace="said failed")
            self._sample.props(remove="disabled")
        else:
            await self._look()

    async def _follow(self) -> None:
        """Open the page of the study that this page has begun, as soon as there is one."""
        job = await asyncio.to_thread(self._house.jobs.get, self._own)
        if job is not None and job.study is not None:
            self._own = ""
            self._client.open(f"/studies/{quote(job.study, safe='')}")
        elif job is None or not job.running:
            self._own = ""
            self._said.set_text("The start was cancelled." if job is None else "")
            self._sample.props(remove="disabled")


def study_cells(study: StudyLine) -> list[Cell]:
    """The row of a study."""
    state = f"{study.state}: {study.words}" if study.words else study.state
    return [
        Cell(study.id, f"/studies/{quote(study.id, safe='')}"),
        Cell(state, kind="failed" if study.words else "state"),
        Cell(study.score),
        Cell(study.data),
        Cell(f"{study.trials:,}"),
        Cell(study.age),
    ]


def line_cells(line: Line, place: str) -> list[Cell]:
    """The row of a model or a data set."""
    return [Cell(line.name, f"{place}/{quote(line.id, safe='')}"), Cell(", ".join(line.facts))]


def rest(n: int, shown: int, things: str) -> str:
    """What to say of those that are not shown."""
    n -= shown
    if n <= 0:
        return ""
    return f"1 older {things.removesuffix('s')} is not shown." if n == 1 else f"{n:,} older {things} are not shown."


def in_words(error: ArchsmithError | Refusal | OSError) -> str:
    """What an error says, and what to do about it."""
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return " ".join(filter(None, (error.message, error.hint)))
