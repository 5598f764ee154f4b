"""Blocks of pictures in memory, uint8 ``(n, H, W, C)``: checked and converted as files are. numpy and Pillow only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.decode import MAX_LENGTH, MAX_PIXELS, Pixels, to_array


def checked(block: NDArray[Any]) -> Pixels:
    """The block itself if it is uint8 ``(n, H, W, 1..4)`` with at least one pixel. Raises DataError."""
    if block.dtype != np.uint8:
        scaled = "(255 * images).round().astype('uint8')"
        if np.issubdtype(block.dtype, np.floating):
            hint = f"Grey values are whole numbers from 0 to 255; for floats from 0 to 1 give {scaled}."
        else:
            hint = "Grey values are uint8 from 0 to 255; if yours are within that range give images.astype('uint8')."
        raise DataError(f"Images have the type {block.dtype}, not uint8.", hint)
    if not 1 <= block.shape[3] <= 4:
        raise DataError(
            f"Images of shape {block.shape[1:]} have {block.shape[3]} channels.",
            "Channels come last, 1 (grey) to 4 (RGBA) of them.",
        )
    if min(block.shape[1:3]) < 1:
        raise DataError(f"Images of shape {block.shape[1:]} have no pixels.")
    return block


def with_channels(block: Pixels, channels: int) -> Pixels:
    """The block with 1 or 3 channels, converted exactly as files are."""
    n, height, width, given = block.shape
    if given == channels:
        return block
    if given == 1 or n == 0:
        return np.repeat(block[..., :1], channels, axis=3)
    # Conversion looks at single pixels, so some of them may be converted as one tall picture.
    together = max(1, min(MAX_LENGTH // height, MAX_PIXELS // (height * width)))
    found = np.empty((n, height, width, channels), np.uint8)
    for first in range(0, n, together):
        some = np.ascontiguousarray(block[first : first + together])
        tall = Image.fromarray(some.reshape(len(some) * height, width, given))
        found[first : first + together] = to_array(tall, channels).reshape(-1, height, width, channels)
    return found
