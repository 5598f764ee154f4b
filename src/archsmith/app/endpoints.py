"""Servers of models that a person started: each is ``archsmith serve`` as a process of its own, on this machine alone.

They live on when the app ends. A small file for each says which process it is and where it listens, so that the next
start of the app finds them again. A process counts as the one that was started only while its start time is the same:
an operating system gives the number of an ended process to another one, and that one is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, Field

from archsmith.bundle.container import service
from archsmith.bundle.manifest import Manifest
from archsmith.bundle.page import name_of
from archsmith.core.errors import ArchsmithError
from archsmith.core.files import json_value, small_text, write_text
from archsmith.core.wording import visible
from archsmith.runtime.lease import Holder, is_alive, start_of
from archsmith.server.pages import curl_of
from archsmith.server.refusals import Refusal

MOST = 4  # servers at the same time
START_SECONDS = 60.0  # until one answers
END_SECONDS = 8.0  # for requests in flight, after which it is killed
TICK = 0.05
ASK_SECONDS = 2.0  # for a server to say its counts
MOST_BYTES = 2**20  # of what it says
MOST_LOG = 2**18  # bytes that are read of a log
ADDRESS = re.compile(r" at (http://127\.0\.0\.1:\d{1,5}) ")
COUNT = re.compile(r"^(archsmith_requests_total|archsmith_examples_total)\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)
STATUS = re.compile(r'status="(\d{3})"')
SECRETS = ("ARCHSMITH_TOKEN",)  # the app's own, which its servers do not need
NAME = "model"  # in the paths of requests of servers that an older version started


class Endpoint(BaseModel):
    """The server of a model."""

    running: bool = Field(description="Does it run?")
    address: str | None = Field(description="Where it listens; null while it does not run.")
    curl: str | None = Field(description="A line for a terminal that asks for a prediction.")
    since: float | None = Field(description="When it was started, in Unix seconds.")
    requests: int = Field(description="How many it has answered.")
    examples: int = Field(description="How many examples these held.")
    refused: int = Field(description="How many of its answers said that something was wrong.")
    error: str | None = Field(description="What went wrong at last; null where nothing did.")


@dataclass(frozen=True)
class Started:
    """What is written down of a server.

    ``pid``, ``token``: of its process; the token is its start time.
    ``address``: where it listens.
    ``since``: when it was started, in Unix seconds.
    ``bundle``: the folder that it serves.
    ``name``: of the model, in the paths of requests.
    """

    pid: int
    token: str
    address: str
    since: float
    bundle: str
    name: str = NAME

    @property
    def runs(self) -> bool:
        # without a start time, as on systems that do not tell it, the number of a process says too little
        return bool(self.token) and is_alive(Holder(self.pid, platform.node(), self.token, self.since))


class Bundles(Protocol):
    """What is needed of ``archsmith.app.models.Models``."""

    def whole(self, id: str) -> tuple[Path, Manifest]: ...


class Endpoints:
    """The servers of a workspace's models. Methods take their time, and raise Refusal."""

    def __init__(self, models: Bundles, folder: Path) -> None:
        """``folder``: where it is written down which servers run."""
        self._models = models
        self._folder = folder
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def get(self, id: str) -> Endpoint:
        """How the server of a model does."""
        found = self._running().get(id)
        if found is None:
            ended = self._place(id).exists()  # nobody has stopped it
            return _stopped((self._last_error(id) or "The server has ended by itself.") if ended else None)
        counts = _counts(found.address, found.name)
        curl, wrong = self._curl(id, found), self._astray(id, found)
        return Endpoint(
            running=True,
            address=found.address,
            curl=None if wrong else curl,
            since=found.since,
            requests=counts.get("requests", 0),
            examples=counts.get("examples", 0),
            refused=counts.get("refused", 0),
            error=wrong or (self._last_error(id) if counts else "The server does not say how it does."),
        )

    def all(self) -> list[str]:
        """The ids of the models that are served."""
        return sorted(self._running())

    def start(self, id: str) -> Endpoint:
        """Serve a model, and wait until its server answers. One that runs already stays."""
        with self._lock:
            running = self._running()
            if id not in running:
                if len(running) >= MOST:
                    raise Refusal(
                        409,
                        "too_many",
                        f"{MOST} models are served already: {', '.join(running)}.",
                        "Stop one of them first.",
                    )
                self._start(id)
        return self.get(id)

    def stop(self, id: str) -> Endpoint:
        """End the server of a model. Requests in flight are finished. One that does not run stays so."""
        with self._lock:
            found = self._running().get(id)
            if found is not None:
                self._end(found)
            self._place(id).unlink(missing_ok=True)
        return _stopped(None)

    def _start(self, id: str) -> None:
        bundle, manifest = self._models.whole(id)
        name = service(name_of(manifest))
        command = [sys.executable, "-m", "archsmith", "serve", str(bundle), "--name", name, "--port", "0"]
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        child = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._log(id).open("wb") as log:
                child = subprocess.Popen(
                    [*command, "--log", "off"],  # a line for each request would fill the disk
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=environment,
                )
            self._children[child.pid] = child
            started = time.time()
            address = self._opened(id, child)
            made = Started(child.pid, start_of(child.pid), address, started, os.path.abspath(bundle), name)
            write_text(self._place(id), json.dumps(asdict(made)))
        except BaseException as error:
            if child is not None:
                child.kill()
                child.wait()
            if isinstance(error, OSError):
                raise Refusal(500, "no_server", f"The server cannot be started: {error.strerror}.") from error
            raise

    def _opened(self, id: str, child: subprocess.Popen[bytes]) -> str:
        """The address, as soon as the server says it. Raises Refusal with what it says instead."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            ended = child.poll() is not None
            if match := ADDRESS.search(self._said(id)):
                return match[1]
            if ended:
                said = self._last_error(id) or "It said nothing."
                raise Refusal(409, "no_server", f"The server did not start. {said}")
            time.sleep(TICK)
        raise Refusal(409, "no_server", f"The server did not start within {START_SECONDS:.0f} seconds.")

    def _end(self, found: Started) -> None:
        _signal(found, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        while self._runs(found):
            if time.monotonic() > until:
                _signal(found, signal.SIGKILL)
                until += END_SECONDS
            time.sleep(TICK)

    def _runs(self, found: Started) -> bool:
        child = self._children.get(found.pid)
        if child is not None and child.poll() is None:
            return True
        return found.runs  # now that poll() has asked, an ended child is no zombie any more

    def _running(self) -> dict[str, Started]:
        """What runs, by model."""
        read = ((path.stem, _read(path)) for path in sorted(self._folder.glob("*.json")))
        return {id: started for id, started in read if started is not None and self._runs(started)}

    def _curl(self, id: str, found: Started) -> str | None:
        """None where the bundle is gone, although its server still runs."""
        try:
            _, manifest = self._models.whole(id)
        except Refusal:
            return None
        return curl_of(manifest.intake, f"{found.address}/v1/models/{found.name}/predict")

    def _astray(self, id: str, found: Started) -> str | None:
        """A sentence where the place that is served does not hold the model's bundle any more, and may hold another."""
        then = "Stop it, and start it again."
        try:
            bundle, _ = self._models.whole(id)
            if os.path.realpath(bundle) == os.path.realpath(found.bundle):
                return None
        except Refusal:
            then = "Stop it."
        return f"It serves {visible(found.bundle)}, where the bundle of this model is not any more. {then}"

    def _last_error(self, id: str) -> str | None:
        """The last line of the log that is no greeting."""
        lines = [line.strip() for line in self._said(id).splitlines() if line.strip() and not ADDRESS.search(line)]
        return visible(lines[-1])[:500] if lines else None

    def _said(self, id: str) -> str:
        try:
            with self._log(id).open("rb") as file:
                return file.read(MOST_LOG).decode("utf-8", "replace")
        except OSError:
            return ""

    def _place(self, id: str) -> Path:
        return self._folder / f"{id}.json"

    def _log(self, id: str) -> Path:
        return self._folder / f"{id}.log"


