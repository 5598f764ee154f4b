"""Pictures in memory: one decoder for files, one conversion for arrays, and the labelled set that everything downstream takes.

A picture is uint8 ``(h, w, c)`` with ``c`` 1 (grey) or 3 (RGB). What files hold besides is brought to that in one place: EXIF rotation is applied,
palettes are resolved, transparency is laid over white, 16-bit grey is scaled to 8 bits. Needs numpy and Pillow only, so that the predictor can use
it too.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from archsmith.core.errors import DataError

Pixels = NDArray[np.uint8]

MAX_PIXELS = 100_000_000  # a picture above this is taken for a decompression bomb (the largest cameras have about 100 million pixels)
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".tga", ".ico"))
CAMERA_FORMATS = frozenset(("JPEG", "MPO", "WEBP", "TIFF"))  # of others, Pillow would decode every pixel to look for EXIF
GREY_MODES = frozenset(("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"))


@dataclass(frozen=True)
class Header:
    """What the first bytes of a file say: size in pixels as it is looked at (EXIF applied), and 1 channel or 3."""

    height: int
    width: int
    channels: int


def _open(source: str | Path | bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns where we refuse or repair
        try:
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        except FileNotFoundError as error:
            raise DataError(f"There is no file {str(source)!r}.", "Check the path.") from error
        except Exception as error:
            raise DataError(f"{_name(source)} is not a picture that can be read ({_reason(error)}).") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise DataError(f"{_name(source)} claims {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}.", "Make it smaller first.")
    return image


def header(source: str | Path | bytes) -> Header:
    """Size and channels without decoding the pixels. Raises DataError."""
    with _open(source) as image:
        turned = image.format in CAMERA_FORMATS and _turned(image)
        height, width = (image.width, image.height) if turned else (image.height, image.width)
        return Header(height, width, 1 if image.mode in GREY_MODES or image.mode == "LA" else 3)


def _turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:  # broken metadata do not make the picture unreadable
        return False


def decode(source: str | Path | bytes, channels: int) -> Pixels:
    """The picture in a file or in bytes as uint8 ``(h, w, channels)``. Raises DataError with the reason when it is broken."""
    with _open(source) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _pixels(image, channels)
        except Exception as error:
            raise DataError(f"{_name(source)} cannot be decoded ({_reason(error)}).") from error


def to_array(image: Image.Image, channels: int) -> Pixels:
    """A Pillow image as uint8 ``(h, w, channels)``, treated as its file would be. Raises DataError when its file turns out to be broken."""
    if image.width * image.height > MAX_PIXELS:
        raise DataError(f"The picture has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}.", "Make it smaller first.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _pixels(image, channels)
        except Exception as error:
            raise DataError(f"The picture cannot be decoded ({_reason(error)}).") from error


def _pixels(image: Image.Image, channels: int) -> Pixels:
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[:, :, None] if channels == 1 else pixels


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep grey scaled to 8 bits: 16-bit files by their full range, 32-bit files by 65535 or 255, whichever holds their maximum."""
    values = np.asarray(image).astype(np.float64)
    top = (
        65535.0
        if image.mode.startswith("I;16") or values.max(initial=0) > 255
        else 1.0
        if image.mode == "F" and values.max(initial=0) <= 1
        else 255.0
    )
    return Image.fromarray(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8))


def _name(source: str | Path | bytes) -> str:
    return "The picture" if isinstance(source, bytes) else f"The file {str(source)!r}"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:100] if not text.startswith("cannot identify") else "unknown format"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled pictures of one size.

    ``images`` uint8 ``(n, H, W, C)`` (may be a memory map), ``labels`` int64 ``(n,)`` indexes into ``classes``; ``files`` are the paths that they
    came from, ``raw`` the arrays ``(h, w, C)`` before resizing; both None when ``images`` are the originals.
    """

    images: Pixels
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    files: tuple[str, ...] | None = None
    raw: Sequence[Pixels] | Pixels | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or self.images.shape[3] not in (1, 3):
            raise DataError(f"Images are uint8 (n, height, width, 1 or 3), not {self.images.dtype} {self.images.shape}.")
        if self.labels.shape != (len(self.images),):
            raise DataError(f"There are {len(self.images):,} images but {len(self.labels):,} labels.", "Give one label for each image.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``, as networks want it."""
        _, height, width, channels = self.images.shape
        return channels, height, width

    def original(self, index: int) -> Pixels:
        """Picture ``index`` as it came, at its own size: uint8 ``(h, w, c)``. Raises DataError when its file has gone."""
        if self.raw is not None:
            return np.asarray(self.raw[index])
        if self.files is not None:
            return decode(self.files[index], self.images.shape[3])
        return np.asarray(self.images[index])

    def take(self, indexes: NDArray[np.int64] | Sequence[int]) -> ImageSet:
        """The pictures at ``indexes``, in that order (a copy)."""
        chosen = np.asarray(indexes, dtype=np.int64)
        files = None if self.files is None else tuple(self.files[i] for i in chosen)
        raw: Any = None
        if self.raw is not None:
            raw = self.raw[chosen] if isinstance(self.raw, np.ndarray) else [self.raw[i] for i in chosen]
        return ImageSet(self.images[chosen], self.labels[chosen], self.classes, files, raw)

    def counts(self) -> NDArray[np.int64]:
        """How many pictures each class has, ``(len(classes),)``."""
        return np.bincount(self.labels, minlength=len(self.classes))


def statistics(images: Pixels, limit: int = 20_000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in units of full brightness (0..1), from up to ``limit`` evenly spaced pictures."""
    chosen = images[:: max(1, -(-len(images) // limit))]
    values = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in range(images.shape[3]):
        share = np.bincount(chosen[..., channel].ravel(), minlength=256) / max(1, chosen[..., channel].size)
        mean = float(share @ values)
        means.append(mean)
        deviations.append(max(1 / 255, float(np.sqrt(share @ (values - mean) ** 2))))
    return tuple(means), tuple(deviations)
