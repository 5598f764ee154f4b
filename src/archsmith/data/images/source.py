"""What every reader returns: labelled pictures, not yet decoded.

A reader only lists pictures: where they are, their labels, and their splits. They are decoded later and once, one by
one, into a store that can be memory-mapped (``data.images.store``). So a set may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from archsmith.data.images.decode import Header, Pixels


@runtime_checkable
class Pictures(Protocol):
    """A sequence of pictures, wherever they are: files, members of an archive, cells of a table, arrays in memory.

    Pictures that are encoded (PNG, JPEG, ...) have one more method, ``content(index) -> bytes | str``, which returns
    what ``decode.decode`` takes. One thread calls it in rising order, and several threads decode what it returns.
    Pictures without this method are decoded one after the other.
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
        """Changes whenever a picture does. For files it is made of paths, sizes and times, in memory of the content."""
        ...

    def spec(self) -> dict[str, Any] | None:
        """JSON from which ``data.images.reopening`` makes the pictures again in another process; None for pictures that
        only live in memory.
        """
        ...


@dataclass(frozen=True, eq=False)
class Source:
    """Labelled pictures, not decoded.

    ``pictures``: ``n`` of them.
    ``labels``: ``(n,)``, whole numbers or text for classes, floats for a regression target.
    ``split``: ``(n,)``, int8 indexes into ``SPLITS``; a source without a test split has no index of that one.
    ``name``: what the data are called.
    ``class_names``: names for labels 0, 1, …; None where labels stand for themselves.
    ``scale``: what values of raw arrays are multiplied with to become bytes; 1 for files.
    ``notes``: what was converted, in sentences.
    ``skipped``: (name, reason) of pictures that could not be read.
    ``target``: what a regression target is called.
    ``noun``: what an example is called.
    ``image``: the column of a table that holds the pictures; empty where they come from elsewhere.
    ``skipped_split``: the split of each entry of ``skipped``, as in ``split``; empty where there is no table.
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
    image: str = ""
    skipped_split: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def is_regression(self) -> bool:
        """Are the labels floats? Whether that makes them regression targets is decided in ``data.labels``."""
        return bool(np.issubdtype(self.labels.dtype, np.floating))


def all_training(n: int) -> NDArray[np.int8]:
    """``split`` for ``n`` pictures of the training split. The other splits are cut from it later."""
    return np.zeros(n, np.int8)
