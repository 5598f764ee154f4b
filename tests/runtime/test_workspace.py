from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from archsmith.core.errors import StudyError, UsageError
from archsmith.core.events import Event
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.workspace import Workspace


def write(store: SqliteStore, *events: Event) -> str:
    store.acquire()
    store.append(events)
    store.close()
    return store.folder.name


def age(folder: Path, seconds: float) -> None:
    for path in folder.glob(f"{FILE}*"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_default_is_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace().path == tmp_path / ".archsmith" and not Workspace().path.exists()


def test_ids_are_unique_and_readable(workspace: Workspace) -> None:
    folders = {workspace.create("fashion").folder for _ in range(5)}
    assert len(folders) == 5 and all(folder.is_dir() and folder.name.startswith("fashion-20") for folder in folders)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "last", ".hidden", "x" * 200])
def test_bad_names_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be named"):
        workspace.create(name)


def test_states_in_the_list(workspace: Workspace) -> None:
    write(
        workspace.create("done"), Event("study", {"seed": 1}), Event("finished"), Event("closed", {"reason": "trials"})
    )
    write(workspace.create("cut"), Event("study"), Event("proposed", {"trials": [{}, {}]}), Event("finished"))
    running = workspace.create("live")
    running.acquire()
    running.append([Event("study")])
    (workspace.create("junk").folder / FILE).write_text("junk " * 500)
    workspace.create("nothing")
    found = {summary.id.partition("-")[0]: summary for summary in workspace.list()}
    running.close()
    assert {name: summary.state for name, summary in found.items()} == {
        "done": "finished",
        "cut": "interrupted",
        "live": "running",
        "junk": "unreadable",
    }
    assert found["done"].reason == "trials" and found["done"].began.seed == 1
    assert (found["cut"].n_proposed, found["cut"].n_finished) == (2, 1)
    assert "not an Archsmith study" in found["junk"].reason


def test_list_of_nothing(workspace: Workspace) -> None:
    assert workspace.list() == []


def test_resolve(workspace: Workspace, tmp_path: Path) -> None:
    old, new = (write(workspace.create(name), Event("study")) for name in ("digits", "fashion"))
    age(workspace.studies / old, 100)
    assert workspace.resolve("last").name == workspace.resolve().name == new
    assert workspace.resolve("dig").name == workspace.resolve(old).name == old
    assert workspace.resolve(str(workspace.studies / old)).name == old
    assert next(workspace.open("dig").read()).kind == "study"


def test_exact_id_wins_over_longer_ones(workspace: Workspace) -> None:
    first = write(workspace.create("a"), Event("study"))
    longer = SqliteStore(workspace.studies / f"{first}-2")
    write(longer, Event("study"))
    assert workspace.resolve(first).name == first


def test_resolve_says_what_is_wrong(workspace: Workspace) -> None:
    with pytest.raises(StudyError, match="no studies"):
        workspace.resolve("last")
    for _ in range(2):
        write(workspace.create("a"), Event("study"))
    with pytest.raises(StudyError, match="2 studies begin with 'a'"):
        workspace.resolve("a")
    with pytest.raises(StudyError, match="no study 'b'"):
        workspace.resolve("b")


def test_last_goes_by_events_not_by_the_times_of_files(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folders = []
    for name in ("older", "newer"):
        store = workspace.create(name)
        store.acquire()
        store.append([Event("study", {})])
        store.close()
        folders.append(store.folder)
        time.sleep(0.01)
    later = time.time() + 100
    for path in folders[0].iterdir():  # as reading it does
        os.utime(path, (later, later))
    assert workspace.resolve("last") == folders[1]
