"""The only resize of pictures: a separable, antialiased triangle filter, written as two small matrix products.

The store of training pictures, the predictor and the exported network take their weights from here, so that a picture
looks the same to all of them. The filter is the usual "bilinear with antialiasing". To shrink a picture, the triangle
is widened by the scale, so that every input pixel counts. To enlarge it, this is plain linear interpolation. Pixel
centres lie at half integers. The weights of each output pixel add up to 1. A picture of the right size is not changed
at all.

The store rounds to whole grey values, since it holds bytes. An exported network keeps the fractions: where a value lies
between two grey values, two runtimes might round it differently.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import UsageError

STRIP = 2**20  # floats that are held at once
KEPT = 2**18  # floats of the largest matrix that is kept for the next picture of that size; 256 of them take 256 MB


def weights(n_in: int, n_out: int) -> NDArray[np.float32]:
    """The matrix ``(n_out, n_in)`` float32 that maps ``n_in`` pixels of one axis to ``n_out``. Rows add up to 1. Raises
    UsageError.
    """
    if n_in < 1 or n_out < 1:
        raise UsageError(f"Cannot resize {n_in} pixels to {n_out}.", "Both lengths must be at least 1.")
    return _kept(n_in, n_out) if n_in * n_out <= KEPT else _made(n_in, n_out)


def _made(n_in: int, n_out: int) -> NDArray[np.float32]:
    scale = n_in / n_out
    reach = max(scale, 1.0)
    pixels = np.arange(n_in, dtype=np.float64) + 0.5
    result = np.empty((n_out, n_in), np.float32)
    for row in range(n_out):  # one by one: of a long strip all of them would take half a gigabyte in doubles
        shares = np.maximum(0.0, 1.0 - np.abs(pixels - (row + 0.5) * scale) / reach)
        result[row] = shares / shares.sum()
    result.setflags(write=False)
    return result


_kept = lru_cache(maxsize=256)(_made)


def resize_float(image: NDArray[np.generic], height: int, width: int) -> NDArray[np.float32]:
    """``image`` ``(h, w, c)`` resized to ``(height, width, c)``, float32 in the same units."""
    h, w, c = image.shape
    if h == height:
        values = image.astype(np.float32)
    else:  # in strips of columns, since the floats of a photograph take hundreds of megabytes
        values = np.empty((height, w, c), np.float32)
        matrix, step = weights(h, height), max(1, STRIP // (h * c))
        for start in range(0, w, step):
            strip = image[:, start : start + step].astype(np.float32).reshape(h, -1)
            values[:, start : start + step] = (matrix @ strip).reshape(height, -1, c)
    if w != width:
        values = np.tensordot(weights(w, width), values, axes=(1, 1)).transpose(1, 0, 2)
    return np.ascontiguousarray(values)


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """``image`` uint8 ``(h, w, c)`` resized to ``(height, width, c)``, uint8, rounded half to even. Returns ``image``
    itself when it has that size.
    """
    if image.shape[:2] == (height, width):
        return image
    return np.clip(np.rint(resize_float(image, height, width)), 0, 255).astype(np.uint8)
