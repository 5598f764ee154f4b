"""Searches that the app starts, ends and goes on with. Each is a process of its own and outlives the app.

What is known of them lies on disk, so a new app knows as much as the old one: ``<workspace>/app/jobs/<id>/`` has
``job.json`` and what the keeper writes, see ``archsmith.app.keeper``. A study of the terminal is stopped and paused
through its log, like any other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.app import children, keeper
from archsmith.app.job import GONE, Job
from archsmith.app.settings import AppSettings
from archsmith.automl.settings import FitSettings
from archsmith.core.budget import parse_seconds
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.events import Event
from archsmith.core.files import expanded, json_value, small_text, write_text
from archsmith.core.records import PAUSE, STOP, Command, Opened
from archsmith.runtime.lease import Holder, is_alive
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.study_view import DONE, try_view
from archsmith.runtime.workspace import Workspace
from archsmith.server.refusals import Refusal

SAMPLES = ("digits",)  # data that are named, not read from a file
NOT_ASKED = ("workspace", "resume", "out", "pretrained_weights")  # fields that a visitor may not set: they are places
ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}"  # of a study or a job
JOB, STARTING = "job.json", "starting-"
MOST_JOBS = 200  # of which the folder is kept
START_SECONDS = 900.0  # for a study to be there, after its data were read
PAUSE_SECONDS, END_SECONDS = 10.0, 5.0  # for a study to end by itself, and for a process that was told to
LOOK_SECONDS = 0.1
FIRST_EVENTS = 8  # among which the first opening of a study is


class Denied(Refusal, ArchsmithError):
    """A refusal that pages, which know errors of the library, tell as any other of these."""


class Jobs:
    """All processes of searches of one workspace."""

    def __init__(self, settings: AppSettings, workspace: Workspace) -> None:
        self._settings = settings
        self._workspace = workspace
        self._folder = workspace.path / "app" / "jobs"
        self._lock = threading.RLock()
        self._children: list[subprocess.Popen[bytes]] = []  # to take note of their end

    # What there is

    def all(self) -> list[Job]:
        """Every job that is known, the newest first."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]
            found = [job for folder in self._folders() if (job := self._read(folder)) is not None]
        return sorted(found, key=lambda job: (job.started, job.id), reverse=True)

    def of(self, study: str) -> Job | None:
        """The newest job that works, or worked, on ``study``; None: the app started none."""
        return next((job for job in self.all() if job.study == study), None)

    def get(self, id: str) -> Job | None:
        """The job with this id; None: there is none any more."""
        return self._read(self._folder / id) if re.fullmatch(ID, id) and id.startswith(STARTING) else None

    def beginning(self, source: str) -> Job | None:
        """The newest job that reads the data at ``source`` and has no study yet, or came to nothing; None: there is
        none.
        """
        return next((job for job in self.all() if job.beginning and source and job.source == source), None)

    def learning(self, source: str) -> Job | None:
        """The newest job whose study learns from the data at ``source`` now; None: there is none."""
        return next((job for job in self.all() if job.running and job.study and source and job.source == source), None)

    def forget(self, id: str) -> None:
        """Remove what is known of a job that came to nothing."""
        job = self.get(id)
        if job is not None and job.study is None and not job.running:
            shutil.rmtree(job.folder, ignore_errors=True)

    def log(self, id: str, n: int = 200) -> list[str]:
        """The last ``n`` lines that the newest job of a study said; none for a study of the terminal. Raises
        Denied for an unknown one.
        """
        job = self._job(id)
        if job is None:
            self._store(id)
            return []
        return job.log(n)

    # What can be done

    def start(self, options: Mapping[str, Any], patience: float = START_SECONDS) -> str:
        """Begin a study, and return its id as soon as it is there. Raises as ``begin`` does, and ArchsmithError with
        what the command said where it came to nothing.
        """
        return self._there(self._folder / self.begin(options), None, patience)

    def begin(self, options: Mapping[str, Any]) -> str:
        """Begin a study; the id of its job, at once. ``options``: fields of FitSettings.

        Raises UsageError for options that cannot be used, and Denied where enough searches run or another study of
        these data is just beginning. The data have to be a sample or lie where the app may read.
        """
        settings = self._checked(options)
        words = [*children.command("fit"), *flags_of(settings), f"--workspace={self._workspace.path}"]
        data = str(settings.data)
        said = {"data": Path(data).name, "source": data, "target": settings.target or ""}
        return self._born([*words, "--", data], said, None).name

    def stop(self, id: str) -> None:
        """Ask a running study to finish with the best network so far. Raises Denied where it does not run."""
        self._running(id).command(STOP)

    def pause(self, id: str) -> bool:
        """End a running study now; nothing finished is lost. True: it has ended; False: it ends at its next step, since
        a process of somebody else is only asked. Of a job without a study yet ``id`` is the job's, and nothing of it is
        left. Raises Denied.
        """
        job = self._job(id)
        if job is not None and job.study is None:
            ended = children.end(job.known, END_SECONDS)
            if ended:
                shutil.rmtree(job.folder, ignore_errors=True)
            return ended
        store = self._running(id)
        store.command(PAUSE)
        until = time.monotonic() + PAUSE_SECONDS
        while store.holder is not None and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        # One that let go of its study may still take a while to end; it has nothing more to lose.
        late = store.holder is not None
        if job is not None and job.running and (late or not children.wait_for_end(job.known, PAUSE_SECONDS)):
            children.end(job.known, END_SECONDS)
            if late and store.holder is None:
                _note_pause(store)
        return store.holder is None

    def why_it_ended(self, study: str, changed: float) -> str:
        """Why the process of a study that did not come to its end is gone, in a sentence or a few lines. ``changed``:
        Unix time at which something was last logged.
        """
        job = self.of(study)
        return GONE if job is None else job.words_of_end(changed) or GONE

    def resume(self, id: str, more: str | None = None, patience: float = START_SECONDS) -> str:
        """Go on with a study that was paused, cut off, or finished; ``more``: time, such as ``+20m`` on top of what it
        has had. Returns the id. Raises as ``start`` does.
        """
        if more is not None:
            parse_seconds(more.strip().removeprefix("+"))
        store = self._store(id)
        self._refuse_running(id, store)
        time_words = [] if more is None else [f"--time={more.strip()}"]
        words = [*children.command("studies", "resume"), f"--workspace={self._workspace.path}", *time_words]
        return self._there(self._born([*words, "--", id], {"data": id}, id), id, patience)

    # Below: starting

    def _checked(self, options: Mapping[str, Any]) -> FitSettings:
        fields = {entry.name for entry in dataclasses.fields(FitSettings)} - {*NOT_ASKED}
        if unknown := sorted(set(options) - fields):
            raise UsageError(f"There is no option {unknown[0][:80]!r}.", f"There are: {', '.join(sorted(fields))}.")
        if not isinstance(options.get("data"), str):
            raise UsageError("No data are named.", f"Give data: {SAMPLES[0]!r}, or a data set of this app.")
        limits = {"seconds": None} if options.get("trials") is not None else {}  # as on the command line
        settings = FitSettings(**{**limits, **options})
        for kind, name in (("space", settings.space), ("strategy", settings.strategy)):
            if name is not None and name not in catalog.names(kind):
                raise UsageError(
                    f"The catalogue has no {kind} {name[:80]!r}.",
                    "Classes of your own are for the command line: archsmith fit.",
                )
        catalog.refuse_code(settings.settings)
        self._refuse_odd_names(settings)
        return dataclasses.replace(settings, data=self._admitted(settings.data))

    def _refuse_odd_names(self, settings: FitSettings) -> None:
        if settings.name is not None:
            self._workspace.refuse_taken(settings.name)
        for entry in dataclasses.fields(FitSettings):
            value = getattr(settings, entry.name)
            texts = value if isinstance(value, tuple) else (value,)
            if any(isinstance(each, str) and ("\0" in each or not each.isprintable()) for each in texts):
                raise UsageError(f"The setting {entry.name} has characters that cannot be read.", "Give plain text.")

    def _admitted(self, data: str) -> str:
        """The data, if the app may read them: a sample, what was uploaded, what lies in the folder of --allow-paths."""
        if data in SAMPLES:
            return data
        places = [self._workspace.path / "app", self._settings.allow_paths]
        try:
            path = expanded(data).resolve()
            if any(place is not None and path.is_relative_to(place.resolve()) for place in places) and path.exists():
                return str(path)
        except (OSError, ValueError, RuntimeError):  # a zero byte, a loop of links, a name that is too long
            pass
        raise UsageError(
            f"The data {data[:80]!r} are not here, or are not to be read by this app.",
            "Upload them, or start the app with --allow-paths FOLDER.",
        )

    def _born(self, words: list[str], about: Mapping[str, str], study: str | None) -> Path:
        """The folder of a new job. ``about``: what it is started with. ``study``: that goes on."""
        with self._lock:
            self._refuse_more()
            if study is not None:
                self._refuse_running(study, self._store(study))
            elif (job := self.beginning(about["source"])) is not None and job.running:
                raise Denied(
                    409,
                    "starting",
                    f"A study of these data is starting already, for {max(0.0, time.time() - job.started):.0f} s.",
                    "Wait until it has begun, or cancel it.",
                )
            try:
                return self._new_job(words, {"study": study, **about})
            except OSError as error:
                why = f"No study can be started ({error.strerror})."
                raise Denied(507, "disk", why, "Make room, or let the app write there, then try again.") from error

    def _new_job(self, words: list[str], said: Mapping[str, Any]) -> Path:
        """The folder of a process that was just started. Where it cannot be noted, nothing of it is left."""
        folder, known = self._new_folder(), None
        try:
            child, known = children.born([sys.executable, "-I", keeper.__file__, str(folder), *words], folder)
            self._children.append(child)
            about = {**said, "started": known.since, "process": dataclasses.asdict(known)}
            write_text(folder / JOB, json.dumps(about))
        except BaseException:
            if known is not None:
                children.end(known, END_SECONDS)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _there(self, folder: Path, study: str | None, patience: float) -> str:
        """Wait until the process of ``folder`` works on its study; the id of that."""
        until = time.monotonic() + patience
        while True:
            with self._lock:
                self._children = [child for child in self._children if child.poll() is None]
                job = self._read(folder)
            if job is None:
                raise UsageError("The start was cancelled.")
            if job.study is not None and (study is None or self._works(job)):
                return job.study
            if not job.running:
                if study is not None and not job.failed:
                    return study
                why = job.last_words or "The search was ended before there was a study."
                shutil.rmtree(folder, ignore_errors=True)  # told now, and never again
                raise UsageError(why)
            if time.monotonic() > until:
                raise ArchsmithError(
                    "The data are still being read.", "The study appears among the others when that is done."
                )
            time.sleep(LOOK_SECONDS)

    def _works(self, job: Job) -> bool:
        assert job.study is not None
        holder = SqliteStore(self._workspace.studies / job.study).holder
        return holder is not None and holder.pid == _number(job.folder / keeper.PID)

    def _refuse_more(self) -> None:
        running = [job for job in self.all() if job.running]
        most = self._settings.searches
        if len(running) >= most:
            raise Denied(
                429,
                "enough",
                f"{len(running)} searches run already, and this app runs {most} at the same time.",
                "Wait for one to end, or pause one.",
            )

    def _new_folder(self) -> Path:
        folders = sorted(self._folders(), key=lambda folder: folder.name)
        for folder in folders[: max(0, len(folders) - MOST_JOBS + 1)]:
            job = self._read(folder)
            if job is None or not job.running:
                shutil.rmtree(folder, ignore_errors=True)
        folder = self._folder / f"{STARTING}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        return folder

    # Below: reading

    def _folders(self) -> Iterator[Path]:
        if self._folder.is_dir():
            yield from (folder for folder in self._folder.iterdir() if folder.name.startswith(STARTING))

    def _read(self, folder: Path) -> Job | None:
        """None: there is no job, or nothing that can be read."""
        try:
            said = json_value(small_text(folder / JOB, 2**16))
            known, study, data = Holder(**said["process"]), said["study"], str(said["data"])
            more = (str(said.get("source", "")), str(said.get("target", "")))
            job = Job(folder.name, study, data, float(said["started"]), is_alive(known), None, known, folder, *more)
        except (ArchsmithError, OSError, ValueError, TypeError, KeyError):
            return None
        code = None if job.running else _number(folder / keeper.CODE)
        if job.study is None and (found := self._study_of(job)) is not None:
            study = found
            with contextlib.suppress(OSError):  # of a full disk: the next look finds it again
                write_text(folder / JOB, json.dumps({**said, "study": study}))
        return dataclasses.replace(job, study=study, code=code)

    def _study_of(self, job: Job) -> str | None:
        """The study that the process of ``job`` made: its first opening names the process."""
        pid = _number(job.folder / keeper.PID)
        if pid is None or not self._workspace.studies.is_dir():
            return None
        for folder in self._workspace.studies.iterdir():
            try:
                if (folder / FILE).stat().st_mtime >= job.started - 1 and _opened_by(folder, job.started) == pid:
                    return folder.name
            except (ArchsmithError, OSError):
                continue
        return None

    def _job(self, id: str) -> Job | None:
        """The job with this id, or the newest of the study with this id."""
        return next((job for job in self.all() if id in (job.study, job.id)), None)

    def _store(self, id: str) -> SqliteStore:
        """Of an existing study. Raises Denied."""
        folder = self._workspace.studies / id
        if not re.fullmatch(ID, id) or not (folder / FILE).is_file():
            raise Denied(404, "study", f"There is no study {id[:80]!r}.", "See /api/v1/studies.")
        return SqliteStore(folder)

    def _running(self, id: str) -> SqliteStore:
        store = self._store(id)
        if store.holder is None:
            ended = try_view(self._workspace.studies / id).state == DONE
            hint = "It has come to its end already." if ended else "It can be resumed."
            raise Denied(409, "not_running", f"The study {id} does not run.", hint)
        return store

    def _refuse_running(self, id: str, store: SqliteStore) -> None:
        job = self._job(id)
        if store.holder is not None or (job is not None and job.running):
            raise Denied(409, "running", f"The study {id} runs already.", "Stop or pause it first.")


