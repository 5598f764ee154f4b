"""The data sets of the app: what was uploaded, what lies below an allowed folder, and the sample that ships.

Each one is a folder, ``<workspace>/app/data/<id>``: ``set.json`` says what it is, ``files/`` holds what was uploaded,
``asked.json`` what is to be looked at, and ``facts.json`` and ``measured.json`` what ``app.inspector`` found. A set
appears in one step, when its file is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from archsmith.app import inspector
from archsmith.app.checking import Checks, refuse_harm
from archsmith.app.inspector import ASKED, COLUMNS, DIGITS, FACTS, MEASURED, SET, Asked
from archsmith.app.job import Job
from archsmith.app.settings import AppSettings
from archsmith.app.uploads import PAIRED, TABLES, Received, Uploads, clean_name
from archsmith.automl.plan import AUTO
from archsmith.core.errors import UsageError
from archsmith.core.files import file_stamp, write_text
from archsmith.runtime.workspace import Workspace
from archsmith.server.refusals import Refusal

ID = r"[a-z0-9][a-z0-9-]{0,59}"  # of a data set
FILES = "files"
UPLOAD, PATH, SAMPLE = "upload", "path", "sample"  # where data come from
CHECKING, READY, REFUSED, STOPPED = "checking", "ready", "refused", "stopped"  # states
STATES = {CHECKING: "being checked", READY: "checked", REFUSED: "cannot be learnt from", STOPPED: "not checked"}
MOST_FILES = 8  # of one data set: images and labels of three splits, and two to spare
MOST_SETS = 1_000
PAIRED_END = r"(?i)(\.npy|\.gz|[.-]?ubyte|[.-]?idx[13]?)+$"  # what a file of images shares with others of its kind


@dataclass(frozen=True)
class DataSet:
    """One data set.

    ``id``: the name of its folder. ``name``: of the person's file. ``origin``: upload, path or sample.
    ``n_bytes``: of its files; 0 where that is not known, see ``size``. ``added``: Unix time.
    ``state``: ``checking``, ``ready``, ``refused`` (no network can learn from it as it is) or ``stopped`` (the check
        was ended before it came to its end).
    ``measuring``: is the machine still being measured for the forecast?
    ``asked``: the columns and the task that were asked for.
    ``facts``, ``measured``: what the check found so far, see ``app.inspector``.
    """

    id: str
    name: str
    origin: str
    source: str
    n_bytes: int
    added: float
    state: str
    measuring: bool = False
    asked: Mapping[str, str | None] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int | None:
        """Bytes of its files; None where nobody has counted them: of a folder elsewhere, and of the sample."""
        return self.n_bytes if self.n_bytes or self.origin == UPLOAD else None

    @property
    def speed(self) -> Mapping[str, Any]:
        """What a forecast goes by: nothing while the machine is being measured, no speed where that was ended."""
        return self.measured or ({} if self.measuring else {"failed": ""})


class DataSets:
    """All data sets of an app.

    ``folder``: where they lie.
    ``checks``: the processes that look at them.
    ``beginning``: says which job reads the data at a path for a study that is not there yet.
    """

    def __init__(
        self,
        folder: Path,
        settings: AppSettings,
        workspace: Workspace,
        beginning: Callable[[str], Job | None] = lambda source: None,
    ) -> None:
        self.folder = folder
        self._beginning = beginning
        self._settings = settings
        self._workspace = workspace
        self.uploads = Uploads(
            folder.parent / "uploads", settings.upload_bytes, settings.quota_bytes, lambda: _size(folder, FILES)
        )
        self.checks = Checks(folder)
        self._lock = threading.Lock()  # two pages that are opened at once begin one check

    def sweep(self) -> None:
        """Remove what a killed app left half done. Called once, at the start."""
        self.uploads.sweep()
        for left in self.folder.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)

    # -- what is there

    def list(self) -> list[DataSet]:
        """All of them, without their facts; the newest first, the sample last."""
        with contextlib.suppress(OSError):
            names = [path.name for path in self.folder.iterdir() if re.fullmatch(ID, path.name)]
            found = [self._read(name, facts=False) for name in names if name != DIGITS]
            known = sorted((each for each in found if each is not None), key=lambda each: (-each.added, each.id))
            return [*known, self.get(DIGITS)]
        return [self.get(DIGITS)]

    def get(self, name: str) -> DataSet:
        """The data set with the id ``name``. Raises Refusal where there is none."""
        found = self._read(name) if re.fullmatch(ID, name) else None
        if found is None and name == DIGITS:
            found = DataSet(DIGITS, DIGITS, SAMPLE, DIGITS, 0, 0.0, STOPPED)
        if found is None:
            raise Refusal(404, "no_data", "There is no such data set.", "It may have been removed.")
        return found

    def _read(self, name: str, *, facts: bool = True) -> DataSet | None:
        folder = self.folder / name
        try:
            known = inspector.read(folder / SET)
            asked = _quietly(folder / ASKED)
            made = DataSet(
                name, known["name"], known["origin"], known["source"], known["n_bytes"], known["added"], STOPPED
            )
        except (OSError, ValueError, KeyError):
            return None
        found, measured = _quietly(folder / FACTS), _quietly(folder / MEASURED)
        running = self.checks.runs(name)
        looked = bool(found) and found.get("asked") == asked.get("name")
        # A list of many asks no file system of theirs, which may be slow.
        if looked and facts and _changed(made.origin, made.source, asked):
            found, measured, state = {}, {}, STOPPED  # whatever is still measured is about what was there before
        elif not looked:
            found, measured, state = {}, {}, CHECKING if running else STOPPED
        else:
            state = REFUSED if found.get("refused") else READY
            measured = measured if measured.get("asked") == asked.get("name") else {}
        return replace(
            made,
            state=state,
            measuring=state == READY and running and not measured,
            asked={column: asked.get(column) for column in COLUMNS},
            facts=found if facts else {},
            measured=measured if facts else {},
        )

    def picture(self, name: str, place: int) -> Path:
        """The PNG file of one of the pictures that the facts list. Raises Refusal."""
        facts = self.get(name).facts
        pictures = facts.get("pictures") or []
        if not 0 <= place < len(pictures):
            raise Refusal(404, "no_picture", "There is no such picture.")
        return self.folder / name / str(facts["wall"]) / str(pictures[place]["file"])

    # -- what comes in

    async def receive(
        self,
        name: str,
        chunks: AsyncIterator[bytes],
        declared: int | None = None,
        *,
        into: str | None = None,
        more: bool = False,
    ) -> DataSet:
        """Receive a file, make a data set of it, and begin to look at it. Raises Refusal; then nothing is left.

        ``into``: the data set that the file belongs to, as labels belong to images. ``more``: are there files to come?
        Then nothing is looked at yet.
        """
        if into is not None:
            self._refuse_joining(into, clean_name(name))
        elif len(self.list()) > MOST_SETS:
            raise Refusal(507, "quota", f"There are {MOST_SETS:,} data sets.", "Remove some that are not needed.")
        more = more and _is_paired(clean_name(name))
        received = await self.uploads.receive(name, chunks, declared)
        try:
            if into is None:
                return await asyncio.to_thread(self._new, received, more)
            return await asyncio.to_thread(self._join, into, received, more)
        finally:
            received.path.unlink(missing_ok=True)

    def _new(self, received: Received, more: bool) -> DataSet:
        """A data set of one file that has come. What may do harm does not become one."""
        with self._draft(received.name) as (draft, name):
            place = Path(FILES)
            if _is_paired(received.name):  # the folder of several files is what the data are called
                place /= re.sub(PAIRED_END, "", received.name) or "data"
                (draft / place).mkdir()
            os.replace(received.path, draft / place / received.name)
            if not more:
                _refuse_harm(draft / place / received.name)
            source = self.folder / name / place / received.name
            self._appear(draft, name, received.name, UPLOAD, str(source), received.n_bytes)
        return self.get(name) if more else self.check(name)

    def add_path(self, path: str) -> DataSet:
        """A file or folder below the allowed one, without an upload. Raises Refusal."""
        root = self._settings.allow_paths
        if root is None:
            raise Refusal(403, "no_paths", "Paths are not allowed.", "Start the app with --allow-paths FOLDER.")
        try:
            found = (root / path.strip()).resolve()
            there = found.is_dir() or found.is_file()
        except (OSError, ValueError, RuntimeError):  # a zero byte, a name that is too long, links in a circle
            found, there = root, False
        if not found.is_relative_to(root):  # said of what is not there, too: nobody learns what lies elsewhere
            raise Refusal(403, "outside", f"{path[:200]!r} is not below the allowed folder.", f"That is {root}.")
        if not there:
            raise Refusal(404, "no_path", f"There is nothing at {path[:200]!r} below the allowed folder.")
        with self._draft(found.name) as (draft, name):
            n_bytes = found.stat().st_size if found.is_file() else 0
            self._appear(draft, name, found.name or "data", PATH, str(found), n_bytes)
        return self.check(name)

    @contextlib.contextmanager
    def _draft(self, file: str) -> Iterator[tuple[Path, str]]:
        """The folder of a new data set, which nobody sees yet, and its id. Where the block fails, nothing is left."""
        stem = re.sub(r"[^a-z0-9]+", "-", file.lower().partition(".")[0]).strip("-")[:40] or "data"
        name = f"{stem}-{secrets.token_hex(3)}"
        draft = self.folder / f".{name}"
        try:
            (draft / FILES).mkdir(parents=True)
            yield draft, name
        except OSError as error:
            raise Refusal(507, "disk", f"The data cannot be kept ({error.strerror}).", "Make room.") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _appear(self, draft: Path, name: str, file: str, origin: str, source: str, n_bytes: int) -> None:
        taken = {each.name for each in self.list()}
        names = itertools.chain([file], (f"{file} ({n})" for n in itertools.count(2)))
        file = next(each for each in names if each not in taken)
        _note(draft, name=file, origin=origin, source=source, n_bytes=n_bytes, added=time.time())
        os.replace(draft, self.folder / name)

    def _refuse_joining(self, name: str, file: str) -> None:
        found = self.get(name)
        files = [path.name for path in (self.folder / name / FILES).rglob("*") if path.is_file()]
        if found.origin != UPLOAD or any(not _is_paired(each) for each in (*files, file)):
            raise Refusal(
                422,
                "not_paired",
                "Several files make one data set only where they are images and labels.",
                "Give IDX or .npy files together, and everything else one by one.",
            )
        if file in files or len(files) >= MOST_FILES:
            raise Refusal(422, "too_many", f"There is a file {file!r} already, or there are {MOST_FILES}.")

    def _join(self, name: str, received: Received, more: bool) -> DataSet:
        """Put a file that has come to the others of its data set."""
        folder = self.folder / name
        file = folder / FILES / received.name
        try:
            known = inspector.read(folder / SET)
            place = Path(known["source"])  # the first file, or already their folder
            place = place if place.is_dir() else place.parent
            file = place / received.name
            os.replace(received.path, file)
            if not more:
                _refuse_harm(place)
            n_bytes = known["n_bytes"] + received.n_bytes
            _note(folder, **{**known, "source": str(place), "n_bytes": n_bytes})
        except Refusal:
            file.unlink(missing_ok=True)
            if not (folder / ASKED).exists():  # a first file without the second one is no data set
                shutil.rmtree(folder, ignore_errors=True)
            raise
        except (OSError, ValueError) as error:
            raise Refusal(404, "no_data", "There is no such data set any more.") from error
        self.checks.end(name)  # what began to look at the other files alone
        return self.get(name) if more else self.check(name)

    # -- what is done with them

    def check(self, name: str, asked: Mapping[str, str | None] | None = None) -> DataSet:
        """Begin to look at a data set. ``asked``: the task and the columns, see ``Asked``; None: as before. A check
        that has the same to say is not begun again, but data that were refused may be read by now, and data that lie
        elsewhere may be others by now; another check that still runs is ended. Raises Refusal.
        """
        with self._lock:
            return self._check(name, asked)

    def _check(self, name: str, asked: Mapping[str, str | None] | None) -> DataSet:
        found = self.get(name)
        wanted = {column: (found.asked if asked is None else asked).get(column) or None for column in COLUMNS}
        same = wanted == {column: found.asked.get(column) for column in COLUMNS}
        elsewhere, wished = found.origin == PATH, asked is not None
        if found.state == CHECKING or found.measuring:
            over = elsewhere and found.state == READY and wished  # only the machine is measured yet
            if same and not over and not _changed(found.origin, found.source, _quietly(self.folder / name / ASKED)):
                return found
            self.checks.end(name)
        elif elsewhere and name in self.checks.looks:  # it measures for what was there before
            self.checks.end(name)
        if found.state == READY and same and wished and not elsewhere:
            return found
        folder = self.folder / name
        inside = {UPLOAD: str(folder / FILES), PATH: str(self._settings.allow_paths), SAMPLE: None}[found.origin]
        stamp = _stamp(found.source) if elsewhere else None
        look = Asked(found.source, inside, str(self._workspace.path), secrets.token_hex(4), stamp=stamp, **wanted)
        try:
            if found.origin == SAMPLE:
                folder.mkdir(parents=True, exist_ok=True)
                _note(folder, name=DIGITS, origin=SAMPLE, source=DIGITS, n_bytes=0, added=0.0)
            write_text(folder / ASKED, json.dumps(asdict(look)))
        except OSError as error:
            why = f"No check can be begun ({error.strerror})."
            raise Refusal(507, "disk", why, "Make room, then check again.") from error
        self.checks.start(name, look.name)
        return self.get(name)

    def settings_for(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """``options`` of a job, fields of FitSettings, with the data of this set and what was found about it. Raises
        Refusal for data that were not checked as they are wanted: nothing is read by a job that was not looked at. The
        sample, which nobody sent, needs no check. The columns and the task of a table are those that the check found,
        so that a job learns what a page has shown.
        """
        found = self.get(name)
        if found.origin != SAMPLE:
            refuse_unready(found)
        asked = {column: value for column, value in found.asked.items() if value is not None}
        if found.facts.get("headings"):
            asked |= {column: found.facts[column] for column in COLUMNS if found.facts.get(column)}
        wanted = {column: options[column] for column in COLUMNS if options.get(column) not in (None, AUTO)}
        known = {**asked, "task": found.facts.get("task")} if found.origin != SAMPLE else {**wanted, **asked}
        if any(known.get(column) != value for column, value in wanted.items()):
            raise Refusal(
                409, "other_columns", "These data were checked with another column or task.", "Check them again."
            )
        if found.measuring:  # a job measures the machine itself, and two at once would both find it slow
            with contextlib.suppress(Refusal):
                self.checks.end(name)
        if found.origin == SAMPLE:
            return {**asked, **options, "data": found.source}
        return {**options, **asked, "modality": found.facts["kind"], "data": found.source}

    def remove(self, name: str) -> None:
        """Remove a data set with its files. Raises Refusal where a running study needs it. What lies below an allowed
        folder stays there; only what the app noted of it goes.
        """
        found = self.get(name)
        if found.origin == SAMPLE:
            raise Refusal(409, "sample", "The sample is always there.")
        job = self._beginning(found.source)
        if job is not None and job.running:
            raise Refusal(409, "in_use", "A study that is starting reads these data.", "Wait, or cancel it first.")
        for study in self._workspace.list():
            settings = {} if study.began is None else study.began.fit.get("settings") or {}
            if study.state == "running" and settings.get("data") == found.source:
                raise Refusal(409, "in_use", f"The study {study.id} is learning from these data.", "Stop it first.")
        self.checks.end(name)
        gone = self.folder / f".{name}.{secrets.token_hex(3)}"
        try:
            os.replace(self.folder / name, gone)  # it is away in one step, and the rest may take its time
        except OSError as error:
            raise Refusal(404, "no_data", "There is no such data set any more.") from error
        shutil.rmtree(gone, ignore_errors=True)


def refuse_unready(found: DataSet) -> None:
    """Raises Refusal for data that were not checked as they are now, or that cannot be learnt from."""
    if found.state == READY:
        return
    words, hint = {
        CHECKING: ("are still being checked", "Wait until they are."),
        REFUSED: ("cannot be learnt from", "What their check found says why."),
    }.get(found.state, ("were not checked, or were changed since", "Check them first."))
    raise Refusal(409, "not_ready", f"These data {words}.", hint)


def _stamp(source: str) -> str | None:
    """Another text after the file at ``source`` was changed, or a folder's own entries; None where there is none."""
    try:
        return file_stamp(Path(source))
    except OSError:
        return None


