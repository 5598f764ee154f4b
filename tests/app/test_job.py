"""What a process of a search came to, in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archsmith.app import keeper
from archsmith.app.job import Job
from archsmith.runtime.lease import Holder


def job(folder: Path, code: int | None, said: str = "", *, running: bool = False) -> Job:
    (folder / keeper.LOG).write_text(said)
    return Job("starting-1", None, "a.csv", 0.0, running, code, Holder(1, "here", "", 0.0), folder)


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (0, "", ""),
        (130, "", ""),
        (2, "one\narchsmith: No data. Give some.\n", "No data. Give some."),
        (-9, "", "memory has run out"),
        (None, "", "is gone"),
        (3, "", "code 3"),
    ],
)
def test_why_it_ended(tmp_path: Path, code: int | None, said: str, words: str) -> None:
    found = job(tmp_path, code, said)
    assert words in found.last_words and bool(found.last_words) == bool(words) == found.failed == found.beginning


def test_one_that_runs_begins_and_has_not_failed(tmp_path: Path) -> None:
    found = job(tmp_path, None, "\x1b[2J\n", running=True)
    assert found.beginning and not found.failed
    assert found.log(5) == ["\\x1b[2J"] and found.log(0) == []


def test_its_last_words_are_not_those_of_a_later_process(tmp_path: Path) -> None:
    found = job(tmp_path, -9)
    (tmp_path / keeper.CODE).write_text("-9")
    os.utime(tmp_path / keeper.LOG, (900.0, 900.0))
    os.utime(tmp_path / keeper.CODE, (1000.0, 1000.0))
    assert [found.words_of_end(at) for at in (950.0, 1060.0)] == [found.last_words, ""]
