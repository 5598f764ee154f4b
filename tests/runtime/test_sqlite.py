from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archsmith.core.errors import DataError, LeaseError, StudyError
from archsmith.core.events import Event
from archsmith.runtime.sqlite import FILE, VERSION, SqliteStore

WRITING = """
import sys
from archsmith.core.events import Event
from archsmith.runtime.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.acquire()
print("writing", flush=True)
while True:
    store.append([Event("a"), Event("b")])
"""


@pytest.fixture
def store(tmp_path: Path):
    store = SqliteStore(tmp_path)
    store.acquire()
    yield store
    store.close()


@pytest.fixture
def writer(tmp_path: Path):
    """Another process that appends pairs of events until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_events_survive_the_object(store: SqliteStore, tmp_path: Path) -> None:
    written = store.append([Event("a", {"x": 0.1}), Event("b")])
    store.release()
    again = SqliteStore(tmp_path)
    assert list(again.read()) == written and again.last() == written[-1] and again.counts() == {"a": 1, "b": 1}
    assert again.latest() == {"a": 0, "b": 1}
    again.acquire()
    assert again.append([Event("c")])[0].index == 2
    again.close()


def test_readers_never_wait_and_see_whole_steps(writer, tmp_path: Path) -> None:
    reader = SqliteStore(tmp_path)
    lengths = []
    while len(lengths) < 20 or lengths[-1] == 0:
        events = list(reader.read(max(0, lengths[-1] - 100 if lengths else 0)))
        lengths.append(events[-1].index + 1 if events else 0)
    assert all(length % 2 == 0 for length in lengths) and lengths == sorted(lengths)
    with pytest.raises(LeaseError):
        reader.acquire()
    with pytest.raises(LeaseError):
        reader.append([Event("a")])
    reader.close()


def test_killed_writer_leaves_whole_steps_and_a_free_lease(writer, tmp_path: Path) -> None:
    time.sleep(0.05)
    writer.kill()
    writer.wait()
    store = SqliteStore(tmp_path)
    store.acquire()
    kinds = [event.kind for event in store.read()]
    assert kinds == ["a", "b"] * (len(kinds) // 2)
    assert store.append([Event("c")])[0].index == len(kinds)
    store.close()


def test_any_process_may_command(store: SqliteStore, tmp_path: Path) -> None:
    SqliteStore(tmp_path).command("stop", by="another")
    assert store.commands() == [("stop", {"by": "another"})]


def test_command_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no study"):
        SqliteStore(tmp_path / "nothing").command("stop")


def test_missing_or_blank_file_reads_as_empty(tmp_path: Path) -> None:
    assert list(SqliteStore(tmp_path / "nothing").read()) == []
    assert not (tmp_path / "nothing").exists()
    (tmp_path / FILE).touch()  # what a process leaves that was killed as it made the file
    store = SqliteStore(tmp_path)
    assert list(store.read()) == []
    store.acquire()
    assert store.append([Event("a")])[0].index == 0
    store.close()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("hello " * 1000)
    with pytest.raises(StudyError, match="not an Archsmith study"):
        list(SqliteStore(tmp_path).read())
    store = SqliteStore(tmp_path)
    with pytest.raises(StudyError, match="not an Archsmith study"):
        store.acquire()
    assert store.holder is None  # a failed opening keeps no lease


def test_foreign_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE cats (name)")
    connection.close()
    with pytest.raises(StudyError, match="not an Archsmith study"):
        list(SqliteStore(tmp_path).read())


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with names are files of Unix")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(DataError, match="not a regular file"):
        list(SqliteStore(tmp_path).read())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW endless AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT x FROM c",
        "CREATE TRIGGER more AFTER INSERT ON commands BEGIN SELECT 1; END",
        "CREATE TABLE others (x)",
    ],
)
def test_a_log_that_holds_something_else_is_refused(store: SqliteStore, tmp_path: Path, statement: str) -> None:
    store.append([Event("a")])
    store.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(StudyError, match="no part of a study"):
        list(SqliteStore(tmp_path).read())


def test_newer_version_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    store.release()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StudyError, match="newer version"):
        list(SqliteStore(tmp_path).read())


def test_damaged_file_is_named(store: SqliteStore, tmp_path: Path) -> None:
    store.append([Event("a", {"text": "x" * 1000}) for _ in range(200)])
    store.release()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4096 * 4 :] = os.urandom(len(content) - 4096 * 4)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StudyError, match="damaged"):
        list(SqliteStore(tmp_path).read())


def test_rows_are_final(store: SqliteStore, tmp_path: Path) -> None:
    store.append([Event("a")])
    connection = sqlite3.connect(tmp_path / FILE)
    for statement in ("UPDATE events SET kind = 'b'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            connection.execute(statement)
    connection.close()


def test_study_in_a_folder_that_cannot_be_written(store: SqliteStore, tmp_path: Path) -> None:
    store.append([Event("a")])
    store.close()
    shutil.copytree(tmp_path, tmp_path / "copy")
    (tmp_path / "copy").chmod(0o555)
    try:
        assert [event.kind for event in SqliteStore(tmp_path / "copy").read()] == ["a"]
    finally:
        (tmp_path / "copy").chmod(0o755)


def test_proposed_trials_are_counted(store: SqliteStore) -> None:
    assert store.count_proposed() == 0
    store.append([Event("proposed", {"trials": [{"id": 0}, {"id": 1}]}), Event("proposed", {"trials": [{"id": 2}]})])
    assert store.count_proposed() == 3


def test_appending_is_fast(store: SqliteStore) -> None:
    began = time.process_time()
    for i in range(1000):
        store.append([Event("finished", {"trial": i, "metrics": {"accuracy": 0.5}}), Event("proposed", {"trials": []})])
    assert time.process_time() - began < 1.0  # ten times what it takes, for busy machines
