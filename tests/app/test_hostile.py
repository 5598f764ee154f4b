"""What somebody sends who means no good. Each is refused with the code that fits, and leaves nothing on the disk."""

from __future__ import annotations

import gzip
import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from archsmith.app.house import House

TOKEN = "0123456789abcdef-hostile"
API = "/api/v1"
HERE, EVIL = "http://127.0.0.1:8104", "http://evil.example"
SCRIPT = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n"
JSON = {"content-type": "application/json"}
SETTLE_SECONDS = 60.0
CHECKED = ("ready", "refused", "stopped")


def files(house: House) -> set[str]:
    """Everything that the app keeps, but for the sample, which is always there."""
    place = house.workspace.path
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(("app/nicegui", "app/data/digits", "data/"))}


@pytest.fixture
def nothing_left(house: House) -> Iterator[None]:
    before = files(house)
    yield
    assert files(house) == before


@pytest.fixture
def outside(gated: Callable[..., TestClient]) -> TestClient:
    """Without a token, from this machine."""
    return gated(request_bytes=100_000)


# Who asks


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"host": "evil.example"}, 421),
        ("GET", f"{API}/about", {"host": "evil.example:8104"}, 421),
        ("POST", f"{API}/studies", {"host": "127.0.0.1.evil.example"}, 421),
        ("POST", f"{API}/studies", {"origin": EVIL}, 403),
        ("POST", f"{API}/studies", {"origin": "null"}, 403),
        ("POST", f"{API}/studies/x/stop", {"origin": "http://127.0.0.1:9999"}, 403),
        ("DELETE", f"{API}/data/x", {"origin": EVIL}, 403),
        ("OPTIONS", f"{API}/studies", {"origin": EVIL, "access-control-request-method": "POST"}, 403),
        ("GET", f"{API}/studies", {"origin": EVIL}, 403),
        ("POST", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"origin": EVIL}, 403),
        ("GET", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"origin": EVIL}, 403),
        ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ("GET", "/", {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ("POST", "/_nicegui/client/1/upload/1", {}, 404),
        ("PUT", "/assets/app.css", {}, 405),
    ],
)
def test_other_sites_and_odd_requests(
    outside: TestClient, nothing_left: None, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = outside.request(method, path, headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/", {"authorization": "Bearer wrong"}),
        ("/", {"cookie": f"archsmith={TOKEN}"}),
        (f"/?token={TOKEN}x", {}),
        ("/healthz", {}),
        (f"{API}/about", {"authorization": f"Basic {TOKEN}"}),
        (f"{API}/openapi.json", {}),
        ("/assets/app.css", {}),
        ("//api/v1/about", {}),
        ("/API/V1/about", {}),
        ("/%61pi/v1/about", {}),
        ("/nothing", {}),
    ],
)
def test_nobody_without_the_token(gated: Any, nothing_left: None, path: str, headers: dict[str, str]) -> None:
    answer = gated(token=TOKEN).get(f"{HERE}{path}", headers=headers)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{"origin": EVIL}, {"origin": "null"}, {"host": "evil.example"}])
def test_a_websocket_of_another_site(outside: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect) as closed:
        outside.websocket_connect(f"{HERE.replace('http', 'ws')}/_nicegui_ws/socket.io/", headers=headers).__enter__()
    assert closed.value.code == 1008


# Where to


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../run.py",
        "/assets/%2e%2e/run.py",
        "/assets/..%2frun.py",
        "/assets/..%5crun.py",
        "/assets//etc/passwd",
        "/assets/%00",
        "/_nicegui/../../../etc/passwd",
        "/_nicegui/3.18.0/static/%2e%2e/nicegui.py",
        "/_nicegui/3.18.0/resources/x/..%2f..%2fetc/passwd",
        f"{API}/studies/..%2f..%2fetc%2fpasswd/log",
        f"{API}/studies/%2e%2e/log",
        f"{API}/studies/last/log",
        f"{API}/studies/{'a' * 3000}/log",
        f"{API}/studies/a%00b/log",
        f"{API}/data/..%2f..%2fetc",
        f"{API}/models/..%2f..%2fetc/files/passwd",
        f"{API}/models/x/files/..%2f..%2fevents.sqlite",
        "/studies/..%2f..%2fetc%2fpasswd",
        "/studies/<script>alert(1)</script>",
        "/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/data/..%5c..%5cetc",
    ],
)
def test_no_address_leads_out(outside: TestClient, nothing_left: None, path: str) -> None:
    answer = outside.get(f"{HERE}{path}")
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text
    assert "<script>alert(1)" not in answer.text


