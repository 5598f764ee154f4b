"""Ctrl-C in two steps: once to finish with the incumbent, twice to stop now. SIGTERM stops now, too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from archsmith.core.errors import ArchsmithError

INTERRUPTED = 130  # exit code of a program that Ctrl-C ended


class Interrupted(ArchsmithError):
    """A command that Ctrl-C ended and that has something to say about it."""

    exit_code = INTERRUPTED


class Interrupts:
    """A context manager that handles the signals SIGINT and SIGTERM.

    The first SIGINT sets ``requested`` and calls ``on_first``, which must be quick and must not raise. The second
    one raises KeyboardInterrupt, and so does SIGTERM. Python loses an exception that is raised while it removes an
    object; so whoever asks for an early end later gets it again. Libraries in C turn it into an error of their own; so
    an error behind it leaves as KeyboardInterrupt, unless it is Interrupted. Outside the main thread Python allows no
    handlers, and this does nothing.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._before: dict[signal.Signals, Any] = {}
        self.requested = False
        self._ended = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._handle) for each in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._before = {}
        if self._ended and isinstance(error, Exception) and not isinstance(error, Interrupted):
            raise KeyboardInterrupt from error

    def __call__(self) -> bool:
        """Has the user asked for an early end? Raises KeyboardInterrupt where it was to be at once."""
        if self._ended:
            raise KeyboardInterrupt
        return self.requested

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested or number == signal.SIGTERM:
            self._ended = True
            raise KeyboardInterrupt
        self.requested = True
        self._on_first()
