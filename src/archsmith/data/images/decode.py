"""The decoder of picture files.

A decoded picture is uint8 ``(h, w, c)`` with ``c`` 1 (grey) or 3 (RGB). EXIF rotation is applied, palettes are
resolved, transparency is laid over white, and 16-bit grey is scaled to 8 bits. It needs numpy and Pillow only, so that
the predictor of a bundle can use it, too.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from archsmith.core.errors import DataError
from archsmith.core.files import reason, regular_size

Pixels = NDArray[np.uint8]

IMAGE = "image"  # the name of the one input of networks and exported models
# A larger picture is taken for a decompression bomb. The largest cameras have about 100 million pixels.
MAX_PIXELS = 100_000_000
MAX_LENGTH = 65_535  # pixels of a side, the most that a JPEG can have; a strip of millions is none of a camera either
LARGEST = 512 * 2**20  # bytes of one picture file; a picture of 100 million pixels takes less
SUFFIXES = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".tga",
        ".ico",
    )
)
# What is read, by Pillow's names, whatever a file is called. Pillow knows more: for EPS it would start Ghostscript,
# which runs the program that such a file is. (MPO, of some cameras, is opened as JPEG.)
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "TGA", "ICO")
KNOWN, UNKNOWN = "Known are PNG, JPEG, JPEG 2000, BMP, GIF, WebP, TIFF, PPM, TGA and ICO.", "unknown format"
# Only in these is EXIF looked for. In other formats Pillow would decode every pixel for it.
CAMERA_FORMATS = frozenset(("JPEG", "MPO", "WEBP", "TIFF"))
GREY_MODES = frozenset(("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"))


@dataclass(frozen=True)
class Header:
    """What the first bytes of a picture file say.

    ``height``, ``width``: in pixels, with EXIF rotation applied.
    ``channels``: 1 (grey) or 3 (RGB).
    """

    height: int
    width: int
    channels: int


_silencer = warnings.catch_warnings()
_silent = 0
_guard = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Pillow inside the block; it warns where we refuse or repair. Filters of warnings belong to the process,
    so the first thread that comes sets them, and the last thread that leaves restores them.
    """
    global _silencer, _silent
    with _guard:
        if _silent == 0:
            _silencer = warnings.catch_warnings()
            _silencer.__enter__()
            warnings.simplefilter("ignore")
        _silent += 1
    try:
        yield
    finally:
        with _guard:
            _silent -= 1
            if _silent == 0:
                _silencer.__exit__(None, None, None)


def _open(source: str | Path | bytes) -> Image.Image:
    with _quiet():
        try:
            size = len(source) if isinstance(source, bytes) else regular_size(source)
            if size > LARGEST:
                raise DataError(f"{_name(source)} is larger than {LARGEST >> 20} MiB.", "Make it smaller first.")
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
        except DataError:
            raise
        except FileNotFoundError as error:
            raise DataError(f"There is no file {str(source)!r}.", "Check the path.") from error
        except Image.DecompressionBombError as error:  # Pillow's own limit is about twice as high
            raise DataError(
                f"{_name(source)} claims more than {MAX_PIXELS:,} pixels.", "Make it smaller first."
            ) from error
        except Exception as error:
            why = _reason(error)
            if why != UNKNOWN:
                raise DataError(f"{_name(source)} cannot be read ({why}).") from error
            raise DataError(
                f"{_name(source)} cannot be read: it is broken, or no picture of a kind that is known.", KNOWN
            ) from error
    try:
        refuse_size(f"{_name(source)} claims", image.width, image.height)
    except DataError:
        image.close()
        raise
    return image


def refuse_size(what: str, width: int, height: int) -> None:
    """Raises DataError for more pixels than are read. ``what`` begins the sentence."""
    if width * height > MAX_PIXELS:
        raise DataError(f"{what} {width} x {height} pixels, more than {MAX_PIXELS:,}.", "Make it smaller first.")
    if max(width, height) > MAX_LENGTH:
        raise DataError(f"{what} {width} x {height} pixels, a side of more than {MAX_LENGTH:,}.", "Cut it first.")


def header(source: str | Path | bytes) -> Header:
    """Size and channels without decoding the pixels. Raises DataError."""
    with _open(source) as image:
        return header_of(image)


def header_of(image: Image.Image) -> Header:
    """The header of a Pillow image."""
    turned = image.format in CAMERA_FORMATS and _turned(image)
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    return Header(height, width, 1 if image.mode in GREY_MODES or image.mode == "LA" else 3)


def _turned(image: Image.Image) -> bool:
    try:
        # newer versions of Pillow give the size of a TIFF with the rotation applied
        stored = getattr(image, "tag_v2", {}).get(256, image.width)
        return stored == image.width and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:  # a picture with broken metadata can still be read
        return False


def decode(
    source: str | Path | bytes,
    channels: int,
    at_least: tuple[int, int] | None = None,
    before: Callable[[int], None] = lambda pixels: None,
) -> Pixels:
    """The picture in a file or in bytes as uint8 ``(h, w, channels)``. Raises DataError when it is broken.

    ``at_least``: ``(h, w)``. A JPEG of at least twice that size is decoded at a half, a quarter or an eighth of its
        size, but not below ``at_least``, which is several times faster.
    ``before``: called with the number of pixels before they are decoded, and may raise.
    """
    with _open(source) as image, _quiet():
        before(image.width * image.height)
        try:
            if at_least is not None:
                image.draft(None, (max(at_least), max(at_least)))  # does nothing for other formats
            return _pixels(image, channels)
        except Exception as error:
            raise DataError(f"{_name(source)} cannot be decoded ({_reason(error)}).") from error


def to_array(image: Image.Image, channels: int) -> Pixels:
    """A Pillow image as uint8 ``(h, w, channels)``, converted as its file would be. Raises DataError when its file is
    broken.
    """
    refuse_size("The picture has", image.width, image.height)
    with _quiet():
        try:
            return _pixels(image, channels)
        except Exception as error:
            raise DataError(f"The picture cannot be decoded ({_reason(error)}).") from error


def _pixels(image: Image.Image, channels: int) -> Pixels:
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode == "La":  # grey times its opacity
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[:, :, None] if channels == 1 else pixels


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits, scaled to 8 bits: 16-bit pictures by their full range, 32-bit pictures by the smallest
    of 1 (floats only), 255 and 65535 that is not below their maximum.
    """
    values = np.asarray(image).astype(np.float64)
    largest = values.max(initial=0)
    top = 255.0
    if image.mode.startswith("I;16") or largest > 255:
        top = 65535.0
    elif image.mode == "F" and largest <= 1:
        top = 1.0
    return Image.fromarray(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8))


def _name(source: str | Path | bytes) -> str:
    return "The picture" if isinstance(source, bytes) else f"The file {str(source)!r}"


def _reason(error: Exception) -> str:
    said = reason(error)
    return UNKNOWN if said.startswith("cannot identify") else said
