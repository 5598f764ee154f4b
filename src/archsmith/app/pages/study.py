"""``/studies/{id}``: a study as it goes: phase, clock, the pool, charts, leaderboard, the network that is looked at,
the log, and what can be done with it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from nicegui import ui

from archsmith.analysis.wording import rounded
from archsmith.app.api.studies import charts_of, facts_of
from archsmith.app.beliefs import has_history
from archsmith.app.entrants import Entrant, Entrants, entrants
from archsmith.app.house import House
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.removal import RemoveButton, gone
from archsmith.app.pages.rows import Column, Row, Rows, reveal
from archsmith.app.pages.study_chart import TrialChart
from archsmith.app.pages.study_controls import VALUE, StudyControls
from archsmith.app.pages.study_options import (
    curve_options,
    empty_options,
    progress_options,
    progress_words,
    scatter_options,
    scatter_words,
)
from archsmith.app.pages.study_parts import Board, Head, Log, NetworkBox
from archsmith.app.standings import Standings, standings
from archsmith.app.studies import Followed
from archsmith.app.study_charts import Charts
from archsmith.app.study_facts import StudyFacts
from archsmith.app.trial_facts import TrialFacts, trial_facts
from archsmith.core.errors import StudyError
from archsmith.core.wording import amount, sentence_case, visible

TICK_SECONDS = 1.0
PATIENCE_SECONDS = 0.5  # after which a page is sent although its log is not read yet
PAGE = 15  # networks of the pool that are listed at once
WHY_SECONDS = 60.0  # after which it is known why a process ended
SHARE = 20.0  # charts that took long are made anew after so many times as long


@dataclass(frozen=True)
class Look:
    """What a page shows. Parts that did not change are None."""

    facts: StudyFacts
    standings: Standings | None = None
    pool: Entrants | None = None
    trial: TrialFacts | None = None
    charts: Charts | None = None


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/studies/{id}")
    async def study(id: str) -> None:
        page = StudyPage(house, await asyncio.to_thread(house.studies.get, id))
        reading = asyncio.create_task(asyncio.to_thread(page.look))
        await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
        soon, twin = reading.done(), f"/studies/{quote(id, safe='')}"
        if not soon:  # a log of very many trials: say so, and fill the page when it is read
            with frame(visible(id), style="study", twin=twin):
                waiting = Words("p", "Reading what this study has logged …", props='role="status"')
                place = box("div")
            await ui.context.client.connected()
        try:
            look = await reading
        except StudyError as error:
            if soon:
                raise
            waiting.set_text(str(error))
            return
        assert look is not None
        if soon:
            with frame(look.facts.study, style="study", twin=twin):
                place = box("div")
        else:
            waiting.set_text("")
        with place:
            page.build(look)
        ticking = ui.timer(TICK_SECONDS, lambda: tick(), immediate=False)
        drawing = ui.timer(TICK_SECONDS, page.draw_network)

        async def tick() -> None:
            try:
                await page.tick()
            except StudyError as error:
                ticking.cancel()
                drawing.cancel()
                gone(place, str(error))


class StudyPage:
    """The page of one study for one visitor."""

    def __init__(self, house: House, followed: Followed) -> None:
        self._house = house
        self._followed = followed
        self._seen = ""  # the version that is shown
        self._drawn = ""  # the version of the charts
        self._chart_seconds = 0.0  # what the charts took
        self._charted = 0.0  # when they were made
        self._offset = 0
        self._picked: int | None = None  # by the person; None: the best one
        self._size = 0  # which scatter
        self._charts: Charts | None = None
        self._running = False
        self._ranked = False  # has the leaderboard a row?
        self._changing = False  # may it say something else although nothing is logged?
        self._has_history = False
        self._thing = "network"

    # -- reading, in another thread ------------------------------------------------------------------------------------

    def look(self) -> Look | None:
        """What is new; None where nothing is."""
        with self._followed.look():
            version = self._followed.version
            if version == self._seen and version == self._drawn and not self._changing:
                return None
            facts = facts_of(self._followed, self._house)
            new = version != self._seen
            charts = self._new_charts(version) if version != self._drawn else None
            trial = self._trial(facts) if new else None
            board = self._followed.facts(standings) if new else None
            pool = self._pool() if new else None
        self._seen, self._running = version, facts.state == "running"
        late = facts.state == "interrupted" and time.time() - facts.changed < WHY_SECONDS
        self._changing = self._running or late
        return Look(facts, board, pool, trial, charts)

    def _pool(self) -> Entrants:
        return self._followed.facts(entrants, self._offset, PAGE)

    def _new_charts(self, version: str) -> Charts | None:
        """None where they were made just now and take long: what changes every moment need not be drawn each time."""
        now = time.monotonic()
        if self._drawn and now - self._charted < SHARE * self._chart_seconds:
            return None
        charts = charts_of(self._followed)
        self._has_history = self._followed.facts(has_history)
        self._drawn, self._charted, self._chart_seconds = version, now, time.monotonic() - now
        return charts

    def _trial(self, facts: StudyFacts) -> TrialFacts | None:
        shown = facts.knee or facts.best
        trial = self._picked if self._picked is not None or shown is None else shown.trial
        if trial is None:
            return None
        try:
            return self._followed.facts(trial_facts, trial)
        except StudyError:  # its log was damaged or replaced just now, which the next look tells
            return None

    # -- the page ------------------------------------------------------------------------------------------------------

    def build(self, look: Look) -> None:
        """Make all elements, once."""
        with sheet(kind="head"):
            self._head = Head()
            self._controls = StudyControls(self._house, self._followed.id)
        self._found = box("div")
        with self._found:
            self._build_charts(look)
            self._build_pool(look.facts.things)
            self._network = NetworkBox(self._followed.id, partial(self._house.networks.drawn, self._followed.id))
            self._board = Board(self.pick)
        self._log = Log()
        self._remove = RemoveButton(self._house, self._followed.id)
        self._show(look)

    def _build_charts(self, look: Look) -> None:
        charts = look.charts
        assert charts is not None
        self._charts = charts
        with box("div", "columns"):
            with sheet("Scores over time") as self._best:
                self._progress = TrialChart("Scores of trials over time", progress_options(charts), self.pick)
                self._progress_note = Words("p", "", "hint")
            several = len(look.facts.objectives) > 1
            with sheet("Objectives against each other" if several else "Score against size") as self._sized:
                with box("label", "row") as self._against:
                    Words("span", "Against")
                    self._sizes = box("select", props='aria-label="Size to compare with"')
                    self._sizes.on("change", lambda event: self._resize(event.args), js_handler=VALUE)
                self._scatter = TrialChart("Scores against sizes", self._scatter_options(charts), self.pick)
                self._scatter_note = Words("p", "", "hint")
        self._named: list[str] = []

    def _build_pool(self, things: str) -> None:
        self._thing = things[:-1]
        with sheet(sentence_case(things)) as self._tried:
            self._lead = Words("p", "", "faint")
            self._curves = TrialChart("Learning curves", curve_options(self._charts_now()), self.pick)
            self._rows = Rows(
                f"{sentence_case(things)} of this study",
                [
                    Column(sentence_case(self._thing)),
                    Column("State"),
                    Column("Score", True),
                    Column("Trained for", True),
                    Column("Parameters", True),
                    Column("Why"),
                ],
                self.pick,
                "pool",
            )
            with box("div", "row"):
                self._back = Words("button", "Better ones", "second", 'type="button"').on(
                    "click", lambda: self._turn(-1)
                )
                self._on = Words("button", f"More {things}", "second", 'type="button"').on(
                    "click", lambda: self._turn(1)
                )
                self._where = Words("span", "", "faint", 'role="status"')
                self._way = Words(
                    "a",
                    "How the search came to its best",
                    props=f'href="/studies/{quote(self._followed.id, safe="")}/lineage"',
                )

    async def tick(self) -> None:
        """Show what is new. Raises NoStudyError where the study is gone."""
        look = await asyncio.to_thread(self.look)
        if look is not None:
            self._show(look)

    async def draw_network(self) -> None:
        """Show the drawing of the network that is looked at, which takes a moment to make."""
        await self._network.draw()

    def _show(self, look: Look) -> None:
        self._head.show(look.facts)
        self._controls.show(look.facts)
        self._remove.offer(look.facts.state != "running")
        if look.standings is not None:
            self._ranked = bool(look.standings.rows)
            self._board.show(look.standings)
            self._log.show(look.facts)
        reveal(self._found, look.facts.n_trials > 0 or self._ranked)
        if look.pool is not None:
            self._show_pool(look.pool)
        if look.trial is not None:
            self._network.show(look.trial)
        if look.charts is not None:
            self._charts = look.charts
            self._draw()

    def _draw(self) -> None:
        """Charts, as they stand."""
        charts, seen = self._charts_now(), self._network.trials
        self._progress.show(progress_options(charts, seen))
        reveal(self._best, bool(charts.progress.dots or charts.progress.shorter or charts.progress.failed))
        reveal(self._way, self._has_history)
        self._curves.show(curve_options(charts, seen))
        reveal(self._curves.figure, any(len(curve.points) > 1 for curve in charts.curves))
        self._scatter.show(self._scatter_options(charts, seen))
        self._progress_note.text = f"{progress_words(charts)} {_left_out(charts.progress.left_out)}".strip()
        scatters = charts.scatters
        if scatters:
            scatter = scatters[min(self._size, len(scatters) - 1)]
            self._scatter_note.text = f"{scatter_words(charts, scatter)} {_left_out(scatter.left_out)}".strip()
        else:
            self._scatter_note.text = "No two networks of different sizes have a score yet."
        reveal(self._best, not charts.progress.empty)
        reveal(self._sized, bool(scatters) or (self._running and self._thing == "network"))  # settings have no size
        names = [each.name for each in scatters]
        for element in (self._against, self._scatter.figure):
            reveal(element, bool(names))
        if names != self._named:
            self._named = names
            self._sizes.clear()
            with self._sizes:
                for i, name in enumerate(names):
                    Words("option", name, props=f'value="{i}"' + (" selected" if i == self._size else ""))

    def _scatter_options(self, charts: Charts, seen: frozenset[int] = frozenset()) -> dict[str, object]:
        if not charts.scatters:
            return empty_options(charts)
        return scatter_options(charts, charts.scatters[min(self._size, len(charts.scatters) - 1)], seen)

    def _charts_now(self) -> Charts:
        assert self._charts is not None
        return self._charts

    def _show_pool(self, pool: Entrants) -> None:
        self._rows.show([_pool_row(each) for each in pool.entrants])
        reveal(self._tried, pool.total > 0)
        self._lead.text = f"{amount(pool.total, self._thing)}{' so far' * self._running}."
        last = min(pool.total, pool.offset + PAGE)
        self._where.text = f"{pool.offset + 1} to {last} of {pool.total:,}" if pool.total > PAGE else ""
        for button, shown in ((self._back, pool.offset > 0), (self._on, last < pool.total)):
            reveal(button, shown)

    # -- what a person does --------------------------------------------------------------------------------------------

    async def pick(self, trial: int) -> None:
        """Look at another network."""
        try:
            found = await asyncio.to_thread(self._followed.facts, trial_facts, trial)
        except StudyError:
            return
        self._picked = trial
        self._network.show(found)
        self._network.go()
        self._draw()
        await self._network.draw()

    async def _turn(self, by: int) -> None:
        self._offset = max(0, self._offset + by * PAGE)
        try:
            self._show_pool(await asyncio.to_thread(self._pool))
        except StudyError:
            return

    def _resize(self, said: object) -> None:
        if isinstance(said, str) and said.isdecimal():
            self._size = int(said)
            self._draw()


def _pool_row(one: Entrant) -> Row:
    params = rounded(one.params) if one.params else "–"
    return Row((one.name, one.doing, one.score_words, one.learnt, params, one.why), one.trial, one.best)


def _left_out(n: int) -> str:
    return f"{amount(n, 'trial')} are not drawn, since there are very many." if n else ""
