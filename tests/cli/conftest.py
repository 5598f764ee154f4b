"""The command line run inside this process: fast, and with the same exit codes, standard output and standard error as
outside.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archsmith.cli.main import main


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON line on standard output; fails when there is anything else."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"exit code {self.code}, {len(lines)} lines: {self.out}{self.err}"
        return json.loads(lines[0])


Command = Callable[..., Answer]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``command("zoo", "--json")`` in an empty folder and an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        code = end.value.code
        return Answer(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return run
