"""Pictures that are the same one, often in several sizes, as icons and downloaded photographs often are.

If one of them is learnt from and the other one is tested, the test says too much. So they stay in one split.

Two pictures count as one where they have the same label and look alike at 16 × 16 pixels; two of one size, where they
look the same. Where all have one size, only copies count, pixel by pixel. Icons that were drawn anew for another size
are other pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.images.resize import resize_float
from archsmith.data.images.source import Pictures
from archsmith.data.splits import FEWEST

SIDE = 16  # pixels at which pictures are compared
CLOSE = 4.0  # grey levels of 255, root mean square, up to which two of them look alike
SAME = 0.5  # the same for two of one size
MOST, MOST_PIXELS = 20_000, 200_000_000  # pictures, and pixels of all of them, that are looked at: seconds
BLOCK = 1024  # pictures that are compared at once with all others
FEWEST_OF_CLASS = 3  # of these, one can be in each split


@dataclass(frozen=True, eq=False)
class Near:
    """Pictures in groups. Any two of a group look alike, or a chain of others between them does.

    ``groups``: ``(n,)``, of each picture the number of the first one of its group.
    ``like``: ``(n,)``, of each picture one that looks like it; itself where there is none.
    """

    groups: NDArray[np.int64]
    like: NDArray[np.int64]


def near_duplicates(pictures: Pictures, labels: NDArray[Any], among: NDArray[np.int64] | None = None) -> Near | None:
    """Which pictures look alike. None where there are none, or too many pictures to look at.

    ``labels``: ``(n,)``, class indexes or regression targets.
    ``among``: indexes of the pictures that are looked at; each other one is a group of its own. None: all are.
    """
    n = len(pictures)
    if among is None:
        among = np.arange(n)
    if len(among) > MOST:
        return None
    sizes = _sizes(pictures, among)
    n_sizes = len(np.unique(sizes[sizes[:, 0] > 0], axis=0))
    if not n_sizes or int(sizes.prod(axis=1).sum()) > MOST_PIXELS:
        return None
    pairs = _copies(pictures, sizes) if n_sizes == 1 else _alike(pictures, sizes)
    first, like = np.arange(n), np.arange(n)
    kinds = np.zeros(n, np.int64) if labels.dtype.kind == "f" else labels
    for kind in np.unique(kinds).tolist():
        own = np.flatnonzero((kinds == kind) & (sizes[:, 0] > 0))
        for a, b in pairs(own):
            one, other = int(own[a]), int(own[b])
            _join(first, one, other)
            like[one] = other if like[one] == one else like[one]
            like[other] = one if like[other] == other else like[other]
        found = np.array([_first(first, i) for i in own.tolist()], np.int64)
        enough = len(np.unique(found)) >= min(len(own), FEWEST_OF_CLASS)
        first[own] = found if enough else own  # else the class could not be in every split
    return Near(first, like) if FEWEST <= len(np.unique(first[among])) < len(among) else None


def _sizes(pictures: Pictures, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Height and width of each, ``(n, 2)``; 0 of one that is not looked at, and of one that is broken, which is told
    where it is decoded.
    """
    found = np.zeros((len(pictures), 2), np.int64)
    for i in among.tolist():
        try:
            header = pictures.header(i)
        except DataError:
            continue
        found[i] = header.height, header.width
    return found


def _small(pictures: Pictures, sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    """All of them at ``SIDE``, in colour, flat: ``(n, 3 SIDE²)``. The size of a broken one becomes 0."""
    found = np.zeros((len(pictures), 3 * SIDE * SIDE), np.float32)
    for i in np.flatnonzero(sizes[:, 0] > 0).tolist():
        try:
            found[i] = resize_float(pictures.decode(i, 3), SIDE, SIDE).ravel()
        except DataError:
            sizes[i] = 0
    return found


Pairs = Callable[[NDArray[np.int64]], Iterator[tuple[int, int]]]  # of some pictures, by their places among these


def _copies(pictures: Pictures, sizes: NDArray[np.int64]) -> Pairs:
    """Pairs of pictures with the same pixels: each with the first one like it. The size of a broken one becomes 0."""
    digests = [b""] * len(pictures)
    for i in np.flatnonzero(sizes[:, 0] > 0).tolist():
        try:
            pixels = pictures.decode(i, pictures.header(i).channels)
        except DataError:
            sizes[i] = 0
        else:
            digests[i] = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()

    def pairs(own: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        seen: dict[bytes, int] = {}
        for i, picture in enumerate(own.tolist()):
            first = seen.setdefault(digests[picture], i)
            if first < i:
                yield first, i

    return pairs


def _alike(pictures: Pictures, sizes: NDArray[np.int64]) -> Pairs:
    """Pairs of pictures that look alike. The size of a broken one becomes 0."""
    small = _small(pictures, sizes)
    return lambda own: _close(small[own], sizes[own])


def _close(small: NDArray[np.float32], sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that look alike."""
    squares = (small**2).sum(axis=1)
    for start in range(0, len(small), BLOCK):
        some = slice(start, start + BLOCK)
        distances = squares[some, None] + squares[None, :] - 2 * small[some] @ small.T
        other = (sizes[some, None, :] != sizes[None, :, :]).any(axis=2)
        most = np.where(other, CLOSE, SAME) ** 2 * small.shape[1]
        for a, b in np.argwhere(distances <= most).tolist():
            if start + a < b:
                yield start + a, b


def _first(first: NDArray[np.int64], i: int) -> int:
    while first[i] != i:
        i = int(first[i])
    return i


def _join(first: NDArray[np.int64], a: int, b: int) -> None:
    one, other = sorted((_first(first, a), _first(first, b)))
    first[other] = one
