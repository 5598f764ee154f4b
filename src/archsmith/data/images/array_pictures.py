"""Pictures that are arrays of numbers, in memory or in a file. A file is read from front to back and not loaded whole.

Values may be bytes, booleans, fractions in 0..1, numbers in 0..255 or 16-bit numbers. They are multiplied with
``scale`` to become bytes, one picture at a time.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import weakref
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.core.files import file_stamp, reading
from archsmith.data.images.decode import Header, Pixels, header_of, refuse_size, to_array

SLICE = 4 * 2**20  # bytes that are looked at together


class Arrays:
    """Pictures in memory or memory-mapped.

    ``images``: ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``, or a list of pictures of any sizes.
    ``scale``: what values are multiplied with to become 0..255.
    """

    def __init__(self, images: NDArray[Any] | Sequence[NDArray[Any]], scale: float) -> None:
        self.images = images
        self.scale = scale

    def __len__(self) -> int:
        return len(self.images)

    def header(self, index: int) -> Header:
        _, height, width, channels = channels_last(self.images[index][None]).shape
        return Header(height, width, 1 if channels <= 2 else 3)

    def decode(self, index: int, channels: int) -> Pixels:
        return as_pixels(self.images[index], self.scale, channels)

    def name(self, index: int) -> str:
        return f"number {index}"

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(f"{self.scale}".encode(), digest_size=16)
        for array in slices(self.images):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def spec(self) -> None:
        return None


class Stack:
    """One array in a file, plain, gzipped or in an ``.npz``. It is read from front to back. Going back in a packed file
    means to unpack it from its start again.

    ``path``: of the file.
    ``shape``, ``dtype``: of the array.
    ``offset``: bytes of the file before the array.
    ``member``: name of the array in an ``.npz``; None for other files.
    ``packed``: is the array compressed?
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: str,
        offset: int,
        *,
        member: str | None = None,
        packed: bool = False,
    ) -> None:
        self.path, self.shape, self.dtype, self.offset, self.member, self.packed = (
            path,
            shape,
            np.dtype(dtype),
            offset,
            member,
            packed,
        )
        self.scale = 1.0
        self._file: IO[bytes] | None = None
        self._process = 0
        channels_last(
            np.broadcast_to(np.zeros((), self.dtype), (1, *shape[1:]))
        )  # refuses shapes that are not of pictures

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=object))

    def header(self, index: int) -> Header:
        _, height, width, channels = channels_last(np.broadcast_to(np.zeros((), np.uint8), (1, *self.shape[1:]))).shape
        return Header(height, width, 1 if channels <= 2 else 3)

    def decode(self, index: int, channels: int) -> Pixels:
        return as_pixels(self.read(index, 1)[0], self.scale, channels)

    def read(self, start: int, n: int) -> NDArray[Any]:
        """Pictures ``start`` to ``start + n`` - 1 as they are stored. Raises DataError when the file is broken."""
        wanted = n * self.n_bytes
        with reading(f"{self._named} cannot be unpacked", "It is probably cut off; download it again."):
            file = self._opened()
            position = self.offset + start * self.n_bytes
            if file.tell() != position:
                file.seek(position)
            content = file.read(wanted)
        if len(content) != wanted:
            raise DataError(f"{self._named} ends too early.", "It is cut off; download it again.")
        return np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])

    def slices(self) -> Iterator[NDArray[Any]]:
        """All pictures, a few at a time, from front to back."""
        step = max(1, SLICE // max(1, self.n_bytes))
        for start in range(0, len(self), step):
            yield self.read(start, min(step, len(self) - start))

    def name(self, index: int) -> str:
        return f"{self.path}[{index}]"

    def fingerprint(self) -> str:
        return f"{file_stamp(self.path)}{self.member or ''}"

    def spec(self) -> dict[str, Any]:
        kept = {
            "path": os.path.abspath(self.path),
            "shape": list(self.shape),
            "dtype": self.dtype.str,
            "offset": self.offset,
        }
        return {"kind": "stack", **kept, "member": self.member, "packed": self.packed, "scale": self.scale}

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Stack:
        """The stack that ``spec`` describes, in another process."""
        path = Path(spec["path"])
        made = cls(
            path, tuple(spec["shape"]), spec["dtype"], spec["offset"], member=spec["member"], packed=spec["packed"]
        )
        made.scale = spec["scale"]
        return made

    @property
    def _named(self) -> str:
        return (
            f"{str(self.path)!r}"
            if self.member is None
            else f"The array {self.member.removesuffix('.npy')!r} in {str(self.path)!r}"
        )

    def _opened(self) -> IO[bytes]:
        # a forked process would move the position in the file of its parent
        if self._file is None or self._process != os.getpid():
            with contextlib.ExitStack() as opening:
                self._file = self._open(opening)
                weakref.finalize(self, opening.pop_all().close)  # __del__ may come after the file's own end
            self._process = os.getpid()
        return self._file

    def _open(self, opening: contextlib.ExitStack) -> IO[bytes]:
        """The file. ``opening`` closes it."""
        if self.member is not None:
            archive = opening.enter_context(zipfile.ZipFile(self.path))
            return opening.enter_context(archive.open(self.member))
        if self.packed:
            return opening.enter_context(gzip.open(self.path, "rb"))  # type: ignore[arg-type]
        return opening.enter_context(open(self.path, "rb", buffering=2**20))


def slices(images: Any) -> Iterator[NDArray[Any]]:
    """``images`` (an array, a list of arrays or a ``Stack``) in pieces of a few megabytes."""
    if isinstance(images, Stack):
        yield from images.slices()
    elif isinstance(images, np.ndarray):
        step = max(1, SLICE // max(1, images[:1].nbytes))
        yield from (images[start : start + step] for start in range(0, len(images), step))
    else:
        yield from images


def channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)`` as ``(n, h, w, c)``. Raises DataError for other shapes."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise DataError(
            f"The images have the shape {array.shape}.",
            "Reshape them to (n, height, width) or (n, height, width, channels).",
        )
    if len(array) == 0:
        raise DataError("There are no images.")
    if array.shape[3] not in (1, 2, 3, 4) and array.shape[1] in (1, 2, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    if array.shape[3] not in (1, 2, 3, 4) or min(array.shape[1:3]) < 1:
        hint = "Images have 1 (grey), 3 (RGB) or 4 (RGB and transparency) channels."
        raise DataError(f"The images have the shape {array.shape}.", hint)
    refuse_size("The images are", array.shape[1], array.shape[2])
    return array


def scale_of(images: Any) -> float:
    """What values of ``images`` are multiplied with to become 0..255: 255 for fractions and booleans, 255/65535 for
    16-bit numbers, else 1.

    Looks at every value. Raises DataError for NaN, infinite, negative and too large values.
    """
    top, fractions = 0.0, True
    for array in slices(images):
        if array.dtype == np.bool_:
            return 255.0
        if array.dtype.kind not in "iuf":
            raise DataError(f"The images are of type {array.dtype}.", "Give numbers.")
        if not array.size:
            continue
        fractions &= bool(np.issubdtype(array.dtype, np.floating))
        low, high = float(array.min()), float(array.max())
        if not np.isfinite(low + high):
            raise DataError("The images hold NaN or infinite values.", "Replace them first.")
        if low < 0:
            raise DataError(
                "The images hold negative values.",
                "Give bytes (0 to 255) or fractions (0 to 1); normalisation is done here.",
            )
        top = max(top, high)
    if top > 65535:
        raise DataError(
            f"The images hold values up to {top:g}.", "Give bytes (0 to 255), fractions (0 to 1) or 16-bit numbers."
        )
    if fractions and top <= 1.0:
        return 255.0
    return 1.0 if top <= 255 else 255.0 / 65535.0


def as_bytes(array: NDArray[Any], scale: float) -> Pixels:
    """Numbers ``(n, h, w, c)`` as uint8 ``(n, h, w, 1 or 3)``: scaled, rounded, transparency laid over white."""
    if array.dtype != np.uint8 or scale != 1:
        out = np.empty(array.shape, np.uint8)
        step = max(1, SLICE // max(1, array[:1].size * 8))  # floats of the whole set would take much memory
        for start in range(0, len(array), step):
            out[start : start + step] = np.clip(np.rint(array[start : start + step].astype(np.float64) * scale), 0, 255)
        array = out
    if array.shape[3] in (2, 4):
        alpha = array[..., -1:].astype(np.uint16)
        array = ((array[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(array)


def as_pixels(array: NDArray[Any], scale: float, channels: int) -> Pixels:
    """One picture ``(h, w)``, ``(h, w, c)`` or ``(c, h, w)`` as uint8 ``(h, w, channels)``."""
    pixels: Pixels = as_bytes(channels_last(array[None]), scale)[0]
    if pixels.shape[2] == channels:
        return pixels
    wider: Pixels = np.repeat(pixels, channels, axis=2) if pixels.shape[2] == 1 else _grey(pixels)
    return wider


def _grey(pixels: Pixels) -> Pixels:
    """As Pillow does it (ITU-R 601-2 luma)."""
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


class Pillows:
    """Pillow images in memory."""

    def __init__(self, images: Sequence[Image.Image]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def header(self, index: int) -> Header:
        return header_of(self.images[index])

    def decode(self, index: int, channels: int) -> Pixels:
        return to_array(self.images[index], channels)

    def name(self, index: int) -> str:
        return f"number {index}"

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for index in range(len(self)):
            pixels = self.decode(index, self.header(index).channels)
            digest.update(f"{pixels.shape}".encode())
            digest.update(np.ascontiguousarray(pixels).data)
        return digest.hexdigest()

    def spec(self) -> None:
        return None
