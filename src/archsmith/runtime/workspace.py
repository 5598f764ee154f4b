"""The one place where studies live: ``<workspace>/studies/<id>/`` with ``events.sqlite``, ``trials/<id>/`` and whatever
the main job adds.

Command line, Python and web app read the same folders.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsmith.core.budget import EXHAUSTED
from archsmith.core.budget import FAILED as FAILED_LOOP
from archsmith.core.errors import ArchsmithError, LeaseError, NoStudyError, StudyError, UsageError
from archsmith.core.fields import checked
from archsmith.core.files import expanded, no_such_folder, reason, small_text
from archsmith.core.job_records import Extended, ResultRecord
from archsmith.core.records import PAUSE, Closed, Command, Finished, StudyRecord, beginning, record
from archsmith.runtime.lease import Lease
from archsmith.runtime.resuming import MORE_TIME, THERE, bound, more_after, resume_command
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.study_view import CUT_SHORT, DONE, FAILED, INTERRUPTED, NEW, PAUSED, RUNNING, UNREADABLE

VARIABLE = "ARCHSMITH_WORKSPACE"
CONFIG = "config.toml"  # in ~/.archsmith; its one setting is `workspace`
LARGEST_CONFIG = 2**16  # bytes of it
PATIENCE, TICK = 10.0, 0.02  # seconds that a process waits for another one that makes a study, and between two looks


@dataclass(frozen=True)
class StudySummary:
    """One study at a glance, read without folding its log.

    id: the name of its folder.
    folder: where it lies.
    state: one of ``archsmith.runtime.study_view.STATES``: ``new`` (nothing logged), ``running`` (a live process
        writes), ``finished``, ``interrupted`` (was cut off, or its trials are asked and told by hand, which no event
        ends), ``paused`` (somebody asked for that), ``failed`` (an error ended it) or ``unreadable``.
    reason: why its loop ended, or why it cannot be read; None where there is nothing to say.
    started, changed: times of the first and the latest event, in Unix seconds.
    n_proposed, n_finished: counts of trials.
    began: its first event; None without one that can be read.
    """

    id: str
    folder: Path
    state: str
    reason: str | None = None
    started: float = 0.0
    changed: float = 0.0
    n_proposed: int = 0
    n_finished: int = 0
    began: StudyRecord | None = None

    @property
    def study(self) -> Mapping[str, Any] | None:
        """The data of its first event, in the present format."""
        return None if self.began is None else self.began.to_data()


class Workspace:
    """All studies of one person. ``path``: when None, what the environment variable ``ARCHSMITH_WORKSPACE`` says;
    without that, ``workspace`` in ``~/.archsmith/config.toml``; without that, ``~/.archsmith``. Nothing is created
    before the first study. Raises UsageError for a ``config.toml`` that cannot be used, and where a file lies there.
    """

    @checked
    def __init__(self, path: Path | str | None = None) -> None:
        if path is None:
            home = Path.home() / ".archsmith"
            path = os.environ.get(VARIABLE) or _configured(home / CONFIG) or home
        self.path = expanded(path)
        try:
            if b"\0" in os.fsencode(self.path):
                raise UsageError("The workspace has a zero byte in its path.", "Give the path of a folder.")
        except UnicodeEncodeError as error:
            raise UsageError("The workspace has a path that is no text.", "Give the path of a folder.") from error
        if os.path.isfile(self.path):
            raise UsageError(f"The workspace {str(self.path)!r} is a file.", "Give the path of a folder.")

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @property
    def studies(self) -> Path:
        return self.path / "studies"

    def create(self, name: str = "study", *, only: bool = False) -> SqliteStore:
        """A store in a new folder ``<name>-<date>-<time>``. Raises UsageError for a name that is no file name,
        StudyError where none can be made.

        ``only``: raise StudyError where the name is taken. Of several processes that ask for it at once, one gets it.
        """
        _refuse_odd(name)
        try:
            self.studies.mkdir(parents=True, exist_ok=True)
            if not only:
                return self._made(name)
            with self._alone():
                self.refuse_taken(name)
                store = self._made(name)
                store.acquire()  # with a log the study is there for everybody
                store.release()
                return store
        except OSError as error:
            raise StudyError(
                f"No study can be made in {self.studies}: {error.strerror}.", "Choose another place with --workspace."
            ) from error

    def _made(self, name: str) -> SqliteStore:
        stamp = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        for i in range(1, 10_000):
            folder = self.studies / (stamp if i == 1 else f"{stamp}-{i}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return SqliteStore(folder)
        raise StudyError(f"There are too many studies named {stamp}.")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else makes a study under a name of its own meanwhile. Takes moments, so whoever comes second waits."""
        lease, until = Lease(self.studies), time.monotonic() + PATIENCE
        while True:
            try:
                lease.acquire()
                break
            except LeaseError as error:
                if time.monotonic() > until:
                    raise StudyError("Another process is making a study in the same place.", "Try again.") from error
                time.sleep(TICK)
        try:
            yield
        finally:
            lease.release()

    def refuse_taken(self, name: str) -> None:
        """Raises UsageError where a study was made under this ``name``: whoever names one again may mean that one; and
        for a name that is no file name.
        """
        _refuse_odd(name)
        taken = [folder.name for folder in self._folders() if _made_as(name, folder)]
        if taken:
            newest = _summary(self.studies / max(taken))
            raise UsageError(f"There is a study named {name!r} already: {newest.id}.", _instead(newest))

    def list(self) -> list[StudySummary]:
        """Every study, the one that changed last first; one that cannot be read is listed, not raised."""
        return sorted((_summary(folder) for folder in self._folders()), key=lambda s: (s.changed, s.id), reverse=True)

    def resolve(self, name: str = "last") -> Path:
        """The folder of the study with this id, or made under this name, or with an id that begins so, or at this
        path. ``last`` is the one that changed last; one that cannot be read is taken only where there is no other.
        Raises NoStudyError where there is none, or several.
        """
        if not name.strip():
            raise NoStudyError("The name of the study is empty.", "See them with: archsmith studies list")
        folders = list(self._folders())
        if name == "last":
            if not folders:
                raise NoStudyError(f"There are no studies in {self.path}.", "Start one with: archsmith fit DATA")
            return max(folders, key=lambda folder: (*_freshness(folder), folder.name))
        exact = [folder for folder in folders if folder.name == name]
        named = [folder for folder in folders if _made_as(name, folder)]
        found = exact or named or [folder for folder in folders if folder.name.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NoStudyError(
                f"{len(found)} studies begin with {name!r}: {', '.join(sorted(f.name for f in found)[:5])}.",
                "Give more of the id.",
            )
        if (Path(name) / FILE).exists():
            return Path(name)
        page = self.path / "comparisons" / name / "report.html"
        if page.is_file():
            raise NoStudyError(f"{name!r} is a comparison, and no study.", f"Its report is {page}.")
        there = os.path.lexists(name)
        said = no_such_folder(name, "study", FILE) if there else f"There is no study {name!r} in {self.path}."
        raise NoStudyError(said, "See them with: archsmith studies list")

    def open(self, name: str = "last") -> SqliteStore:
        """The store of an existing study; ``name`` as in ``resolve``. Needs no lease until it is written."""
        return SqliteStore(self.resolve(name))

    def _folders(self) -> Iterator[Path]:
        try:
            if self.studies.is_dir():
                found = (folder for folder in self.studies.iterdir() if not folder.name.startswith("."))
                yield from (folder for folder in found if _has_log(folder))
        except OSError as error:
            raise StudyError(
                f"The studies in {self.studies} cannot be read: {error.strerror}.",
                "Choose another place with --workspace.",
            ) from error


def _cut(store: SqliteStore, last: int) -> str:
    """The state of a study that is not at its end: the latest events say whether somebody asked for a pause."""
    paused = False
    for event in store.read(max(0, last - 1)):  # the command, and perhaps that the loop ended for it
        asked = event.kind == Command.kind and event.data.get("name") == PAUSE
        paused = asked or (paused and event.kind == Closed.kind)
    return PAUSED if paused else INTERRUPTED


def _made_as(name: str, folder: Path) -> bool:
    """Was the study in ``folder`` made under this ``name``?"""
    return re.fullmatch(rf"{re.escape(name)}-\d{{8}}-\d{{6}}(-\d+)?", folder.name) is not None


def _refuse_odd(name: str) -> None:
    if name == "last":
        raise UsageError("A study cannot be named 'last'.", "That word stands for the latest one.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise UsageError(f"A study cannot be named {name!r}.", "Use letters, digits, dots, dashes and underscores.")


def _instead(there: StudySummary) -> str:
    """What to do where the name of ``there`` is asked for again."""
    which, began = called(there.folder), {} if there.began is None else there.began.to_data()
    if there.state == RUNNING:
        return f"It is running (see {shlex.join(['archsmith', 'studies', 'show', str(which)])}). Choose another --name."
    if there.reason == EXHAUSTED and not began.get("fit"):
        return "It has nothing more to propose. Choose another --name."
    more = more_after(there.reason) or (MORE_TIME if there.state == DONE else ())
    how = THERE if bound(began) else f"({resume_command(which, began, *more)})"
    return f"Go on with it {how}, or choose another --name."


def called(folder: Path) -> str | Path:
    """What a command calls the study in ``folder``: its id, or the folder where that lies in another workspace than the
    one that commands use unasked.
    """
    return folder.name if folder.parent.resolve() == Workspace().studies.resolve() else folder


def _configured(file: Path) -> str | None:
    """The workspace that a configuration file names; None where there is no such file or no such setting."""
    hint = 'It may say: workspace = "/path/to/studies"'
    try:
        said = tomllib.loads(small_text(file, LARGEST_CONFIG))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {reason(error)}.", hint) from error
    place = said.pop("workspace", None)
    if said or not isinstance(place, str | None):
        wrong = next(iter(said), "workspace")
        raise UsageError(f"{file} has a wrong setting {wrong!r}.", hint)
    return place


def _has_log(folder: Path) -> bool:
    """Also where that cannot be seen: then the study is listed, and says why it cannot be read."""
    try:
        return (folder / FILE).exists()
    except OSError:
        return True


def _freshness(folder: Path) -> tuple[bool, float]:
    """Can the study be read, and when did it change last?"""
    summary = _summary(folder)
    return summary.state != UNREADABLE, summary.changed


def _changed(folder: Path) -> float:
    """When the files of a log that says nothing itself were last touched. For other logs the latest event counts,
    because reading a log in WAL mode touches its files too.
    """
    times = [0.0]
    for path in (folder / FILE, folder / f"{FILE}-wal"):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def _summary(folder: Path) -> StudySummary:
    store = SqliteStore(folder)
    try:
        return _read(folder, store)
    except Exception as error:  # whatever is wrong with one study, the others are listed
        why = str(error) if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {error}"
        return StudySummary(folder.name, folder, UNREADABLE, why, changed=_changed(folder))
    finally:
        store.close()


def _read(folder: Path, store: SqliteStore) -> StudySummary:
    first, last, counts = next(store.read(), None), store.last(), store.counts()
    writing = store.holder is not None
    if first is None or last is None:
        return StudySummary(folder.name, folder, RUNNING if writing else NEW, changed=_changed(folder))
    began, end = beginning(first, folder.name), record(last) if last.kind == Closed.kind else None
    reason = end.reason if isinstance(end, Closed) else None
    if began.fit:  # as in JobView: a result that no extension made void
        latest = store.latest()
        ended = latest.get(ResultRecord.kind, -1) > latest.get(Extended.kind, -1)
    else:
        ended = reason is not None and reason not in CUT_SHORT
    return StudySummary(
        folder.name,
        folder,
        RUNNING if writing else DONE if ended else FAILED if reason == FAILED_LOOP else _cut(store, last.index),
        reason,
        first.time,
        last.time,
        store.count_proposed(),
        counts.get(Finished.kind, 0),
        began,
    )
