"""Small sets of pictures of many kinds, for ``benchmarks/curves.py``.

    python benchmarks/sets.py OUT [--cifar FILE.npz] [--rows 4000]

Some are drawn by the functions below; others are made of Fashion-MNIST (where Debian's package is installed) and of
CIFAR-10 (``FILE.npz`` with ``x_train``, ``y_train``, ``x_test`` and ``y_test``). Which network suits them differs on
purpose: in some a pattern may be anywhere, in others its place is everything; some need a comparison of far parts, some
the statistics of a texture, some only few pixels. Each is an ``OUT/NAME.npz`` as ``archsmith fit`` takes it. A set that
is there is not made again.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jobs
import numpy as np
import record
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
Labels = NDArray[np.int64]
Set = tuple[Pictures, Labels]
Rng = np.random.Generator

N_TEST = 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--rows", type=int, default=4000, help="training pictures of each set")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[Rng, int], Set]] = {function.__name__: function for function in DRAWN}
    if options.cifar is not None and options.cifar.exists():
        data = np.load(options.cifar)
        makers |= _made_of("cifar", data["x_train"], data["y_train"])
    if jobs.FASHION.exists():
        makers |= _made_of("fashion", *_fashion())
    for seed, (name, maker) in enumerate(makers.items()):
        path = options.out / f"{name}.npz"
        if not path.exists():
            x, y = maker(np.random.default_rng(seed), options.rows + N_TEST)
            np.savez(path, x_train=x[N_TEST:], y_train=y[N_TEST:], x_test=x[:N_TEST], y_test=y[:N_TEST])
        print(path, flush=True)
    return 0


def _bytes(values: NDArray[Any]) -> Pictures:
    """From the scale 0..1."""
    return np.clip(255 * values, 0, 255).astype(np.uint8)


# Drawn sets


def shapes(rng: Rng, n: int) -> Set:
    """A circle, square, triangle or cross, anywhere, of any size and colour, on noise."""
    labels, side = rng.integers(4, size=n), 28
    rows, columns = np.mgrid[:side, :side]
    found = 0.25 * rng.random((n, side, side, 3))
    for i, label in enumerate(labels):
        size = rng.uniform(4, 9)
        y, x = rows - rng.uniform(size, side - size), columns - rng.uniform(size, side - size)
        angle = rng.uniform(0, 2 * np.pi)
        y, x = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
        inside = [
            x**2 + y**2 < 0.7 * size**2,
            np.maximum(abs(x), abs(y)) < 0.72 * size,
            (y < 0.5 * size) & (abs(x) < 0.55 * (y + size)),
            (np.maximum(abs(x), abs(y)) < size) & (np.minimum(abs(x), abs(y)) < 0.25 * size),
        ][label]
        found[i][inside] += rng.uniform(0.2, 0.75, 3)
    return _bytes(found), labels


def dots(rng: Rng, n: int) -> Set:
    """How many dots are there? One to eight."""
    labels, side = rng.integers(8, size=n), 24
    found = 0.3 * rng.random((n, side, side))
    for i, label in enumerate(labels):
        cells = rng.choice(64, label + 1, replace=False)
        for row, column in zip(cells // 8, cells % 8, strict=True):
            found[i, 3 * row : 3 * row + 2, 3 * column : 3 * column + 2] += rng.uniform(0.5, 0.7)
    return _bytes(found), labels


def places(rng: Rng, n: int) -> Set:
    """In which of nine fields is the sum of all brightness largest? All fields are noise."""
    side = 27
    found = rng.random((n, side, side))
    labels = rng.integers(9, size=n)
    for i, label in enumerate(labels):
        row, column = 9 * (label // 3), 9 * (label % 3)
        found[i, row : row + 9, column : column + 9] += 0.12
    return _bytes(found / 1.2), labels


def gratings(rng: Rng, n: int) -> Set:
    """The direction of waves, one of eight, at any phase, under noise."""
    labels, side = rng.integers(8, size=n), 32
    rows, columns = np.mgrid[:side, :side]
    angle = (np.pi * (labels + rng.normal(0, 0.22, n)) / 8)[:, None, None]
    waves = rng.uniform(0.5, 1.1, n)[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, n)[:, None, None]
    field = np.sin(waves * (rows * np.sin(angle) + columns * np.cos(angle)) + phase)
    return _bytes(0.5 + 0.15 * field + 0.25 * rng.normal(size=field.shape)), labels


def chirps(rng: Rng, n: int) -> Set:
    """Spectrograms: rows are pitch, columns are time; the class is the shape of a melody with its overtones."""
    labels, side = rng.integers(6, size=n), 32
    time = np.linspace(0, 1, side)
    tunes = [0 * time, time, -time, np.sin(6 * time), np.abs(2 * time - 1), np.floor(3 * time) / 3]
    rows = np.arange(side)[:, None]
    found = 0.35 * rng.random((n, side, side))
    for i, label in enumerate(labels):
        base = rng.uniform(5, 11) + rng.uniform(2, 6) * tunes[label] + rng.normal(0, 0.4, side)
        for overtone in (1, 2, 3):
            found[i] += rng.uniform(0.2, 0.5) / overtone * np.exp(-0.8 * (rows - overtone * base) ** 2)
    return _bytes(found), labels


def spelling(rng: Rng, n: int) -> Set:
    """Words of made-up languages: each column is a letter, as a one-hot code of 20; the class is the language, that is,
    which letters follow each other.
    """
    labels, letters = rng.integers(6, size=n), 20
    follow = rng.dirichlet(np.full(letters, 0.25), (6, letters))
    found = np.zeros((n, letters, 20))
    for i, label in enumerate(labels):
        letter = rng.integers(letters)
        for place in range(20):
            found[i, letter, place] = 1
            # In half of all cases the letter tells nothing.
            letter = rng.choice(letters, p=follow[label, letter]) if rng.random() < 0.5 else rng.integers(letters)
    return _bytes(found), labels


def automata(rng: Rng, n: int) -> Set:
    """Which of eight rules made the rows of an elementary cellular automaton, with some wrong cells?"""
    rules, side = (30, 45, 54, 60, 90, 106, 110, 150), 24
    labels = rng.integers(8, size=n)
    found = np.zeros((n, side, side), bool)
    found[:, 0] = rng.random((n, side)) < 0.5
    table = np.array([[rule >> code & 1 for code in range(8)] for rule in rules], bool)
    for row in range(1, side):
        above = found[:, row - 1].astype(int)
        code = 4 * np.roll(above, 1, 1) + 2 * above + np.roll(above, -1, 1)
        found[:, row] = table[labels[:, None], code]
    return _bytes(found ^ (rng.random(found.shape) < 0.1)), labels


def twins(rng: Rng, n: int) -> Set:
    """Four parts, each with one of eight patterns: which two are alike?"""
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    patterns = (rng.random((8, 8, 8)) < 0.5).astype(float)
    labels = rng.integers(6, size=n)
    found = np.zeros((n, 16, 16))
    for i, label in enumerate(labels):
        chosen = rng.permutation(8)[:4]
        first, second = pairs[label]
        chosen[second] = chosen[first]
        for part, pattern in enumerate(chosen):
            row, column = 8 * (part // 2), 8 * (part % 2)
            found[i, row : row + 8, column : column + 8] = patterns[pattern]
    return _bytes(0.2 + 0.6 * found + 0.2 * rng.normal(size=found.shape)), labels


def boards(rng: Rng, n: int) -> Set:
    """Pieces of three colours on a board of eight by eight: which colour has most pieces in one row or column?"""
    labels = np.zeros(n, np.int64)
    found = np.zeros((n, 8, 8, 3))
    for i in range(n):
        while True:
            piece = rng.integers(6, size=(8, 8))  # 3, 4, 5: nothing
            most = [max((piece == c).sum(0).max(), (piece == c).sum(1).max()) for c in range(3)]
            if most.count(max(most)) == 1:
                break
        labels[i] = int(np.argmax(most))
        for colour in range(3):
            found[i, :, :, colour] = piece == colour
    return _bytes(found), labels


def lamps(rng: Rng, n: int) -> Set:
    """Lamps that flicker. Three hidden groups of twelve count: the class says in which of them most lamps are on."""
    side = 16
    chosen = rng.choice(side * side, (3, 12), replace=False)
    found = (rng.random((n, side * side)) < 0.5).astype(float)
    bits = [found[:, group].sum(1) > 6 for group in chosen]
    labels = sum(bit.astype(np.int64) << k for k, bit in enumerate(bits))
    return _bytes(found.reshape(n, side, side)), np.asarray(labels, np.int64)


def clouds(rng: Rng, n: int) -> Set:
    """Noise with power ``1 / f^a``; the class is ``a``, in six steps."""
    labels, side = rng.integers(6, size=n), 32
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1.0
    power = frequency[None] ** -(0.4 * labels + rng.normal(0, 0.1, n))[:, None, None]
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, side, side))) * power).real
    field = (field - field.mean((1, 2), keepdims=True)) / field.std((1, 2), keepdims=True)
    return _bytes(0.5 + 0.2 * field), labels


def plots(rng: Rng, n: int) -> Set:
    """Bar charts of ten bars: which bar is highest? Bars are of many colours."""
    side, labels = 30, rng.integers(10, size=n)
    found = 0.15 * rng.random((n, side, side, 3))
    heights = rng.integers(3, 24, (n, 10))
    heights[np.arange(n), labels] = heights.max(1) + rng.integers(1, 4, n)
    for i in range(n):
        for bar in range(10):
            found[i, side - heights[i, bar] :, 3 * bar : 3 * bar + 2] += rng.uniform(0.2, 0.8, 3)
    return _bytes(found), labels


DRAWN = (shapes, dots, places, gratings, chirps, spelling, automata, twins, boards, lamps, clouds, plots)


# Sets that are made of others


def _made_of(name: str, pictures: Pictures, labels: Labels) -> dict[str, Callable[[Rng, int], Set]]:
    """Variants of one set, by name."""
    side = pictures.shape[1]

    def some(rng: Rng, n: int) -> Set:
        rows = rng.permutation(len(pictures))[:n]
        return pictures[rows], labels[rows].astype(np.int64)

    def permuted(rng: Rng, n: int) -> Set:
        x, y = some(rng, n)
        flat = x.reshape(n, side * side, -1)[:, rng.permutation(side * side)]
        return flat.reshape(x.shape), y

    def columns(rng: Rng, n: int) -> Set:
        """The columns in another order, the same for all."""
        x, y = some(rng, n)
        return x[:, :, rng.permutation(side)], y

    def small(rng: Rng, n: int) -> Set:
        x, y = some(rng, n)
        return x[:, ::2, ::2], y

    def inverted(rng: Rng, n: int) -> Set:
        x, y = some(rng, n)
        return 255 - x, y

    def tiled(rng: Rng, n: int) -> Set:
        """Four small pictures; the class is how many of them are of the first four classes."""
        x, y = some(rng, 4 * n)
        x, y = x[:, ::2, ::2].reshape(n, 2, 2, side // 2, side // 2, -1), y.reshape(n, 4)
        joined = x.transpose(0, 1, 3, 2, 4, 5).reshape(n, side, side, -1)
        return joined, (y < 4).sum(1)

    def few(rng: Rng, n: int) -> Set:
        """Only a quarter of the pictures, of three classes."""
        x, y = some(rng, min(len(pictures), 8 * n))
        kept = np.flatnonzero(y < 3)[: N_TEST + (n - N_TEST) // 4]
        return x[kept], y[kept]

    variants = (permuted, columns, small, inverted, tiled, few)
    return {name: some} | {f"{name} {variant.__name__}": variant for variant in variants}


def _fashion() -> Set:
    def read(kind: str, header: int) -> NDArray[np.uint8]:
        with gzip.open(jobs.FASHION / f"train-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    return read("images-idx3", 16).reshape(-1, 28, 28), read("labels-idx1", 8)


if __name__ == "__main__":
    sys.exit(record.run(main))
