"""Do data look like pictures? This is asked before anything is read."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archsmith.core.files import expanded, regular_size
from archsmith.data.images.pictures import written_path
from archsmith.data.images.source import Source
from archsmith.data.images.table_columns import IMAGE_NAMES, SAMPLE, kind_of, kind_of_column
from archsmith.data.parquet import open_parquet

TABLES = (".csv", ".tsv", ".parquet", ".pq", ".gz")
SEPARATORS = ",;\t|"
HEAD = 1 << 20  # bytes of a CSV that are looked at
PARTLY = 0.5  # of the values in a column that is named as one of pictures, which must look like files of them


def recognised(data: Any) -> bool:
    """True for data that only the reader of pictures takes, and for tables with a column of pictures."""
    if isinstance(data, Source):
        return True
    if isinstance(data, str | Path):
        path = expanded(data)
        return path.suffix.lower() not in TABLES or not os.path.isfile(path) or _in_file(path)
    if isinstance(data, tuple | list) and len(data) == 2:
        return _are_pictures(data[0])
    return _in_columns(_samples(data)) if _is_frame(data) else False


def _are_pictures(X: Any) -> bool:
    if _is_frame(X):
        return _in_columns(_samples(X))
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) != 1:
        return len(shape) >= 3
    first = next(iter(X), None) if isinstance(X, Sequence) or shape is not None else None
    return first is not None and not isinstance(first, Mapping) and kind_of_column([first]) is not None


def _is_frame(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "iloc")


def _samples(frame: Any) -> dict[str, Sequence[Any]]:
    return {str(name): frame[name].head(SAMPLE).tolist() for name in frame.columns if frame.columns.is_unique}


def _in_columns(samples: Mapping[str, Sequence[Any]], folder: Path = Path()) -> bool:
    """``folder``: where relative paths start."""
    kinds = {name: kind_of_column([value for value in values if value is not None]) for name, values in samples.items()}
    named = (values for name, values in samples.items() if name.lower() in IMAGE_NAMES)
    return any(kind is not None for kind in kinds.values()) or any(_are_files(values, folder) for values in named)


def _are_files(values: Sequence[Any], folder: Path) -> bool:
    """Do these texts name files of pictures, or files that are there and do not say what they are?"""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    found = sum(kind_of(text) == "path" or _is_unnamed_file(text, folder) for text in texts)
    return len(texts) == len(values) and bool(texts) and found >= PARTLY * len(texts)


def _is_unnamed_file(text: str, folder: Path) -> bool:
    path = written_path(text, folder)
    return not os.path.splitext(path)[1] and os.path.isfile(os.path.join(folder, path))


def _in_file(path: Path) -> bool:
    try:
        regular_size(path)
        if path.suffix.lower() in (".parquet", ".pq"):
            return _in_columns(_of_parquet(path), path.parent)
        return path.suffix.lower() != ".gz" and _in_columns(_of_csv(path), path.parent)
    except Exception:  # the reader will say what is wrong with the file
        return False


def _of_parquet(path: Path) -> dict[str, Sequence[Any]]:
    return dict(next(open_parquet(path).iter_batches(batch_size=SAMPLE // 4, use_threads=False)).to_pydict())


def _of_csv(path: Path) -> dict[str, Sequence[Any]]:
    with path.open("rb") as file:
        start = file.read(HEAD)  # not a line: one may have no end
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    head = start.decode(encoding, "replace")
    separator = max(SEPARATORS, key=head.partition("\n")[0].count)
    rows = list(itertools.islice(csv.reader(io.StringIO(head, newline=""), delimiter=separator), SAMPLE + 1))
    names, values = rows[0], rows[1:]
    return {name: [row[place] for row in values if len(row) > place] for place, name in enumerate(names)}
