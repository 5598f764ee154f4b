"""``/new``: choose data for a new study: a file to send, a path where the app allows one, or what is there."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from nicegui import ui

from archsmith.app.datasets import SAMPLE, STATES, DataSet
from archsmith.app.house import House
from archsmith.app.pages.frame import ASSETS, Words, box, frame, sheet
from archsmith.app.pages.pieces import scrolling
from archsmith.app.uploads import KINDS
from archsmith.core.wording import size
from archsmith.server.refusals import Refusal

WHAT = (
    ("Pictures", "a zip with one folder for each class; train, valid and test folders above them may be there"),
    ("A table", "CSV or Parquet, one row for each example"),
    ("Arrays", "an .npz with images and labels, or IDX or .npy files (choose images and labels together)"),
)


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/new")
    async def new() -> None:
        ui.add_head_html(f'<script src="{ASSETS}/upload.js" defer></script>')
        found = await asyncio.to_thread(house.data.list)
        with frame("New study", "/new", style="data", twin="/data"):
            Words("p", "A study begins with data. They stay on this machine.", "faint")
            with box("div", "columns"):
                with sheet("Send a file"):
                    _upload(house)
                with sheet("Or take data that are here") as here:
                    here.props["id"] = "data"
                    _list(found)


def _upload(house: House) -> None:
    with box("div", "drop", f'data-upload-zone="{house.settings.upload_bytes}"'):
        Words("p", "Drop a file here, or", props='id="drop-words"')
        with box("label", "button", 'for="upload-file"'):
            Words("span", "Choose a file")
        kinds = ",".join(kind for kind in KINDS if kind.startswith("."))
        box("input", "covered", f'id="upload-file" type="file" multiple data-upload-file accept="{kinds},*"')
        with box("div", "run", "data-upload-run hidden"):
            box("progress", props='max="1" data-upload-bar aria-label="How much of the file was sent"')
            Words("p", "", "faint", 'data-upload-state role="status"')
            Words("button", "Stop", "second", 'type="button" data-upload-stop')
        Words("p", "", "failed", 'data-upload-wrong role="alert"')
    with box("dl", "kinds"):
        for what, how in WHAT:
            Words("dt", what)
            Words("dd", how)
    Words("p", f"A file may have up to {size(house.settings.upload_bytes)}.", "faint")
    if house.settings.allow_paths is not None:
        _path(house)


def _path(house: House) -> None:
    """A path on the machine of the app, without an upload."""
    Words("h3", "Or name a path")
    with box("form", "row") as form:
        with box("label", "grow"):
            Words("span", f"File or folder below {house.settings.allow_paths}")
            box("input", props='name="path" type="text" required autocomplete="off" aria-describedby="path-wrong"')
        Words("button", "Use it", props='type="submit"')
    wrong = Words("p", "", "failed", 'id="path-wrong" role="alert"')

    async def use(event: Any) -> None:
        try:
            made = await asyncio.to_thread(house.data.add_path, str(event.args)[:4096])
        except Refusal as refusal:
            wrong.set_text(" ".join(filter(None, (refusal.message, refusal.hint))))
        else:
            ui.navigate.to(f"/data/{made.id}")

    form.on("submit.prevent", use, js_handler="(event) => emit(event.target.elements.path.value)")


def _list(found: list[DataSet]) -> None:
    with scrolling("Data that are here"), box("table"):
        with box("thead"), box("tr"):
            for name, kind in (("Name", ""), ("State", ""), ("Size", "n"), ("Added", "added")):
                Words("th", name, kind, 'scope="col"')
        with box("tbody"):
            for each in found:
                with box("tr"):
                    with box("th", props='scope="row"'):
                        Words("a", each.name, props=f'href="/data/{each.id}"')
                    with box("td"):
                        Words("span", STATES[each.state], "state")
                    Words("td", "–" if each.size is None else size(each.size), "n")
                    Words("td", "comes along" if each.origin == SAMPLE else _when(each.added), "added")


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
