"""What ``archsmith app`` hands on, and refuses before it opens. What it opens is tested in tests/app."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from archsmith.cli.main import main


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``opened("--port", "0")`` is the settings with which the app would open."""
    found = []
    monkeypatch.delenv("ARCHSMITH_TOKEN", raising=False)
    monkeypatch.setattr("archsmith.app.run.serve", lambda settings, opened: found.append(settings))

    def run(*words: str) -> Any:
        with pytest.raises(SystemExit) as end:
            main(["app", *words])
        assert not end.value.code
        return found[-1]

    return run


def test_options_become_settings(opened: Callable[..., Any], tmp_path: Path) -> None:
    words = ["--host", "0.0.0.0", "--port", "0", "--allow-host", "a.example", "--allow-host", "b.example"]
    (tmp_path / "token").write_text("x" * 32 + "\n", encoding="utf-8")
    words += ["--token-file", str(tmp_path / "token"), "--allow-paths", str(tmp_path), "--workspace", str(tmp_path)]
    found = opened(*words, "--upload-mb", "3", "--quota-mb", "5")
    assert (found.host, found.port, found.hosts) == ("0.0.0.0", 0, ("a.example", "b.example"))
    assert (found.token, found.allow_paths, found.workspace) == ("x" * 32, tmp_path.resolve(), str(tmp_path))
    assert (found.upload_bytes, found.quota_bytes) == (3 * 2**20, 5 * 2**20)


def test_without_options_only_this_machine_is_served_and_no_folder_may_be_named(opened: Callable[..., Any]) -> None:
    found = opened()
    assert found.is_loopback and found.token is None and found.allow_paths is None and found.workspace is None


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says instead of opening."""
    with pytest.raises(SystemExit) as end:
        main(["app", *words])
    said = capsys.readouterr().err
    assert end.value.code == 2 and len(said.splitlines()) <= 2, said
    return said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "can be reached from other machines, and no token is set"),
        (["--host", "0.0.0.0", "--token-file", "short"], "shorter than 16"),
        (["--token-file", "none"], "The token cannot be read from 'none'"),
        (["--allow-paths", "none"], "The folder 'none' is not there"),
        (["--port", "0", "--host", "no.such.host.invalid", "--token-file", "good"], "cannot listen on"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHSMITH_TOKEN", raising=False)
    monkeypatch.setenv("COLUMNS", "500")
    (tmp_path / "short").write_text("abc", encoding="utf-8")
    (tmp_path / "good").write_text("x" * 32, encoding="utf-8")
    assert said in refused(words, capsys)


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "nicegui" else real(name))
    monkeypatch.setenv("COLUMNS", "500")
    assert 'pip install "archsmith[app]"' in refused([], capsys)


def test_it_opens_says_where_and_ends_in_order(environment: dict[str, str], tmp_path: Path) -> None:
    said = (tmp_path / "said").open("w+b")
    command = [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(tmp_path / "ws")]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
    try:
        address = None
        until = time.monotonic() + 60
        while address is None and child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
            address = re.search(r"Open (http://127\.0\.0\.1:\d+) ", Path(said.name).read_text(encoding="utf-8"))
        assert address is not None, Path(said.name).read_text(encoding="utf-8")
        with urllib.request.urlopen(f"{address[1]}/api/v1/about", timeout=20) as answer:
            assert json.load(answer)["workspace"] == str(tmp_path / "ws")
            assert answer.headers["x-frame-options"] == "DENY"
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(30) in (0, -signal.SIGTERM)
    finally:
        child.kill()
        child.wait()
        said.close()
    assert "Traceback" not in Path(said.name).read_text(encoding="utf-8")
