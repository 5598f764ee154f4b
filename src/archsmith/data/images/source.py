"""What every reader returns: labelled pictures that nobody has decoded yet.

A reader only lists: which pictures there are, what their labels say, which split they were put into. Decoding happens
once, later, picture by picture into a memory-mapped cache (``data.images.cache``), so that a set larger than memory is
read like a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from archsmith.data.images.decode import Header, Pixels

SPLITS = ("train", "valid", "test")


@runtime_checkable
class Pictures(Protocol):
    """A row of pictures, wherever they are: files, members of an archive, cells of a table, arrays in memory.

    Those that are picture files in some way have one more method, ``content(index) -> bytes | str``: what
    ``images.decode`` takes. It is called in rising order by one thread, and several threads decode what it returns. All
    others are decoded one after the other.
    """

    def __len__(self) -> int: ...

    def header(self, index: int) -> Header:
        """Size and channels of picture ``index`` without decoding its pixels. Raises DataError when it is broken."""
        ...

    def decode(self, index: int, channels: int) -> Pixels:
        """Picture ``index`` at its own size, uint8 ``(h, w, channels)``. Raises DataError when it is broken."""
        ...

    def name(self, index: int) -> str:
        """What a person would call it: a path, a member, a row."""
        ...

    def fingerprint(self) -> str:
        """Changes whenever a picture does: paths with sizes and times for files, a hash of the content for what is in
        memory.
        """
        ...

    def spec(self) -> dict[str, Any] | None:
        """JSON that ``archsmith.data.images.pictures.reopen`` makes them from again in another process; None for what
        only lives in memory.
        """
        ...


@dataclass(frozen=True, eq=False)
class Source:
    """Labelled pictures, not decoded.

    ``labels``: ``(n,)``, whole numbers or text for classes, floats for a regression target. ``split``: ``(n,)``, int8
    indexes into ``SPLITS``; a source without a test or validation split has none of that index. ``class_names``: names
    for labels 0, 1, …. ``scale``: what values of raw arrays are multiplied with to become bytes; 1 for files.
    ``notes``: what was converted, in sentences. ``skipped``: (name, reason) of what could not be read. ``target``: what
    a regression target is called. ``noun``: what an example is called.
    """

    pictures: Pictures
    labels: NDArray[Any]
    split: NDArray[np.int8]
    name: str
    class_names: tuple[str, ...] | None = None
    scale: float = 1.0
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    target: str = "value"
    noun: str = "picture"

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def is_regression(self) -> bool:
        """Are the labels numbers with fractions? What is predicted is for ``data.labels`` to say."""
        return bool(np.issubdtype(self.labels.dtype, np.floating))


def all_training(n: int) -> NDArray[np.int8]:
    """All ``n`` pictures in the training split; the other splits are cut from it later."""
    return np.zeros(n, np.int8)


def split_codes(names: Sequence[str]) -> NDArray[np.int8]:
    """``split`` from names of ``SPLITS``."""
    return np.array([SPLITS.index(name) for name in names], np.int8)
