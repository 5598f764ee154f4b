"""Pictures in the cells of a table file: bytes in Parquet, base64 in CSV, of which rows are named by their lines.

Parquet is read forwards, a few megabytes at a time, and the last batches are kept. So a table of any size takes the
memory of a few batches. Reading in the order of the rows is fast. Going back starts again at the row group that holds
the row (Apache Parquet's unit of reading).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.files import SHOWN, reading, regular_size
from archsmith.data.images.decode import LARGEST
from archsmith.data.images.encoded import Encoded
from archsmith.data.parquet import open_parquet

# read together; rows have a limit, too, since large pictures may follow many small ones
BATCH_BYTES, BATCH_ROWS = 8 * 2**20, 256
KEPT = 3  # batches in memory


class Cells(Encoded):
    """The pictures in a column of a Parquet file, as bytes or as ``{"bytes", "path"}``.

    ``path``: of the file.
    ``column``: its name.
    ``n``: how many rows the file has.
    ``rows``: indexes of the rows that count; None: all.
    """

    def __init__(self, path: Path, column: str, n: int, rows: Sequence[int] | None = None) -> None:
        self.path = path
        self.column = column
        self.n = n
        self.rows: NDArray[np.int64] = np.arange(n, dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
        self._clear()

    def _clear(self) -> None:
        self._file: Any = None
        self._process = 0
        self._lock = threading.Lock()
        self._recent: list[tuple[int, Any]] = []  # (first row, its batch), the newest last
        self._batches: Iterator[Any] | None = None
        self._next = 0  # the first row of the batch that comes next

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clear()

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"row {self.rows[index] + 1} of {self.path}"

    def fingerprint(self) -> str:
        status = os.stat(self.path)
        facts = f"{os.path.abspath(self.path)}\0{status.st_size}\0{status.st_mtime_ns}\0{self.column}\0".encode(
            "utf-8", "surrogateescape"
        )
        return hashlib.blake2b(facts + self.rows.tobytes(), digest_size=16).hexdigest()

    def spec(self) -> dict[str, Any]:
        every = len(self.rows) == self.n
        return {
            "kind": "cells",
            "path": os.path.abspath(self.path),
            "column": self.column,
            "n": self.n,
            "rows": None if every else self.rows.tolist(),
        }

    def content(self, index: int) -> bytes:
        with reading("The picture cannot be read from its table", "Write the table again."), self._lock:
            cell = self._cell(int(self.rows[index]))
        if isinstance(cell, dict):
            cell = cell.get("bytes") if cell.get("bytes") is not None else self._beside(cell.get("path"))
        if not cell:
            raise DataError("The picture is missing.")
        if not isinstance(cell, bytes):
            raise DataError(f"The picture is of the type {type(cell).__name__}.", "Store the bytes of picture files.")
        if len(cell) > LARGEST:
            raise DataError(f"The picture is larger than {LARGEST >> 20} MiB.", "Make it smaller first.")
        return bytes(cell)

    def _beside(self, path: Any) -> bytes | None:
        """The content of the file that a cell names instead of holding bytes."""
        if not path:
            return None
        shown = str(path)[:SHOWN]
        with reading(
            f"The picture names the file {shown!r}, which cannot be read", "Paths start at the folder of the table."
        ):
            if regular_size(self.path.parent / path) > LARGEST:
                raise DataError(f"The picture {shown!r} is larger than {LARGEST >> 20} MiB.", "Make it smaller first.")
            content: bytes = (self.path.parent / path).read_bytes()
            return content

    def _cell(self, row: int) -> Any:
        if self._process != os.getpid():  # a forked process would share the position in the file
            self._clear_handles()
        for first, batch in self._recent:
            if first <= row < first + len(batch):
                return batch[row - first].as_py()
        group = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[group - 1]) if group else 0
        if group < len(self._ends) and (self._batches is None or row < self._next or self._next < start):
            self._begin(group, start)
        for found in self._batches or ():
            batch, first = found.column(0), self._next
            self._next += len(batch)
            if row < self._next:
                self._recent = [*self._recent[1 - KEPT :], (first, batch)]
                return batch[row - first].as_py()
        raise DataError("The picture is no longer in its table.", "Read the data again.")

    def _clear_handles(self) -> None:
        self._file, self._process = open_parquet(self.path), os.getpid()
        self._recent, self._batches = [], None
        facts = self._file.metadata
        self._ends = np.cumsum([facts.row_group(i).num_rows for i in range(facts.num_row_groups)])

    def _begin(self, group: int, start: int) -> None:
        """Read from row group ``group`` on. Its first row is ``start``."""
        facts = self._file.metadata
        here = facts.row_group(group)
        rows = int(np.clip(BATCH_BYTES // max(1, here.total_byte_size // max(1, here.num_rows)), 1, BATCH_ROWS))
        groups = list(range(group, facts.num_row_groups))
        self._batches = self._file.iter_batches(
            batch_size=rows, row_groups=groups, columns=[self.column], use_threads=False
        )
        self._next = start


class Lines:
    """Names the rows of a CSV file by the lines where they begin. The file is looked through when that is asked for.

    ``path``: of the file. ``encoding``: of it. ``n``: how many rows it has below its headings.
    """

    def __init__(self, path: Path, encoding: str, n: int) -> None:
        self.path, self.encoding, self.n = path, encoding, n

    def __call__(self, index: int) -> str:
        """What the row ``index``, counted from 0 below the headings, is called."""
        if len(self._starts) == self.n:
            return f"line {self._starts[index]:,} of {self.path}"
        return f"row {index + 1:,} of {self.path}"  # the file has changed, or has odd quotes

    @cached_property
    def _starts(self) -> list[int]:
        found, is_open = [], False
        try:
            with open(self.path, encoding=self.encoding) as file:
                for number, line in enumerate(file, 1):
                    if not is_open and line.strip():  # the reader passes over empty lines
                        found.append(number)
                    is_open ^= line.count('"') % 2 == 1
        except (OSError, ValueError):
            return []
        return found[1:]


class Base64(Encoded):
    """Pictures as base64 text (RFC 4648, also ``data:`` addresses) in a column of a CSV file, held in memory.

    ``path``: of the file.
    ``column``: its name.
    ``texts``: the cells.
    ``rows``: the row of each cell.
    ``called``: names a row.
    """

    def __init__(
        self, path: Path, column: str, texts: Sequence[str], rows: Sequence[int], called: Callable[[int], str]
    ) -> None:
        self.path = path
        self.column = column
        self.texts = texts
        self.rows = rows
        self.called = called

    def __len__(self) -> int:
        return len(self.texts)

    def name(self, index: int) -> str:
        return self.called(self.rows[index])

    def content(self, index: int) -> bytes:
        return from_base64(self.texts[index])

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for text in self.texts:
            digest.update(text.encode() + b"\0")
        return digest.hexdigest()

    def spec(self) -> dict[str, Any]:
        return {
            "kind": "base64",
            "path": os.path.abspath(self.path),
            "column": self.column,
            "rows": [int(row) for row in self.rows],
        }


def from_base64(text: str) -> bytes:
    """The bytes that the base64 ``text`` stands for. Raises DataError."""
    try:
        return base64.b64decode(text.rpartition(",")[2].strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"The picture is not whole base64 text ({error}).") from error
