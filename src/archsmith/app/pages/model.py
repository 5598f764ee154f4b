"""``/models/{id}``: how good a model is; it can be tried, taken home and served."""

from __future__ import annotations

import asyncio

from nicegui import ui

from archsmith.app.house import House
from archsmith.app.model_facts import ModelFacts
from archsmith.app.pages import model_mistakes, model_quality, model_use
from archsmith.app.pages.frame import ASSETS, Words, box, frame
from archsmith.app.pages.markdown import markdown
from archsmith.app.pages.pieces import said, section, table
from archsmith.app.pages.removal import RemoveButton, watch
from archsmith.core.wording import sentence_case

SCRIPT = f'<script src="{ASSETS}/model.js" defer></script>'
PATIENCE_SECONDS = 60.0  # to read a long study on a busy machine
SECTIONS = {
    "quality": "Quality",
    "try": "Try it",
    "take": "Take it",
    "serve": "Serve it",
    "card": "Card",
    "cost": "Cost",
    "reproduce": "Reproduce",
}


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/models/{id}", response_timeout=PATIENCE_SECONDS)
    async def model(id: str) -> None:
        known = await asyncio.to_thread(house.models.facts, id)
        files = await asyncio.to_thread(model_use.files_known, house, id)
        served = await asyncio.to_thread(house.endpoints.get, id)
        curve = await asyncio.to_thread(model_quality.curve_of, house, id)
        relabels = await asyncio.to_thread(house.models.relabels.get, id)
        ui.add_head_html(SCRIPT)
        with frame(known.name, style="model", twin=f"/models/{id}"):
            place = box("div")
        with place:
            _head(known)
            model_quality.show(house, known, curve)
            model_mistakes.show(house, known, relabels)
            if known.usable:
                model_use.try_it(known)
                model_use.take_it(known, files)
                model_use.serve_it(house, known, served)
            _card(known)
            model_use.cost(house, known)
            _reproduce(known)
            RemoveButton(house, id, model=True).offer(known.study != "running")
        watch(house, id, place)


def _head(known: ModelFacts) -> None:
    Words("p", f"{sentence_case(known.headline)}.", "lead")
    Words("p", known.detail)
    for sentence in (known.warning, known.why):
        if sentence:
            Words("p", sentence)
    for sentence in (*known.notes, *known.missing):
        Words("p", sentence, "notice")
    if known.study == "running":
        Words("p", "Its study is running. This is what it has come to so far.", "notice")
    shown = {name: title for name, title in SECTIONS.items() if known.usable or name not in ("try", "take", "serve")}
    with box("nav", "sections", 'aria-label="Sections of this page"'), box("ul"):
        for name, title in shown.items():
            with box("li"):
                Words("a", title, props=f'href="#{name}"')
        with box("li"):
            said(Words("a", "Its network"), href=f"/studies/{known.id}/networks/exported")
        with box("li"):
            said(Words("a", "Its study"), href=f"/studies/{known.id}")


def _card(known: ModelFacts) -> None:
    if not known.card:
        return
    with section("card", SECTIONS["card"]), box("details"):
        Words("summary", "What it is for, what it was learnt from, how good it is and where it ends")
        body = known.card.partition("\n")[2] if known.card.startswith("# ") else known.card
        markdown(body, below=1, label="Table of the model card")


def _reproduce(known: ModelFacts) -> None:
    found = known.reproduction
    if found is None:
        return
    with section("reproduce", SECTIONS["reproduce"]):
        Words("p", found.lead)
        if found.command:
            model_use.line(found.command, "Copy the command")
        else:
            Words("p", "There is no command: the data were given in memory.")
        table(("What", "As it was"), found.facts, "What decided the study")