def _stopped(error: str | None) -> Endpoint:
    return Endpoint(running=False, address=None, curl=None, since=None, requests=0, examples=0, refused=0, error=error)


def _read(path: Path) -> Started | None:
    try:
        data = json_value(small_text(path, MOST_BYTES))
        own, name = _own(data), service(str(data.get("name", NAME)))
        return Started(int(data["pid"]), str(data["token"]), own, float(data["since"]), str(data["bundle"]), name)
    except (ArchsmithError, OSError, ValueError, TypeError, KeyError):
        return None


def _own(data: Mapping[str, Any]) -> str:
    """The address, which is on this machine. Raises ValueError."""
    address = str(data["address"])
    if not re.fullmatch(r"http://127\.0\.0\.1:\d{1,5}", address):
        raise ValueError("it is no address of this machine")
    return address


def _signal(found: Started, number: int) -> None:
    """Send it to the process that was started, and to no other one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            if found.runs:
                os.kill(found.pid, number)
            return
        process = os.pidfd_open(found.pid)
        try:  # the process behind this stays the same, whatever ends and begins meanwhile
            if found.runs:
                signal.pidfd_send_signal(process, number)
        finally:
            os.close(process)


def _counts(address: str, served: str) -> dict[str, int]:
    """What the server has done; empty where it does not say."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/metrics", timeout=ASK_SECONDS) as answer:
            text = answer.read(MOST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError, urllib.error.URLError):
        return {}
    found = {"requests": 0, "examples": 0, "refused": 0, "asked": 1}
    for name, labels, value in COUNT.findall(text):
        if f'model="{served}"' not in labels:
            continue
        if name == "archsmith_examples_total":
            found["examples"] += int(float(value))
            continue
        found["requests"] += int(float(value))
        status = STATUS.search(labels)
        found["refused"] += int(float(value)) if status is not None and status[1] >= "400" else 0
    return found
