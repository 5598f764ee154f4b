"""Predictions for examples that somebody named, in their order: what can be read is predicted in windows, what cannot
is named, and memory stays bounded. One thread reads ahead, others run the network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Asked, Window
from archsmith.bundle.manifest import read
from archsmith.bundle.predictor import NO_NUMBER, Predictor
from archsmith.data.images.decode_all import available_cpus

AHEAD = 2  # windows that are read before they are needed
MANY_AHEAD = 12  # the same of small ones, so that threads seldom wait for one another
MAX_WORKERS = 8


@dataclass(frozen=True, eq=False)
class Batch:
    """What came of n examples that follow one another.

    ``first``: place of the first one, counted from 0.
    ``values``: probabilities ``(n, n_classes)``, or regression targets ``(n,)``; zeros for broken examples.
    ``broken``: why an example has no prediction, by its place from 0 to n - 1.
    """

    first: int
    values: NDArray[np.float32]
    broken: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Prediction:
    """What came of one example.

    ``place``: of the example, counted from 0.
    ``values``: probabilities ``(n_classes,)``, or a regression target ``()``; None for a broken example.
    ``error``: why the example could not be read.
    """

    place: int
    values: NDArray[np.float32] | None
    error: str | None = None


def for_many(folder: str | Path) -> tuple[Predictor, int]:
    """A predictor for very many examples, and with how many ``workers`` it is fastest. Raises UsageError."""
    workers = min(MAX_WORKERS, available_cpus()) if read(folder).intake.small_calls else 1
    return Predictor(folder, 1 if workers > 1 else None), workers


def batches(predictor: Predictor, asked: Asked, start: int = 0, workers: int = 1) -> Iterator[Batch]:
    """All predictions, or those from the example ``start`` on.

    ``workers``: windows that are predicted at the same time. More than one is for a predictor with one thread.
    """
    ahead = AHEAD if workers == 1 else MANY_AHEAD
    waiting: deque[tuple[Window, Future[NDArray[np.float32]]]] = deque()
    with closing(_ahead(asked.windows(start), ahead)) as windows, ThreadPoolExecutor(workers, "archsmith-run") as pool:
        try:
            for window in chain(windows, repeat(None)):
                if window is not None:
                    waiting.append((window, pool.submit(predictor.run, window)))
                    if len(waiting) < 2 * workers:
                        continue
                elif not waiting:
                    return
                done, values = waiting.popleft()
                yield _batch(start, done, values.result())
                start += done.n
        finally:
            for _, values in waiting:
                values.cancel()


def _batch(first: int, window: Window, values: NDArray[np.float32]) -> Batch:
    broken = window.broken
    finite = np.isfinite(values).reshape(window.n, -1).all(axis=1)
    if not finite.all():
        broken = {**broken, **dict.fromkeys(np.flatnonzero(~finite).tolist(), NO_NUMBER)}
        values[~finite] = 0
    return Batch(first, values, broken)


def predictions(predictor: Predictor, asked: Asked) -> Iterator[Prediction]:
    """One ``Prediction`` for each example, in their order."""
    for batch in batches(predictor, asked):
        for place, values in enumerate(batch.values):
            error = batch.broken.get(place)
            yield Prediction(batch.first + place, values if error is None else None, error)


def _ahead(windows: Iterator[Window], n: int) -> Generator[Window]:
    """``windows``, read by a thread, ``n`` of them before they are asked for."""
    with ThreadPoolExecutor(1, "archsmith-read") as pool:
        waiting: deque[Future[Window | None]] = deque(pool.submit(next, windows, None) for _ in range(n))
        try:
            while (window := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, windows, None))
                yield window
        finally:
            for future in waiting:
                future.cancel()
