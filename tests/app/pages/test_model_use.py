from __future__ import annotations

from collections.abc import Callable
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
