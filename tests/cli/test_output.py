from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from archsmith.cli.output import emit, say, show


def test_emit_writes_one_line_whatever_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"text": "a\nb", "count": np.int64(3), "scores": np.array([0.5, 1.0]), "path": Path("models") / "x"})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"text": "a\nb", "count": 3, "scores": [0.5, 1.0], "path": str(Path("models") / "x")}


def test_emit_refuses_what_is_no_json_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit({"score": float("nan")})


def test_say_shows_square_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say('pip install "archsmith[train]"')
    assert capsys.readouterr().out == 'pip install "archsmith[train]"\n'


def test_show_puts_every_cell_into_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(("name", "params"), [("small", 12345), ("[bold]odd", None)])
    header, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (header, first, second) == (["name", "params"], ["small", "12,345"], ["[bold]odd", "–"])
