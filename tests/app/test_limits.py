from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app import limits
from archsmith.app.limits import Limits, is_page
from archsmith.app.settings import AppSettings
from archsmith.server.settings import Settings

SETTINGS = AppSettings(request_bytes=1000, request_seconds=0.1, upload_bytes=5000)


async def reads(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, and answers with its size; a cut one with 400."""
    n, more = 0, True
    status = 200
    try:
        while more:
            message = await receive()
            n, more = n + len(message.get("body", b"")), message.get("more_body", False)
    except Exception:
        status = 400
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(n).encode()})


@pytest.fixture
def client() -> TestClient:
    return TestClient(Limits(reads, SETTINGS))


def pieces(n: int) -> Iterator[bytes]:
    """A body that does not say how large it is."""
    yield from (b"x" * 100 for _ in range(n // 100))


@pytest.mark.parametrize(("n", "status"), [(0, 200), (1000, 200), (1100, 413), (10**6, 413)])
def test_a_body_has_a_limit_whether_it_says_its_size_or_not(client: TestClient, n: int, status: int) -> None:
    assert client.post("/api/v1/x", content=b"x" * n).status_code == status
    assert client.post("/api/v1/x", content=pieces(n)).status_code == status


@pytest.mark.parametrize("said", ["99999999999999999999", "1001"])
def test_a_size_that_is_too_large_is_refused_before_the_body(client: TestClient, said: str) -> None:
    answer = client.post("/api/v1/x", headers={"content-length": said}, content=b"x")
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_files_have_a_larger_one(client: TestClient) -> None:
    assert client.post("/api/v1/data", content=b"x" * 5000).text == "5000"
    assert client.post("/api/v1/data", content=pieces(5100)).status_code == 413
    assert client.post("/api/v1/data/a", content=b"x" * 1001).status_code == 413


@pytest.mark.parametrize("what", ["predict", "occlusion"])
def test_a_model_is_asked_with_as_much_as_its_own_server_takes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    assert limits.EXAMPLE_BYTES == Settings().request_bytes
    monkeypatch.setattr(limits, "EXAMPLE_BYTES", 3000)
    path = f"/api/v1/models/a/{what}"
    assert client.post(path, content=b"x" * 3000).text == "3000"
    for body in (b"x" * 3100, pieces(3100)):
        assert client.post(path, content=body).status_code == 413


async def ask(limits: Limits, messages: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await limits({"type": "http", "path": "/api/v1/x", "method": "POST", "headers": []}, messages, send)
    return sent


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    import asyncio

    async def slow() -> Any:
        await asyncio.sleep(60)

    sent = asyncio.run(ask(Limits(reads, SETTINGS), slow))
    assert sent[0]["status"] == 408


def test_the_end_of_a_connection_may_take_longer_than_a_body() -> None:
    import asyncio

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    messages = iter([{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}])

    async def late() -> Any:
        message = next(messages)
        if message["type"] == "http.disconnect":
            await asyncio.sleep(0.3)
        return message

    assert asyncio.run(ask(Limits(waits, SETTINGS), late))[0]["status"] == 200


def test_no_more_pages_are_shown_than_may_lie_open() -> None:
    client = TestClient(Limits(reads, SETTINGS, lambda: True))
    assert client.get("/studies/a").status_code == 503
    assert client.get("/api/v1/about").status_code == 200
    assert not is_page("/assets/app.css") and not is_page("/_nicegui/x") and is_page("//api/v1/about")
