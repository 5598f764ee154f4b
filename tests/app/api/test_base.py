from __future__ import annotations

import json

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.app.api.base import PREFIX, create
from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.core.errors import UsageError
from archsmith.server.refusals import Refusal

STUDIES = f"{PREFIX}/studies"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create(House(AppSettings(workspace=str(tmp_path_factory.mktemp("w")))))


@pytest.fixture(scope="module")
def api(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"data": "\\ud800"}', 422),
        (b'{"data": "digits", "\\udfff": 1}', 422),
        (b'{"data": "digits", "seed": ' + b"9" * 5000 + b"}", 400),
        (b'{"data": "digits", "seconds": NaN}', 422),
        (b'{"data": "digits", "seconds": Infinity}', 422),
        (b"\xff\xfe\x00", 400),
        (b'{"data": {"data": {}}}', 422),
    ],
)
def test_a_body_that_is_no_wish_is_refused_in_words(api: TestClient, body: bytes, status: int) -> None:
    answer = api.post(STUDIES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    wrong = json.loads(answer.content)["error"]
    assert wrong["message"] and len(wrong["message"]) < 2000
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "a/b" * 500])
def test_a_body_of_another_kind_is_refused(api: TestClient, kind: str) -> None:
    assert api.post(STUDIES, content=b"<a/>", headers={"content-type": kind}).status_code in (400, 415, 422)


@pytest.mark.parametrize(
    "path", ["/nothing", "//about", "/About", "/about/", "/%2e%2e/about", "/about%00", "/" + "a/" * 900]
)
def test_an_address_without_a_route_is_not_there(api: TestClient, path: str) -> None:
    answer = api.get(PREFIX + path, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "nothing"


def test_an_address_that_is_asked_in_another_way_says_so(api: TestClient) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        answer = api.request(method, f"{PREFIX}/about")
        assert answer.status_code in (404, 405)
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal(409, "running", "It runs.", "Wait."), 409, "running"),
        (UsageError("It cannot be \udce4.", "Do otherwise."), 422, "refused"),
        (RuntimeError("/etc/secret"), 500, "internal"),
    ],
)
def test_errors_become_one_shape(app: FastAPI, error: Exception, status: int, code: str) -> None:
    async def fails() -> None:
        raise error

    app.router.routes.insert(0, _route("/api/v1/fails", fails))
    answer = TestClient(app, raise_server_exceptions=False).get("/api/v1/fails")
    assert answer.status_code == status
    wrong = answer.json()["error"]
    assert wrong["code"] == code
    assert set(wrong) == {"code", "message", "hint"}
    assert "secret" not in answer.text


def _route(path: str, handler: object) -> object:
    from fastapi.routing import APIRoute

    return APIRoute(path, handler, include_in_schema=False)  # type: ignore[arg-type]


def test_the_description_is_whole_and_loads_nothing_from_elsewhere(api: TestClient) -> None:
    document = api.get(f"{PREFIX}/openapi.json").json()
    for path, methods in document["paths"].items():
        assert path.startswith(PREFIX)
        for method, said in methods.items():
            assert said.get("summary"), (path, method)
            assert "4XX" in said["responses"], (path, method)
    assert api.get("/docs").status_code == api.get("/redoc").status_code == 404
