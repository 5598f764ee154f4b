from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui import Client, ui

from archsmith.app.endpoints import Endpoint
from archsmith.app.house import House
from archsmith.app.pages import model_use
from archsmith.app.pages.frame import Words
from archsmith.server.refusals import Refusal

Homes = dict[str, tuple[House, str]]
STOPPED = Endpoint(running=False, address=None, curl=None, since=None, requests=0, examples=0, refused=0, error=None)
RUNNING = Endpoint(
    running=True,
    address="http://127.0.0.1:1",
    curl="curl http://127.0.0.1:1",
    since=1.0,
    requests=1234,
    examples=5,
    refused=2,
    error=None,
)


def words_of(root: ui.element) -> list[str]:
    return [each.text for each in root.descendants() if isinstance(each, Words) and each.visible]


@pytest.mark.parametrize(
    ("n", "told"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (5e9, "5 GB")]
)
def test_sizes_are_told_in_their_unit(n: int, told: str) -> None:
    assert model_use.size(n) == told


def test_a_form_asks_for_every_column(homes: Homes) -> None:
    house, id = homes["rows"]
    with Client(ui.page("/")), ui.element("div") as root:
        model_use.try_it(house.models.facts(id))
    fields = {
        each.props["data-column"]: each.props["data-kind"] for each in root.descendants() if "data-column" in each.props
    }
    kinds = {"age": "number", "income": "number", "city": "category", "member": "category", "since": "date"}
    assert fields == kinds


def test_a_form_of_many_columns_and_categories_stays_small(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_use, "MOST_FIELDS", 3)
    monkeypatch.setattr(model_use, "MOST_OPTIONS", 2)
    house, id = homes["rows"]
    with Client(ui.page("/")), ui.element("div") as root:
        model_use.try_it(house.models.facts(id))
    fields = [each for each in root.descendants() if "data-column" in each.props]
    assert [each.props["type"] for each in fields] == ["text", "text", "text", "hidden", "hidden"]
    assert fields[2].props["^value"] in ("Bern", "Basel", "Genf", "=cmd()", "Zürich <b>")


def test_every_file_has_a_link(homes: Homes) -> None:
    house, id = homes["rows"]
    files = model_use.files_known(house, id)
    with Client(ui.page("/")), ui.element("div") as root:
        model_use.take_it(house.models.facts(id), files)
    links = [each.props["href"] for each in root.descendants() if each.tag == "a"]
    assert links == [f"/api/v1/models/{id}/files/{file.name}" for file in files]


class Served:
    """Stands for the servers."""

    def __init__(self) -> None:
        self.now = STOPPED

    def get(self, id: str) -> Endpoint:
        return self.now

    def start(self, id: str) -> Endpoint:
        self.now = RUNNING
        return self.now

    def stop(self, id: str) -> Endpoint:
        raise Refusal(409, "stuck", "It does not stop.")


def test_a_server_is_started_shown_and_its_refusal_is_told(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, in_app: Callable[..., Any]
) -> None:
    monkeypatch.setattr(model_use.ui, "timer", lambda *args, **more: SimpleNamespace(active=False))  # needs a browser
    house, id = homes["rows"]
    known: Any = house.models.facts(id)
    stand_in: Any = type("House", (), {"endpoints": Served(), "trying": house.trying})()
    with Client(ui.page("/")), ui.element("div") as root:
        server = model_use._Server(stand_in, known, STOPPED)
    assert "Start a server" in words_of(root) and "It is not served." in words_of(root)
    in_app(server._press)
    assert {"Stop the server", "Serving at http://127.0.0.1:1", "1,234"} <= set(words_of(root))
    assert "curl http://127.0.0.1:1" in words_of(root)
    in_app(server._press)
    assert "It does not stop. " in words_of(root)


def test_the_time_is_measured_on_request(homes: Homes, in_app: Callable[..., Any]) -> None:
    house, id = homes["rows"]
    with Client(ui.page("/")), ui.element("div") as root:
        timed = model_use._Latency(house, house.models.facts(id))
    in_app(timed._measure)
    assert any("ms for one row" in text for text in words_of(root))


def of_script(name: str, call: str) -> Any:
    """What ``call`` gives in a browser, with the function of that name in the script of the page."""
    text = (Path(model_use.__file__).parents[1] / "static" / "model.js").read_text(encoding="utf-8")
    found = re.search(rf"^  function {name}\(.*?^  }}", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    script = ["node", "-e", f"{found[0]}\nconsole.log(JSON.stringify({call}));"]
    return json.loads(subprocess.run(script, capture_output=True, encoding="utf-8", check=True, timeout=60).stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_probability_that_is_not_quite_1_never_looks_as_if_it_were() -> None:
    said = of_script("percent", "[1, 0.99999, 0.9996, 0.999, 0.5, 0.0004, 0].map(percent)")
    assert said == ["100.0 %", "> 99.9 %", "> 99.9 %", "99.9 %", "50.0 %", "< 0.1 %", "0.0 %"]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_place_that_hardly_matters_is_not_told_as_the_one_that_matters_most() -> None:
    said = of_script("worst", '[0.00003, 0.002, 0.4].map((most) => worst([[0, most]], most, { label: "7" }))')
    assert said[0] == "Whatever place is covered, the probability of “7” falls by less than 0.01 points."
    assert "falls by 0.20 points, more than" in said[1] and "falls by 40 points, more than" in said[2]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_prediction_that_rises_wherever_the_picture_is_covered_does_not_stay() -> None:
    said = of_script("worst", '[-0.4, 0].map((fall) => worst([[0, 0]], 0, { label: "7", fall: [[0, fall]] }))')
    assert said == [
        "Whatever place is covered, the probability of “7” does not fall.",
        "No single place matters: whatever is covered, the prediction stays.",
    ]


@pytest.mark.parametrize(
    ("name", "what"), [("classes", "the probability falls"), ("numbers", "the prediction changes")]
)
def test_orange_is_what_it_is_said_to_be(homes: Homes, name: str, what: str) -> None:
    house, id = homes[name]
    with Client(ui.page("/")), ui.element("div") as root:
        model_use.try_it(house.models.facts(id))
    assert any(f"the more {what} without it." in text for text in words_of(root))
