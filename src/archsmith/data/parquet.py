"""The door for Parquet files: what every reader of them needs to know before it reads on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from archsmith.core.errors import DataError, MissingExtraError
from archsmith.core.files import reading, refuse_bomb, regular_size

CELL_BYTES = 8  # that a cell takes at least when it is unpacked, if only for a place in a list


def open_parquet(path: Path) -> Any:
    """A ``pyarrow.parquet.ParquetFile`` that reads pages, not whole columns. Raises DataError for what is no whole
    Parquet file, and for one that unpacks to far more than its size.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "train", "Reading Parquet") from error
    try:
        size = regular_size(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {str(path)!r}.", "Check the path.") from error
    with reading(f"{str(path)!r} is not a whole Parquet file", "It is probably cut off; write or download it again."):
        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        facts = file.metadata
        # Of groups only, not of their columns: there, a damaged file ends the process (pyarrow 26).
        groups = [facts.row_group(index) for index in range(facts.num_row_groups)]
        rows = [group.num_rows for group in groups]
        if min(rows, default=0) < 0 or sum(rows) != facts.num_rows:
            raise ValueError(f"it announces {facts.num_rows:,} rows")
        unpacked = max(sum(group.total_byte_size for group in groups), CELL_BYTES * facts.num_rows * facts.num_columns)
    refuse_bomb(f"The table {str(path)!r}", size, unpacked)
    return file


def to_its_end(path: Path) -> AbstractContextManager[None]:
    """A block in which an open Parquet file is read. Raises DataError for a damaged one."""
    return reading(f"{str(path)!r} cannot be read to its end", "It is probably damaged; write or download it again.")
