"""Rows of pictures that lie in files: each in a file of its own, or many in one.

Nothing is decoded before it is asked for. What can be opened again in another process says so with a ``spec``, from
which ``reopen`` makes it. (Members of a zip are in ``data.images.read_zip``, cells of a table in
``data.images.read_table``, arrays in ``data.images.array_pictures``.)
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.images import decode as images
from archsmith.data.images.decode import Header, Pixels
from archsmith.data.images.encoded import Encoded
from archsmith.data.images.source import Pictures
from archsmith.data.names import Names


class Files:
    """Picture files: ``names`` are paths from ``root``, or absolute."""

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
            except OSError:  # found out again, and reported, when it is decoded
                stamp = f"{name}\0gone\0"
            digest.update(stamp.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def spec(self) -> dict[str, Any]:
        return {"kind": "files", "root": os.path.abspath(self.root), "names": self.names.packed()}


class Packed(Encoded):
    """Picture files one after the other in a long row of bytes, as an ``.npz`` may hold them: picture i is
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
    """Several rows of pictures one after the other."""

    def __init__(self, rows: Sequence[Pictures]) -> None:
        self.rows = tuple(rows)
        self.starts = np.cumsum([0, *(len(row) for row in rows)])

    def __len__(self) -> int:
        return int(self.starts[-1])

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
    """The only one of ``rows``, or all of them as one."""
    return rows[0] if len(rows) == 1 else Joined(rows)


def file_stamp(path: Path) -> str:
    """Changes when the file does: its path, size and time."""
    found = os.stat(path)
    return hashlib.blake2b(
        f"{os.path.abspath(path)}\0{found.st_size}\0{found.st_mtime_ns}".encode(), digest_size=16
    ).hexdigest()


def reopen(spec: dict[str, Any]) -> Pictures:
    """The pictures that a ``spec`` describes. Raises DataError when they have gone."""
    kind = spec["kind"]
    if kind == "files":
        return Files(spec["root"], Names.unpacked(spec["names"]))
    if kind == "joined":
        return Joined([reopen(row) for row in spec["rows"]])
    if kind == "packed":
        from archsmith.data.images.read_arrays import open_packed

        return open_packed(Path(spec["path"]))
    if kind == "stack":
        from archsmith.data.images.array_pictures import Stack

        return Stack.from_spec(spec)
    if kind == "members":
        from archsmith.data.images.read_zip import Members

        return Members(Path(spec["path"]), spec["names"])
    from archsmith.data.images import read_table as columns

    return columns.reopen(spec)


@lru_cache(maxsize=4)
def reopened(path: str) -> Pictures:
    """The pictures whose spec is in the JSON file at ``path``."""
    try:
        spec = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The list of original pictures {path!r} is damaged.", "Read the data again.") from error
    return reopen(spec)


class Originals(Sequence[Pixels]):
    """Some pictures as they came, each decoded when it is asked for. ``opened`` gives the row that ``indexes`` point
    into.
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

    @property
    def files(self) -> tuple[str, ...] | None:
        """Their paths, where they are files of their own."""
        pictures = self.opened()
        return tuple(pictures.name(int(i)) for i in self.indexes) if isinstance(pictures, Files) else None


class Kept(Sequence[Pixels]):
    """Originals that only lived in memory, as the cache keeps them: the first of the split in one row of bytes; of
    later ones, the resized picture.
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
