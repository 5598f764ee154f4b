"""``/differences?study=…&a=…&b=…``: two networks side by side; ``other`` names the study of the second one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlencode

from nicegui import ui

from archsmith.app.drawings import Drawn
from archsmith.app.house import House
from archsmith.app.networks import Difference, Network, Row
from archsmith.app.pages import network_parts as parts
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.network import counts
from archsmith.app.pages.pieces import scrolling
from archsmith.core.errors import ArchsmithError
from archsmith.core.wording import amount
from archsmith.server.refusals import Refusal

MOST_ROWS = 400
PATIENCE = 12.0  # seconds that the page waits for both drawings


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/differences", response_timeout=90.0)
    async def difference(study: str = "", a: str = "", b: str = "", other: str = "") -> None:
        ui.add_head_html(parts.SCRIPT)
        first, second = (study, a), (other or study, b)
        if not (study and a and b):
            with frame("Two networks", style="network"):
                Words("p", "Open a network of a study, and choose another one to compare it with.")
            return
        found = await asyncio.to_thread(house.networks.difference, first, second)
        if first == second:
            with frame(_title(found.first), style="network"):
                parts.back(study)
                Words("p", "This is one and the same network. Choose another one to compare it with.")
                with box("p"):
                    parts.link("Its page", parts.network_path(study, a))
            return
        drawn = await asyncio.gather(*(_drawn(house, *which) for which in (first, second)))
        title = f"{_title(found.first)} and {_title(found.second, found.first.study)}"
        asked = {"study": study, "a": a, "b": b, **({"other": other} if other else {})}
        with frame(title, style="network", twin=f"/differences?{urlencode(asked)}"):
            for whose in dict.fromkeys((study, other or study)):
                parts.back(whose)
            names = _title(found.first), _title(found.second, found.first.study)
            Words("p", parts.text(_lead(found, names)))
            measured = {row.name for row in found.scores}
            counted = [row for row in _costs(drawn) if row.name not in measured]
            _table("What was measured and counted", [*found.scores, *counted], names)
            with box("div", "columns"):
                for i, (one, told) in enumerate(zip((found.first, found.second), drawn, strict=True)):
                    _side(one, names[i], told, f"s{i}")
            if found.first.decisions and found.second.decisions:
                _table("Decisions", found.decisions[:MOST_ROWS], names)


def _lead(found: Difference, names: tuple[str, str]) -> str:
    """How many decisions differ; what was no trial, such as a linear model, has none to compare."""
    without = [name for name, one in zip(names, (found.first, found.second), strict=True) if not one.decisions]
    if without:
        return f"No decisions are known of {' and '.join(without)}, so none are compared."
    n = found.n_different
    return f"{amount(n, 'decision')} {'differs' if n == 1 else 'differ'}, {len(found.decisions) - n:,} are the same."


async def _drawn(house: House, study: str, name: str) -> Drawn | str:
    """The drawing, or a sentence that says why there is none."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(house.networks.drawn, study, name), PATIENCE)
    except (Refusal, ArchsmithError) as error:
        return error.message
    except TimeoutError:
        return "The drawing takes longer. Load this page again in a while."


def _title(network: Network, study: str | None = None) -> str:
    """``study``: that of the other network; it is told where it is another one."""
    return network.title if study in (None, network.study) else f"{network.title} of {network.study}"


def _costs(drawn: Sequence[Drawn | str]) -> list[Row]:
    known = [dict(counts(one)) if isinstance(one, Drawn) else {} for one in drawn]
    names = dict.fromkeys(name for one in known for name in one)
    return [Row(name, known[0].get(name), known[1].get(name)) for name in names]


def _side(network: Network, title: str, drawn: Drawn | str, name: str) -> None:
    with sheet():
        with box("h2"):
            parts.link(title, parts.network_path(network.study, network.name))
        if isinstance(drawn, str):
            Words("p", parts.text(f"There is no drawing. {drawn}"))
            return
        for i, picture in enumerate(drawn.pictures[:2]):
            Words("h3", parts.text(picture.title))
            parts.viewer(f"{picture.title} of {title}", picture.svg, f"{name}{i}", told=i == 0)


def _table(title: str, rows: Sequence[Row], names: tuple[str, str]) -> None:
    """What is the same is grey, and says so in words as well."""
    if not rows:
        return
    with sheet(title), scrolling(title), box("table", "difference"):
        with box("thead"), box("tr"):
            for name in ("", *names, ""):
                Words("th" if name else "td", parts.text(name), props='scope="col"' if name else "")
        with box("tbody"):
            for row in sorted(rows, key=lambda row: row.same):
                with box("tr", "same" if row.same else ""):
                    Words("th", parts.path_of(row.name), props='scope="row"')
                    for value in (row.first, row.second):
                        Words("td", "–" if value is None else parts.text(value))
                    Words("td", "same" if row.same else "differs", "" if row.same else "differs")
