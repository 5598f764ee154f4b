"""``Pictures`` in files: each picture in a file of its own, or many in one file.

No picture is decoded before it is asked for. What another process can open again has a ``spec``, from which
``data.images.reopening`` makes it. Members of a zip are in ``data.images.read_zip``, cells of a table in
``data.images.cells``, arrays in ``data.images.array_pictures``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from archsmith.core.files import file_stamp
from archsmith.data.images import decode as images
from archsmith.data.images.decode import Header, Pixels
from archsmith.data.images.encoded import Encoded
from archsmith.data.images.source import Pictures
from archsmith.data.names import Names


def written_path(text: str, folder: str | Path) -> str:
    """The path that a cell of a table in ``folder`` names. Backslashes are slashes, unless a file is called so."""
    if "\\" in text and os.sep == "/" and not os.path.lexists(os.path.join(folder, text)):
        text = text.replace("\\", "/")  # a table that was written under Windows
    return os.path.expanduser(text.strip())


class Files:
    """Picture files. ``names`` are paths from the folder ``root``, or absolute paths."""

    def __init__(self, root: str | Path, names: Sequence[str]) -> None:
        self.root = str(root)
        self.names = names if isinstance(names, Names) else Names(names)

    def __len__(self) -> int:
        return len(self.names)

    def content(self, index: int) -> str:
        return self.name(index)

    def header(self, index: int) -> Header:
        return images.header(self.name(index))

    def decode(self, index: int, channels: int) -> Pixels:
        return images.decode(self.name(index), channels)

    def name(self, index: int) -> str:
        return os.path.join(self.root, self.names[index])

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for index, name in enumerate(self.names):
            try:
                found = os.stat(self.name(index))
                stamp = f"{name}\0{found.st_size}\0{found.st_mtime_ns}\0"
            except OSError:  # reported when it is decoded
                stamp = f"{name}\0gone\0"
            digest.update(stamp.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def spec(self) -> dict[str, Any]:
        return {"kind": "files", "root": os.path.abspath(self.root), "names": self.names.packed()}


class Packed(Encoded):
    """Encoded pictures one after the other in one array of bytes, as an ``.npz`` may hold them. Picture i is
    ``blob[offsets[i]:offsets[i + 1]]``.
    """

    def __init__(self, path: Path, blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.path = path
        self.blob = blob
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def content(self, index: int) -> bytes:
        return self.blob[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def name(self, index: int) -> str:
        return f"{self.path}[{index}]"

    def fingerprint(self) -> str:
        return file_stamp(self.path)

    def spec(self) -> dict[str, Any]:
        return {"kind": "packed", "path": os.path.abspath(self.path)}


class Joined:
    """Several ``Pictures`` one after the other."""

    def __init__(self, rows: Sequence[Pictures]) -> None:
        self.rows = tuple(rows)
        self.starts = np.cumsum([0, *(len(row) for row in rows)])
        if all(hasattr(row, "content") for row in self.rows):
            self.content = self._content

    def __len__(self) -> int:
        return int(self.starts[-1])

    def _content(self, index: int) -> bytes | str:
        row, inner = self._find(index)
        found: bytes | str = row.content(inner)  # type: ignore[attr-defined]
        return found

    def _find(self, index: int) -> tuple[Pictures, int]:
        row = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.rows[row], index - int(self.starts[row])

    def header(self, index: int) -> Header:
        row, inner = self._find(index)
        return row.header(inner)

    def decode(self, index: int, channels: int) -> Pixels:
        row, inner = self._find(index)
        return row.decode(inner, channels)

    def name(self, index: int) -> str:
        row, inner = self._find(index)
        return row.name(inner)

    def fingerprint(self) -> str:
        return hashlib.blake2b(
            json.dumps([[len(row), row.fingerprint()] for row in self.rows]).encode(), digest_size=16
        ).hexdigest()

    def spec(self) -> dict[str, Any] | None:
        specs = [row.spec() for row in self.rows]
        return None if None in specs else {"kind": "joined", "rows": specs}


def joined(rows: Sequence[Pictures]) -> Pictures:
    """All of ``rows`` as one."""
    return rows[0] if len(rows) == 1 else Joined(rows)


class Originals(Sequence[Pixels]):
    """Some pictures as they came. Each is decoded when it is asked for.

    ``opened``: returns the ``Pictures`` that have them.
    ``indexes``: of the pictures there.
    ``channels``: 1 or 3.
    """

    def __init__(self, opened: Callable[[], Pictures], indexes: NDArray[np.int64], channels: int) -> None:
        self.opened = opened
        self.indexes = indexes
        self.channels = channels

    def __len__(self) -> int:
        return len(self.indexes)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> Originals: ...
    def __getitem__(self, index: int | slice) -> Pixels | Originals:
        if isinstance(index, slice):
            return Originals(self.opened, self.indexes[index], self.channels)
        return self.opened().decode(int(self.indexes[index]), self.channels)

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))

    def take(self, indexes: NDArray[np.int64]) -> Originals:
        return Originals(self.opened, self.indexes[indexes], self.channels)


@dataclass(frozen=True, eq=False)
class Called:
    """What people would call some pictures.

    ``indexes``: of the pictures in their source.
    ``opened``: returns the ``Pictures`` that have them; None where they only lived in memory.
    """

    indexes: NDArray[np.int64]
    opened: Callable[[], Pictures] | None = None

    def __getitem__(self, index: int) -> str:
        """A path, a member, a row; or the place in the array that was given. Raises DataError for a list of pictures
        that has gone.
        """
        at = int(self.indexes[index])
        return f"number {at}" if self.opened is None else self.opened().name(at)

    def take(self, indexes: NDArray[np.int64]) -> Called:
        return Called(self.indexes[indexes], self.opened)


class Kept(Sequence[Pixels]):
    """Originals that only lived in memory, as the store keeps them. The first ones are kept at their own size, later
    ones only resized.

    ``flat``: the pixels of the first ones, one after the other.
    ``shapes``: ``(m, 3)``, the shapes of the first ones.
    ``resized``: all of them at the size of the store.
    """

    def __init__(self, flat: NDArray[np.uint8], shapes: NDArray[np.int64], resized: Sequence[Pixels] | Pixels) -> None:
        self.flat, self.shapes, self.resized = flat, shapes, resized
        self.starts = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))])

    def __len__(self) -> int:
        return len(self.resized)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: int | slice) -> Pixels | list[Pixels]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < len(self.shapes):
            return np.asarray(self.flat[self.starts[index] : self.starts[index + 1]].reshape(self.shapes[index]))
        return np.asarray(self.resized[index])
