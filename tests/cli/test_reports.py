from __future__ import annotations

import html
import re
import shlex
import webbrowser
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def searched(command: Any) -> str:
    """The id of a study of twelve toy trials."""
    return str(command("search", "--trials", "12", "--json").json["study"])


def test_the_last_study_is_reported_into_its_own_folder(command: Any, searched: str) -> None:
    answer = command("report")
    assert answer.code == 0 and searched in answer.out
    path = Path(answer.out.split("is in ")[1].strip())
    assert path.name == "report.html" and path.parent.name == "final"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_file_of_ones_own(command: Any, searched: str, tmp_path: Path) -> None:
    answer = command("report", searched[:8], "--out", tmp_path / "mine.html", "--json")
    assert answer.json == {
        "study": searched,
        "file": str(tmp_path / "mine.html"),
        "bytes": (tmp_path / "mine.html").stat().st_size,
    }


def test_the_command_that_it_shows_repeats_the_search(command: Any, tmp_path: Path) -> None:
    words = (
        "--set",
        "evaluator.additive=false",
        "--set",
        'evaluator.metrics=["accuracy","cost"]',
        "--limit",
        "cost<=0.9",
        "--seed",
        "5",
    )
    first = command("search", "--trials", "12", *words, "--json").json
    command("report", "--out", tmp_path / "report.html")
    shown = re.search(
        r"The command again:</p>\s*<pre><code>(.*?)</code>", (tmp_path / "report.html").read_text(encoding="utf-8")
    )
    assert shown is not None
    name, *again = shlex.split(html.unescape(re.sub(r"</?span>", "", shown[1])))
    assert name == "archsmith" and command(*again, "--json").json["best"] == first["best"]


def test_open_shows_it(command: Any, searched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    assert command("report", "--open").code == 0
    assert len(shown) == 1 and shown[0].startswith("file:///") and shown[0].endswith("report.html")


def test_an_unknown_study_is_one_line(command: Any, searched: str) -> None:
    answer = command("report", "nothing-like-it")
    assert (
        answer.code == 2 and "There is no study 'nothing-like-it'" in answer.err and len(answer.err.splitlines()) == 1
    )


def test_a_folder_as_a_file_is_a_usage_error(command: Any, searched: str, tmp_path: Path) -> None:
    answer = command("report", "--out", tmp_path)
    assert answer.code == 2 and "is a folder" in answer.err