def flags_of(settings: FitSettings) -> list[str]:
    """What ``archsmith fit`` is given for ``settings``; data and places are left to the caller."""
    words = [] if settings.seconds is None else [f"--time={settings.seconds:f}s"]
    for entry in dataclasses.fields(settings):
        value = getattr(settings, entry.name)
        if "help" not in entry.metadata or entry.name in ("seconds", *NOT_ASKED) or value == entry.default:
            continue
        flag = entry.metadata["flag"] or f"--{entry.name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
        elif isinstance(value, tuple):
            words += [f"{flag}={each}" for each in value]
        else:
            words.append(f"{flag}={value}")
    for group, values in settings.settings.items():
        words += [f"--set={group}.{name}={json.dumps(value)}" for name, value in values.items()]
    return words


def _note_pause(store: SqliteStore) -> None:
    """Write down that a process was ended because of a pause, which it never came to read."""
    try:
        store.acquire()
        try:
            store.append([Event(Command.kind, Command(PAUSE).to_data())])
        finally:
            store.release()
    except ArchsmithError:  # somebody goes on with it already
        pass


def _opened_by(folder: Path, since: float) -> int | None:
    """The process that made the study, if it was made ``since`` then."""
    store = SqliteStore(folder)
    try:
        for event, _ in zip(store.read(), range(FIRST_EVENTS), strict=False):
            if event.kind == Opened.kind and (event.time or 0.0) >= since:
                return Opened.from_data(event.data).pid
    finally:
        store.close()
    return None


def _number(path: Path) -> int | None:
    try:
        return int(small_text(path, 64))
    except (ArchsmithError, OSError, ValueError):
        return None
