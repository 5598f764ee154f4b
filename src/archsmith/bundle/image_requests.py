"""Pictures that a server is sent: files, or the values themselves as nested lists. numpy and Pillow only."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.blocks import checked, with_channels
from archsmith.data.images.decode import IMAGE, Pixels, decode, header

FORM = (
    f'A picture is {{"{IMAGE}": "…"}} with a picture file in Base64, or nested lists of whole numbers from 0 to 255, '
    "one for each row, column and, where there are colours, channel."
)
MOST_AXES = 3


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


def decoded(content: bytes, channels: int, most_pixels: int) -> Pixels | str:
    """A picture file as a block ``(1, h, w, channels)``; a text says why it cannot be read."""
    try:
        found = header(content)
        if found.height * found.width > most_pixels:
            raise DataError(
                f"The picture has {found.width:,} × {found.height:,} pixels, more than {most_pixels:,}.",
                "Make it smaller first.",
            )
        return decode(content, channels)[None]
    except DataError as error:
        return str(error)


def schema(height: int, width: int, channels: int) -> dict[str, Any]:
    """JSON Schema of one picture."""
    value: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 255}
    pixel = value if channels == 1 else {"type": "array", "items": value, "minItems": channels, "maxItems": channels}
    row = {"type": "array", "items": pixel, "minItems": width, "maxItems": width}
    lists = {"type": "array", "items": row, "minItems": height, "maxItems": height}
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


def _array(nested: list[Any], most_pixels: int) -> Any:
    """Nested lists as a block ``(1, h, w, c)``. Raises DataError."""
    try:
        array = np.array(nested)
    except (ValueError, OverflowError) as error:
        raise DataError("The rows of the picture differ in length.", FORM) from error
    if array.ndim not in (2, MOST_AXES) or array.dtype.kind not in "iuf":
        raise (
            DataError(f"The picture is a list of the shape {array.shape} with values that are no numbers.", FORM)
            if (array.dtype.kind not in "iuf")
            else DataError(f"The picture is a list of the shape {array.shape}.", FORM)
        )
    if array.shape[0] * array.shape[1] > most_pixels:
        raise DataError(f"The picture has more than {most_pixels:,} pixels.", "Make it smaller first.")
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        raise DataError("A value of the picture is outside of 0 to 255.", FORM)
    whole = array.astype(np.uint8)
    if array.dtype.kind == "f" and not (whole == array).all():
        raise DataError("A value of the picture is no whole number.", "Give 0 to 255, not 0 to 1.")
    return (whole if whole.ndim == MOST_AXES else whole[..., None])[None]


def _kind(value: Any) -> str:
    return "null" if value is None else f"of the type {type(value).__name__}"
