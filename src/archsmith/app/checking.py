"""The processes that look at data (``app.inspector``): a few at a time, and one for each data set."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from archsmith.app import inspector
from archsmith.data.lock import FileLock
from archsmith.server.refusals import Refusal

AT_ONCE = 2  # processes that check data
LOOK_SECONDS = 120.0  # that opening an uploaded file may take
LATE_SECONDS = 60.0  # after its own limit, a process that still runs is ended


class Checks:
    """The checks of the data sets in ``folder``.

    ``looks``: the checks that wait for their turn or run in this app, by the id of their data set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.looks: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()

    def start(self, name: str, look: str) -> None:
        """Begin a check of the data set ``name``; ``look`` is what it is called. It goes on when the app ends."""
        with self._lock:
            self.looks[name] = look
        threading.Thread(target=self._run, args=(name, look), name=f"check {name}", daemon=True).start()

    def runs(self, name: str) -> bool:
        """Is the data set being checked, by this app or another one?"""
        return name in self.looks or _is_held(self.folder / name / inspector.LOCK)

    def end(self, name: str) -> None:
        """End the check of a data set, if there is one. Raises Refusal for one that another app has begun."""
        with self._lock:
            self.looks.pop(name, None)
            process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()
        if _is_held(self.folder / name / inspector.LOCK):
            raise Refusal(409, "checking", "These data are being checked.", "Wait until that has ended.")

    def _run(self, name: str, look: str) -> None:
        """Run the process in its turn, and wait for it."""
        with contextlib.suppress(OSError), self._turns:  # where there is no process to be had, the state says so
            with self._lock:
                if self.looks.get(name) != look:  # another one was asked for meanwhile
                    return
                process = inspecting(inspector.CHECK, self.folder / name, subprocess.DEVNULL)
                self._processes[name] = process
            with process:
                try:
                    process.wait(inspector.CLOCK_SECONDS + LATE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
        with self._lock:
            if self.looks.get(name) == look:
                del self.looks[name]
                self._processes.pop(name, None)


def inspecting(verb: str, path: Path, output: int) -> subprocess.Popen[str]:
    """A process that looks at data. It goes on when the app ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "archsmith.app.inspector", verb, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=os.name == "posix",
    )


def refuse_harm(path: Path) -> None:
    """Raises Refusal for files that are not what their names say, or that may do harm."""
    with inspecting(inspector.LOOK, path, subprocess.PIPE) as process:
        try:
            said, _ = process.communicate(timeout=LOOK_SECONDS)
            wrong = json.loads(said)
        except (subprocess.TimeoutExpired, ValueError):  # a reader that did not come to its end, or took too much
            process.kill()
            wrong = {"message": "The file cannot be opened: that takes too much time or memory.", "hint": None}
    if wrong:
        raise Refusal(422, "unreadable", wrong["message"], wrong["hint"])


def _is_held(path: Path) -> bool:
    """Does another process hold this lock?"""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        free = lock.take()
    except OSError:
        return False
    lock.release()
    return not free
