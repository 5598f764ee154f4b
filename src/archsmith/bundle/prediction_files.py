"""How predictions are written: as CSV, Parquet or JSON. The ending of the file's name decides; without one it is CSV.

Each form only ever adds to the end of a draft, so that a draft that was cut back to an earlier length can go on. CSV
and JSON are their own draft. That of Parquet is a stream of Arrow batches, which becomes a Parquet file at the end: a
Parquet file cannot be read before its last byte is written.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.bundle.prediction_columns import Block, Cells, Column
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.core.files import expanded
from archsmith.core.wording import harmless
from archsmith.data.tables.cells import Repeated

GROUP_CELLS, GROUP_ROWS = 2**22, 2**17  # at most, in one group of a Parquet file: 16 MB of floats
CSV, PARQUET, JSON = ("", ".csv"), (".parquet", ".pq"), (".json",)


def check(name: str, read: Sequence[str]) -> Path:
    """The path of the file to write; its folder need not be there yet. Raises UsageError if it cannot be written or is
    one of the ``read`` files.
    """
    path = expanded(name)
    if path.is_dir():
        raise UsageError(f"The predictions cannot be written to {name!r}, a folder.", "Give the name of a file.")
    above = next(place for place in path.absolute().parents if os.path.lexists(place))
    if not above.is_dir():
        raise UsageError(
            f"The predictions cannot be written to {name!r}: {str(above)!r} is no folder.", "Give another name."
        )
    if any(os.path.realpath(path) == os.path.realpath(expanded(file)) for file in read):
        raise UsageError(f"The predictions would overwrite {name!r}, which is read.", "Give another name.")
    if path.suffix.lower() not in (*CSV, *PARQUET, *JSON):
        raise UsageError(
            f"Predictions cannot be written as {path.suffix}.", "Give a name that ends in .csv, .parquet, .pq or .json."
        )
    if path.suffix.lower() in PARQUET:
        _pyarrow()
    return path


class Form(ABC):
    """One way to write rows.

    ``columns``: of the file; the last one is ``error``.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns

    @abstractmethod
    def head(self) -> bytes:
        """What stands before the first row."""

    @abstractmethod
    def body(self, block: Block, first: bool) -> bytes:
        """Some rows. ``first``: are they the first ones?"""

    def tail(self, empty: bool) -> bytes:
        """What stands after the last row. ``empty``: was there none?"""
        return b""

    def finish(self, draft: Path, path: Path) -> None:
        """Make the whole draft the file ``path``, in one step."""
        draft.replace(path)


def form_of(path: Path, columns: Sequence[Column]) -> Form:
    """How the file ``path`` is written."""
    ending = path.suffix.lower()
    return (Parquet if ending in PARQUET else Json if ending in JSON else Csv)(columns)


class Csv(Form):
    """Lines as ``csv.writer`` writes them. Numbers have up to seven digits, as many as they are worth."""

    def head(self) -> bytes:
        return (",".join(_quoted(name) for name, _ in self.columns) + "\r\n").encode()

    def body(self, block: Block, first: bool) -> bytes:
        whole = ",".join(_PATTERNS[kind] for _, kind in self.columns[:-1]) + ",\r\n"
        lines = [whole % row for row in _rows(block, _quoted)]
        for place, error in block.errors.items():
            cells = [_first(block, place, _quoted), *[""] * (len(self.columns) - 2), _quoted(error)]
            lines[place] = ",".join(cells) + "\r\n"
        return "".join(lines).encode()


