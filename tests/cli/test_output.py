from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from archsmith.cli.output import emit, say, show, to_stderr


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


def test_no_name_is_turned_into_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    say("o3:B", "n:star:.svg")
    show(("o3:B",), [("n:star:.svg",)])
    assert capsys.readouterr().out.split() == ["o3:B", "n:star:.svg"] * 2


def test_show_puts_every_cell_into_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(("name", "params"), [("small", 12345), ("[bold]odd", None)])
    header, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (header, first, second) == (["name", "params"], ["small", "12,345"], ["[bold]odd", "–"])


def test_what_is_shown_to_people_cannot_act_on_their_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("the class \x1b]0;title\x07 and \udcff", "two\nlines")
    show(("name",), [("\x1b[2J",), ("\u202eexe",)])
    to_stderr("the file \x1b[31m")
    captured = capsys.readouterr()
    assert captured.out.startswith("the class \\x1b]0;title\\x07 and \\xff\ntwo\nlines\n")
    assert "\\x1b[2J" in captured.out and "\\u202eexe" in captured.out
    assert captured.err == "archsmith: the file \\x1b[31m\n"
    assert not any(letter in captured.out + captured.err for letter in "\x1b\x07\u202e\udcff")


def test_a_table_in_a_pipe_is_as_wide_as_it_may_be_and_has_no_blanks_at_its_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    rows = [("a", "word " * 60), ("b", "short")]
    show(("name", "text"), rows)
    free = capsys.readouterr().out.splitlines()
    show(("name", "text"), rows, most=80)
    narrow = capsys.readouterr().out.splitlines()
    assert len(free) == 3 and len(narrow) > 3
    assert max(map(len, narrow)) <= 80
    assert all(line == line.rstrip() for line in free + narrow)


def test_lines_of_a_pipe_are_not_padded_and_a_title_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show(("a", "b"), [("x", "a long cell"), ("y", "z")], title="A title that is longer than its table")
    out = capsys.readouterr().out
    assert out.startswith("A title that is longer than its table\n")
    assert all(line == line.rstrip() for line in out.splitlines())
