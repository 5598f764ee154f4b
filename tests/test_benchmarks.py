"""Every run of a benchmark leaves one line in its history."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SCRIPTS = sorted(path for path in BENCHMARKS.glob("*.py") if path.name not in ("jobs.py", "record.py"))


@pytest.fixture
def record() -> Any:
    spec = importlib.util.spec_from_file_location("benchmarks_record", BENCHMARKS / "record.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured() -> int:
    print("a heading")
    print("engine: 12.5 trials a second")
    return 1


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def test_each_run_adds_one_line(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks/engine.py", "--table", "/somewhere/table.npz"])
    assert [record.run(measured, tmp_path) for _ in range(2)] == [1, 1]
    assert capsys.readouterr().out.startswith("a heading\nengine: 12.5")
    rows = lines(tmp_path)
    assert len(rows) == 2 and rows[0]["figures"] == ["engine: 12.5 trials a second"] and rows[0]["exit"] == 1
    assert rows[0]["benchmark"] == "engine" and rows[0]["arguments"] == ["--table", "table.npz"]
    assert rows[0]["machine"]["cores"] >= 1


@pytest.mark.parametrize("word", ["--no-history", "--one", "--child"])
def test_no_line_when_it_is_not_wanted(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr(sys, "argv", ["engine.py", word])
    record.run(measured, tmp_path)
    assert lines(tmp_path) == [] and "--no-history" not in sys.argv


def test_a_benchmark_that_measured_nothing_leaves_no_line(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["engine.py"])
    record.run(lambda: print("Skipped: cifar10.npz is not there."), tmp_path)
    assert lines(tmp_path) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_recorded(path: Path) -> None:
    assert "sys.exit(record.run(main))" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_from_the_package_exists(path: Path) -> None:
    """Also where it is imported by a function."""
    pytest.importorskip("torch")
    missing = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "archsmith"
        for alias in node.names
        if not hasattr(importlib.import_module(str(node.module)), alias.name)
        and importlib.util.find_spec(f"{node.module}.{alias.name}") is None
    ]
    assert missing == []


def test_the_lines_that_are_kept_are_whole() -> None:
    keys = {"benchmark", "date", "commit", "version", "machine", "arguments", "seconds", "exit", "figures"}
    assert [row for row in lines(BENCHMARKS / "history") if row.keys() != keys] == []
