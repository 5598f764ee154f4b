"""Tables with a column of pictures and a target column: CSV (also with tabs, semicolons or bars), Parquet, DataFrames.

Pictures are paths (relative ones start at the table's folder), bytes, the ``{"bytes", "path"}`` cells of Hugging Face
data sets, or base64 text. A person may name the columns; otherwise they are found by their names or their values. The
target is text or whole numbers for classes, and numbers with a fraction for a regression target. A column named
``split`` says the split of each row.
"""

from __future__ import annotations

import csv
import io
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError, MissingExtraError
from archsmith.core.files import SHOWN, reading, regular_size
from archsmith.data.images.cells import Base64, Cells, Lines, from_base64
from archsmith.data.images.pictures import Files, written_path
from archsmith.data.images.read_arrays import read_arrays
from archsmith.data.images.source import Pictures, Source, all_training
from archsmith.data.images.table_columns import SAMPLE, URL, Chosen, choose, kind_of
from archsmith.data.parquet import open_parquet, to_its_end, unpacked
from archsmith.data.splits import codes_of
from archsmith.data.tables.written import target_texts
from archsmith.data.values import as_targets, joined_blanks, lacking, refuse_gaps

MAX_CSV = 2 * 2**30  # bytes; a CSV is held in memory
CHUNK = 10_000  # rows of a CSV that are looked at together
SEPARATORS = ",;\t|"


class NoFilesError(DataError):
    """A column of texts does not name files that are there."""


def read_table(path: Path, *, image: str | None = None, target: str | None = None) -> Source:
    """The pictures in a CSV, TSV or Parquet file; ``image`` and ``target`` name the columns. Raises DataError."""
    return (
        _read_parquet(path, image, target)
        if path.suffix.lower() in (".parquet", ".pq")
        else _read_csv(path, image, target)
    )


def reopen(spec: Mapping[str, Any]) -> Pictures:
    """The pictures of a table from their ``spec``. Raises DataError when the table has gone or has changed."""
    path = Path(spec["path"])
    if spec["kind"] == "cells":
        return Cells(path, spec["column"], spec["n"], spec["rows"])
    table = _Csv(path)
    texts = table.read([spec["column"]])[spec["column"]] if spec["column"] in table.names else []
    if max(spec["rows"], default=0) >= len(texts):
        raise DataError(f"The table {str(path)!r} has changed since it was read.", "Read the data again.")
    called = Lines(path, table.encoding, len(texts))
    return Base64(path, spec["column"], [texts[row] for row in spec["rows"]], spec["rows"], called)


def _read_csv(path: Path, image: str | None, target: str | None) -> Source:
    table = _Csv(path)
    sample = table.read(table.names, SAMPLE)
    if not sample[table.names[0]]:
        raise DataError(
            f"The table {str(path)!r} has no rows below its first line.", "It needs one row for each picture."
        )
    chosen = choose(sample, image, target, path.name)
    columns = table.read(chosen.names)
    where = Lines(path, table.encoding, len(columns[chosen.target]))
    targets, notes, _ = target_texts(columns[chosen.target], chosen.target, None, table.separator, where)
    columns[chosen.target] = list(targets)
    rows = _rows(chosen, columns, where.n, where)
    texts = [columns[chosen.image][index] for index in rows.kept]
    pictures = (
        Base64(path, chosen.image, texts, rows.kept, where)
        if chosen.kind == "base64"
        else _files(texts, path, chosen.image)
    )
    return _source(path, chosen, pictures, replace(rows, notes=(*notes, *rows.notes)))


