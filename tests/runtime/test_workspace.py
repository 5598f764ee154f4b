from __future__ import annotations

import os
import re
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import NoStudyError, StudyError, UsageError
from archsmith.core.events import Event
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.workspace import Workspace, called


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
    paused = Event("command", {"name": "pause"}), Event("closed", {"reason": "interrupted"})
    write(workspace.create("paused"), Event("study"), *paused)
    write(workspace.create("again"), Event("study"), paused[0], Event("opened"))
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
        "paused": "paused",
        "again": "interrupted",
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
    with pytest.raises(NoStudyError, match="2 studies begin with 'a'"):
        workspace.resolve("a")
    with pytest.raises(StudyError, match="no study 'b'"):
        workspace.resolve("b")


def test_the_name_of_a_comparison_leads_to_its_report(workspace: Workspace) -> None:
    page = workspace.path / "comparisons" / "nine" / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>")
    with pytest.raises(StudyError, match="'nine' is a comparison, and no study") as caught:
        workspace.resolve("nine")
    assert caught.value.hint is not None and str(page) in caught.value.hint


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


# -- studies that cannot be read ---------------------------------------------------------------------------------------


def broken_json(store: SqliteStore) -> None:
    write(store, Event("study"), Event("note"))
    file = sqlite3.connect(store.folder / FILE)
    file.execute("DROP TRIGGER events_are_final")
    file.execute("UPDATE events SET data = 'junk'")
    file.commit()
    file.close()


def a_list_for_data(store: SqliteStore) -> None:
    broken_json(store)
    file = sqlite3.connect(store.folder / FILE)
    file.execute("UPDATE events SET data = '[]'")
    file.commit()
    file.close()


def a_folder_for_a_log(store: SqliteStore) -> None:
    (store.folder / FILE).mkdir()


BROKEN = {
    "not an Archsmith study": lambda store: (store.folder / FILE).write_text("junk " * 500),
    "Event 0 of the study .* is damaged": broken_json,
    "its data are list": a_list_for_data,
    "is not a regular file": a_folder_for_a_log,
    "has no first event": lambda store: write(store, Event("opened"), Event("note")),
    "written by a later version": lambda store: write(store, Event("study", {"format": 99})),
    "is damaged: .*space is str": lambda store: write(store, Event("study", {"space": "conv_stages"})),
}


