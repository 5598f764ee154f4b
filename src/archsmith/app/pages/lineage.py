"""``/studies/{study}/lineage``: which network came from which, and what the strategy believed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from nicegui import ui

from archsmith.app.beliefs import Belief
from archsmith.app.house import House
from archsmith.app.lineage import Change, Lineage, Step
from archsmith.app.pages import network_parts as parts
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.pieces import scrolling


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/studies/{study}/lineage", response_timeout=20.0)
    async def lineage(study: str) -> None:
        networks = house.networks
        found, beliefs = await asyncio.to_thread(lambda: (networks.lineage(study), networks.beliefs(study)))
        twin = f"/studies/{quote(study, safe='')}/lineage"
        with frame("How the search came to its best", style="network", twin=twin):
            parts.back(study)
            if found is None and not beliefs:
                with sheet():
                    Words(
                        "p", "No network of this search was made from another one, and its strategy noted no beliefs."
                    )
            if found is not None:
                _lineage(study, found)
            for belief in beliefs:
                _belief(belief)


def _lineage(study: str, found: Lineage) -> None:
    with sheet("Lineage"):
        Words("p", parts.text(found.lead))
        if found.chart:
            parts.chart(found.chart)
            Words("p", found.note, "faint")
    if len(found.path) > 1:
        with sheet(f"The way to the best trial{parts.text(found.by)}"), box("ol", "way"):
            for step in found.path:
                with box("li", "best" if step is found.path[-1] else ""):
                    _step(study, step, found.by)
    if found.n_families > 1:
        _families(study, found)


def _step(study: str, step: Step, by: str) -> None:
    with box("p", "row"):
        parts.link(f"Trial {step.trial}", parts.network_path(study, step.trial))
        Words("strong", step.score)
        if step.better is not None:
            Words("span", parts.text(f"{'' if step.better else 'not '}better{by} than before"), "state")
        if step.made_by:
            Words("span", parts.text(step.made_by), "faint")
        if step.parent is not None:
            path = f"/differences?study={quote(study)}&a={step.parent}&b={step.trial}"
            parts.link("what changed", path, label=f"What changed from trial {step.parent} to trial {step.trial}")
    if step.parent is not None and not step.changes:
        Words("p", "The same network, trained again or further.", "faint")
    elif step.changes:
        _changes(step.changes, step.n_changes)


def _changes(changes: Sequence[Change], n: int) -> None:
    with box("ul", "changes"):
        for change in changes:
            with box("li"):
                Words("code", parts.text(change.name))
                Words("span", f": {parts.text(change.before or '–')} → {parts.text(change.after or '–')}")
        if n > len(changes):
            Words("li", f"and {n - len(changes):,} more")


def _families(study: str, found: Lineage) -> None:
    with sheet("Families"):
        text = "A family is a trial that was made from no other one, and all that came from it."
        if found.n_families > len(found.families):
            text += f" The {len(found.families)} largest of {found.n_families:,} are shown."
        Words("p", text, "faint")
        with scrolling("Families"), box("table"):
            with box("thead"), box("tr"):
                for name in ("founder", "trials", f"best trial{parts.text(found.by)}", "its score"):
                    Words("th", name, "" if name == "founder" else "n", 'scope="col"')
            with box("tbody"):
                for family in found.families:
                    with box("tr"):
                        with box("th", props='scope="row"'):
                            parts.link(f"trial {family.founder}", parts.network_path(study, family.founder))
                        Words("td", f"{family.n_members:,}", "n")
                        with box("td", "n"):
                            if family.best is None:
                                Words("span", "–")
                            else:
                                parts.link(f"trial {family.best}", parts.network_path(study, family.best))
                        Words("td", family.score, "n")


def _belief(belief: Belief) -> None:
    with sheet(belief.title):
        Words("p", parts.text(belief.lead))
        for i, svg in enumerate(belief.charts):
            parts.chart(svg)
            if i == 0 and belief.keys:
                with box("ol", "keys"):
                    for key in belief.keys:
                        with box("li"):
                            box("span", f"swatch {key.colour}{' dashed' if key.dashed else ''}", 'aria-hidden="true"')
                            Words("code", parts.text(key.name))
                            Words("span", f" {key.end}")
        Words("p", parts.text(belief.note), "faint")
