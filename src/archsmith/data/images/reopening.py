"""Pictures made again from their ``spec``, in another process."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from archsmith.core.errors import DataError
from archsmith.data.images import read_table
from archsmith.data.images.array_pictures import Stack
from archsmith.data.images.pictures import Files, Joined
from archsmith.data.images.read_arrays import open_packed
from archsmith.data.images.read_zip import Members
from archsmith.data.images.source import Pictures
from archsmith.data.names import Names


def reopen(spec: dict[str, Any]) -> Pictures:
    """The pictures that ``spec`` describes. Raises DataError when they have gone."""
    kind = spec["kind"]
    if kind == "files":
        return Files(spec["root"], Names.unpacked(spec["names"]))
    if kind == "joined":
        return Joined([reopen(row) for row in spec["rows"]])
    if kind == "packed":
        return open_packed(Path(spec["path"]))
    if kind == "stack":
        return Stack.from_spec(spec)
    if kind == "members":
        return Members(Path(spec["path"]), spec["names"])
    return read_table.reopen(spec)


@lru_cache(maxsize=4)
def reopened(path: str) -> Pictures:
    """The pictures whose spec is in the JSON file ``path``. Raises DataError."""
    try:
        spec = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The list of original pictures {path!r} is damaged.", "Read the data again.") from error
    return reopen(spec)
