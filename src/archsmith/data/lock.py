"""A lock on a file, for one process at a time. The operating system releases it when the process that holds it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType


class FileLock:
    """The lock on the file ``path``. ``take`` creates the file, and ``release`` removes it. Threads of one process
    exclude each other, too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take the lock. False: somebody else has it."""
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _lock(file):
                os.close(file)
                return False
            try:
                same = os.path.samestat(os.fstat(file), os.stat(self.path))
            except FileNotFoundError:
                same = False
            if same:
                self._file = file
                return True
            os.close(file)  # its last holder removed the file between our opening and locking

    def release(self) -> None:
        """Give the lock back. Does nothing when it is not held."""
        if self._file is None:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(self._file)
            with contextlib.suppress(OSError):  # the next holder may have it open already
                self.path.unlink(missing_ok=True)
        else:
            self.path.unlink(missing_ok=True)
            os.close(self._file)
        self._file = None

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # a lock of the open file, so that two threads of one process exclude each other, too
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Windows says "permission denied" for a lock that is taken. Elsewhere the file system has no locks, and
        # everybody gets one.
        return sys.platform != "win32"
    return True
