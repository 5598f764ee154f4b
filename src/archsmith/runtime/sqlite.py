"""A study's log on disk: ``<folder>/events.sqlite``, one SQLite file in WAL mode, so that readers never wait for the
writer nor it for them.

``synchronous = NORMAL``: a transaction survives a killed process always, and a power cut as a whole or not at all (the
last few may be missing then). Rows are JSON; nothing is pickled.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from archsmith.core.errors import LeaseError, NoStudyError, StudyError
from archsmith.core.events import Event
from archsmith.core.fields import checked
from archsmith.core.files import no_such_folder, reason, regular_size
from archsmith.runtime.lease import Holder, Lease, holder, last_seen
from archsmith.runtime.memory import to_json

APPLICATION_ID = 0x41524348  # "ARCH" in the file's header says that this is a study
VERSION = 1  # of the layout below; a file with a higher one is refused
FILE = "events.sqlite"
LAST_SECOND = 253_402_300_799  # of the year 9999, the last that can be written as a date
CHUNK = 1000  # events read at a time: a reader that dawdles must not hold a transaction open

SCHEMA = (
    "CREATE TABLE events (number INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL)",
    "CREATE TABLE commands (number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, name TEXT NOT NULL, args "
    "TEXT NOT NULL)",
    "CREATE TRIGGER events_are_final BEFORE UPDATE ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are never changed'); END",
    "CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


class SqliteStore:
    """The Store of one study in ``folder``, which ``acquire`` creates if needed.

    Reading needs no lease and opens the file read-only; a folder without a study reads as empty. One object may be used
    from several threads.
    """

    @checked
    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._path = self._folder / FILE
        self._lease = Lease(self._folder)
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._next_event = 0
        self._last_command = 0
        self._before: float | None = None  # when a writer before this one was last seen

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._folder)!r})"

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def exists(self) -> bool:
        """Is there a log at all?"""
        return self._path.exists()

    @property
    def holder(self) -> Holder | None:
        """The process that is writing now, None when none is."""
        return holder(self._folder)

    @property
    def last_seen(self) -> float | None:
        """When the process that wrote before, and was killed, gave its last sign of life, in Unix seconds; None where
        there was none such.
        """
        return self._before if self._lease.held else last_seen(self._folder)

    def acquire(self) -> None:
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StudyError(f"The folder {self._folder} cannot be made: {error.strerror}.") from error
            before = last_seen(self._folder)
            self._lease.acquire()
            self._before = before
            try:
                self._writer = self._open_writer()
                self._next_event = self._value("SELECT max(number) + 1 FROM events")
                # Older commands were meant for a process that is gone.
                self._last_command = self._value("SELECT max(number) FROM commands")
            except BaseException:
                self.release()
                raise

    def release(self) -> None:
        with self._lock:
            if self._writer is not None and self._lease.held:
                self._writer.close()
            self._writer = None
            self._lease.release()

    def discard(self) -> None:
        """Remove the log, and its folder where nothing else lies there. Only for a study that nobody writes."""
        self.close()
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm", "lease.lock"):
            (self._folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def append(self, events: Sequence[Event]) -> list[Event]:
        if not self._lease.held or self._writer is None:
            raise LeaseError("Only the holder of the lease may append events.", "Call acquire() first.")
        texts = [to_json(event.kind, event.data) for event in events]
        with self._lock:
            now, start = time.time(), self._next_event
            rows = [
                (start + i, now, event.kind, text) for i, (event, text) in enumerate(zip(events, texts, strict=True))
            ]
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                self._writer.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
                self._writer.execute("COMMIT")
            except BaseException as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise StudyError(
                        f"The log {self._path} could not be written: {error}.", "Nothing of this step was logged."
                    ) from error
                raise
            self._next_event += len(rows)
        # Parsed again, so that a live history and one read from disk are made of the same values.
        return [Event(kind, json.loads(text), index, now) for index, now, kind, text in rows]

    def read(self, start: int = 0) -> Iterator[Event]:
        while True:
            rows = self._rows(
                "SELECT number, time, kind, data FROM events WHERE number >= ? ORDER BY number LIMIT ?", (start, CHUNK)
            )
            for number, when, kind, data in rows:
                yield self._event(number, when, kind, data)
            if len(rows) < CHUNK:
                return
            start = rows[-1][0] + 1

    def last(self) -> Event | None:
        """The newest event."""
        rows = self._rows("SELECT number, time, kind, data FROM events ORDER BY number DESC LIMIT 1")
        return self._event(*rows[0]) if rows else None

    def counts(self) -> dict[str, int]:
        """How many events of each kind there are, without reading them."""
        return dict(self._rows("SELECT kind, count(*) FROM events GROUP BY kind"))

    def latest(self) -> dict[str, int]:
        """The index of the newest event of each kind."""
        return dict(self._rows("SELECT kind, max(number) FROM events GROUP BY kind"))

    def count_proposed(self) -> int:
        """How many trials were proposed; one ``proposed`` event may hold several."""
        return self._value("SELECT sum(json_array_length(data, '$.trials')) FROM events WHERE kind = 'proposed'")

    def command(self, name: str, **args: Any) -> None:
        if not self.exists:
            raise NoStudyError(no_such_folder(self._folder, "study", FILE))
        row = (time.time(), name, to_json("command", args))
        with self._lock:
            connection = self._writer or self._connect("rw")
            try:
                self._check(connection)
                connection.execute("INSERT INTO commands (time, name, args) VALUES (?, ?, ?)", row)
            except sqlite3.Error as error:
                raise self._explained(error) from error
            finally:
                if connection is not self._writer:
                    connection.close()

    def commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        if not self._lease.held or self._writer is None:
            raise LeaseError("Only the holder of the lease takes commands.", "Call acquire() first.")
        rows = self._rows(
            "SELECT number, name, args FROM commands WHERE number > ? ORDER BY number", (self._last_command,)
        )
        if rows:
            self._last_command = rows[-1][0]
        return [(name, json.loads(args)) for _, name, args in rows]

    def close(self) -> None:
        """Let go of the file and of the lease; reading opens it again."""
        with self._lock:
            self.release()
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    # Below: one connection each way, and errors in words

    def _event(self, number: int, when: float, kind: str, text: str) -> Event:
        """One row as an event. Raises StudyError for one that is damaged."""
        try:
            data, when = json.loads(text), float(when)
            if not 0 <= when <= LAST_SECOND:
                raise ValueError(f"its time is {when:g}")
        except (ValueError, TypeError, RecursionError) as error:
            raise self._damaged(number, reason(error)) from error
        if not isinstance(data, dict):
            raise self._damaged(number, f"its data are {type(data).__name__}")
        return Event(kind, data, number, when)

    def _damaged(self, number: int, why: str) -> StudyError:
        return StudyError(f"Event {number} of the study {self._path} is damaged: {why}.", "Restore it from a copy.")

    def _value(self, query: str) -> int:
        rows = self._rows(query)  # none at all while the file is still blank
        return rows[0][0] or 0 if rows else 0

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                connection = self._writer if self._writer is not None else self._open_reader()
                return connection.execute(query, values).fetchall() if connection is not None else []
            except sqlite3.Error as error:
                raise self._explained(error) from error

    def _open_writer(self) -> sqlite3.Connection:
        connection = self._connect("rwc")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if not self._check(connection):
                connection.execute("BEGIN IMMEDIATE")
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.close()
            raise self._explained(error) from error
        except StudyError:
            connection.close()
            raise
        return connection

    def _open_reader(self) -> sqlite3.Connection | None:
        """None while there is nothing to read."""
        if self._reader is None:
            if not self.exists:
                return None
            connection = self._connect("ro")
            try:
                written = self._check(connection)
            except sqlite3.OperationalError:
                # WAL wants to make a small file beside the log. A folder that cannot be written has no writer either:
                # read the file as it is.
                connection.close()
                if self._path.with_name(FILE + "-wal").exists():
                    raise
                connection = self._connect("ro&immutable=1")
                written = self._check(connection)
            if not written:
                connection.close()
                return None
            self._reader = connection
        return self._reader

    def _connect(self, mode: str) -> sqlite3.Connection:
        try:
            if self.exists:
                regular_size(self._path)  # a pipe would be waited for
            return sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _check(self, connection: sqlite3.Connection) -> bool:
        """Is this a study (True) or a blank file (False)? Raises StudyError for anything else."""
        application, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if application == APPLICATION_ID:
            if version > VERSION:
                raise StudyError(
                    f"{self._path} was written by a newer version of Archsmith (layout {version}, known: {VERSION}).",
                    "Upgrade archsmith to open it.",
                )
            self._refuse_others(connection)
            return True
        if application or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StudyError(f"{self._path} is an SQLite file, but not an Archsmith study.")
        return False

    def _refuse_others(self, connection: sqlite3.Connection) -> None:
        """A view may never end, and a trigger may do anything: a log has our tables and triggers, and nothing else."""
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        odd = [name for name, statement in made if statement not in SCHEMA and not name.startswith("sqlite_")]
        if odd:
            raise StudyError(
                f"{self._path} holds {odd[0]!r}, which is no part of a study.", "Do not trust whoever changed it."
            )

    def _explained(self, error: sqlite3.Error) -> StudyError:
        if "not a database" in str(error):
            return StudyError(f"{self._path} is not an Archsmith study.", "It is no SQLite file at all.")
        if "malformed" in str(error):
            return StudyError(
                f"The study {self._path} is damaged: {error}.",
                "Restore it from a copy; SQLite's .recover command may save most of it.",
            )
        return StudyError(f"The study {self._path} cannot be used: {error}.")
