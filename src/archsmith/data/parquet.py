"""The door for Parquet files: what every reader of them needs to know before it reads on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from archsmith.core.errors import DataError, MissingExtraError
from archsmith.core.files import reading, refuse_bomb, regular_size

PAGES: Any = {"pre_buffer": False, "buffer_size": 1 << 20}
CELL_BYTES = 8  # that a cell takes at least when it is unpacked, if only for a place in a list


def open_parquet(path: Path, *, packed: bool = False) -> Any:
    """A ``pyarrow.parquet.ParquetFile`` that reads pages, not whole columns. Raises DataError for what is no whole
    Parquet file, and for one that unpacks to far more than its size.

    ``packed``: equal texts of a column are read once, whatever their number, and ``unpacked`` makes texts of them. The
        size that a group announces says nothing of them: 2,000 times the same megabyte takes one in the file.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError.alone("pyarrow", "Reading Parquet") from error
    try:
        size = regular_size(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {str(path)!r}.", "Check the path.") from error
    with reading(f"{str(path)!r} is not a whole Parquet file", "It is probably cut off; write or download it again."):
        file = parquet.ParquetFile(path, **PAGES)
        facts = file.metadata
        # Of groups only, not of their columns: there, a damaged file ends the process (pyarrow 26).
        groups = [facts.row_group(index) for index in range(facts.num_row_groups)]
        rows = [group.num_rows for group in groups]
        if min(rows, default=0) < 0 or sum(rows) != facts.num_rows:
            raise ValueError(f"it announces {facts.num_rows:,} rows")
        unpacked = max(sum(group.total_byte_size for group in groups), CELL_BYTES * facts.num_rows * facts.num_columns)
        if packed:
            texts = [field.name for field in file.schema_arrow if is_text(field.type)]
            file.close()
            file = parquet.ParquetFile(path, read_dictionary=texts, **PAGES)
    refuse_bomb(_named(path), size, unpacked)
    return file


def unpacked(table: Any, path: Path, categories: Collection[str] = ()) -> Any:
    """``table``, a ``pyarrow.Table`` or a batch of one, of a file that was opened ``packed``, with plain texts, but for
    ``categories``. Raises DataError where they take far more than the file.
    """
    import pyarrow

    table = pyarrow.Table.from_batches([table]) if isinstance(table, pyarrow.RecordBatch) else table
    refuse_repeats(table.columns, path)
    columns = [
        column.cast(pyarrow.large_string()) if _is_packed_text(column.type) and name not in categories else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pyarrow.Table.from_arrays(columns, names=table.column_names)


def refuse_repeats(columns: Iterable[Any], path: Path) -> None:
    """Raises DataError where the texts in some columns of a ``packed`` file would take far more than the file."""
    n_bytes = sum(_bytes_of(column) for column in columns if _is_packed_text(column.type))
    refuse_bomb(_named(path), regular_size(path), n_bytes)


def categories(path: Path) -> frozenset[str]:
    """The columns of texts that whoever wrote the file declared to be categories."""
    return frozenset(field.name for field in open_parquet(path).schema_arrow if _is_packed_text(field.type))


def is_text(kind: Any) -> bool:
    """Is this type of Arrow one of texts?"""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_packed_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_dictionary(kind)) and is_text(kind.value_type)


def _bytes_of(column: Any) -> int:
    """Bytes of all texts of a packed column, in one piece or several."""
    from pyarrow import compute

    parts = getattr(column, "chunks", [column])
    sizes = (compute.binary_length(part.dictionary).take(part.indices) for part in parts)
    return sum(compute.sum(each).as_py() or 0 for each in sizes)


def _named(path: Path) -> str:
    return f"The table {str(path)!r}"


def to_its_end(path: Path) -> AbstractContextManager[None]:
    """A block in which an open Parquet file is read. Raises DataError for a damaged one."""
    return reading(f"{str(path)!r} cannot be read to its end", "It is probably damaged; write or download it again.")
