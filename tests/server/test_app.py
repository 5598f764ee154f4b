"""Every request gets an answer in time, whatever happens inside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from archsmith.server.app import App
from archsmith.server.request import Answer, as_json
from archsmith.server.routes import Route

PATH = "/v1/models/bundle_classes/predict"


def with_route(asking: Any, handler: Any) -> None:
    asking.app = App(asking.registry, asking.app._metrics, asking.app._log, [Route("POST", "/page", handler)])


def test_pages_join_the_routes(digits: Any) -> None:
    async def page(request: Any, parts: Any) -> Answer:
        return Answer(b"<p>", type="text/html", headers={"content-security-policy": "default-src 'self'"})

    with_route(digits, page)
    answer = digits("POST", "/page")
    assert (answer.body, answer.headers["content-type"]) == (b"<p>", "text/html")
    assert answer.headers["content-security-policy"] == "default-src 'self'"


def test_a_defect_is_logged_and_the_server_goes_on(digits: Any) -> None:
    async def fails(request: Any, parts: Any) -> Answer:
        raise ZeroDivisionError("of ours")

    with_route(digits, fails)
    answer = digits("POST", "/page")
    assert (answer.status, answer.code) == (500, "internal") and "of ours" not in answer.body.decode()
    assert "unless --log is off" in answer.json["error"]["hint"]
    assert "ZeroDivisionError" in digits.log.getvalue()
    assert digits("POST", PATH, {"examples": [[[1]]]}).status == 200


def test_a_request_that_arrives_too_slowly(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, seconds=0.05)

    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [(b"host", b"localhost")]}
    asking.run(asking.app(scope, never, send))
    assert sent[0]["status"] == 408 and b"within 0.05 seconds" in sent[1]["body"]


def test_a_request_that_is_not_done_in_time(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, seconds=0.05)

    async def long(request: Any, parts: Any) -> Answer:
        await request.body()
        await asyncio.sleep(60)
        return as_json({})

    with_route(asking, long)
    answer = asking("POST", "/page", {})
    assert answer.status == 503 and answer.headers["retry-after"] == "1"
    assert "fewer examples" in answer.json["error"]["hint"]  # the same request takes the same time again


def test_more_requests_than_the_queue_holds_are_told_to_come_back(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, queue=2)
    waiting = asyncio.Event()

    async def long(request: Any, parts: Any) -> Answer:
        await request.body()
        await waiting.wait()
        return as_json({})

    with_route(asking, long)

    async def three() -> list[Any]:
        tasks = [asyncio.create_task(asking.ask("POST", "/page", {})) for _ in range(3)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        health = await asking.ask("GET", "/healthz")
        waiting.set()
        return [*(task.result().status for task in done), health.status, *[(await task).status for task in tasks]]

    assert asking.run(three()) == [503, 200, 200, 200, 503]


def test_a_client_that_went_away_gets_nothing(digits: Any) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [(b"host", b"localhost")]}
    digits.run(digits.app(scope, gone, send))
    assert '"status":499' in digits.log.getvalue()


@pytest.mark.parametrize("path", ["/none", "/v1/models/bundle_classes/predict"])
def test_errors_have_one_form(digits: Any, path: str) -> None:
    assert set(digits("DELETE", path).json["error"]) == {"code", "message", "hint"}