# What


def deep(n: int) -> bytes:
    return b'{"data":' + b"[" * n + b"]" * n + b"}"


@pytest.mark.parametrize(
    ("path", "body", "statuses"),
    [
        ("/studies", b'{"data":"' + b"a" * 200_000 + b'"}', (413,)),
        ("/studies", deep(40_000), (400, 422)),
        ("/studies", b'{"data":"\\ud800"}', (422,)),
        ("/studies", b'{"data":"digits","seed":' + b"9" * 5000 + b"}", (400,)),
        ("/studies", b'{"data":"digits","seconds":1e400}', (422,)),
        ("/studies", b'{"data":"/etc/passwd"}', (404, 422)),
        ("/studies", b'{"data":"../../../etc/passwd"}', (404, 422)),
        ("/studies", b'{"data":"https://evil.example/x.csv"}', (404, 422)),
        ("/studies", b'{"data":"digits","out":"/tmp/out"}', (422,)),
        ("/studies", b'{"data":"digits","workspace":"/tmp"}', (422,)),
        ("/studies", b'{"data":"digits","name":"../../x"}', (422,)),
        ("/studies", b'{"data":"digits","name":"-rf"}', (422,)),
        ("/studies", b'{"data":"digits","space":"os:system"}', (422,)),
        ("/studies", b'{"data":"digits","strategy":"subprocess:Popen"}', (422,)),
        ("/studies", b'{"data":"digits","device":"cpu; rm -rf /","seconds":5}', (422,)),
        ("/studies", b'{"data":"digits","settings":{"strategy":{"inner":{"type":"os:system","args":{}}}}}', (422,)),
        ("/studies", b'{"data":"digits","workers":100000000}', (422,)),
        ("/studies", b"\x80\x04\x95cos\nsystem\n(S'id'\ntR.", (400, 422)),
        ("/studies/x/resume", b'{"more":"+1m; rm -rf /"}', (422,)),
        ("/studies/x/resume", b'{"more":"--out=/tmp/x"}', (422,)),
        ("/studies/--help/resume", b"{}", (404, 422)),
        ("/studies/last/stop", b"{}", (404, 422)),
    ],
)
def test_no_wish_reaches_more_than_a_study(
    outside: TestClient, nothing_left: None, path: str, body: bytes, statuses: tuple[int, ...]
) -> None:
    answer = outside.post(API + path, content=body, headers=JSON)
    assert answer.status_code in statuses
    assert answer.json()["error"]["message"]


# Files. What cannot be a file of data is refused as it comes; the rest is looked at by a process of its own, and what
# that refuses is removed again by whoever sent it.


def zipped(*entries: tuple[str, bytes], mode: int | None = None) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode is not None:
                info.external_attr = mode << 16
            file.writestr(info, data)
    return made.getvalue()


def nested() -> bytes:
    inner = zipped(("b/x.png", PNG))
    for _ in range(20):
        inner = zipped(("a/inner.zip", inner))
    return inner


def pickled() -> bytes:
    """An .npz whose arrays would run code when they are unpickled."""
    npy = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return zipped(("images.npy", npy + head + b"cos\nsystem\n(S'touch /tmp/owned'\ntR."), ("labels.npy", npy + head))


