"""All pictures of a source, in order, at their final size. Encoded pictures are decoded by several threads.

Pillow and numpy let other threads run while they work. Only a few pictures are decoded ahead, so that memory does not
grow with the number of pictures.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.images import decode as images
from archsmith.data.images.decode import Pixels
from archsmith.data.images.resize import resize
from archsmith.data.images.source import Pictures

MAX_THREADS = 8
GROUP_PIXELS = 500_000  # that one task of a thread decodes, about; small pictures go in groups
MAX_GROUP = 32  # pictures
PATIENCE = 0.25  # seconds without a picture, after which ``tick`` is called
# A large JPEG may be decoded at a smaller size, but at no less than this many times the final size. Then the results
# differ by less than one grey value.
DRAFT = 4
PLAIN_RATE = 20_000.0  # pictures a second, at least, where nothing is decoded
MEASURED_RUNS, MEASURED_RUN, MEASURED_SECONDS = 64, 4, 1.0  # runs of how many pictures are timed, for how long
STRIDE = 8  # of these runs, every eighth comes first


@dataclass(frozen=True)
class Decoded:
    """One picture, or why it could not be read.

    ``index``: in the source.
    ``pixels``: at the final size; None where there is an error.
    ``original``: at its own size; only of pictures in memory.
    ``error``: why it could not be read.
    """

    index: int
    pixels: Pixels | None = None
    original: Pixels | None = None
    error: DataError | None = None


def decoded(
    pictures: Pictures,
    indexes: NDArray[np.integer[Any]],
    shape: tuple[int, int, int],
    pixels: int,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Decoded]:
    """The pictures at ``indexes`` (rising), in that order, at the size ``shape`` ``(H, W, C)``.

    ``pixels``: how many a usual picture has.
    ``tick``: called often, and may raise.
    """
    content: Callable[[int], bytes | str] | None = getattr(pictures, "content", None)
    if content is None:
        for index in indexes:
            tick()
            yield _plain(pictures, int(index), shape)
        return
    group = group_size(pixels)
    n_threads = min(MAX_THREADS, available_cpus())
    with ThreadPoolExecutor(n_threads, "archsmith-decode") as pool:
        waiting: deque[Future[list[Decoded]]] = deque()
        try:
            for first in range(0, len(indexes), group):
                some = [(index, fetched(content, index)) for index in indexes[first : first + group].tolist()]
                waiting.append(pool.submit(_group, some, shape))
                if len(waiting) > 2 * n_threads:
                    yield from _result(waiting.popleft(), tick)
            while waiting:
                yield from _result(waiting.popleft(), tick)
        finally:
            for future in waiting:
                future.cancel()


def rate(
    pictures: Pictures,
    shape: tuple[int, int, int],
    pixels: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """How many pictures a second are decoded.

    Measured on up to 256 pictures from all over the set. No picture is begun after a second; all that were begun count,
    with the time until the last of them is done. One picture goes before, so that threads and decoder are ready.

    ``clock``: seconds.
    """
    content: Callable[[int], bytes | str] | None = getattr(pictures, "content", None)
    if content is None:
        return PLAIN_RATE
    n_threads = min(MAX_THREADS, available_cpus())
    runs, waiting = deque(_sample(len(pictures))), deque[Future[int]]()
    with ThreadPoolExecutor(n_threads, "archsmith-decode") as pool:
        pool.submit(_group, [(0, fetched(content, 0))], shape).result()
        began, n = clock(), 0

        def in_time() -> bool:
            return clock() - began < MEASURED_SECONDS

        while waiting or (runs and in_time()):
            if runs and len(waiting) <= 2 * n_threads and in_time():
                some = [(index, fetched(content, index)) for index in runs.popleft()]
                waiting.append(pool.submit(_count, some, shape, in_time))
            else:
                n += waiting.popleft().result()
        return max(1, n) / max(clock() - began, 1e-6)


def _sample(n: int) -> list[range]:
    """Short runs of neighbours from all over ``n`` pictures; the first few are far apart, too."""
    n_runs = max(1, min(MEASURED_RUNS, n // MEASURED_RUN))
    starts = np.linspace(0, max(0, n - MEASURED_RUN), n_runs).astype(np.int64).tolist()
    order = [i for step in range(STRIDE) for i in range(step, n_runs, STRIDE)]
    return [range(starts[i], min(n, starts[i] + MEASURED_RUN)) for i in order]


def _count(
    some: list[tuple[int, bytes | str | DataError]], shape: tuple[int, int, int], in_time: Callable[[], bool]
) -> int:
    """How many were decoded before the time was over."""
    n = 0
    for index, item in some:
        if not in_time():
            break
        _one(index, item, shape)
        n += 1
    return n


def group_size(pixels: int) -> int:
    """How many pictures with so many pixels go in one group."""
    return max(1, min(MAX_GROUP, GROUP_PIXELS // max(1, pixels)))


def available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plain(pictures: Pictures, index: int, shape: tuple[int, int, int]) -> Decoded:
    try:
        original = pictures.decode(index, shape[2])
        return Decoded(index, resize(original, *shape[:2]), original)
    except DataError as error:
        return Decoded(index, error=error)


def fetched(content: Callable[[int], bytes | str], index: int) -> bytes | str | DataError:
    """What is decoded as picture ``index``, or why there is none."""
    try:
        return content(index)
    except DataError as error:
        return error


def _group(some: list[tuple[int, bytes | str | DataError]], shape: tuple[int, int, int]) -> list[Decoded]:
    return [_one(index, item, shape) for index, item in some]


def _one(index: int, item: bytes | str | DataError, shape: tuple[int, int, int]) -> Decoded:
    height, width, channels = shape
    try:
        if isinstance(item, DataError):
            raise item
        return Decoded(index, resize(images.decode(item, channels, (DRAFT * height, DRAFT * width)), height, width))
    except DataError as error:
        return Decoded(index, error=error)


def _result(future: Future[list[Decoded]], tick: Callable[[], None]) -> Iterator[Decoded]:
    wait: Any = partial(future.result, timeout=PATIENCE)
    while True:
        tick()
        try:
            yield from wait()
            return
        except TimeoutError:
            continue
