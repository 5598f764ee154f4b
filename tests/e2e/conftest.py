"""The app as a person starts it, and a browser that looks at it.

These tests need chromium, the package playwright (extra ``e2e``) and the file that ``make e2e`` fetches first.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds for the app to start or to end
# What Chromium says of its own, whatever the page: there is nothing that the page could do about it.
NOT_OURS = ("GPU stall due to ReadPixels",)


class App:
    """``archsmith app`` in a process of its own, on a free port."""

    def __init__(self, workspace: Path, *more: str) -> None:
        self.workspace = workspace
        self._told = workspace.parent / f"{workspace.name}.log"
        command = [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(workspace), *more]
        with self._told.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "http://" in line, self.log()
        self.address = next(word for word in line.split() if word.startswith("http://"))

    def log(self) -> str:
        """What it said on standard error."""
        return self._told.read_text(encoding="utf-8", errors="replace")[-4000:]

    def end(self, sign: signal.Signals = signal.SIGINT) -> None:
        """As Ctrl-C does, or with another signal."""
        self.process.send_signal(sign)
        self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass
class Tab:
    """A page in chromium, and what went on in it.

    ``page``: of playwright. ``wrong``: errors in its console. ``foreign``: addresses outside of the app.
    """

    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type == "error" and not any(words in message.text for words in NOT_OURS):
            self.wrong.append(f"{message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Any) -> None:
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        if not request.url.startswith(own):
            self.foreign.append(request.url)

    def go(self, path: str) -> None:
        """Open a page of the app, and wait until it is connected."""
        answer = self.page.goto(self.address + path)
        assert answer is not None and answer.status < 500, f"{path}: {answer and answer.status}"
        self.page.wait_for_selector("main h1")
        self.page.wait_for_function("window.socket?.connected ?? true")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; tests are skipped without it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")
    place = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if place is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; tests are skipped without it."""
    file = Path(__file__).parent / "vendor" / "axe.min.js"
    if not file.is_file():
        pytest.skip("needs the file that `make e2e` fetches")
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with what a bundle needs, and without torch."""
    place = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), f"{ROOT}[serve]"], check=True)
    code = "from importlib.util import find_spec; assert find_spec('torch') is None and find_spec('archsmith')"
    subprocess.run([str(python), "-I", "-c", code], check=True)
    return python
