from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from archsmith.app.gate import COOKIE, Gate
from archsmith.app.settings import AppSettings

HERE, SOCKET = "http://127.0.0.1:8104", "ws://127.0.0.1:8104"
TOKEN = "0123456789abcdef-token"
PATHS = ["/", "/studies/a", "/api/v1/about", "/healthz", "/readyz", "/v2/health/live", "/_nicegui/x", "/assets/app.css"]


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was asked for, and takes any websocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})
    else:
        said = repr(sorted(name for name, _ in scope["headers"])).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": said})


def client(**settings: Any) -> TestClient:
    return TestClient(Gate(inside, AppSettings(**settings)), base_url=HERE, follow_redirects=False)


@pytest.fixture
def open_() -> TestClient:
    """Without a token."""
    return client()


@pytest.fixture
def locked() -> TestClient:
    """With one."""
    return client(token=TOKEN)


# The token


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_given_without_the_token_and_no_cookie_either(locked: TestClient, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "PROPFIND"):
        answer = locked.request(method, path)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer wrong"},
        {"authorization": TOKEN},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + "A" * 100},
        {"cookie": f"{COOKIE}={TOKEN}"},
        {"cookie": f"{COOKIE}="},
        {"cookie": f'{COOKIE}="\\303"'},
        {"cookie": f"{COOKIE}=é".encode("latin-1")},
        {"cookie": ";" * 5000},
    ],
)
def test_what_is_not_the_token_is_refused(locked: TestClient, headers: Mapping[str, Any]) -> None:
    assert locked.get("/", headers=headers).status_code == 401


@pytest.mark.parametrize("query", ["?token=wrong", "?token=", "?token=%E2%82%AC", "?token=%00", f"?Token={TOKEN}"])
def test_what_is_not_the_token_is_refused_in_the_address(locked: TestClient, query: str) -> None:
    assert locked.get(f"/{query}").status_code == 401


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(locked: TestClient) -> None:
    answer = locked.get(f"/studies/a?x=1&token={TOKEN}&y=ä")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/studies/a?x=1&y=%C3%A4"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    assert locked.get("/studies/a").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "/%0d%0aset-cookie:a=b", "/%5cevil.example", "/\\evil.example"])
def test_no_address_leads_to_another_site_or_into_the_headers(locked: TestClient, path: str) -> None:
    answer = locked.get(f"{HERE}{path}?token={TOKEN}")
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place.startswith("/") and not place.startswith(("//", "/\\"))
    assert "\n" not in place and "a=b" not in answer.headers["set-cookie"]


def test_the_cookie_is_found_among_odd_ones_of_other_programs(locked: TestClient) -> None:
    value = locked.get(f"/?token={TOKEN}").cookies[COOKIE]
    locked.cookies.clear()
    assert locked.get("/", headers={"cookie": f"a[0]=[x; {COOKIE}=old; {COOKIE}={value}; b"}).status_code == 200
    assert locked.get("/", headers={"cookie": f"{COOKIE}={value}x"}).status_code == 401


def test_whoever_showed_the_token_in_a_header_gets_the_cookie_once(locked: TestClient) -> None:
    assert "set-cookie" in locked.get("/", auth=("anybody", TOKEN)).headers
    assert "set-cookie" not in locked.get("/").headers


def test_a_browser_asks_its_person_on_pages_alone(locked: TestClient) -> None:
    assert locked.get("/studies/a").headers["www-authenticate"].startswith("Basic")
    assert locked.get("/api/v1/about").headers["www-authenticate"] == "Bearer"


# Other sites


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8104", "127.0.0.1.evil.example", "0x7f.1", "a b", ""])
def test_a_foreign_name_is_refused(open_: TestClient, host: str) -> None:
    assert open_.get("/", headers={"host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LOCALHOST:8104", "[::1]:8104", "127.8.8.8"])
def test_names_of_this_machine_are_taken(open_: TestClient, host: str) -> None:
    assert open_.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8105", "file://", "http://localhost:8104"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
def test_pages_of_other_origins_may_not_ask(open_: TestClient, method: str, origin: str) -> None:
    answer = open_.request(method, "/_nicegui_ws/socket.io/?transport=polling", headers={"origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_pages_may(open_: TestClient) -> None:
    assert open_.post("/api/v1/studies", headers={"origin": HERE}).status_code == 200


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("cross-site", "no-cors", "image", 403),
        ("cross-site", "no-cors", "script", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("same-site", "no-cors", "script", 403),
        ("same-site", "cors", "empty", 403),
        ("cross-site", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)
def test_other_sites_may_link_here_and_embed_nothing(
    open_: TestClient, site: str, mode: str, dest: str, status: int
) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    assert open_.get("/", headers=headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}, {"sec-fetch-site": "cross-site"}],
)
def test_a_websocket_of_another_site_is_closed(open_: TestClient, headers: dict[str, str]) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        open_.websocket_connect(f"{SOCKET}/_nicegui_ws/x", headers=headers),
    ):
        pass
    assert closed.value.code == 1008


def test_a_websocket_needs_the_token(locked: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as closed, locked.websocket_connect(f"{SOCKET}/_nicegui_ws/x"):
        pass
    assert closed.value.code == 1008
    with pytest.raises(WebSocketDisconnect), locked.websocket_connect(f"{SOCKET}/_nicegui_ws/x?token={TOKEN}"):
        pass
    locked.get(f"/?token={TOKEN}")
    with locked.websocket_connect(f"{SOCKET}/_nicegui_ws/x", headers={"origin": HERE}):
        pass


# Headers


@pytest.mark.parametrize("name", ["host", "origin", "authorization", "content-length"])
def test_what_decides_may_not_be_said_twice(open_: TestClient, name: str) -> None:
    value = {"host": "127.0.0.1:8104", "origin": HERE, "content-length": "0"}.get(name, "x")
    both = [("host", "127.0.0.1:8104"), (name, value), (name.title(), value)]
    assert open_.post("/", headers=both).status_code == 400


def test_what_pages_would_repeat_is_taken_out(open_: TestClient) -> None:
    assert "x-forwarded-prefix" not in open_.get("/", headers={"X-Forwarded-Prefix": "//evil.example"}).text


@pytest.mark.parametrize("query", ["token=" + "a" * 9000, "&".join("a=1" for _ in range(101))])
def test_an_address_that_says_too_much_is_refused(locked: TestClient, query: str) -> None:
    assert locked.get(f"/?{query}").status_code == 400


@pytest.mark.parametrize("path", ["/", "/api/v1/about", "/nothing", "/assets/app.css"])
@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}, {"origin": "null"}, {"authorization": "Bearer x"}])
def test_every_answer_has_the_headers_of_safety(locked: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = locked.get(path, headers=headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy
    assert ("sandbox" in policy) == path.startswith("/api/")
