"""Small pictures inside a page: PNG files as data URIs, so that the page needs nothing else."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

COLOURS = 128  # of a palette: photographs in this size look the same and take a third of the bytes
GAP = 2  # pixels between the tiles of a strip


@dataclass(frozen=True)
class Picture:
    """An ``img`` in the making: its source and the size it is shown at."""

    uri: str
    width: int
    height: int


def thumbnail(image: Pixels, side: int) -> Picture:
    """``image`` uint8 ``(h, w, 1 or 3)`` so that its longer side has ``side`` pixels; a tiny one is magnified by a
    whole number, which keeps its pixels.
    """
    small = _fitted(image, side)
    return Picture(_uri(small), small.width, small.height)


def png(image: Pixels, side: int) -> bytes:
    """The same as a PNG file."""
    return _png(_fitted(image, side))


def strip(images: Sequence[Pixels], side: int) -> Picture:
    """Pictures side by side in one file, each in a square of about ``side`` pixels: a whole multiple of the pictures'
    own size, where they are small.
    """
    longest = max(max(image.shape[:2]) for image in images)
    side = longest * max(1, round(side / longest)) if longest <= side else side
    tiles = [_fitted(image, side) for image in images]
    colour = any(tile.mode == "RGB" for tile in tiles)
    sheet = Image.new("RGBA" if colour else "LA", (len(tiles) * (side + GAP) - GAP, side))
    for i, tile in enumerate(tiles):
        sheet.paste(tile.convert(sheet.mode), (i * (side + GAP) + (side - tile.width) // 2, (side - tile.height) // 2))
    return Picture(_uri(sheet), sheet.width, sheet.height)


def _fitted(image: Pixels, side: int) -> Image.Image:
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    longer = max(picture.size)
    if longer <= side:
        times = max(1, side // longer)
        return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    ratio = side / longer
    return picture.resize(
        (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio))), Image.Resampling.LANCZOS
    )


def _uri(picture: Image.Image) -> str:
    return "data:image/png;base64," + base64.b64encode(_png(picture)).decode()


def _png(picture: Image.Image) -> bytes:
    if picture.mode in ("RGB", "RGBA"):
        picture = picture.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG)
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()
