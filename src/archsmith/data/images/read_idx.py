"""IDX files, the format of MNIST (LeCun et al. 1998): a magic number, dimensions as big-endian integers, then bytes.
They may be gzipped.

In a folder, the pairs of images and labels are found by their names, those with t10k or test as the test split. A pair
that is alone is all of the data, whatever it is called. For one file, the other files of its folder are looked at, too.
"""

from __future__ import annotations

import gzip
import os
import re
import struct
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.files import reading, refuse_bomb, regular_size
from archsmith.data.images.array_files import same_number
from archsmith.data.images.array_pictures import Stack, slices
from archsmith.data.images.read_arrays import from_splits
from archsmith.data.images.source import Source

MAX_CLAIM = 2**42  # bytes; a file that announces more is broken

TEST_WORDS = ("t10k", "test")
VALID_WORDS = ("valid", "val")


def holds_idx(folder: Path) -> bool:
    """Are there IDX files of images right in ``folder``?"""
    return any(_kind(path) == "images" for path in folder.iterdir() if path.is_file())


def is_idx(path: Path) -> bool:
    """Does the name of this file say that it is an IDX file?"""
    return _kind(path) is not None


def begins_like_idx(path: Path) -> bool:
    """Do the first bytes of this file say that it is an IDX file, or that it is gzipped?"""
    regular_size(path)
    with open(path, "rb") as file:
        return file.read(2) in (b"\0\0", b"\x1f\x8b")


def read_idx(path: Path) -> Source:
    """The pictures in a folder of IDX files, or in and beside one IDX file. Raises DataError."""
    folder = path if path.is_dir() else path.parent
    if path.is_file():
        open_array(path)  # so that an error is about this file, not about another one
        if _kind(path) is None:
            raise DataError(
                f"The name {path.name!r} does not say whether it holds images or labels.",
                "Name the pair like train-images-idx3-ubyte and train-labels-idx1-ubyte.",
            )
    files = sorted(file for file in folder.iterdir() if file.is_file() and _kind(file) == "images")
    splits: dict[str, tuple[Path, Path]] = {}
    for images in files:
        split = _split_of(images)
        if split in splits:
            if images.suffix == ".gz":  # the same file, packed and unpacked
                continue
            raise DataError(
                f"There are two files of {split} images in {str(folder)!r}.",
                "Keep each data set in a folder of its own.",
            )
        splits[split] = images, _partner(images)
    if "train" not in splits and len(splits) != 1:
        raise DataError(
            f"There are no training images among the IDX files in {str(folder)!r}.",
            "Expected a name such as train-images-idx3-ubyte.gz.",
        )
    if "train" not in splits:
        splits = {"train": next(iter(splits.values()))}
    return from_splits(
        {split: _pair(split, *pair) for split, pair in splits.items()}, folder.resolve().name or "idx", None
    )


def _pair(split: str, images: Path, labels: Path) -> tuple[Stack, NDArray[np.uint8]]:
    shapes = _shape(images)[0], _shape(labels)[0]
    if len(shapes[0]) not in (3, 4) or len(shapes[1]) != 1:
        raise DataError(
            f"The {split} files hold arrays of shape {shapes[0]} and {shapes[1]}.",
            "Expected (n, height, width) and (n,).",
        )
    same_number(shapes[0][0], shapes[1][0], split)
    marks = open_array(labels)
    return open_array(images), np.concatenate([piece.ravel() for piece in slices(marks)])


def open_array(path: Path) -> Stack:
    """The array in one IDX file of bytes, known to be whole. Raises DataError."""
    shape, packed = _shape(path)
    offset = 4 + 4 * len(shape)
    size = offset + int(np.prod(shape, dtype=object))
    if packed:
        refuse_bomb(f"{str(path)!r}", regular_size(path), size)
    with _unpacking(path), gzip.open(path, "rb") if packed else open(path, "rb") as file:
        found = file.seek(0, os.SEEK_END) if not packed else _length(file, size + 1)
    if found != size:
        more = "more" if found > size else "fewer"
        raise DataError(
            f"{str(path)!r} holds {more} bytes than the {size - offset:,} that it announces.", "Download it again."
        )
    return Stack(path, shape if len(shape) > 2 else (shape[0], *shape[1:], 1, 1)[:4], "|u1", offset, packed=packed)


def _unpacking(path: Path) -> AbstractContextManager[None]:
    return reading(f"{str(path)!r} cannot be unpacked", "It is probably cut off; download it again.")


def _length(file: Any, most: int) -> int:
    """Bytes that can be read from ``file``, counted up to ``most``."""
    found = 0
    while found < most and (content := file.read(min(2**20, most - found))):
        found += len(content)
    return found


def _shape(path: Path) -> tuple[tuple[int, ...], bool]:
    """Shape of the array in an IDX file, and whether it is gzipped. Raises DataError."""
    if not path.exists():
        raise DataError(f"There is no file {str(path)!r}.", "IDX images need a file of labels beside them.")
    with _unpacking(path):
        regular_size(path)
        with open(path, "rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or not 1 <= head[3] <= 4:
                raise DataError(
                    f"{str(path)!r} is not an IDX file.", "IDX files begin with two zero bytes, as those of MNIST do."
                )
            if head[2] != 0x08:
                raise DataError(f"{str(path)!r} is an IDX file of type 0x{head[2]:02x}.", "Only bytes (0x08) are read.")
            sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{str(path)!r} ends too early.", "Download it again.")
    shape = struct.unpack(f">{head[3]}I", sizes)
    n_bytes = int(np.prod(shape, dtype=object))
    if n_bytes > MAX_CLAIM:
        raise DataError(f"{str(path)!r} claims {n_bytes:,} bytes.", "It is broken, or too large to be read.")
    if n_bytes == 0:
        raise DataError(f"{str(path)!r} holds no items.")
    return shape, packed


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    if not re.search(r"idx\d?|ubyte", name):
        return None
    return "images" if "image" in name else "labels" if "label" in name else None


def _split_of(images: Path) -> str:
    name = images.name.lower()
    return (
        "test"
        if any(word in name for word in TEST_WORDS)
        else "valid"
        if any(word in name for word in VALID_WORDS)
        else "train"
    )


def _partner(images: Path) -> Path:
    """The file of labels that belongs to a file of images, packed or not."""
    name = re.sub(r"idx\d", "idx1", re.sub("image", "label", images.name, flags=re.IGNORECASE))
    bare = name.removesuffix(".gz")
    for candidate in (name, bare, bare + ".gz"):
        if (images.parent / candidate).exists():
            return images.parent / candidate
    raise DataError(f"The images {images.name!r} have no labels beside them.", f"Expected the file {name!r}.")
