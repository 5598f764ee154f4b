"""What a file of predictions says: its columns, and the cells of many rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Asked
from archsmith.bundle.predictions import Batch
from archsmith.bundle.predictor import Predictor
from archsmith.core.wording import visible
from archsmith.data.tables.cells import Repeated

Column = tuple[str, type]  # name, and the type of its cells: int, float or str
Cells = NDArray[Any] | Repeated


@dataclass(frozen=True, eq=False)
class Block:
    """n rows of a file of predictions.

    ``cells``: of each column but the last one, ``error``: numbers ``(n,)`` or n texts.
    ``errors``: why a row has no prediction, by its place from 0 to n - 1. Of its cells only the first one counts.
    """

    cells: Sequence[Cells]
    errors: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.cells[0])


class Answers:
    """Predictions as rows of a file.

    ``columns``: of the file, in their order.
    """

    def __init__(self, predictor: Predictor, asked: Asked, top: int | None, proba: bool) -> None:
        """``top``: most probable classes of a row. ``proba``: the probability of every class instead."""
        self.asked = asked
        self.by_row = predictor.manifest.intake.noun == "row"
        self.is_regression = predictor.is_regression
        self.proba = proba
        self.classes = [visible(name) for name in predictor.classes]
        self.n_best = 1 if proba else min(top or 1, max(1, len(self.classes)))
        self.columns = self._columns(predictor)

    def _columns(self, predictor: Predictor) -> list[Column]:
        first: Column = ("row", int) if self.by_row else ("file", str)
        entries: list[Column]
        if self.is_regression:
            target = visible(predictor.manifest.output.target)
            entries = [(f"predicted {target}" if target in (first[0], "error") else target, float)]
        elif self.proba:
            entries = [("class", str), *((f"probability {name}", float) for name in self.classes)]
        else:
            entries = [
                (name if place == 1 else f"{name}_{place}", kind)
                for place in range(1, self.n_best + 1)
                for name, kind in (("class", str), ("probability", float))
            ]
        return [first, *entries, ("error", str)]

    def block(self, batch: Batch) -> Block:
        """The rows of ``batch``."""
        n, values = len(batch), batch.values
        first: Cells
        if self.by_row:
            first = np.arange(batch.first + 1, batch.first + n + 1)
        else:
            names = [visible(self.asked.name(place)) for place in range(batch.first, batch.first + n)]
            first = Repeated(names, np.arange(n))
        cells: list[Cells] = [first]
        if self.is_regression:
            cells.append(values)
        else:
            for best in self._best(values):
                cells.append(Repeated(self.classes, best))
                cells += [*values.T] if self.proba else [values[np.arange(n), best]]
        return Block(cells, {place: visible(error) for place, error in batch.broken.items()})

    def _best(self, values: NDArray[np.float32]) -> list[NDArray[np.int64]]:
        """The most probable class of each row, ``(n,)``; then the next ones."""
        if self.n_best == 1:
            return [values.argmax(axis=1)]
        return [*(-values).argsort(axis=1, kind="stable")[:, : self.n_best].T]
