"""The studies of the workspace, as pages and API ask for them: read from their logs, and from nothing else.

A study that somebody looks at stays folded, and each further look reads only what was logged since. Its log may vanish,
be replaced by another one, or be damaged at any time; the next look says so.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from archsmith.automl.glance import at_a_glance
from archsmith.core.errors import ArchsmithError, NoStudyError, StudyError
from archsmith.core.files import reason
from archsmith.core.records import DAMAGES, StudyRecord
from archsmith.core.wording import visible
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.study_view import UNREADABLE, StudyView, try_view
from archsmith.runtime.workspace import StudySummary, Workspace

MOST_KEPT = 12  # studies that stay folded
MOST_FACTS = 50  # about one state of a study that are kept
MOST_ROWS = 1000  # studies whose line is kept
LONGEST_ID = 255
AGAIN_SECONDS = 5.0  # after which a study that could not be read is tried again
LEAST_SECONDS = 0.2  # between two looks at a log, whoever asks

Made = TypeVar("Made")

# Which part of a study an event changes.
PARTS = {
    "study": "state",
    "opened": "state",
    "closed": "state",
    "command": "state",
    "extended": "state",
    "result": "result",
    "phase": "phases",
    "preparing": "phases",
    "prepared": "phases",
    "epoch": "curves",
    "reported": "curves",
    "proposed": "trials",
    "finished": "trials",
    "note": "notes",
}


@dataclass(frozen=True)
class Change:
    """What is new since an earlier look.

    version: of the study now.
    parts: of ``PARTS``, those that changed.
    """

    version: str
    parts: tuple[str, ...]


class Followed:
    """One study, folded as far as its log goes. Any number of threads may ask.

    ``id``: the name of its folder. ``folder``: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.id = folder.name
        self.folder = folder
        self._lock = threading.RLock()
        self._name = secrets.token_hex(4)  # tells this fold from one before it, and from one of another process
        self._number = 0
        self._changed: dict[str, int] = {}  # part -> number of the look that found it changed
        self._memory: dict[Any, Any] = {}
        self._looked = -LEAST_SECONDS
        self._store: SqliteStore | None = None
        self._begin()

    def _begin(self) -> None:
        self.close()
        self._view = StudyView(self.id, self.folder)
        self._next = 0  # index of the next event
        self._file: tuple[int, int] | None = None
        self._whole = True  # all of it is new to whoever looks
        self._memory = {}

    @property
    def version(self) -> str:
        """Another one after every change."""
        return f"{self._name}-{self._number}"

    @contextmanager
    def look(self) -> Iterator[StudyView]:
        """What the log tells now; nobody changes it meanwhile. One that cannot be read is in the state ``unreadable``.
        Raises NoStudyError where there is no study any more.
        """
        with self._lock:
            self._refresh()
            yield self._view

    def facts(self, make: Callable[..., Made], *asked: Hashable) -> Made:
        """What ``make(view, *asked)`` says of the study as it is now; kept until the study changes. Raises as ``look``,
        and what ``make`` raises.
        """
        with self.look():
            key = make, asked
            if key not in self._memory:
                if len(self._memory) >= MOST_FACTS:
                    self._memory = {}
                self._memory[key] = self.tell(make, *asked)
            found: Made = self._memory[key]
            return found

    def tell(self, make: Callable[..., Made], *asked: Hashable) -> Made:
        """The same, made anew: for what changes with the clock. A log that says something of which no facts can be made
        is one that cannot be read.
        """
        with self.look() as view:
            try:
                return make(view, *asked)
            except DAMAGES as error:
                self._fail(error)
                return make(self._view, *asked)

    def since(self, version: str | None) -> Change:
        """What changed after ``version``: everything where that is of another fold. Raises as ``look``."""
        with self.look():
            name, _, number = (version or "").rpartition("-")
            before = int(number) if name == self._name and number.isdecimal() else -1
            return Change(self.version, tuple(sorted(part for part, at in self._changed.items() if at > before)))

    def close(self) -> None:
        """Let go of the file; a look opens it again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    # -- reading -------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < LEAST_SECONDS:
            return
        file = _identity(self.folder / FILE)
        if file != self._file or (self._view.why_unreadable is not None and now - self._looked >= AGAIN_SECONDS):
            self._begin()
            self._file = file
        if self._view.why_unreadable is None:
            self._looked = now
            try:
                self._read()
            except Exception as error:  # whatever is wrong with one study, nobody else is to be stopped by it
                self._fail(error)

    def _read(self) -> None:
        if self._store is None:
            self._store = SqliteStore(self.folder)
        last = self._store.last()
        if (-1 if last is None else last.index) < self._next - 1:  # written anew in the same file
            self._begin()
            self._file = _identity(self.folder / FILE)
            self._store = SqliteStore(self.folder)
        parts, writer = {*PARTS.values()} if self._whole else set[str](), self._store.holder is not None
        self._whole = False
        for event in self._store.read(self._next):
            if self._view.began is None and event.kind != StudyRecord.kind:
                raise StudyError(f"The study {self.id} has no first event.", "Start it again, or delete its folder.")
            self._view.apply(event)
            self._next = event.index + 1
            parts.add(PARTS.get(event.kind, "other"))
        if not writer:
            self._view.openings.see(self._store.last_seen, time.time())
        if writer != self._view.writer:
            self._view.writer = writer
            parts.add("state")
        self._note(parts)

    def _fail(self, error: Exception) -> None:
        """Nothing of what was read is shown: it may be half of an event."""
        self.close()
        self._view, self._memory = StudyView(self.id, self.folder), {}
        self._view.why_unreadable = (
            str(error) if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {reason(error)}"
        )
        self._note({*PARTS.values()})

    def _note(self, parts: set[str]) -> None:
        if parts:
            self._number += 1
            self._memory = {}
            self._changed |= dict.fromkeys(parts, self._number)


class Studies:
    """All studies of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Followed] = OrderedDict()
        self._rows: OrderedDict[str, tuple[StudySummary, Mapping[str, Any]]] = OrderedDict()

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Every study in a line, see ``automl.glance``; the one that changed last comes first."""
        return [self._row(summary) for summary in self._workspace.list()]

    def page(self, offset: int, limit: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """``limit`` of them from the place ``offset`` on, and how many there are in all."""
        found = self._workspace.list()
        return [self._row(summary) for summary in found[offset : offset + limit]], len(found)

    def get(self, id: str) -> Followed:
        """The study whose folder has this name. Raises NoStudyError where there is none."""
        folder = self._folder(id)
        with self._lock:
            if not _exists(folder):
                if (gone := self._kept.pop(id, None)) is not None:
                    gone.close()
                raise NoStudyError(f"There is no study {visible(id[:LONGEST_ID])!r}.", "It may have been removed.")
            followed = self._kept.setdefault(id, Followed(folder))
            self._kept.move_to_end(id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)[1].close()
        return followed

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            for followed in self._kept.values():
                followed.close()
            self._kept.clear()

    def _folder(self, id: str) -> Path:
        """A name is one part of a path, and never leads elsewhere."""
        if not 0 < len(id) <= LONGEST_ID or id in (".", "..") or not id.isprintable() or {*id} & {*"/\\:"}:
            raise NoStudyError(f"There is no study {visible(id[:LONGEST_ID])!r}.", "See them on the first page.")
        return self._workspace.studies / id

    def _row(self, summary: StudySummary) -> Mapping[str, Any]:
        """Folds only what changed since the last list."""
        with self._lock:
            known = self._rows.get(summary.id)
        if known is not None and known[0] == summary:
            return known[1]
        row = {**at_a_glance(summary, self._view_of(summary)), "study": visible(summary.id)}
        with self._lock:
            self._rows[summary.id] = (summary, row)
            self._rows.move_to_end(summary.id)
            while len(self._rows) > MOST_ROWS:
                self._rows.popitem(last=False)
        return row

    def _view_of(self, summary: StudySummary) -> StudyView:
        """What is folded already is not folded again."""
        with self._lock:
            followed = self._kept.get(summary.id)
        if followed is None or summary.state == UNREADABLE:
            return try_view(summary.folder)
        try:
            with followed.look() as view:
                return view
        except StudyError:
            return try_view(summary.folder)


def _identity(file: Path) -> tuple[int, int]:
    """Tells a file from another one of the same name. Raises NoStudyError where it is gone."""
    try:
        found = file.stat()
    except OSError as error:
        raise NoStudyError(f"The study {visible(file.parent.name)} is not there any more.") from error
    return found.st_dev, found.st_ino


def _exists(folder: Path) -> bool:
    try:
        return (folder / FILE).exists()
    except OSError:
        return True  # its log cannot be seen, which a look will say
