"""The sections of a model's page that use it: try it, take it home, serve it; and what it costs.

Pictures and rows go from the browser straight to the API (``static/model.js``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from archsmith.analysis.wording import duration, number
from archsmith.app.api.base import PREFIX
from archsmith.app.endpoints import Endpoint
from archsmith.app.house import House
from archsmith.app.model_facts import ModelFacts
from archsmith.app.model_files import TakeFile, files_of, missing_of
from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.pieces import facts, said, scrolling, section, starting
from archsmith.bundle.manifest import REPORT
from archsmith.core.errors import ArchsmithError
from archsmith.core.wording import visible
from archsmith.server.refusals import Refusal

LOOK_SECONDS = 3.0  # between two looks at a server
MOST_OPTIONS = 100  # categories of a column that is asked for with a list
MOST_FIELDS = 200  # of a form; the other columns count as missing


def files_known(house: House, id: str) -> list[TakeFile]:
    """What can be taken; nothing without a bundle."""
    model = house.models.get(id)
    return [] if model.bundle is None else files_of(model.bundle)


def line(command: str, label: str) -> None:
    """A line for a terminal, with a button that copies it."""
    with box("div", "line"):
        Words("pre", command, props='tabindex="0"')
        Words("button", label, "second", 'type="button" data-copy')


# Try it


def try_it(known: ModelFacts) -> None:
    """The section: a picture or a form in, probabilities or a number out."""
    form = known.form or {}
    with section("try", "Try it"), said(box("div"), data_try=f"{PREFIX}/models/{known.id}"):
        if "columns" in form:
            _row(form["columns"])
        else:
            _picture(known)
        box("p", "", 'role="status" aria-live="polite" data-status')
        box("div", "bars", "data-result")


def _picture(known: ModelFacts) -> None:
    with box("label", "drop"):
        Words("span", "Choose a picture, or drop or paste one here.")
        box("input", props='type="file" accept="image/*" data-picture')
    with box("div", "shown", "data-shown hidden"):
        said(box("img", props="data-preview"), alt="The picture that was chosen")
        said(box("canvas", props='data-map role="img" hidden'), aria_label="Where the picture matters")
    with box("div", "row", "data-tools hidden"):
        Words("button", "Show where it looks", "second", 'type="button" data-occlude')
        what = "the prediction changes" if known.kind == "regression" else "the probability falls"
        Words(
            "small",
            f"Covers one place after the other, and shows the picture grey. The stronger the orange of a place, "
            f"the more {what} without it.",
            "hint",
        )


def _row(columns: list[Mapping[str, Any]]) -> None:
    with box("form", props="data-row"):
        with box("div", "fields"):
            for column in columns[:MOST_FIELDS]:
                _field(column)
        for column in columns[MOST_FIELDS:]:
            said(box("input", props='type="hidden"'), data_column=column["name"], data_kind="number")
        if len(columns) > MOST_FIELDS:
            Words("p", f"The other {len(columns) - MOST_FIELDS:,} columns count as missing.", "faint")
        Words("button", "Predict", props='type="submit"')


def _field(column: Mapping[str, Any]) -> None:
    with box("label"):
        Words("span", visible(str(column["name"])))
        if "categories" in column:
            _category(column["name"], column["categories"])
            return
        kind = "date" if column["is_date"] else "number"
        field = box(
            "input", props='type="date"' if kind == "date" else 'type="text" inputmode="decimal" autocomplete="off"'
        )
        said(field, data_column=column["name"], data_kind=kind)
        starting(field, column["usual"])
        Words("small", f"{column['least']} to {column['most']} in training rows; may be empty")


def _category(name: str, categories: list[str]) -> None:
    if len(categories) > MOST_OPTIONS:
        field = said(box("input", props='type="text" autocomplete="off"'), data_column=name, data_kind="text")
        starting(field, categories[0])
        Words("small", f"One of {len(categories):,} categories; any other counts as unknown")
        return
    with said(box("select"), data_column=name, data_kind="category"):
        for category in categories:
            said(Words("option", visible(category)), value=f"={category}")
        said(Words("option", "missing or another"), value="")


# Take it


def take_it(known: ModelFacts, files: list[TakeFile]) -> None:
    """The section: what can be downloaded, how large it is, and what it is for."""
    with section("take", "Take it"):
        with scrolling("Files to take"), box("table", "files"):
            with box("thead"), box("tr"):
                Words("th", "File", props='scope="col"')
                Words("th", "Size", "n", 'scope="col"')
            with box("tbody"):
                for file in files:
                    with box("tr"):
                        with box("th", props='scope="row"'):
                            address = f"{PREFIX}/models/{known.id}/files/{file.name}"
                            said(Words("a", file.name), href=address, download="")
                            Words("small", file.told, "hint")
                        Words("td", size(file.size), "n")
        if any(file.name == REPORT for file in files):
            with box("p"):
                link = Words("a", "Read the report in a window of its own", props='target="_blank" rel="noopener"')
                said(link, href=f"{PREFIX}/models/{known.id}/report")
        if lacking := missing_of(files):
            Words("p", lacking, "faint")
        Words("p", "Unpack bundle.zip; then, where pip install archsmith was run:", "faint")
        line("archsmith predict FOLDER FILE", "Copy the command")


def size(n: int) -> str:
    """``512 bytes``, ``1.2 MB``."""
    for unit, letters in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= unit:
            return f"{n / unit:.3g} {letters}"
    return f"{n} bytes"


# Serve it


def serve_it(house: House, known: ModelFacts, served: Endpoint) -> None:
    """The section."""
    with section("serve", "Serve it"):
        Words(
            "p",
            "A server of this model, for programs on this machine. It goes on when this app ends, until it is stopped "
            "here.",
        )
        _Server(house, known, served)


class _Server:
    """Starts and stops the server of one model, and shows how it does."""

    def __init__(self, house: House, known: ModelFacts, served: Endpoint) -> None:
        self._house, self._id = house, known.id
        self._curl: str | None = None
        with box("div", "row"):
            self._button = Words("button", "", props='type="button"')
            self._button.on("click", self._press)
            self._state = Words("span", "", "", 'role="status" aria-live="polite"')
        self._error = Words("p", "", "failed")
        self._body = box("div")
        self._counts = box("div")
        self._show(served)
        self._timer = ui.timer(LOOK_SECONDS, self._look, active=served.running)

    async def _press(self) -> None:
        running = self._running
        self._button.props["disabled"] = True
        self._state.set_text("Stopping …" if running else "Starting …")
        act = self._house.endpoints.stop if running else self._house.endpoints.start
        try:
            self._show(await asyncio.to_thread(act, self._id))
        except (Refusal, ArchsmithError) as error:
            self._state.set_text("")
            self._error.set_text(f"{error.message} {error.hint or ''}")
            self._error.set_visibility(True)
        self._button.props.pop("disabled", None)
        self._timer.active = self._running

    async def _look(self) -> None:
        self._show(await asyncio.to_thread(self._house.endpoints.get, self._id))
        self._timer.active = self._running

    def _show(self, served: Endpoint) -> None:
        self._running = served.running
        self._button.set_text("Stop the server" if served.running else "Start a server")
        self._state.set_text(f"Serving at {served.address}" if served.running else "It is not served.")
        self._error.set_text(served.error or "")
        self._error.set_visibility(bool(served.error))
        if served.curl != self._curl:
            self._curl = served.curl
            self._body.clear()
            if served.curl:
                with self._body:
                    Words("p", "Ask it from a terminal:", "faint")
                    line(served.curl, "Copy the line")
        self._counts.clear()
        if served.running and served.since is not None:
            with self._counts:
                facts(
                    [
                        ("Requests answered", f"{served.requests:,}"),
                        ("Examples in them", f"{served.examples:,}"),
                        ("Answers that said no", f"{served.refused:,}"),
                        ("Running for", duration(round(time.time() - served.since))),
                    ]
                )


# Cost


def cost(house: House, known: ModelFacts) -> None:
    """The section: how large it is, and how long a prediction takes."""
    found = known.cost
    pairs = [
        ("Parameters (numbers it has learnt)", _count(found.params)),
        (f"Multiplications for one {known.noun}", _count(found.macs)),
        (f"Reads of one {known.noun}", found.size or "–"),
        ("model.onnx", "–" if found.model_bytes is None else size(found.model_bytes)),
        ("weights.safetensors", "–" if found.weights_bytes is None else size(found.weights_bytes)),
    ]
    with section("cost", "Cost"):
        facts(pairs)
        if known.usable:
            _Latency(house, known)


class _Latency:
    """How long a prediction takes here; measured on request, since other work on the machine shows in it."""

    def __init__(self, house: House, known: ModelFacts) -> None:
        self._house, self._known = house, known
        with box("div", "row"):
            self._button = Words("button", "Measure the time on this machine", "second", 'type="button"')
            self._button.on("click", self._measure)
            self._state = Words("span", "", "", 'role="status" aria-live="polite"')

    async def _measure(self) -> None:
        self._state.set_text("Measuring …")
        try:
            found = await asyncio.to_thread(self._house.trying.latency, self._known.id)
        except (Refusal, ArchsmithError) as error:
            self._state.set_text(error.message)
            return
        per_second = number(float(f"{1000 / found.milliseconds:.2g}"))
        self._state.set_text(
            f"{found.milliseconds:.3g} ms for one {self._known.noun} that was read already, with one thread: about "
            f"{per_second} a second."
        )


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
