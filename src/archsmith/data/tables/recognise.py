"""Do data look like a table? This is asked before anything is read, of data that do not look like pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".csv.gz", ".tsv.gz")


def recognised(data: Any) -> bool:
    """True for files of tables, DataFrames, rows and 2-D arrays."""
    if isinstance(data, tuple | list) and len(data) == 2:
        X = data[0]
        return _is_table(X) or len(getattr(X, "shape", ())) == 2 or _are_rows(X)
    return _is_table(data)


def _is_table(data: Any) -> bool:
    """A file or a frame."""
    if isinstance(data, str | Path):
        return str(data).lower().endswith(SUFFIXES)
    return hasattr(data, "columns") and hasattr(data, "iloc")


def _are_rows(X: Any) -> bool:
    """Are these records, or rows of single values?"""
    if not isinstance(X, Sequence) or isinstance(X, str) or not X:
        return False
    first = X[0]
    return isinstance(first, Mapping) or (
        isinstance(first, Sequence)
        and not isinstance(first, str)
        and not any(isinstance(v, Sequence) and not isinstance(v, str) for v in first)
    )
