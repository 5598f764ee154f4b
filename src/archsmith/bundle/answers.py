"""Answers for a row of pictures, one after the other: what can be decoded is predicted in batches, what cannot is
named, and memory stays bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import DataError
from archsmith.data.images.decode import Pixels
from archsmith.data.images.source import Pictures


@dataclass(frozen=True)
class Answer:
    """What came of picture ``index``: probabilities ``(n_classes,)``, a number ``()``, or the ``error`` that kept it
    from being decoded.
    """

    index: int
    values: NDArray[np.float32] | None
    error: str | None = None


def answers(predictor: Predictor, pictures: Pictures, indexes: Iterable[int]) -> Iterator[Answer]:
    """One ``Answer`` for each of ``indexes``, in their order."""
    channels = predictor.manifest.preprocessing.channels
    # pictures that were looked at and not answered yet, with the error of the broken ones
    waiting: deque[tuple[int, str | None]] = deque()

    def decoded() -> Iterator[Pixels]:
        for index in indexes:
            try:
                pixels = pictures.decode(index, channels)
            except DataError as error:
                waiting.append((index, str(error)))
            else:
                waiting.append((index, None))
                yield pixels

    def broken() -> Iterator[Answer]:
        while waiting and waiting[0][1] is not None:
            index, error = waiting.popleft()
            yield Answer(index, None, error)

    for rows in predictor.stream(decoded()):
        for row in rows:
            yield from broken()
            yield Answer(waiting.popleft()[0], row)
    yield from broken()
