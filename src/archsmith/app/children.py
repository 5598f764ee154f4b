"""Processes that the app starts and that go on without it: what they are born with, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

from archsmith.runtime.lease import Holder, is_alive, start_of
from archsmith.server.settings import TOKEN

PYTHON = (sys.executable, "-P")  # -P: no module is taken from the folder that it runs in
TICK = 0.05


def command(*words: str) -> list[str]:
    """A command of ours, as a child of the app runs it."""
    return [*PYTHON, "-m", "archsmith", *words]


def environment() -> dict[str, str]:
    """What a child finds in its environment: what the app found, without its secret."""
    return {name: value for name, value in os.environ.items() if name != TOKEN}


def born(words: list[str], folder: Path) -> tuple[subprocess.Popen[bytes], Holder]:
    """A process of its own session, which no signal to the app's terminal reaches; it runs in ``folder``. The second
    value is how it is known again after the app was started anew.
    """
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment(),
        start_new_session=True,
    )
    return child, Holder(child.pid, platform.node(), start_of(child.pid), time.time())


def end(known: Holder, patience: float) -> bool:
    """End a process of ours and all of its session: ask, and after ``patience`` seconds make it. Another process that
    got its number meanwhile is not touched. Is it gone?
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(known) or not known.token:  # without a token nobody can tell that it is the same one
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(known.pid, number)
        wait_for_end(known, patience)
    return not is_alive(known)


def wait_for_end(known: Holder, seconds: float) -> bool:
    """Wait until the process is gone, so many seconds at most. Is it?"""
    until = time.monotonic() + seconds
    while is_alive(known):
        if time.monotonic() > until:
            return False
        time.sleep(TICK)
    return True
