"""The process: it opens, follows its folders, and ends in order."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.server.run import address, listening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
BODY = json.dumps({"examples": [[[0] * 8] * 8]}).encode()
SECONDS = 60.0  # after which a test is hanging


class Process:
    """``archsmith serve`` with these words."""

    def __init__(self, environment: dict[str, str], *words: str | Path) -> None:
        command = [sys.executable, "-m", "archsmith", "serve", *map(str, words), "--port", "0", "--log", "json"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert "Serving" in self.line, self.process.stderr and self.process.stderr.read()
        self.port = int(self.line.rpartition(":")[2].split()[0])

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    def end(self) -> tuple[int, str]:
        """SIGTERM; the exit code and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said


@pytest.fixture
def process(environment: dict[str, str]) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def start(*words: str | Path) -> Process:
        made.append(Process(environment, *words))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_it_serves_without_torch_and_ends_with_0(
    process: Callable[..., Process], classes_folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    # as if torch, pandas and the like were not installed
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor n in ('torch', 'pandas', 'sklearn', 'onnx', 'jinja2'): sys.modules[n] = None\n"
    )
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    server = process(classes_folder, "--name", "digits")
    assert "digits" in server.line
    status, said = server.ask("POST", "/v1/models/digits/predict", BODY)
    assert status == 200 and said["predictions"][0]["class"]
    code, log = server.end()
    assert code == 0
    events = [json.loads(line) for line in log.splitlines()]
    assert [entry["event"] for entry in events] == ["model loaded", "request", "ended"]
    assert events[1]["status"] == 200 and events[1]["n"] == 1


def test_what_is_in_flight_is_finished(process: Callable[..., Process], classes_folder: Path) -> None:
    server = process(classes_folder, "--name", "digits")
    sender = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
    head = b"POST /v1/models/digits/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    sender.sendall(head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:20])
    server.ask("GET", "/healthz")  # by now the first request has begun
    server.process.send_signal(signal.SIGTERM)
    refused = False
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS).close()
        except OSError:
            refused = True
            break
        time.sleep(0.01)
    assert refused  # nobody new is let in
    sender.sendall(BODY[20:])
    said = b""
    while part := sender.recv(65536):
        said += part
    sender.close()
    assert said.startswith(b"HTTP/1.1 200") and b'"class"' in said
    assert server.end()[0] == 0


def test_sighup_looks_at_the_folders_at_once(process: Callable[..., Process], copied: Path) -> None:
    server = process(copied)
    before = server.ask("GET", "/v1/models/model")[1]["version"]
    manifest = copied / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    server.process.send_signal(signal.SIGHUP)
    for _ in range(1000):
        if server.ask("GET", "/v1/models/model")[1]["version"] != before:
            break
        time.sleep(0.01)
    assert server.ask("GET", "/v1/models/model")[1]["version"] != before


def test_many_callers_at_once(process: Callable[..., Process], classes_folder: Path) -> None:
    server = process(classes_folder, "--name", "digits")
    statuses: list[int] = []

    def call() -> None:
        for _ in range(20):
            statuses.append(server.ask("POST", "/v1/models/digits/predict", BODY)[0])

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_large_pictures_is_given_back(
    process: Callable[..., Process], classes_folder: Path, png: Callable[..., bytes]
) -> None:
    server = process(classes_folder, "--name", "digits", "--threads", "1")

    def memory_mb() -> float:
        pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def send(side: int) -> None:
        text = base64.b64encode(png(side, side, "RGB")).decode()
        body = json.dumps({"examples": [{"image": text}] * 2}).encode()
        assert server.ask("POST", "/v1/models/digits/predict", body)[0] == 200

    send(8)
    before = memory_mb()
    for side in (1000, 1500, 2000):  # up to 12 MB decoded, and several times that on the way
        send(side)
    assert memory_mb() < before + 30


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            listening("127.0.0.1", port)


def test_the_address_of_a_listener() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
