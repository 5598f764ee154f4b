"""``/comparisons`` and ``/comparisons/{name}``: what ``archsmith compare`` found in this workspace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from urllib.parse import quote

from nicegui import ui

from archsmith.app.comparisons import REPORT, RESULTS, TABLE, Listed, Shown
from archsmith.app.house import House
from archsmith.app.pages import network_parts as parts
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.pieces import scrolling

COMMAND = "archsmith compare --bench digits --strategies random,evolution"
CALLED = {REPORT: "The whole report", TABLE: "All runs as CSV", RESULTS: "All numbers as JSON"}


def mount(house: House) -> None:
    """Make the pages known."""

    @ui.page("/comparisons", response_timeout=20.0)
    async def comparisons() -> None:
        found = await asyncio.to_thread(house.comparisons.list)
        with frame("Comparisons", "/comparisons", style="network", twin="/comparisons"):
            text = "A comparison gives several search strategies the same problem, budget and seeds."
            Words("p", text, "faint")
            if not found:
                with sheet():
                    Words("p", "There are no comparisons yet. One is made in a terminal, for instance with:")
                    with box("pre"):
                        Words("code", COMMAND)
            else:
                _list(found)

    @ui.page("/comparisons/{name}", response_timeout=20.0)
    async def comparison(name: str) -> None:
        found = await asyncio.to_thread(house.comparisons.get, name)
        with frame(
            f"Comparison on {parts.text(found.listed.title)}",
            "/comparisons",
            style="network",
            twin=f"/comparisons/{quote(name)}",
        ):
            _all()
            _one(found)


def _all() -> None:
    with box("p"):
        parts.link("← All comparisons", "/comparisons")


def _list(found: Sequence[Listed]) -> None:
    with sheet(), scrolling("Comparisons"), box("table"):
        with box("thead"), box("tr"):
            for name in ("comparison", "strategies", "what it found", "runs", "changed"):
                Words("th", name, "n" if name == "runs" else "", 'scope="col"')
        with box("tbody"):
            for one in found:
                with box("tr"):
                    with box("th", props='scope="row"'):
                        parts.link(one.title, f"/comparisons/{quote(one.name)}")
                        if one.name != one.title:
                            Words("small", parts.text(one.name), "hint")
                    Words("td", parts.text(", ".join(one.strategies) or "–"))
                    Words("td", parts.text(one.headline), "found")
                    Words("td", f"{one.n_done:,} of {one.n_runs:,}" if one.n_runs else "–", "n")
                    Words("td", time.strftime("%Y-%m-%d %H:%M", time.localtime(one.changed)))


def _one(found: Shown) -> None:
    with sheet("The verdict"):
        Words("p", parts.text(found.verdict or f"{found.listed.headline}."))
        for note in found.notes:
            Words("p", parts.text(note), "notice", 'role="note"')
        if found.files:
            with box("div", "row"):
                for file in found.files:
                    address = f"/api/v1/comparisons/{quote(found.listed.name)}/files/{file}"
                    made = parts.link(CALLED[file], address, "button second")
                    if file != REPORT:
                        made._props["download"] = file
    if found.chart:
        with sheet("Ranks" if not found.listed.n_runs else "Over time"):
            parts.chart(found.chart)
            with box("ul", "keys"):
                for key in found.keys:
                    with box("li"):
                        dashed = " dashed" if key.dashed and found.listed.n_runs else ""
                        box("span", f"swatch s{key.number}{dashed}", 'aria-hidden="true"')
                        Words("span", parts.text(key.name))
            Words("p", found.chart_note, "faint")
    for table in found.tables:
        with sheet(parts.text(table.title)):
            Words("p", parts.text(table.lead), "faint")
            parts.table(table.columns, table.rows, table.title)
