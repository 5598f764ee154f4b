"""Arrays in ``.npy`` and ``.npz`` files. Only the head of an array is read at first.

A head may announce what is not there, or be made to harm: deep brackets, shapes of 2**63, 24 GB in a file of 100 bytes.
So what it announces is compared with what there is, before any memory is taken. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.files import reading, refuse_bomb, regular_size
from archsmith.data.images.array_pictures import Stack, channels_last
from archsmith.data.labels import as_labels

MAX_BYTES = 32 * 2**30  # the largest array that is unpacked into memory
MAX_HEADER = 2**16  # bytes of the description of an array; numpy itself reads 10,000
LAST_CHARACTER = 0x10FFFF  # of Unicode


def members(path: Path) -> dict[str, str]:
    """The arrays of an ``.npz``: name in lower case -> member. Raises DataError."""
    with _whole(repr(str(path)), ".npz file"):
        regular_size(path)
    with _whole(repr(str(path)), ".npz file"), zipfile.ZipFile(path) as archive:
        return {entry.filename.removesuffix(".npy").lower(): entry.filename for entry in archive.infolist()}


def _whole(where: str, what: str = "array") -> AbstractContextManager[None]:
    """Turns what zipfile, zlib and numpy raise about a broken file into one DataError."""
    return reading(f"{where} is not a whole {what}", "Write it again with numpy.save or numpy.savez.")


def same_number(n_images: int, n_labels: int, split: str) -> None:
    if n_images != n_labels:
        raise DataError(
            f"There are {n_images:,} {split} images but {n_labels:,} labels.", "Give one label for each image."
        )


@dataclass(frozen=True)
class _Stored:
    """An array in the ``.npy`` format, of which only the head was read. All its bytes are there.

    ``where``: what a person calls it, at the beginning of a sentence.
    ``offset``: bytes before its values.
    """

    where: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def n_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=object))

    def read(self, file: IO[bytes]) -> NDArray[Any]:
        """All of it, in memory. Raises DataError."""
        if self.n_bytes > MAX_BYTES:
            raise DataError(f"{self.where} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB.", "Give a smaller file.")
        with _whole(self.where):
            file.seek(0)
            found = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
            if found.dtype.kind == "U" and (np.ascontiguousarray(found).view(np.uint32) > LAST_CHARACTER).any():
                raise ValueError("its text holds what is no character")
        return found

    def labels(self, file: IO[bytes], n_images: int, split: str) -> NDArray[Any]:
        """Labels of so many images, in memory. Raises DataError."""
        if self.shape:
            same_number(n_images, self.shape[0], split)
        return as_labels(self.read(file))


def _stored(file: IO[bytes], where: str, size: int) -> _Stored:
    """The array at the beginning of ``file``, which has ``size`` bytes. Raises DataError for a head that announces what
    is not there.
    """
    with _whole(where):
        version = np.lib.format.read_magic(file)
        start = file.tell()
        if int.from_bytes(file.read(2 if version == (1, 0) else 4), "little") > MAX_HEADER:
            raise ValueError("its header is too long")
        file.seek(start)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        found = _Stored(where, *read(file), file.tell())
        if any(type(length) is not int or length < 0 for length in found.shape):
            raise ValueError(f"its shape is {str(found.shape)[:40]}")
    if found.dtype.hasobject:
        raise DataError(f"{where} holds Python objects, which are never unpickled.", "Save plain number arrays.")
    if size - found.offset < found.n_bytes:
        raise DataError(f"{where} is cut off.", "Save it again.")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_Stored, IO[bytes]]]:
    """The array in a ``.npy``."""
    where = f"The file {str(path)!r}"
    with contextlib.ExitStack() as stack:
        with reading(f"{where} cannot be read", "Check the path."):
            size = regular_size(path)
            file = stack.enter_context(open(path, "rb"))
        yield _stored(file, where, size), file


def npy(path: Path) -> Any:
    """The images in a ``.npy``, not loaded."""
    with _opened(path) as (found, _):
        if found.fortran or not found.n_bytes:
            with _whole(found.where):
                array = np.load(path, mmap_mode="r" if found.n_bytes else None, allow_pickle=False)
            return channels_last(array)
        return Stack(path, found.shape, found.dtype.str, found.offset)


def npy_pair(images: Path, labels: Path, split: str) -> tuple[Any, NDArray[Any]]:
    """Images, not loaded, and their labels."""
    pictures = npy(images)
    with _opened(labels) as (found, file):
        return pictures, found.labels(file, len(pictures), split)


@contextmanager
def _in_zip(path: Path, name: str) -> Iterator[tuple[_Stored, IO[bytes], zipfile.ZipInfo]]:
    """One array of an ``.npz``."""
    where = f"The array {name.removesuffix('.npy')!r} in {str(path)!r}"
    with _whole(where):
        archive = zipfile.ZipFile(path)
    with archive:
        with _whole(where):
            entry = archive.getinfo(name)
            refuse_bomb(where, min(entry.compress_size, regular_size(path)), entry.file_size)
            file = archive.open(name)
        with file:
            yield _stored(file, where, entry.file_size), file, entry


def member(path: Path, name: str) -> Any:
    """The images in one member of an ``.npz``, not loaded."""
    with _in_zip(path, name) as (found, file, entry):
        if found.fortran or not found.n_bytes:
            return channels_last(found.read(file))
        packed = entry.compress_type != zipfile.ZIP_STORED
        return Stack(path, found.shape, found.dtype.str, found.offset, member=name, packed=packed)


def member_pair(path: Path, images: str, labels: str, split: str) -> tuple[Any, NDArray[Any]]:
    """Images, not loaded, and their labels."""
    pictures = member(path, images)
    with _in_zip(path, labels) as (found, file, _):
        return pictures, found.labels(file, len(pictures), split)


def load_member(path: Path, name: str) -> NDArray[Any]:
    """One array of an ``.npz``, in memory. Raises DataError."""
    with _in_zip(path, name) as (found, file, _):
        return found.read(file)


def mapped(path: Path, name: str) -> NDArray[Any]:
    """One array of an ``.npz``, memory-mapped; loaded when it is compressed."""
    with _in_zip(path, name) as (found, file, entry):
        if entry.compress_type != zipfile.ZIP_STORED or found.fortran or not found.n_bytes:
            return found.read(file)
    # the local header is followed by name and extra field, whose lengths are at bytes 26 to 30 (APPNOTE.TXT 4.3.7)
    with _whole(found.where), open(path, "rb") as plain:
        plain.seek(entry.header_offset + 26)
        lengths = np.frombuffer(plain.read(4), "<u2")
        return np.memmap(
            path, found.dtype, "r", entry.header_offset + 30 + int(lengths.sum()) + found.offset, found.shape
        )