@pytest.mark.parametrize(("why", "make"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_study_that_cannot_be_read_is_listed_with_its_reason(workspace: Workspace, why: str, make: Any) -> None:
    good = write(workspace.create("good"), Event("study", {"seed": 1}))
    make(workspace.create("bad"))
    found = {summary.id.partition("-")[0]: summary for summary in workspace.list()}
    assert (found["good"].state, found["bad"].state) == ("interrupted", "unreadable")
    assert re.search(why, found["bad"].reason or "")
    assert workspace.resolve("last").name == good  # though the other one changed later
    assert workspace.create("new").folder.is_dir()


def test_the_last_study_is_one_that_cannot_be_read_where_there_is_no_other(workspace: Workspace) -> None:
    BROKEN["not an Archsmith study"](store := workspace.create("bad"))
    assert workspace.resolve("last") == store.folder


def test_a_job_is_finished_when_it_has_a_result(workspace: Workspace) -> None:
    began, closed = Event("study", {"fit": {"settings": {}}}), Event("closed", {"reason": "seconds"})
    write(workspace.create("searched"), began, closed)
    write(workspace.create("whole"), began, closed, Event("result"), closed)
    write(workspace.create("longer"), began, closed, Event("result"), closed, Event("extended"), closed)
    found = {summary.id.partition("-")[0]: summary.state for summary in workspace.list()}
    assert found == {"searched": "interrupted", "whole": "finished", "longer": "interrupted"}


def test_a_study_of_a_class_that_is_gone_is_listed(workspace: Workspace) -> None:
    write(workspace.create("a"), Event("study", {"space": {"type": "lost_plugin:Space"}}))
    (summary,) = workspace.list()
    assert summary.state == "interrupted" and (summary.study or {})["space"] == {"type": "lost_plugin:Space"}


def test_the_environment_names_the_workspace_where_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSMITH_WORKSPACE", str(tmp_path / "there"))
    assert Workspace().path == tmp_path / "there" and Workspace(tmp_path / "here").path == tmp_path / "here"
    monkeypatch.setenv("ARCHSMITH_WORKSPACE", "")
    assert Workspace().path == Path.home() / ".archsmith"
    monkeypatch.delenv("ARCHSMITH_WORKSPACE")
    assert Workspace().path == Path.home() / ".archsmith"


def test_a_file_names_the_workspace_where_the_environment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARCHSMITH_WORKSPACE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".archsmith" / "config.toml"
    file.parent.mkdir()
    file.write_text('workspace = "~/elsewhere"\n')
    assert Workspace().path == tmp_path / "elsewhere"
    monkeypatch.setenv("ARCHSMITH_WORKSPACE", str(tmp_path / "there"))
    assert Workspace().path == tmp_path / "there"


@pytest.mark.parametrize(
    "text", ["workspace = 3", "work = 'x'", "workspace =", "workspace = " + "[" * 10_000, "#" * 2**21]
)
def test_a_file_that_says_something_else_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSMITH_WORKSPACE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".archsmith" / "config.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError, match=r"config\.toml.* (It may say: workspace = |has more than)"):
        Workspace()


def test_a_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("pipes with names are files of Unix")
    monkeypatch.delenv("ARCHSMITH_WORKSPACE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".archsmith").mkdir()
    os.mkfifo(tmp_path / ".archsmith" / "config.toml")
    with pytest.raises(UsageError, match="not a regular file"):
        Workspace()


def test_commands_call_a_study_by_its_folder_where_they_would_not_find_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workspace.create("photos").folder
    assert called(folder) == folder
    monkeypatch.setenv("ARCHSMITH_WORKSPACE", str(workspace.path))
    assert called(folder) == folder.name


def test_a_name_that_begins_another_one_is_not_taken(workspace: Workspace) -> None:
    write(workspace.create("photos-2"), Event("study", {}))
    made = workspace.create("photos")
    write(made, Event("study", {}))
    with pytest.raises(UsageError, match=rf"studies resume {re.escape(str(made.folder))}\)"):
        workspace.refuse_taken("photos")
    workspace.refuse_taken("photo")


def test_a_finished_study_of_the_same_name_needs_more_to_go_on(workspace: Workspace) -> None:
    made = workspace.create("photos")
    write(made, Event("study", {}), Event("closed", {"reason": "trials"}))
    with pytest.raises(UsageError, match=rf"studies resume {re.escape(str(made.folder))} --trials \+10\)"):
        workspace.refuse_taken("photos")


def test_a_study_of_the_same_name_that_a_program_began_goes_on_there(workspace: Workspace) -> None:
    write(workspace.create("photos"), Event("study", {"space": {"type": "__main__:Mine", "args": {}}}))
    with pytest.raises(UsageError, match="Go on with it in the Python program that began it, or choose another --name"):
        workspace.refuse_taken("photos")


def test_a_study_of_the_same_name_that_has_no_more_is_not_gone_on_with(workspace: Workspace) -> None:
    write(workspace.create("photos"), Event("study", {}), Event("closed", {"reason": "exhausted"}))
    with pytest.raises(UsageError, match=r"It has nothing more to propose\. Choose another --name\.") as caught:
        workspace.refuse_taken("photos")
    assert "studies resume" not in str(caught.value)


def test_a_study_of_the_same_name_that_runs_is_not_gone_on_with(workspace: Workspace) -> None:
    made = workspace.create("photos")
    made.acquire()
    made.append([Event("study", {})])
    try:
        with pytest.raises(
            UsageError, match=rf"It is running \(see archsmith studies show {re.escape(str(made.folder))}"
        ):
            workspace.refuse_taken("photos")
    finally:
        made.close()


def test_of_many_who_want_a_name_at_once_one_gets_it(workspace: Workspace) -> None:
    n = 4
    ready, names, refusals = threading.Barrier(n), list[str](), list[str]()

    def ask() -> None:
        ready.wait()
        try:
            names.append(workspace.create("photos", only=True).folder.name)
        except UsageError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 1
    assert [f"{names[0]}." in refusal for refusal in refusals] == [True] * (n - 1)


def test_a_search_that_an_error_ended_is_failed(workspace: Workspace) -> None:
    write(workspace.create(), Event("study", {}), Event("closed", {"reason": "failed", "seconds": 1, "error": "No."}))
    assert workspace.list()[0].state == "failed"


def test_a_name_means_the_study_that_was_made_under_it(workspace: Workspace) -> None:
    """Also where another one begins so."""
    names = [write(workspace.create(name, only=True), Event("study", {})) for name in ("rnd", "rnd2")]
    assert [workspace.resolve(name).name for name in ("rnd", "rnd2")] == names
