"""The one place where studies live: ``<workspace>/studies/<id>/`` with ``events.sqlite``, ``trials/<id>/`` and whatever
the main job adds.

Command line, Python and web app read the same folders.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsmith.core.errors import StudyError, UsageError
from archsmith.runtime.sqlite import FILE, SqliteStore


@dataclass(frozen=True)
class StudySummary:
    """One study at a glance, read without folding its log. Times are Unix seconds.

    ``state`` is ``new`` (nothing logged), ``running`` (a live process writes), ``closed`` (``reason`` says why),
    ``interrupted`` (can be resumed) or ``unreadable`` (``reason`` says why).
    """

    id: str
    folder: Path
    state: str
    reason: str | None = None
    started: float = 0.0
    changed: float = 0.0
    n_proposed: int = 0
    n_finished: int = 0
    study: Mapping[str, Any] | None = None


class Workspace:
    """All studies of one person. ``path`` is ``~/.archsmith`` when None; nothing is created before the first study."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path.home() / ".archsmith" if path is None else Path(path).expanduser()

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @property
    def studies(self) -> Path:
        return self.path / "studies"

    def create(self, name: str = "study") -> SqliteStore:
        """A store in a new folder ``<name>-<date>-<time>``. Raises UsageError for a name that is no file name,
        StudyError where none can be made.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name) or name == "last":
            raise UsageError(f"A study cannot be named {name!r}.", "Use letters, digits, dots, dashes and underscores.")
        stamp = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        try:
            self.studies.mkdir(parents=True, exist_ok=True)
            for i in range(1, 10_000):
                folder = self.studies / (stamp if i == 1 else f"{stamp}-{i}")
                try:
                    folder.mkdir()
                except FileExistsError:
                    continue
                return SqliteStore(folder)
        except OSError as error:
            raise StudyError(
                f"No study can be made in {self.studies}: {error.strerror}.", "Choose another place with --workspace."
            ) from error
        raise StudyError(f"There are too many studies named {stamp}.")

    def list(self) -> list[StudySummary]:
        """Every study, the one that changed last first; one that cannot be read is listed, not raised."""
        return sorted((_summary(folder) for folder in self._folders()), key=lambda s: (s.changed, s.id), reverse=True)

    def resolve(self, name: str = "last") -> Path:
        """The folder of the study with this id (its beginning will do when unambiguous), at this path, or the ``last``
        changed. Raises StudyError.
        """
        folders = list(self._folders())
        if name == "last":
            if not folders:
                raise StudyError(f"There are no studies in {self.path}.", "Start one with: archsmith fit DATA")
            return max(folders, key=lambda folder: (_last_time(folder), folder.name))
        exact = [folder for folder in folders if folder.name == name]
        found = exact or [folder for folder in folders if folder.name.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise StudyError(
                f"{len(found)} studies begin with {name!r}: {', '.join(sorted(f.name for f in found)[:5])}.",
                "Give more of the id.",
            )
        if (Path(name) / FILE).exists():
            return Path(name)
        raise StudyError(f"There is no study {name!r} in {self.path}.", "See them with: archsmith studies list")

    def open(self, name: str = "last") -> SqliteStore:
        """The store of an existing study; ``name`` as in ``resolve``. Needs no lease until it is written."""
        return SqliteStore(self.resolve(name))

    def _folders(self) -> Iterator[Path]:
        try:
            if self.studies.is_dir():
                yield from (folder for folder in self.studies.iterdir() if (folder / FILE).exists())
        except OSError as error:
            raise StudyError(
                f"The studies in {self.studies} cannot be read: {error.strerror}.",
                "Choose another place with --workspace.",
            ) from error


def _last_time(folder: Path) -> float:
    """Time of the newest event. The files' own times will not do: reading a log in WAL mode touches them too."""
    store = SqliteStore(folder)
    try:
        last = store.last()
    except StudyError:
        return 0.0
    finally:
        store.close()
    return _changed(folder) if last is None else last.time


def _changed(folder: Path) -> float:
    """When the files of a log that says nothing itself were last touched."""
    times = [path.stat().st_mtime for path in (folder / FILE, folder / f"{FILE}-wal") if path.exists()]
    return max(times, default=0.0)


def _summary(folder: Path) -> StudySummary:
    store = SqliteStore(folder)
    try:
        first, last, counts = next(store.read(), None), store.last(), store.counts()
        n_proposed = store.count_proposed()
    except StudyError as error:
        return StudySummary(folder.name, folder, "unreadable", str(error), changed=_changed(folder))
    finally:
        store.close()
    if first is None or last is None:
        return StudySummary(folder.name, folder, "running" if store.holder else "new", changed=_changed(folder))
    reason = last.data.get("reason") if last.kind == "closed" else None
    state = "running" if store.holder else "closed" if last.kind == "closed" else "interrupted"
    return StudySummary(
        folder.name, folder, state, reason, first.time, last.time, n_proposed, counts.get("finished", 0), first.data
    )
