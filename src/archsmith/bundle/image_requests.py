"""Pictures that a server is sent: files, or the values themselves as nested lists. numpy and Pillow only."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.blocks import checked, with_channels
from archsmith.data.images.decode import IMAGE, Pixels, decode, header

FORM = (
    f'A picture is {{"{IMAGE}": "…"}} with a picture file in Base64, or nested lists of whole numbers from 0 to 255, '
    "one for each row, column and, where there are colours, channel."
)
LONGEST_SIDE = 20_000  # pixels
SMALL_FILES, SMALL_PIXELS = 4, 20_000  # decoded in well below a millisecond
SHOWN = 60  # characters of a name
TOGETHER = 65_536  # pixels of nested lists that are read in one go


def sent_pixels(example: Any, channels: int, most_pixels: int) -> Pixels | str:
    """One picture of a request as a block ``(1, h, w, channels)``; a text says why it cannot be read."""
    try:
        if isinstance(example, Mapping):
            if set(example) != {IMAGE}:
                raise DataError(f"A picture has the one key {IMAGE!r}.", FORM)
            example = example[IMAGE]
            if isinstance(example, str):
                return decoded(_file(example), channels, most_pixels)
        if isinstance(example, list):
            return with_channels(checked(_array(example, most_pixels)), channels)
        raise DataError(f"An example is {_kind(example)}, not a picture.", FORM)
    except DataError as error:
        return str(error)


def decoded(content: bytes, channels: int, most_pixels: int, name: str = "") -> Pixels | str:
    """A picture file as a block ``(1, h, w, channels)``; a text says why it cannot be read. ``name``: of the file."""
    try:
        found = header(content)
        refuse_large(found.height, found.width, most_pixels)
        return decode(content, channels)[None]
    except DataError as error:
        return str(error).replace("The picture", f"The picture {name[:SHOWN]!r}", 1) if name else str(error)


def are_small(given: Sequence[Any]) -> bool:
    """Are these examples, or contents of files, decoded in less time than another thread is woken?"""
    n_files = n_pixels = 0
    for example in given:
        try:
            if isinstance(example, Mapping) and isinstance(example.get(IMAGE), str):
                example = _file(example[IMAGE])
            if isinstance(example, bytes):
                found = header(example)
                n_files, n_pixels = n_files + 1, n_pixels + found.height * found.width
        except DataError:  # said when it is read
            continue
        if n_files > SMALL_FILES or n_pixels > SMALL_PIXELS:
            return False
    return True


def refuse_large(height: int, width: int, most_pixels: int) -> None:
    """Raises DataError for a picture that takes more memory than it should. The network resizes with a matrix of one
    row for each pixel of a side, so that a long one counts, too.
    """
    if height * width > most_pixels or max(height, width) > LONGEST_SIDE:
        raise DataError(
            f"The picture has {width:,} × {height:,} pixels, more than {most_pixels:,} in all or "
            f"{LONGEST_SIDE:,} on one side.",
            "Make it smaller first.",
        )


def schema(height: int, width: int, channels: int) -> dict[str, Any]:
    """JSON Schema of one picture."""
    value: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 255}
    pixel = {"anyOf": [value, {"type": "array", "items": value, "minItems": 1, "maxItems": 4}]}
    row = {"type": "array", "items": pixel, "minItems": 1}
    lists: dict[str, Any] = {"type": "array", "items": row, "minItems": 1}
    file = {
        "type": "object",
        "required": [IMAGE],
        "additionalProperties": False,
        "properties": {
            IMAGE: {"type": "string", "contentEncoding": "base64", "description": "A picture file in Base64."}
        },
        "example": {IMAGE: _small(height, width, channels)},
    }
    lists["description"] = (
        f"Rows of pixels of values from 0 to 255. Any height and width will do; inside it is {height}×{width}."
    )
    return {"anyOf": [file, lists], "example": {IMAGE: _small(height, width, channels)}}


def _small(height: int, width: int, channels: int) -> str:
    """A white picture as a file in Base64."""
    file = io.BytesIO()
    Image.new("L" if channels == 1 else "RGB", (width, height), "white").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _file(text: str) -> bytes:
    if text.startswith("data:"):  # as browsers write it
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("The picture is not Base64.", FORM) from error


def _array(rows: list[Any], most_pixels: int) -> Pixels:
    """Nested lists as a block ``(1, h, w, c)``. Raises DataError."""
    _check_lists(rows)
    height, width = len(rows), len(rows[0])
    refuse_large(height, width, most_pixels)
    step = max(1, TOGETHER // width)
    parts = [_values(rows[first : first + step]) for first in range(0, height, step)]
    if len({part.shape[1] for part in parts}) > 1:
        raise DataError("The pixels of the picture differ in their channels.", FORM)
    return np.concatenate(parts).reshape(1, height, width, -1)


def _values(rows: list[Any]) -> NDArray[np.uint8]:
    """The pixels of some rows, ``(n, channels)``. Few enough that other threads need not wait for long."""
    values, channels = list(chain.from_iterable(rows)), 1
    if isinstance(values[0], list):
        _check_lists(values)
        channels = len(values[0])
        values = list(chain.from_iterable(values))
    # numpy would take texts for numbers, with the memory of the longest one for each
    if not set(map(type, values)) <= {int, float}:
        raise DataError("The picture is not made of lists of numbers.", FORM)
    array = np.array(values, np.float64)
    if array.min() < 0 or array.max() > 255:
        raise DataError(f"The picture has values from {array.min():g} to {array.max():g}.", FORM)
    whole = array.astype(np.uint8)
    if not (whole == array).all():
        raise DataError("A value of the picture is no whole number.", "Give 0 to 255, not 0 to 1.")
    return whole.reshape(-1, channels)


def _check_lists(lists: list[Any]) -> None:
    """Raises DataError unless these are lists of the same length."""
    if set(map(type, lists)) != {list}:
        raise DataError("The picture is not made of lists of numbers.", FORM)
    if len(set(map(len, lists))) > 1 or not lists[0]:
        raise DataError("The rows of the picture differ in length, or are empty.", FORM)


def _kind(value: Any) -> str:
    return "null" if value is None else f"of the type {type(value).__name__}"
