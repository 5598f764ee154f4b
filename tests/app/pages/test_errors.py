from __future__ import annotations

import shutil
from html import escape
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.app.comparisons import RESULTS
from archsmith.app.house import House
from archsmith.app.pages.errors import html
from archsmith.core.errors import UsageError
from archsmith.server.refusals import Refusal


@pytest.mark.parametrize("path", ["/nothing", "/studies", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/<script>"])
def test_where_there_is_no_page_the_frame_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>There is no such page.</h1>" in answer.text
    assert 'href="/new"' in answer.text
    assert "nicegui.js" not in answer.text and "<script>" not in answer.text


def test_a_page_is_read_and_nothing_else(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = client.request(method, "/")
        assert answer.status_code == 405
        assert "not asked in this way" in answer.text


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Refusal(409, "x", "The study <b> runs."), 409, "The study &lt;b&gt; runs."),
        (UsageError("It is too short.", "Give more."), 422, "Give more."),
        (RuntimeError("secret"), 500, "The app has failed"),
    ],
)
def test_a_page_that_fails_says_why_in_the_frame(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str
) -> None:
    from nicegui import ui

    @ui.page(f"/fails-{status}")
    def fails() -> None:
        raise error

    answer = client.get(f"/fails-{status}")
    assert answer.status_code == status
    assert words in answer.text
    assert "secret" not in answer.text and "Traceback" not in answer.text


NETWORKS = "study={0}&a=0&b=99"


@pytest.mark.parametrize(
    ("page", "twin"),
    [
        ("/data/nothing", "/data/nothing"),
        ("/studies/nothing", "/studies/nothing"),
        ("/studies/nothing/lineage", "/studies/nothing/lineage"),
        ("/studies/nothing/networks/0", "/studies/nothing/networks/0"),
        ("/studies/{0}/networks/99", "/studies/{0}/networks/99"),
        (f"/differences?{NETWORKS}", f"/differences?{NETWORKS}"),
        ("/models/nothing", "/models/nothing"),
        ("/models/{0}", "/models/{0}"),
        ("/comparisons/nothing", "/comparisons/nothing"),
    ],
)
def test_what_is_not_there_has_no_page_and_no_answer(client: TestClient, evolved: str, page: str, twin: str) -> None:
    answer, said = client.get(page.format(evolved)), client.get(f"/api/v1{twin.format(evolved)}")
    assert answer.status_code == said.status_code == 404
    assert escape(said.json()["error"]["message"]) in answer.text
    assert "nicegui.js" not in answer.text


@pytest.mark.parametrize("place", ["studies", "models", "data"])
def test_what_is_not_there_is_named_in_the_title(client: TestClient, place: str) -> None:
    text = client.get(f"/{place}/nothing").text
    said = escape(client.get(f"/api/v1/{place}/nothing").json()["error"]["message"])
    assert f"<title>{said} · Archsmith</title>" in text and f"<h1>{said}</h1>" in text and text.count(said) == 2


def test_what_is_damaged_is_told_by_page_and_answer(client: TestClient, house: House, compared: str) -> None:
    damaged = house.comparisons.folder / "damaged"
    shutil.copytree(house.comparisons.folder / compared, damaged)
    (damaged / RESULTS).write_text("{")
    answer, said = client.get("/comparisons/damaged"), client.get("/api/v1/comparisons/damaged")
    shutil.rmtree(damaged)
    assert answer.status_code == said.status_code == 422
    assert escape(said.json()["error"]["message"]) in answer.text


def test_files_of_the_framework_that_are_not_there_are_no_pages(client: TestClient) -> None:
    answer = client.get("/_nicegui/0/libraries/x")
    assert answer.status_code == 404
    assert "<h1>" not in answer.text


def test_half_a_character_can_be_shown() -> None:
    assert "h1" in html(Refusal(404, "x", "a\udce4"))


def test_no_page_stays_in_memory(client: TestClient, app: FastAPI) -> None:
    from nicegui import Client

    before: Any = len(Client.instances)
    for path in ("/nothing", "/data/nothing", "/models/nothing", "/studies/nothing"):
        client.get(path)
    assert len(Client.instances) == before
