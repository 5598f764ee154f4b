"""Data that a browser sent, or named below an allowed folder, may name further files: the pictures of a table, links in
a folder. Only those in their own folder are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from archsmith.core.errors import DataError
from archsmith.core.files import SHOWN
from archsmith.data.images.cells import Cells
from archsmith.data.images.pictures import Files, Joined
from archsmith.data.images.source import Pictures
from archsmith.data.parquet import open_parquet, to_its_end

HINT = "Put the pictures into one zip of class folders, or into a Parquet table that holds them."


def refuse_outside(pictures: Pictures, folder: Path) -> None:
    """Raises DataError where one of ``pictures`` lies in a file that is not below ``folder``."""
    inside = folder.resolve()

    @lru_cache(maxsize=4096)
    def is_inside(parent: str) -> bool:
        return Path(os.path.realpath(parent)).is_relative_to(inside)

    for path in _files_of(pictures):
        real = path if not os.path.islink(path) else os.path.realpath(path)
        if not is_inside(os.path.dirname(real)):
            raise DataError(f"The data name the file {path[-SHOWN:]!r}, which does not belong to them.", HINT)


def _files_of(pictures: Pictures) -> Iterator[str]:
    """The path of every file that holds one of the pictures, or many."""
    if (path := getattr(pictures, "path", None)) is not None:
        yield os.path.abspath(path)
    if isinstance(pictures, Joined):
        for row in pictures.rows:
            yield from _files_of(row)
    elif isinstance(pictures, Files):
        yield from (pictures.name(index) for index in range(len(pictures)))
    elif isinstance(pictures, Cells):
        yield from (os.path.join(pictures.path.parent, path) for path in _named_in(pictures))


def _named_in(cells: Cells) -> Iterator[str]:
    """The files that cells of a Parquet table name instead of holding a picture."""
    file = open_parquet(cells.path)
    kind = file.schema_arrow.field(cells.column).type
    if "path" not in [kind.field(place).name for place in range(kind.num_fields)]:
        return
    with to_its_end(cells.path):
        for batch in file.iter_batches(batch_size=256, columns=[cells.column], use_threads=False):
            for cell in batch.column(0):
                found: dict[str, Any] = cell.as_py() or {}
                if found.get("bytes") is None and found.get("path"):
                    yield str(found["path"])
