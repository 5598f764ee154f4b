"""The processes of a comparison."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait

from archsmith import catalog
from archsmith.core.errors import StudyError, UsageError


@contextmanager
def pool(workers: int, modules: Sequence[str] = ()) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """Spawned worker processes, which admit ``modules`` (``catalog.admit``). When the block is left by an error, they
    are killed: what they were at goes on from its log another time.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "A worker process asked for workers of its own while it loaded the main script.",
            'Put the comparison under: if __name__ == "__main__":',
        )
    others = set(multiprocessing.active_children())
    executor = concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (modules,))
    try:
        yield executor
        executor.shutdown(wait=True)
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        executor.shutdown(wait=True)
        if isinstance(error, BrokenProcessPool):
            raise StudyError(
                "A worker process of the comparison died.", "Run it again: finished runs are kept, the others go on."
            ) from error
        raise


def _begin(modules: Sequence[str]) -> None:
    """The beginning of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not born deaf to it
    sys.stdout = sys.stderr  # what anybody's code prints: standard output is for results, which the parent writes
    for module in modules:
        catalog.admit(module)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """A killed parent tells its workers nothing, and they would wait for work for ever."""
    wait([sentinel])
    os._exit(1)