FILES: list[tuple[str, bytes, int, str]] = [
    ("x.svg", SCRIPT, 415, "kind"),
    ("x.html", SCRIPT, 415, "kind"),
    ("x.pkl", b"cos\nsystem\n(S'id'\ntR.", 415, "kind"),
    ("x.py", b"import os", 415, "kind"),
    ("x.exe", b"MZ", 415, "kind"),
    ("x.csv/../../etc/passwd", b"a,b\n1,2\n", 415, "kind"),
    ("..", b"a", 415, "kind"),
    ("", b"a", 422, "malformed"),
    ("a" * 2000 + ".csv", b"a,b\n1,2\n", 422, "malformed"),
    ("x.csv", b"", 422, "empty"),
]
LOOKED_AT: list[tuple[str, Callable[[], bytes]]] = [
    ("slip.zip", lambda: zipped(("../../../tmp/owned.png", PNG), ("/etc/owned.png", PNG))),
    ("bomb.zip", lambda: zipped(*((f"a/{i}.png", b"\0" * 50_000_000) for i in range(8)))),
    ("nested.zip", nested),
    ("links.zip", lambda: zipped(("a/x.png", b"/etc/passwd"), ("b/y.png", b"/etc/passwd"), mode=0o120777)),
    ("script.zip", lambda: zipped(("a/<script>alert(1)<.png", SCRIPT), ("b/x.svg", SCRIPT))),
    ("cut.zip", lambda: zipped(("a/x.png", PNG * 500))[:200]),
    ("not.zip", lambda: b"PK\x03\x04" + b"\0" * 500),
    ("x.npz", pickled),
    ("x.csv.gz", lambda: gzip.compress(b"a,b\n" + b"0,0\n" * 20_000_000, 9)),
    ("quotes.csv", lambda: b'a,b\n"' + b"x" * 3_000_000),
    ("wide.csv", lambda: b",".join(b"c%d" % i for i in range(300_000)) + b"\n1\n"),
    ("zero.csv", lambda: b"\0" * 100_000),
    ("x.parquet", lambda: b"PAR1" + b"\xff" * 2000 + b"PAR1"),
    ("x-idx3-ubyte", lambda: b"\x00\x00\x08\x03" + b"\x7f\xff\xff\xff" * 3),
]


@pytest.mark.parametrize(("name", "body", "status", "code"), FILES, ids=[name[:20] or "none" for name, *_ in FILES])
def test_no_file_does_more_than_be_refused(
    outside: TestClient, nothing_left: None, name: str, body: bytes, status: int, code: str
) -> None:
    answer = outside.post(f"{API}/data?name={quote(name)}", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make"), LOOKED_AT, ids=[name for name, _ in LOOKED_AT])
def test_no_file_survives_the_look_at_it(
    outside: TestClient, nothing_left: None, name: str, make: Callable[[], bytes]
) -> None:
    answer = outside.post(f"{API}/data?name={quote(name)}", content=make())
    assert answer.status_code in (201, 413, 422)
    if answer.status_code == 201:
        assert settled(outside, answer.json()["id"])["state"] == "refused"
        assert outside.delete(f"{API}/data/{answer.json()['id']}").status_code == 204
    assert not Path("/tmp/owned").exists() and not Path("/tmp/owned.png").exists()


def settled(outside: TestClient, id: str) -> dict[str, Any]:
    until = time.monotonic() + SETTLE_SECONDS
    while (found := outside.get(f"{API}/data/{id}").json())["state"] not in CHECKED or found["measuring"]:
        assert time.monotonic() < until, "the look at it does not end"
        time.sleep(0.1)
    return dict(found)


@pytest.mark.slow
def test_cells_and_headings_are_text(outside: TestClient, nothing_left: None) -> None:
    """Formulas and markup in a table are shown as they stand."""
    odd = ("=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>", "@SUM(1)", "\x1b[2J")
    rows = [",".join((*odd, "target")), *(f"{i},{i % 7},{odd[i % 4]},{i % 3},{'yn'[i % 2]}" for i in range(80))]
    id = outside.post(f"{API}/data?name=cells.csv", content="\n".join(rows).encode()).json()["id"]
    assert settled(outside, id)["state"] in ("ready", "refused")
    page = outside.get(f"/data/{id}")
    assert page.status_code == 200
    assert b"<img src=x onerror" not in page.content and b"\x1b" not in page.content
    assert outside.delete(f"{API}/data/{id}").status_code == 204


def test_a_file_that_is_too_large(gated: Any, nothing_left: None) -> None:
    small = gated(upload_bytes=1000)
    assert small.post(f"{API}/data?name=x.csv", content=b"a,b\n" + b"1,2\n" * 1000).status_code == 413


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "/", "~root", "\0", "https://evil.example/x.csv"])
def test_no_path_without_a_folder_that_is_allowed(outside: TestClient, nothing_left: None, path: str) -> None:
    answer = outside.post(f"{API}/data/paths", json={"path": path})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no_paths")


