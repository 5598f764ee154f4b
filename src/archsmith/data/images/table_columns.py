"""Which columns of a table hold the pictures, the target and the splits.

Their names say it, or their values. Where several columns are possible, the person has to name one.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.data.images.decode import SUFFIXES
from archsmith.data.splits import SPLIT_COLUMNS, SPLIT_NAMES

IMAGE_NAMES = (
    "image",
    "images",
    "img",
    "picture",
    "photo",
    "path",
    "image_path",
    "img_path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
)
TARGET_NAMES = ("target", "label", "labels", "class", "class_name", "category", "y")
SAMPLE = 200  # values that a column is judged by
SHARE = 0.8  # of these values that must look like pictures
URL = re.compile(r"[a-z][a-z0-9+.-]{1,30}://", re.IGNORECASE)  # bounded: a text may have megabytes
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")  # how picture files begin


class NoTargetError(DataError):
    """A table lacks the column that was named as its target."""


@dataclass(frozen=True)
class Chosen:
    """The columns that are used.

    ``image``: the name of the column of pictures.
    ``target``: the name of the target column.
    ``split``: the name of the column of splits, if there is one.
    ``kind``: what the column of pictures holds: ``path``, ``bytes``, ``base64``, ``url`` or ``picture``.
    """

    image: str
    target: str
    split: str | None
    kind: str

    @property
    def names(self) -> list[str]:
        return [self.image, self.target, *([self.split] if self.split else [])]

    @property
    def notes(self) -> tuple[str, ...]:
        """The choice in a sentence."""
        found = f"Pictures come from the column {self.image!r}, the target from {self.target!r}"
        return (f"{found}, splits from {self.split!r}." if self.split else f"{found}.",)


def choose(samples: Mapping[str, Sequence[Any]], image: str | None, target: str | None, name: str) -> Chosen:
    """The columns of pictures, target and splits. Raises NoTargetError where there is no ``target``, and
    DataError where it is not clear which they are.

    ``samples``: the first values of every column.
    ``image``, ``target``: names of columns; None where the person did not say.
    ``name``: of the table.
    """
    listed = ", ".join(repr(column) for column in list(samples)[:8]) + (", …" if len(samples) > 8 else "")
    for wanted, flag, error in ((image, "--image-column", DataError), (target, "--target", NoTargetError)):
        if wanted is not None and wanted not in samples:
            raise error(
                f"The table {name!r} has no column {wanted!r}.",
                f"Its columns are {listed}; name one of them with {flag}.",
            )
    if image is not None and image == target:
        raise DataError(
            f"The column {image!r} cannot be both the picture and the target.", f"The columns are {listed}."
        )
    kinds = {
        column: kind for column, values in samples.items() if column != target and (kind := kind_of_column(values))
    }
    found_image = image or _one(
        _image_columns(samples, kinds, target), "pictures", "--image-column", name, listed, samples
    )
    free = [c for c in samples if c not in (found_image, target)]
    split = next((c for c in free if c.lower() in SPLIT_COLUMNS and _all_splits(samples[c])), None)
    if target is None:
        left = [c for c in samples if c not in (found_image, split) and c not in kinds]
        named = [c for c in left if c.lower() in TARGET_NAMES]
        plain = [c for c in left if c.lower() not in ("", "id", "index") and not c.lower().startswith("unnamed:")]
        target = _one(named or plain, "the target", "--target", name, listed, samples)
    split = split or next((c for c in samples if c.lower() == "split" and c not in (found_image, target)), None)
    return Chosen(found_image, target, split, kinds.get(found_image, "path"))


def _image_columns(samples: Mapping[str, Sequence[Any]], kinds: Mapping[str, str], target: str | None) -> list[str]:
    named = [c for c in samples if c.lower() in IMAGE_NAMES and c != target]
    return (
        [c for c in named if c in kinds]
        or list(kinds)
        or [c for c in named if all(isinstance(v, str) for v in samples[c])]
    )


def _one(
    columns: Sequence[str], what: str, flag: str, name: str, listed: str, samples: Mapping[str, Sequence[Any]]
) -> str:
    if len(columns) == 1:
        return columns[0]
    if columns:
        several = " or ".join(repr(column) for column in columns[:4])
        raise DataError(
            f"In the table {name!r}, {what} may be in the column {several}.",
            f"Say which with {flag} (image= and target= in Python).",
        )
    if sum(bool(re.fullmatch(r"(pixel|px)?_?\d+", column.lower())) for column in samples) > 15:
        raise DataError(
            f"The table {name!r} holds the pixels of its pictures as columns.",
            "Save them with numpy.savez as images (n, height, width) and labels (n,).",
        )
    raise DataError(
        f"The table {name!r} has no column for {what}.", f"Its columns are {listed}; say which it is with {flag}."
    )


def kind_of_column(values: Sequence[Any]) -> str | None:
    """What a column of pictures holds, by its first values; None when they do not look like pictures."""
    kinds = (
        [kind_of(value) for value in values if not (value is None or (isinstance(value, str) and not value))]
        if not _arrays(values)
        else ["picture"]
    )
    for kind in ("path", "bytes", "base64", "url", "picture"):
        if kinds and kinds.count(kind) >= SHARE * len(kinds):
            return kind
    return None


def _arrays(values: Sequence[Any]) -> bool:
    """Are these pictures in memory: arrays, tensors, Pillow images? Asked first, because arrays cannot be compared with
    text.
    """
    present = [value for value in values if value is not None]
    return (
        bool(present)
        and all(hasattr(value, "__array_interface__") or hasattr(value, "detach") for value in present)
        and np.ndim(present[0]) > 1
    )


def kind_of(value: Any) -> str | None:
    """What one value of a column of pictures is; None when it does not look like a picture."""
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes"
    if isinstance(value, dict):
        return "bytes" if value.keys() <= {"bytes", "path"} else None
    if isinstance(value, os.PathLike):
        return "path"
    if not isinstance(value, str):
        return None
    if URL.match(value):
        return "url"
    if os.path.splitext(value.strip())[1].lower() in SUFFIXES:
        return "path"
    return "base64" if _is_base64(value) else None


def _is_base64(text: str) -> bool:
    body = text.strip()
    body = body.partition(",")[2] if body.startswith("data:image/") else body
    try:
        return len(body) > 40 and base64.b64decode(body[:32], validate=True).startswith(MAGIC)
    except (binascii.Error, ValueError):
        return False


def _all_splits(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value.strip().lower() in SPLIT_NAMES for value in values)
