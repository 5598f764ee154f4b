"""Predictions for examples that somebody named, one after the other: what can be read is predicted in windows, what
cannot is named, and memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Asked
from archsmith.bundle.predictor import Predictor


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


def predictions(predictor: Predictor, asked: Asked) -> Iterator[Prediction]:
    """One ``Prediction`` for each example, in their order."""
    first = 0
    for window in asked.windows():
        rows = predictor.run(window)
        for place in range(window.n):
            error = window.broken.get(place)
            yield Prediction(first + place, rows[place] if error is None else None, error)
        first += window.n