def _read_parquet(path: Path, image: str | None, target: str | None) -> Source:
    file = open_parquet(path, packed=True)
    names = file.schema_arrow.names
    _refuse_repeated(path, names)
    if not file.metadata.num_rows:
        raise DataError(f"The table {str(path)!r} has no rows.", "It needs one row for each picture.")
    with to_its_end(path):
        chosen = choose(
            next(file.iter_batches(batch_size=SAMPLE // 4, use_threads=False)).to_pydict(), image, target, path.name
        )
        in_file = chosen.kind not in ("path", "url", "base64")  # bytes stay where they are
        wanted = [name for name in chosen.names if not (in_file and name == chosen.image)]
        columns = unpacked(file.read(columns=wanted, use_threads=False), path).to_pydict()
    if chosen.kind == "base64":
        raise DataError(
            f"The column {chosen.image!r} of {path.name!r} holds base64 text.",
            "Parquet holds bytes as they are: store those.",
        )
    n = file.metadata.num_rows
    rows = _rows(chosen, columns, n, lambda index: f"row {index + 1} of {path}")
    pictures: Pictures
    if in_file:
        pictures = Cells(path, chosen.image, n, None if len(rows.kept) == n else rows.kept)
    else:
        pictures = _files([columns[chosen.image][index] for index in rows.kept], path, chosen.image)
    return _source(path, chosen, pictures, rows, _class_names(file, chosen.target))


def _files(texts: Sequence[str], path: Path, column: str) -> Files:
    folder = Path(os.path.abspath(path)).parent
    return Files(folder, as_paths(texts, folder, f"The column {column!r}"))


def _source(
    path: Path, chosen: Chosen, pictures: Pictures, rows: _Rows, class_names: tuple[str, ...] | None = None
) -> Source:
    return Source(
        pictures,
        rows.labels,
        rows.split,
        path.stem or "table",
        class_names,
        notes=(*chosen.notes, *rows.notes),
        skipped=rows.skipped,
        skipped_split=rows.skipped_split,
        target=chosen.target,
        image=chosen.image,
    )


def read_frame(frame: Any, *, image: str | None = None, target: str | None = None) -> Source:
    """The pictures in a pandas DataFrame: paths (from the working folder), bytes, arrays, tensors or Pillow images.
    Raises DataError.
    """
    names = [str(name).strip() for name in frame.columns]
    _refuse_repeated("DataFrame", names)
    if not len(frame):
        raise DataError("The table has no rows.", "It needs one row for each picture.")
    chosen = choose(
        {name: frame.iloc[:SAMPLE, at].tolist() for at, name in enumerate(names)}, image, target, "DataFrame"
    )
    columns = {name: frame.iloc[:, names.index(name)].tolist() for name in chosen.names}
    rows = _rows(chosen, columns, len(frame), lambda index: f"row {index}")
    images = [columns[chosen.image][index] for index in rows.kept]
    where = f"The column {chosen.image!r}"
    if chosen.kind in ("path", "url"):
        texts = [os.fspath(item) for item in _all_of(images, (str, os.PathLike), where)]
        images = [os.path.abspath(path) for path in as_paths(texts, Path.cwd(), where)]
    elif chosen.kind == "base64":
        images = [from_base64(text) for text in _all_of(images, (str,), where)]
    elif chosen.kind == "bytes":
        contents = [(item.get("bytes") or b"") if isinstance(item, dict) else item for item in images]
        images = [bytes(item) for item in _all_of(contents, (bytes, bytearray, memoryview), where)]
    found = read_arrays(images, rows.labels)
    return replace(
        found,
        split=rows.split,
        name="table",
        notes=(*chosen.notes, *rows.notes, *found.notes),
        skipped=rows.skipped,
        skipped_split=rows.skipped_split,
        target=chosen.target,
    )


def _all_of(values: list[Any], kinds: tuple[type, ...], where: str) -> list[Any]:
    """``values``. Raises DataError for one of another type."""
    other = next((value for value in values if not isinstance(value, kinds)), None)
    if other is not None:
        raise DataError(
            f"{where} holds a value of the type {type(other).__name__} among others.",
            "Give pictures in one form: all paths, or all bytes.",
        )
    return values


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows with a target and a picture.

    ``kept``: their indexes.
    ``labels``: ``(len(kept),)``.
    ``split``: ``(len(kept),)``, indexes into ``SPLITS``.
    ``skipped``: (name, reason) of the other rows.
    ``skipped_split``: the split of each of these.
    ``notes``: what was decided, in sentences.
    """

    kept: list[int]
    labels: NDArray[Any]
    split: NDArray[np.int8]
    skipped: tuple[tuple[str, str], ...]
    skipped_split: tuple[int, ...]
    notes: tuple[str, ...] = ()


def _rows(chosen: Chosen, columns: Mapping[str, Sequence[Any]], n: int, where: Callable[[int], str]) -> _Rows:
    """The rows of ``columns``, which lack the column of pictures where these stay in their file. ``where`` names a row.
    Raises DataError for more than a few gaps.
    """
    labels, missing = as_targets(columns[chosen.target], chosen.target)
    split = codes_of(columns[chosen.split], chosen.split, where) if chosen.split else all_training(n)
    skipped = _gaps(missing, chosen.target, lacking(labels, missing), where)
    skipped_split = split[missing].tolist()
    if chosen.image in columns:
        cells = columns[chosen.image]
        empty = np.array([value is None or (isinstance(value, str) and not value.strip()) for value in cells], bool)
        empty &= ~missing
        skipped += _gaps(empty, chosen.image, "picture", where)
        skipped_split += split[empty].tolist()
        missing = missing | empty
    kept: list[int] = np.flatnonzero(~missing).tolist()
    texts = [text for text in columns[chosen.target] if isinstance(text, str)] if labels.dtype.kind == "U" else ()
    notes = joined_blanks(texts, chosen.target)
    return _Rows(kept, labels[kept], split[kept], tuple(skipped), tuple(skipped_split), notes)


def _gaps(which: NDArray[np.bool_], column: str, what: str, where: Callable[[int], str]) -> list[tuple[str, str]]:
    found = [(where(int(index)), f"It has no {what} in the column {column!r}.") for index in np.flatnonzero(which)]
    refuse_gaps(found, len(which), column, what)
    return found


def as_paths(texts: Sequence[str], folder: Path, where: str) -> list[str]:
    """``texts`` as file paths. Relative ones start at ``folder``. They may lead out of it, since the table is the
    person's own. Raises DataError.
    """
    paths = []
    for text in texts:
        if URL.match(text):
            raise NoFilesError(
                f"{where} holds the address {text[:80]!r}.",
                "Nothing is downloaded: save the pictures first and give their paths.",
            )
        paths.append(written_path(text, folder))
    looked = paths[:: max(1, len(paths) // SAMPLE)]
    if looked and not any(os.path.lexists(folder / path) for path in looked):
        raise NoFilesError(
            f"{where} names files that are not there, the first is {paths[0][:SHOWN]!r}.",
            _where_it_may_be(paths[0], folder),
        )
    return paths


def _where_it_may_be(text: str, folder: Path) -> str:
    start = f"Relative paths start at {str(folder)!r}"
    try:
        inside = sorted(path.name for path in folder.iterdir() if path.is_dir() and (path / text).is_file())
    except (OSError, ValueError):
        inside = []
    return (
        f"{start}; there is one in the folder {inside[0]!r}, so write '{inside[0]}/{text}'."
        if inside
        else f"{start}; check that, and their suffix."
    )


class _Csv:
    """A CSV file. Encoding, separator and column names are found from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            size = regular_size(path)
            with open(path, "rb") as file:
                head = file.read(1 << 18)
        except OSError as error:
            raise DataError(
                f"The table {str(path)!r} cannot be read ({error.strerror}).", "Check its path and its permissions."
            ) from error
        if size > MAX_CSV:
            raise DataError(
                f"The table {str(path)!r} is larger than {MAX_CSV >> 30} GiB.",
                "Store it as Parquet, which is read piece by piece.",
            )
        self.encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        # a character may be cut in two here; the whole file is decoded strictly
        text = head.decode(self.encoding, "ignore")
        if "\0" in text:
            raise DataError(
                f"{str(path)!r} is not a table of text.",
                "Give a CSV file, or a Parquet file whose name ends in .parquet.",
            )
        headings = {separator: _heading(text, separator) for separator in SEPARATORS}
        self.separator = max(SEPARATORS, key=lambda separator: len(headings[separator]))
        self.names = headings[self.separator]
        if len(self.names) < 2:
            first = "".join(self.names)[:60]
            raise DataError(
                f"The table {str(path)!r} has only one column, {first!r}.",
                "It needs a column with pictures and a target column.",
            )
        if any(kind_of(name) == "path" for name in self.names):
            hint = "Put a line with the names of the columns above it, such as image,label."
            raise DataError(f"The first line of {str(path)!r} is a row of values.", hint)
        _refuse_repeated(path, self.names)

    def read(self, names: Sequence[str], n_rows: int | None = None) -> dict[str, list[str]]:
        """The columns of text called ``names``, down to row ``n_rows``. Raises DataError."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError.of("pandas", "train", "Reading CSV") from error
        columns: dict[str, list[str]] = {name: [] for name in names}
        places = {name: place for place, name in enumerate(self.names)}
        options = {
            "sep": self.separator,
            "encoding": self.encoding,
            "dtype": str,
            "na_filter": False,
            "index_col": False,
        }
        hint = "Every line needs as many values as the first; values with a separator in them need quotes."
        with reading(f"{str(self.path)!r} cannot be read as a table", hint):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", pandas.errors.ParserWarning)  # a longer line would lose values
                    with pandas.read_csv(self.path, **options, nrows=n_rows, chunksize=CHUNK) as chunks:
                        for chunk in chunks:  # all columns are read, to find too long lines, but not all are kept
                            for name, column in columns.items():
                                column += chunk.iloc[:, places[name]].tolist()
            except UnicodeError as error:
                raise DataError(
                    f"The table {str(self.path)!r} is not UTF-8 text.", "Save it as CSV with the encoding UTF-8."
                ) from error
            except pandas.errors.ParserWarning as error:
                raise ValueError("a line has more values than the first") from error
            except pandas.errors.ParserError as error:
                raise ValueError(str(error).split("C error:")[-1]) from error
        return columns


def _heading(text: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=separator), [])]
    except csv.Error:  # a first line without end
        return []


def _refuse_repeated(path: str | Path, names: Sequence[str]) -> None:
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise DataError(
            f"The table {str(path)!r} has two columns named {repeated[0][:SHOWN]!r}.",
            "Give each column a name of its own.",
        )


def _class_names(file: Any, target: str) -> tuple[str, ...] | None:
    """The names of classes 0, 1, … that Hugging Face data sets keep in the metadata of the file."""
    try:
        notes = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])
        names = notes["info"]["features"][target]["names"]
        return tuple(map(str, names)) if isinstance(names, list) and names else None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
