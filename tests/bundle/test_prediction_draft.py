from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import prediction_draft
from archsmith.bundle.prediction_columns import Block
from archsmith.bundle.prediction_draft import Draft
from archsmith.bundle.prediction_files import form_of
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.data.tables.cells import Repeated

COLUMNS = [("row", int), ("class", str), ("error", str)]
MADE_FROM = {"bundle": "b", "data": "d", "options": "o", "version": "v"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_draft, "SAVE_SECONDS", 0.0)


def draft(path: Path, resume: bool = True, **changed: str) -> Draft:
    return Draft(path, form_of(path, COLUMNS), {**MADE_FROM, **changed}, resume)


def block(first: int) -> Block:
    return Block([np.arange(first, first + 2), Repeated(["x", "y"], np.array([0, 1]))], {1: f"bad {first + 1}"})


def stopped(path: Path, n: int = 2) -> None:
    """A run that ended after ``n`` blocks, with some bytes more in the draft than were known to be good."""
    with pytest.raises(KeyboardInterrupt), draft(path) as running:
        for place in range(n):
            running.add(block(2 * place + 1))
        raise KeyboardInterrupt
    with running.draft.open("ab") as file:
        file.write(b"half a li")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ENDINGS = pytest.mark.parametrize("name", ["p.csv", "p.json", "p.parquet"])


@ENDINGS
def test_a_stopped_run_ends_with_the_same_bytes(tmp_path: Path, name: str) -> None:
    stopped(tmp_path / name)
    with draft(tmp_path / name) as running:
        assert running.reached.n == 4 and running.reached.reasons == ("bad 2", "bad 4")
        assert running.note == "Goes on after the first 4 rows of a run that was stopped."
        running.add(block(5))
        running.finish()
    assert (running.reached.n, running.reached.n_broken) == (6, 3)
    assert names(tmp_path) == [name]
    with draft(tmp_path / f"whole.{name}") as whole:
        assert whole.note == ""
        for first in (1, 3, 5):
            whole.add(block(first))
        whole.finish()
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole.{name}").read_bytes()


def test_the_note_calls_examples_by_their_name(tmp_path: Path) -> None:
    stopped(tmp_path / "p.csv")
    with Draft(tmp_path / "p.csv", form_of(tmp_path / "p.csv", COLUMNS), MADE_FROM, noun="picture") as running:
        assert running.note == "Goes on after the first 4 pictures of a run that was stopped."


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"bundle": "x"}, "the bundle has changed"),
        ({"data": "x"}, "the data have changed"),
        ({"version": "x"}, "the version of Archsmith has changed"),
        ({"options": "x", "bundle": "x"}, "the bundle and the options have changed"),
    ],
)
def test_what_has_changed_begins_anew(tmp_path: Path, changed: dict[str, str], part: str) -> None:
    stopped(tmp_path / "p.csv")
    with draft(tmp_path / "p.csv", **changed) as running:
        assert running.reached.n == 0 and running.note == f"Begins anew: {part} since the run that was stopped."
        running.add(block(1))
        running.finish()
    assert (tmp_path / "p.csv").read_text() == "row,class,error\n1,x,\n2,,bad 2\n"


def test_a_run_of_an_earlier_version_begins_anew(tmp_path: Path) -> None:
    stopped(tmp_path / "p.csv")
    state = tmp_path / ".p.csv.part.json"
    kept = json.loads(state.read_text())
    del kept["made_from"]["version"]
    state.write_text(json.dumps(kept))
    with draft(tmp_path / "p.csv") as running:
        assert "the version of Archsmith has changed" in running.note


def test_a_fresh_start_on_request(tmp_path: Path) -> None:
    stopped(tmp_path / "p.csv")
    with draft(tmp_path / "p.csv", resume=False) as running:
        assert (running.reached.n, running.note) == (0, "")


@pytest.mark.parametrize("damage", ["cut", "changed", "no json", "odd json", "other format", "a list"])
def test_a_damaged_draft_begins_anew(tmp_path: Path, damage: str) -> None:
    stopped(tmp_path / "p.csv")
    part, state = tmp_path / ".p.csv.part", tmp_path / ".p.csv.part.json"
    content = part.read_bytes()
    kept = json.loads(state.read_text())
    if damage == "cut":
        part.write_bytes(content[:20])
    elif damage == "changed":
        part.write_bytes(content.replace(b"1,x", b"1,z"))
    elif damage == "no json":
        state.write_text("{")
    else:
        odd = {"odd json": {**kept, "reached": {"n": 4}}, "other format": {**kept, "format": 0}, "a list": [1]}
        state.write_text(json.dumps(odd[damage]))
    with draft(tmp_path / "p.csv") as running:
        assert running.reached.n == 0
        assert running.note == "Begins anew: what the run that was stopped has left is damaged."


@ENDINGS
@pytest.mark.parametrize("error", [DataError, UsageError])
def test_where_the_data_are_to_blame_nothing_is_left(tmp_path: Path, name: str, error: type[ArchsmithError]) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(error), draft(tmp_path / name) as running:
        running.add(block(1))
        raise error("no")
    assert names(tmp_path) == [name] and (tmp_path / name).read_text() == "precious"


def test_other_errors_keep_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(ArchsmithError), draft(tmp_path / "p.csv") as running:
        running.add(block(1))
        raise ArchsmithError("onnxruntime ran out of memory.")
    with draft(tmp_path / "p.csv") as running:
        assert running.reached.n == 2


def test_one_process_writes_a_file(tmp_path: Path) -> None:
    with draft(tmp_path / "p.csv") as running:
        with pytest.raises(UsageError, match="Another process is writing"):
            draft(tmp_path / "p.csv")
        running.finish()
    assert names(tmp_path) == ["p.csv"]


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(28, "No space left on device")
    with draft(tmp_path / "p.csv") as running:
        running.add(block(1))
        with monkeypatch.context() as patched, pytest.raises(ArchsmithError, match=r"p\.csv' \(No space left on dev"):
            patched.setattr(running, "_file", _Full(running._file, full))
            running.add(block(3))
    with draft(tmp_path / "p.csv") as running:
        assert running.reached.n == 2


@pytest.mark.parametrize(("resume", "which"), [(True, "command then"), (False, "command without --no-resume then")])
def test_a_full_disk_says_which_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resume: bool, which: str
) -> None:
    with draft(tmp_path / "p.csv", resume) as running:
        running.add(block(1))
        with monkeypatch.context() as patched, pytest.raises(ArchsmithError) as caught:
            patched.setattr(running, "_file", _Full(running._file, OSError(28, "No space left on device")))
            running.add(block(3))
    assert f"The same {which} goes on where it was." in str(caught.value.hint)


class _Full:
    """A file that takes no more."""

    def __init__(self, file: Any, error: OSError) -> None:
        self._file, self.error = file, error

    def write(self, data: bytes) -> None:
        raise self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_only_the_first_reasons_are_kept(tmp_path: Path) -> None:
    with draft(tmp_path / "p.csv") as running:
        for place in range(20):
            running.add(block(2 * place + 1))
        assert len(running.reached.reasons) == 10 and running.reached.n_broken == 20
        running.finish()
