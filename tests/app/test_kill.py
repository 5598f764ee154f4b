"""Whatever is killed, and whenever: nothing that was finished is lost, and a new app shows the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archsmith.runtime.sqlite import SqliteStore

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")
pytestmark = pytest.mark.slow

PATIENCE = 300.0
SHORT = {"data": "digits", "seconds": 40, "pretrained": False}
LONG = {**SHORT, "seconds": 600}


class App:
    """An app of its own over ``workspace``; what it starts is ended by the fixture."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.said = workspace.with_suffix(".said")
        self.begin()

    def begin(self) -> None:
        with self.said.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(self.workspace)],
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            )
        self.address = until(lambda: (found := re.search(r"http://\S+", self.said.read_text())) and found[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/api/v1{path}", data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def state(self) -> Any:
        """What it shows of its searches."""
        return self.ask("/jobs")["jobs"]

    def store(self, study: str) -> SqliteStore:
        return SqliteStore(self.workspace / "studies" / study)

    def events(self, study: str) -> list[tuple[str, Any]]:
        store = self.store(study)
        try:
            return [(event.kind, event.data) for event in store.read()]
        finally:
            store.close()


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return value


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = App(tmp_path / "w")
    yield made
    made.kill()
    for place in (tmp_path / "w" / "studies").glob("*"):
        if (holder := SqliteStore(place).holder) is not None:
            os.kill(holder.pid, signal.SIGKILL)


def trials(app: App, study: str) -> int:
    return sum(kind == "finished" for kind, _ in app.events(study))


def test_a_killed_app_takes_no_search_with_it_and_is_the_same_afterwards(app: App) -> None:
    study = app.ask("/studies", SHORT)["study"]
    before = app.state()
    app.kill()
    assert app.store(study).holder is not None
    app.begin()
    assert app.state() == before
    ended = until(lambda: (jobs := app.state()) and not jobs[0]["running"] and jobs[0])
    assert (ended["study"], ended["code"], ended["last_words"]) == (study, 0, "")
    assert (app.workspace / "studies" / study / "final" / "bundle" / "model.onnx").exists()
    app.kill()
    app.begin()
    assert app.state() == [ended]


def test_an_app_that_is_killed_again_and_again_while_it_begins_loses_nothing(app: App) -> None:
    study = app.ask("/studies", LONG)["study"]
    for _ in range(3):
        app.kill()
        app.begin()
        assert [(job["study"], job["running"]) for job in app.state()] == [(study, True)]
    assert app.ask(f"/studies/{study}/pause", {})["ended"]


def test_a_killed_search_keeps_what_it_had_and_goes_on(app: App) -> None:
    study = app.ask("/studies", LONG)["study"]
    until(lambda: trials(app, study) >= 2)
    holder = app.store(study).holder
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    ended = until(lambda: (jobs := app.state()) and not jobs[0]["running"] and jobs[0])
    assert ended["code"] == -9 and "signal 9" in ended["last_words"]
    assert app.ask("/about")["version"]  # the app goes on
    before = app.events(study)
    app.kill()
    app.begin()
    assert app.state() == [ended]
    assert app.ask(f"/studies/{study}/resume", {"more": None})["study"] == study
    until(lambda: trials(app, study) > sum(kind == "finished" for kind, _ in before))
    assert app.events(study)[: len(before)] == before
    app.ask(f"/studies/{study}/stop", {})
    done = until(lambda: (jobs := app.state()) and not jobs[0]["running"] and jobs[0])
    assert done["code"] == 0
    assert any(kind == "result" for kind, _ in app.events(study))


def test_a_killed_server_of_a_model_is_shown_as_ended_and_can_be_started_again(app: App) -> None:
    study = app.ask("/studies", SHORT)["study"]
    until(lambda: not app.state()[0]["running"])
    place = f"/models/{study}/endpoint"
    served = app.ask(place, {}, "POST")
    assert served["running"]
    app.kill()
    app.begin()
    assert app.ask(place)["address"] == served["address"]  # it lived on
    os.kill(_listener(served["address"]), signal.SIGKILL)
    until(lambda: not app.ask(place)["running"])
    app.kill()
    app.begin()
    assert not app.ask(place)["running"]
    assert app.ask(place, {}, "POST")["running"]
    assert not app.ask(place, None, "DELETE")["running"]


def _listener(address: str) -> int:
    """The process that listens at ``address``, as Linux tells it."""
    port = int(address.rstrip("/").rpartition(":")[2])
    wanted = f":{port:04X} 00000000:0000 0A"
    inode = next(line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if wanted in line)
    for folder in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(folder) == f"socket:[{inode}]":
                return int(folder.parts[2])
        except OSError:
            continue
    raise AssertionError("nobody listens")