def _changed(origin: str, source: str, asked: Mapping[str, Any]) -> bool:
    """Did data that lie elsewhere change since they were looked at? Earlier versions did not note what they saw."""
    return origin == PATH and "stamp" in asked and bool(asked["stamp"] != _stamp(source))


def _note(folder: Path, **known: Any) -> None:
    write_text(folder / SET, json.dumps(known))


def _quietly(path: Path) -> dict[str, Any]:
    """The object in a JSON file of ours; empty where there is none."""
    try:
        return inspector.read(path)
    except (OSError, ValueError, UsageError):
        return {}


def _is_paired(file: str) -> bool:
    return file.endswith(PAIRED) and not file.endswith(TABLES)


def _refuse_harm(path: Path) -> None:
    """As ``checking.refuse_harm``, with what may be missing of files that belong together."""
    try:
        refuse_harm(path)
    except Refusal as refusal:
        if not (path.is_dir() or _is_paired(path.name)):
            raise
        hint = " ".join(filter(None, (refusal.hint, "Choose the images and their labels together.")))
        raise Refusal(refusal.status, refusal.code, refusal.message, hint) from refusal


def _size(folder: Path, inner: str) -> int:
    """Bytes of all files in the folder ``inner`` of each data set."""
    total = 0
    for path in folder.glob(f"*/{inner}/**/*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
