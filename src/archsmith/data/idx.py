"""IDX files, the format of MNIST (LeCun et al. 1998): magic, dimensions as big-endian integers, bytes; gzipped or not.

Given a folder, the train and t10k (or test) pairs in it are found by name; given one file of images or labels, its partner and the test pair beside
it.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.arrays import MAX_BYTES, _loaded
from archsmith.data.readers import Loaded

TEST_WORDS = ("t10k", "test")
VALID_WORDS = ("valid", "val")


def holds_idx(folder: Path) -> bool:
    """Are there IDX files of images right in ``folder``?"""
    return any(_kind(path) == "images" for path in folder.iterdir() if path.is_file())


def read_idx(path: Path, *, side: int | None = None) -> Loaded:
    """The sets in a folder of IDX files, or around one IDX file. Raises DataError."""
    folder = path if path.is_dir() else path.parent
    if path.is_file():
        read_array(path)  # names what is wrong with this very file before any partner is looked for
        if _kind(path) is None:
            raise DataError(
                f"The name {path.name!r} does not say whether it holds images or labels.",
                "Name the pair like train-images-idx3-ubyte and train-labels-idx1-ubyte.",
            )
    files = sorted(file for file in folder.iterdir() if file.is_file() and _kind(file) == "images")
    parts: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    for images in files:
        part = _part(images)
        if part in parts:
            if images.suffix == ".gz":  # the same file packed and unpacked side by side
                continue
            raise DataError(f"There are two sets of {part} images in {str(folder)!r}.", "Keep each data set in a folder of its own.")
        parts[part] = read_array(images), read_array(_partner(images))
    if "train" not in parts:
        raise DataError(
            f"There are no training images among the IDX files in {str(folder)!r}.", "Expected a name such as train-images-idx3-ubyte.gz."
        )
    for part, (x, y) in parts.items():
        if x.ndim not in (3, 4) or y.ndim != 1:
            raise DataError(f"The {part} files hold arrays of shape {x.shape} and {y.shape}.", "Expected (n, height, width) and (n,).")
    # Bytes are bytes here: a dark set must not be taken for one of fractions.
    return _loaded({part: (x, y) for part, (x, y) in parts.items()}, side, folder.name or "idx", None)


def read_array(path: Path) -> NDArray[np.uint8]:
    """The array in one IDX file of bytes. Raises DataError."""
    try:
        with open(path, "rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or not 1 <= head[3] <= 4:
                raise DataError(f"{str(path)!r} is not an IDX file.", "IDX files begin with two zero bytes, as those of MNIST do.")
            if head[2] != 0x08:
                raise DataError(f"{str(path)!r} is an IDX file of type 0x{head[2]:02x}.", "Only bytes (0x08) are read.")
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise DataError(f"{str(path)!r} ends too early.", "Download it again.")
            shape = struct.unpack(f">{head[3]}I", sizes)
            expected = int(np.prod(shape, dtype=object))
            if expected > MAX_BYTES:
                raise DataError(f"{str(path)!r} claims {expected:,} bytes.", "It is broken, or too large to be read.")
            if expected == 0:
                raise DataError(f"{str(path)!r} holds no items.")
            content = file.read(expected + 1)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {str(path)!r}.", "IDX images need a file of labels beside them.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise DataError(f"{str(path)!r} cannot be unpacked ({error}).", "It is probably cut off; download it again.") from error
    if len(content) != expected:
        raise DataError(
            f"{str(path)!r} holds {'more' if len(content) > expected else 'fewer'} bytes than the {expected:,} that it announces.",
            "Download it again.",
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    if not re.search(r"idx\d?|ubyte", name):
        return None
    return "images" if "image" in name else "labels" if "label" in name else None


def _part(images: Path) -> str:
    name = images.name.lower()
    return "test" if any(word in name for word in TEST_WORDS) else "valid" if any(word in name for word in VALID_WORDS) else "train"


def _partner(images: Path) -> Path:
    """The file of labels that belongs to a file of images, packed or not."""
    name = re.sub(r"idx\d", "idx1", re.sub("image", "label", images.name, flags=re.IGNORECASE))
    bare = name.removesuffix(".gz")
    for candidate in (name, bare, bare + ".gz"):
        if (images.parent / candidate).exists():
            return images.parent / candidate
    raise DataError(f"The images {images.name!r} have no labels beside them.", f"Expected the file {name!r}.")
