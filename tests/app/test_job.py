"""What a process of a search came to, in words."""

from __future__ import annotations

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