class Json(Form):
    """A list of mappings, one a line. What is missing is left out."""

    def head(self) -> bytes:
        return b"["

    def body(self, block: Block, first: bool) -> bytes:
        keys = [_dumped(name) for name, _ in self.columns]
        patterns = ["%s" if kind is str else "%r" for _, kind in self.columns]
        cells = [f"{key.replace('%', '%%')}: {pattern}" for key, pattern in zip(keys, patterns, strict=True)]
        whole = "{" + ", ".join(cells[:-1]) + "}"
        lines = [whole % row for row in _rows(block, _dumped)]
        for place, error in block.errors.items():
            lines[place] = f"{{{keys[0]}: {_first(block, place, _dumped)}, {keys[-1]}: {_dumped(error)}}}"
        return (("\n" if first else ",\n") + ",\n".join(lines)).encode("utf-8")

    def tail(self, empty: bool) -> bytes:
        return b"]\n" if empty else b"\n]\n"


class Parquet(Form):
    """Needs pyarrow."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        arrow = _pyarrow()
        types = {str: arrow.string(), float: arrow.float32(), int: arrow.int64()}
        self.schema = arrow.schema([(name, types[kind]) for name, kind in columns])
        self.group = max(1, min(GROUP_ROWS, GROUP_CELLS // len(columns)))

    def head(self) -> bytes:
        found: bytes = self.schema.serialize().to_pybytes()
        return found

    def body(self, block: Block, first: bool) -> bytes:
        arrow, n = _pyarrow(), len(block)
        gone = np.zeros(n, bool)
        gone[list(block.errors)] = True
        arrays = [_array(block.cells[0], None), *(_array(cells, gone) for cells in block.cells[1:])]
        errors = [block.errors.get(place) for place in range(n)] if block.errors else None
        arrays.append(arrow.nulls(n, arrow.string()) if errors is None else arrow.array(errors, arrow.string()))
        found: bytes = arrow.record_batch(arrays, schema=self.schema).serialize().to_pybytes()
        return found

    def finish(self, draft: Path, path: Path) -> None:
        from pyarrow import parquet

        whole = draft.with_name(f"{draft.name}.parquet")
        with parquet.ParquetWriter(whole, self.schema) as file:
            for group in self._groups(draft):
                file.write_table(group)
        whole.replace(path)
        draft.unlink()

    def _groups(self, draft: Path) -> Iterator[Any]:
        """The rows of ``draft`` in groups of equal length, whatever the blocks were."""
        arrow = _pyarrow()
        with arrow.OSFile(str(draft)) as file, arrow.ipc.open_stream(file) as stream:
            waiting: list[Any] = []
            n = 0
            for batch in stream:
                while n + batch.num_rows >= self.group:
                    fits = self.group - n
                    yield arrow.Table.from_batches([*waiting, batch.slice(0, fits)])
                    waiting, n, batch = [], 0, batch.slice(fits)
                waiting.append(batch)
                n += batch.num_rows
            if n:
                yield arrow.Table.from_batches(waiting)


_PATTERNS = {int: "%d", float: "%.7g", str: "%s"}


def _rows(block: Block, written: Callable[[str], str]) -> Iterator[tuple[Any, ...]]:
    """The cells of each row. ``written`` is applied to every different text."""
    columns = []
    for cells in block.cells:
        if isinstance(cells, Repeated):
            texts = np.empty(len(cells.texts), object)
            texts[:] = [written(text) for text in cells.texts]
            columns.append(texts[cells.places].tolist())
        else:
            columns.append(cells.tolist())
    return zip(*columns, strict=True)


def _first(block: Block, place: int, written: Callable[[str], str]) -> str:
    """The first cell of a row: its number, or a name."""
    cell = block.cells[0][place]
    return written(cell) if isinstance(cell, str) else str(cell)


def _array(cells: Cells, gone: Any) -> Any:
    arrow = _pyarrow()
    if isinstance(cells, Repeated):
        return arrow.array(cells.texts, arrow.string()).take(arrow.array(cells.places, mask=gone))
    return arrow.array(np.ascontiguousarray(cells), mask=gone)


def _quoted(text: str) -> str:
    text = harmless(text)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _dumped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError.alone("pyarrow", "Writing Parquet") from error
    return pyarrow
