from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from archsmith.app import children

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_child_does_not_know_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSMITH_TOKEN", "0123456789abcdef")
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert "ARCHSMITH_TOKEN" not in children.environment()
    assert children.environment()["LANG"] == "C.UTF-8"


def test_a_child_takes_no_module_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit(77)")
    child, known = children.born(children.command("--help"), tmp_path)
    assert child.wait(60) == 0
    assert known.pid == child.pid


def test_a_child_is_ended(tmp_path: Path) -> None:
    child, known = children.born(SLEEP, tmp_path)
    assert children.end(known, 10)
    assert child.wait(10) == -15


def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    child, known = children.born(SLEEP, tmp_path)
    try:
        assert children.end(replace(known, token="1"), 0.1)  # the one that was meant is gone
        assert child.poll() is None
        children.end(replace(known, token=""), 0.1)  # nobody can tell
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_waiting_for_an_end_ends(tmp_path: Path) -> None:
    child, known = children.born(SLEEP, tmp_path)
    assert not children.wait_for_end(known, 0.1)
    child.kill()
    assert children.wait_for_end(known, 10)
    child.wait()
