"""What a worker process is born with: few numeric threads, and ears that are closed to Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextmanager
def spawning(n_threads: int) -> Iterator[None]:
    """Processes that are spawned inside the block have ``n_threads`` numeric threads each, and never hear SIGINT."""
    with numeric_threads(n_threads), _deaf():
        yield


@contextmanager
def numeric_threads(n: int) -> Iterator[None]:
    """Numeric libraries read these variables once, when they load, so a child must be born with them."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal, and what it means is the parent's business. A child that would only
    begin to ignore it in its own code would die of it while it still imports; so it inherits a mask. This process hears
    what came meanwhile when the block ends. Windows has no masks.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whose start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