@pytest.mark.parametrize("verb", ["predict", "occlusion", "endpoint"])
@pytest.mark.parametrize(
    ("id", "status", "code"),
    [
        ("nothing", 404, "no_model"),
        ("last", 404, "no_model"),
        ("%2e%2e", 422, "malformed"),
        ("-", 422, "malformed"),
        ("%00", 422, "malformed"),
        ("a" * 3000, 422, "malformed"),
        ("..%2fdata%2fdigits", 404, "nothing"),
    ],
)
def test_no_model_that_is_none(
    outside: TestClient, nothing_left: None, verb: str, id: str, status: int, code: str
) -> None:
    answer = outside.post(f"{API}/models/{id}/{verb}", content=SCRIPT, headers={"content-type": "image/svg+xml"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


# How


@pytest.fixture(scope="module")
def address(app: Any, client: TestClient) -> Iterator[tuple[str, int]]:
    """The app as uvicorn serves it, with small limits, on a real port."""
    import asyncio

    from archsmith.app.run import _Server, guarded
    from archsmith.app.settings import AppSettings
    from archsmith.server.run import listening

    settings = AppSettings(request_bytes=10_000, request_seconds=0.5, connections=8)
    listener = listening("127.0.0.1", 0)
    server = _Server(guarded(app, settings), settings, listener, lambda address: None)
    server.config.lifespan = "off"  # the client has begun the app already
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    yield listener.getsockname()[:2]
    server.should_exit = True
    thread.join(20)
    listener.close()


def said(address: tuple[str, int], request: bytes) -> bytes:
    with socket.create_connection(address, timeout=20) as line:
        line.sendall(request)
        return line.recv(4096)


HEAD = b"POST /api/v1/studies HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (HEAD + b"content-length: 1000000\r\n\r\n", b"413"),
        (
            HEAD
            + b"transfer-encoding: chunked\r\n\r\n"
            + b"1000\r\n"
            + b"a" * 4096
            + b"\r\n"
            + b"2000\r\n"
            + b"a" * 8192,
            b"413",
        ),
        (HEAD + b"content-length: 500\r\n\r\n{", b"408"),
        (HEAD + b"a: " + b"b" * 200_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"host: evil.example\r\ncontent-length: 0\r\n\r\n", b"400"),
        (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", b"400"),
        (HEAD + b"origin: http://evil.example\r\norigin: http://127.0.0.1\r\ncontent-length: 0\r\n\r\n", b"400"),
        (b"GET /%0d%0aset-cookie:a=b HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-host: evil\r\nhost: evil.example\r\n\r\n", b"400"),
    ],
)
def test_bytes_that_a_browser_never_sends(
    address: tuple[str, int], nothing_left: None, request_: bytes, status: bytes
) -> None:
    answer = said(address, request_)
    assert answer.split()[1] == status
    assert b"x-content-type-options: nosniff" in answer
    assert b"\r\nset-cookie:a=b" not in answer


def test_no_more_connections_than_may_be(address: tuple[str, int]) -> None:
    lines = [socket.create_connection(address, timeout=20) for _ in range(12)]
    try:
        time.sleep(0.3)
        assert b"503" in lines[-1].recv(200)
    finally:
        for line in lines:
            line.close()
    until = time.monotonic() + 20
    while b"200" not in said(address, b"GET /api/v1/about HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").split(b"\r\n")[0]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_answer_is_never_more_than_json(outside: TestClient) -> None:
    """A browser that is led to the API runs nothing that it finds there."""
    answer = outside.get(f"{API}/studies/<script>alert(1)<%2fscript>/log")
    assert answer.headers["content-type"] == "application/json"
    assert "sandbox" in answer.headers["content-security-policy"]
    json.loads(answer.text)
