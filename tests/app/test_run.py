from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from archsmith.core.errors import UsageError

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")
websockets = pytest.importorskip("websockets.sync.client")

TOKEN = "0123456789abcdef-secret"


class Answer(NamedTuple):
    """Of one request."""

    status: int
    headers: Message
    text: str


@dataclass
class Running:
    """An app as a process of its own."""

    process: subprocess.Popen[bytes]
    address: str
    said: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def get(self, path: str, **headers: str) -> Answer:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", path, headers=headers)
            found = connection.getresponse()
            return Answer(found.status, found.headers, found.read().decode())

    def socket(self, **headers: str) -> object:
        place = self.address.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        return websockets.connect(place, additional_headers=headers, open_timeout=20)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """``start("--flag", ...)``: an app that is ended at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, token: str = TOKEN) -> Running:
        folder = tmp_path_factory.mktemp("app")
        said = folder / "said"
        with said.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(folder / "w"), *words],
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "ARCHSMITH_TOKEN": token,
                    "HOME": str(folder),
                    "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
                },
            )
        processes.append(process)
        until = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said.read_text())):
            assert process.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.05)
        return Running(process, found[0], said)

    yield begin
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def locked(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def test_pages_and_api_answer_and_carry_the_headers_of_safety(locked: Running, bearer: dict[str, str]) -> None:
    for path in ("/", "/nothing", "/api/v1/about", "/assets/app.css", "/_nicegui/x"):
        answer = locked.get(path, **bearer)
        assert answer.status in (200, 404)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_a_page_loads_is_its_own(locked: Running, bearer: dict[str, str]) -> None:
    page = locked.get("/", **bearer).text
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", page) == []


def test_nothing_secret_is_printed(locked: Running) -> None:
    for path in (f"/?token={TOKEN}", f"/nothing?token={TOKEN}", "/?token=wrong-but-long-enough", f"/x/{TOKEN}?a=b"):
        locked.get(path)
    locked.get("/nothing", Authorization=f"Bearer {TOKEN}", Cookie="archsmith=other-secret")
    said = locked.said.read_text()
    assert TOKEN not in said and "wrong-but-long-enough" not in said and "other-secret" not in said


def test_the_second_door_of_the_websocket_is_shut(locked: Running, bearer: dict[str, str]) -> None:
    answer = locked.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling", **bearer)
    assert answer.status == 400


def test_a_websocket_opens_with_the_token_and_from_its_own_pages_alone(locked: Running, bearer: dict[str, str]) -> None:
    with locked.socket(**bearer) as opened:  # type: ignore[attr-defined]
        assert opened.recv(20).startswith("0{")
    with locked.socket(**bearer, Origin=locked.address) as opened:  # type: ignore[attr-defined]
        assert opened.recv(20).startswith("0{")
    for headers in ({}, {**bearer, "Origin": "http://evil.example"}, {**bearer, "Origin": "null"}):
        with pytest.raises(Exception, match="403"):
            locked.socket(**headers)


def test_a_message_that_is_too_large_ends_its_websocket(locked: Running, bearer: dict[str, str]) -> None:
    with locked.socket(**bearer) as opened:  # type: ignore[attr-defined]
        opened.recv(20)
        with pytest.raises(Exception, match="1009|1000|message too big|closed|no close frame"):
            opened.send("4" + "x" * 2_000_000)
            for _ in range(100):
                opened.recv(20)
    assert locked.get("/api/v1/about", **bearer).status == 200


@pytest.mark.parametrize(
    "message", ["", "x", "4", "42[", '42["event",{}]', '42["event",5]', '42["handshake",{"client_id":[]}]', "9" * 1000]
)
def test_an_odd_message_ends_nothing(locked: Running, bearer: dict[str, str], message: str) -> None:
    with locked.socket(**bearer) as opened:  # type: ignore[attr-defined]
        opened.recv(20)
        opened.send("40")
        opened.send(message)
    assert locked.get("/api/v1/about", **bearer).status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 40_000, b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"host: 127.0.0.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n\r\n", b"421"),
        (b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", b"400"),
    ],
)
def test_a_request_that_is_no_http_is_refused(locked: Running, head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", locked.port), timeout=20) as line:
        line.sendall(head)
        assert line.recv(100).split()[1] == status


def test_a_signal_ends_the_app_in_order(start: Callable[..., Running]) -> None:
    running = start(token="")
    with urllib.request.urlopen(f"{running.address}/api/v1/about", timeout=20) as answer:
        assert answer.status == 200
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20) in (0, -signal.SIGTERM)
    assert "Traceback" not in running.said.read_text()


def test_a_second_app_on_the_same_workspace_leads_to_the_first(locked: Running) -> None:
    from archsmith.app.run import serve
    from archsmith.app.settings import AppSettings

    workspace = locked.said.parent / "w"
    coming = workspace / "app" / "uploads" / "0.part"
    coming.parent.mkdir(parents=True, exist_ok=True)
    coming.write_bytes(b"half")
    with pytest.raises(UsageError, match=f"open on this workspace already at {re.escape(locked.address)} "):
        serve(AppSettings(port=0, workspace=str(workspace)))
    assert coming.read_bytes() == b"half"
    coming.unlink()


def test_a_port_that_is_taken_is_told_and_the_token_is_forgotten_in_any_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from archsmith.app.run import serve
    from archsmith.app.settings import AppSettings

    monkeypatch.setenv("ARCHSMITH_TOKEN", TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot listen"):
        serve(AppSettings(port=taken.getsockname()[1], workspace=str(tmp_path)))
    assert "ARCHSMITH_TOKEN" not in os.environ


def test_a_browser_writes_nothing_into_what_the_app_prints(client: object) -> None:
    from nicegui import core

    assert "handshake" in core.sio.handlers["/"]
    assert "log" not in core.sio.handlers["/"]


def test_pages_that_nobody_came_back_for_make_room(client: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from nicegui import Client

    from archsmith.app import run

    for _ in range(3):
        client.get("/")  # type: ignore[attr-defined]
    monkeypatch.setattr(run, "MOST_PAGES", 3)
    assert run._full()
    for known in Client.instances.values():
        known.created -= run.UNSEEN_SECONDS + 1
    assert not run._full()
