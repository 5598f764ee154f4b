"""Sketches as arrays: what a model of architectures computes with.

An encoding is fitted on a sample of the space, which tells the numbers that there are and how they spread. It grows
with every sketch that it is shown. Columns are never renumbered, so that what was computed from old rows stays as it
was. Features and distances are float32: nothing here needs more, and it is twice as fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from archsmith.core.sketch import Sketch

Array = npt.NDArray[Any]  # of float32 or float64

WIDTH = 512  # columns for paths; later ones share these (feature hashing: Weinberger et al. 2009)


@dataclass(frozen=True)
class Rows:
    """Encoded sketches, n of them.

    ``answers``: ``(n, a)``, 1 where a decision has this answer.
    ``asked``: ``(n, d)``, 1 where a decision was asked.
    ``paths``: ``(n, p)``, square roots of how often a functional path occurs.
    ``numbers``: ``(n, q)``, in standard deviations from the mean of the sample.
    ``n_asked``: ``(n,)``, how many decisions were asked.
    ``path_norm``: ``(n,)``, the squared length of a row of paths. This and ``n_asked`` also count what has no column
        because the encoding had not seen it.
    """

    answers: Array
    asked: Array
    paths: Array
    numbers: Array
    n_asked: Array
    path_norm: Array

    def __len__(self) -> int:
        return len(self.n_asked)

    def take(self, which: npt.NDArray[np.int64] | slice | Sequence[int]) -> Rows:
        return Rows(
            self.answers[which],
            self.asked[which],
            self.paths[which],
            self.numbers[which],
            self.n_asked[which],
            self.path_norm[which],
        )

    def joined(self, other: Rows) -> Rows:
        """These and then the others, which have the same columns."""
        return Rows(
            *(np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self))
        )

    @property
    def matrix(self) -> Array:
        """Answers, paths and numbers side by side, ``(n, a + p + q)``, for models that take one vector."""
        return np.hstack([self.answers, self.paths, self.numbers])


class Encoding:
    """Columns for the sketches of one space. ``sample`` decides which numbers are looked at, and their scale."""

    def __init__(self, sample: Sequence[Sketch]) -> None:
        self._answers: dict[tuple[str, Any], int] = {}
        self._asked: dict[str, int] = {}
        self._paths: dict[str, int] = {}
        names = sorted({name for sketch in sample for name in sketch.numbers})
        values = np.array([[sketch.numbers.get(name, 0.0) for name in names] for sketch in sample]).reshape(
            len(sample), len(names)
        )
        spread = values.std(axis=0) if len(sample) else np.ones(0)
        kept = np.flatnonzero(spread > 1e-12)
        self._numbers = {names[i]: column for column, i in enumerate(kept.tolist())}
        self._centre, self._spread = values.mean(axis=0)[kept] if len(sample) else np.zeros(0), spread[kept]
        self.learn(sample)

    @property
    def has_paths(self) -> bool:
        return bool(self._paths)

    @property
    def n_numbers(self) -> int:
        return len(self._numbers)

    def column(self, number: str) -> int | None:
        """The column in ``Rows.numbers`` of the first number whose name ends so; None where there is none."""
        return next((column for name, column in self._numbers.items() if name.endswith(number)), None)

    def learn(self, sketches: Iterable[Sketch]) -> None:
        """Give everything new in ``sketches`` a column of its own."""
        for sketch in sketches:
            for decision, answer in sketch.live.items():
                self._asked.setdefault(decision, len(self._asked))
                self._answers.setdefault(_token(decision, answer), len(self._answers))
            for path in sketch.paths or ():
                n = len(self._paths)
                self._paths.setdefault(path, n if n < WIDTH else crc32(path.encode()) % WIDTH)

    def rows(self, sketches: Sequence[Sketch]) -> Rows:
        """Arrays in the columns known so far."""
        n = len(sketches)
        widths = len(self._answers), len(self._asked), min(WIDTH, len(self._paths)), len(self._numbers)
        answers, asked, paths, numbers = (np.zeros((n, width), np.float32) for width in widths)
        numbers -= self._centre / self._spread  # a number that a sketch does not have is 0, as a count would be
        n_asked, unknown = np.zeros(n, np.float32), np.zeros(n, np.float32)
        for row, sketch in enumerate(sketches):
            n_asked[row] = len(sketch.live)
            _mark(answers[row], self._answers, (_token(decision, answer) for decision, answer in sketch.live.items()))
            _mark(asked[row], self._asked, sketch.live)
            for path, count in (sketch.paths or {}).items():
                if path in self._paths:
                    paths[row, self._paths[path]] += np.sqrt(count)
                else:
                    unknown[row] += count
            for name, value in sketch.numbers.items():
                if name in self._numbers:
                    column = self._numbers[name]
                    numbers[row, column] = (value - self._centre[column]) / self._spread[column]
        return Rows(answers, asked, paths, numbers, n_asked, unknown + (paths**2).sum(axis=1))


def _token(decision: str, answer: Any) -> tuple[str, Any]:
    return decision, f"{type(answer).__name__} {answer}"  # True, 1 and 1.0 are different answers


def _mark(row: Array, columns: Mapping[Any, int], found: Iterable[Any]) -> None:
    row[[columns[token] for token in found if token in columns]] = 1


def hamming(a: Rows, b: Rows) -> Array:
    """``(n, m)``: in how many decisions two architectures differ. Those that only one of them has count too."""
    matches = _common(a.answers, b.answers)
    both = _common(a.asked, b.asked)
    return a.n_asked[:, None] + b.n_asked[None, :] - both - matches


def path_distance(a: Rows, b: Rows) -> Array:
    """``(n, m)``: squared distances of the square roots of path counts."""
    distances: Array = np.maximum(0, a.path_norm[:, None] + b.path_norm[None, :] - 2 * _common(a.paths, b.paths))
    return distances


def number_distance(a: Rows, b: Rows) -> Array:
    """``(n, m)``: squared distances of the numbers, divided by how many there are."""
    x, y = a.numbers, b.numbers
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2 * (x @ y.T)
    distances: Array = np.maximum(0, squares) / max(1, x.shape[1])
    return distances


def _common(x: Array, y: Array) -> Array:
    """Inner products in the columns that both have. Later columns are zero in the rows that lack them."""
    width = min(x.shape[1], y.shape[1])
    return x[:, :width] @ y[:, :width].T
