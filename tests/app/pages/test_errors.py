from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.app.pages.errors import html
from archsmith.core.errors import UsageError
from archsmith.server.refusals import Refusal


@pytest.mark.parametrize("path", ["/nothing", "/studies", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/<script>"])
def test_where_there_is_no_page_the_frame_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>There is no such page</h1>" in answer.text
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


def test_files_of_the_framework_that_are_not_there_are_no_pages(client: TestClient) -> None:
    answer = client.get("/_nicegui/0/libraries/x")
    assert answer.status_code == 404
    assert "<h1>" not in answer.text


def test_half_a_character_can_be_shown() -> None:
    assert "h1" in html(Refusal(404, "x", "a\udce4"))


def test_no_page_stays_in_memory(client: TestClient, app: FastAPI) -> None:
    from nicegui import Client

    before: Any = len(Client.instances)
    client.get("/nothing")
    assert len(Client.instances) == before
