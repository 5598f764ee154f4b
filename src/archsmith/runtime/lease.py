"""The lease: the right of one process to write to a folder.

What excludes a second writer is an operating-system lock on ``lease.lock``; it vanishes with the process that holds it,
however it ended. ``lease.json`` beside it says who that is and is written anew with each heartbeat. Its modification
time decides only where the file lock says nothing, which is on a network folder written from another host, and there a
holder counts as gone ``TIMEOUT`` seconds after its last heartbeat. A holder that was killed leaves the file behind,
which so tells when it was last seen.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import platform
import shlex
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from archsmith.core.errors import ArchsmithError, LeaseError, StudyError
from archsmith.core.files import json_value, small_text, write_text

HEARTBEAT = 5.0  # seconds between two signs of life
TIMEOUT = 60.0  # seconds of silence after which a holder on another host counts as gone

ENDED = ("Z", "X")  # states of a process that has ended and is still listed

# Locks of one process do not exclude one another, so this table does: path -> pid, which tells a forked child that it
# inherited nothing.
_held: dict[str, int] = {}
_guard = threading.Lock()


@dataclass(frozen=True)
class Holder:
    """A process that has a lease.

    pid, host: the process.
    token: changes when the operating system gives the same ``pid`` to another process.
    since: when it took the lease, in Unix seconds.
    seen: when it gave its last sign of life, in Unix seconds; 0: none since then.
    """

    pid: int
    host: str
    token: str
    since: float
    seen: float = 0.0


class Lease:
    """The lease of ``folder``, held from ``acquire`` to ``release`` or to the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._lock_path = folder / "lease.lock"
        self._info_path = folder / "lease.json"
        self._key = os.path.realpath(self._lock_path)
        self._file: int | None = None
        self._pid = 0
        self._holder: Holder
        self._released = threading.Event()

    @property
    def held(self) -> bool:
        return self._file is not None and self._pid == os.getpid()

    def acquire(self) -> None:
        """Take it or raise LeaseError."""
        with _guard:
            if _held.get(self._key) == os.getpid():
                raise LeaseError(
                    "Another search in this process is writing to this study.", "Wait for it, or stop it first."
                )
            file = self._open()
            try:
                self._exclude_others(file)
                self._announce()
            except BaseException:
                os.close(file)
                raise
            self._file, self._pid = file, os.getpid()
            _held[self._key] = self._pid
        self._released = threading.Event()
        threading.Thread(target=self._beat, args=(self._released,), name="archsmith-lease", daemon=True).start()

    def release(self) -> None:
        """Give it back; idempotent."""
        if not self.held:
            return
        assert self._file is not None
        self._released.set()
        with _guard:
            self._info_path.unlink(missing_ok=True)
            os.close(self._file)  # closing drops the lock
            self._file = None
            _held.pop(self._key, None)

    def _open(self) -> int:
        try:
            return os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StudyError(f"The study in {self._lock_path.parent} cannot be written: {error.strerror}.") from error

    def _exclude_others(self, file: int) -> None:
        locked = _lock(file)
        os.utime(self._lock_path)  # both times below then come from the file system's own clock
        holder = _read(self._info_path)
        if locked is False:
            raise LeaseError(f"{_named(holder)} is writing to this study.", self._in_use)
        if holder is None:
            return
        if holder.host != platform.node():
            with contextlib.suppress(FileNotFoundError):
                silent = self._lock_path.stat().st_mtime - self._info_path.stat().st_mtime
                if silent < TIMEOUT:
                    raise LeaseError(
                        f"{_named(holder)} was writing to this study {silent:.0f} s ago.",
                        f"Try again in {TIMEOUT - silent:.0f} s.",
                    )
        elif locked is None and is_alive(holder):
            raise LeaseError(f"{_named(holder)} is writing to this study.", self._in_use)

    @property
    def _in_use(self) -> str:
        """What to do about a study that another process writes to."""
        return f"Wait for it, or stop it with: archsmith studies stop {shlex.quote(str(self._lock_path.parent))}"

    def _announce(self) -> None:
        now = time.time()
        self._holder = Holder(os.getpid(), platform.node(), start_of(os.getpid()), now, now)
        write_text(self._info_path, json.dumps(asdict(self._holder)))

    def _beat(self, released: threading.Event) -> None:
        while not released.wait(HEARTBEAT):
            with _guard, contextlib.suppress(OSError, ArchsmithError):
                if not released.is_set():  # else the file is gone, and is to stay so
                    write_text(self._info_path, json.dumps(asdict(replace(self._holder, seen=time.time()))))


def last_seen(folder: Path) -> float | None:
    """When a process that was writing to ``folder``, and was killed, gave its last sign of life, in Unix seconds. None
    where there was none such.
    """
    found = _read(folder / "lease.json")
    if found is None or not isinstance(found.seen, float) or not 0.0 < found.seen < math.inf:
        return None
    return None if holder(folder) is not None else found.seen


def holder(folder: Path) -> Holder | None:
    """Who is writing to ``folder`` now, None when nobody is."""
    found = _read(folder / "lease.json")
    if found is None:
        return None
    if found.host == platform.node():
        return found if is_alive(found) else None
    try:
        silent = time.time() - (folder / "lease.json").stat().st_mtime
    except FileNotFoundError:
        return None
    return found if silent < TIMEOUT else None


def _lock(file: int) -> bool | None:
    """True: locked by us. False: somebody else has it. None: this file system has no locks.

    POSIX record locks rather than ``flock``: a forked child (of a data loader, say) that outlives a killed writer would
    keep a ``flock`` alive.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK) else None
    return True


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json_value(small_text(path)))
    except (ArchsmithError, OSError, ValueError, TypeError):
        return None


def is_alive(holder: Holder) -> bool:
    """Does that process of this machine run? One that was given the same ``pid`` later is another one."""
    if sys.platform == "win32":  # os.kill would end the process there; the file lock is what counts
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return start_of(holder.pid) in ("", holder.token)


def start_of(pid: int) -> str:
    """The process's start time as Linux tells it; empty where it does not; ``ended`` for one that has ended and
    is only listed until its parent takes note.
    """
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "ended" if said[0] in ENDED else said[19]
    except (OSError, IndexError):
        return ""


def _named(holder: Holder | None) -> str:
    return "Another process" if holder is None else f"Process {holder.pid} on {holder.host}"
