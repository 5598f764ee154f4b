"""The door for Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import DataError
from archsmith.data.parquet import categories, open_parquet, to_its_end, unpacked

pyarrow = pytest.importorskip("pyarrow")


def written(path: Path, columns: dict[str, Any]) -> Path:
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"a": range(100)})
    with open_parquet(path) as file:
        assert file.read().column("a").to_pylist() == list(range(100))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        open_parquet(tmp_path / "a.parquet")


def test_more_rows_than_such_a_file_can_hold(tmp_path: Path) -> None:
    """A column of one value takes a few bytes, whatever the number of rows."""
    path = written(tmp_path / "a.parquet", {"a": pyarrow.nulls(10_000_000, pyarrow.int8())})
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="unpacks to"):
        open_parquet(path)


def test_a_text_that_is_repeated_without_end(tmp_path: Path) -> None:
    """In the file it is there once, and no group says how often it is used."""
    path = written(tmp_path / "a.parquet", {"a": ["x" * 100_000] * 2000, "b": ["y", "z"] * 1000})
    assert path.stat().st_size < 200_000
    with open_parquet(path, packed=True) as file, pytest.raises(DataError, match="unpacks to 200 MB"):
        unpacked(file.read(), path)


def test_packed_texts_are_those_that_were_written(tmp_path: Path) -> None:
    texts = ["x", None, "y", "x"]
    columns = {"a": texts, "b": pyarrow.array(texts).dictionary_encode(), "n": [1, 2, 3, 4]}
    path = written(tmp_path / "a.parquet", columns)
    assert categories(path) == {"b"}
    with open_parquet(path, packed=True) as file:
        found = unpacked(file.read(), path, categories(path))
    assert found.to_pydict() == {"a": texts, "b": texts, "n": [1, 2, 3, 4]}
    assert [pyarrow.types.is_dictionary(found.schema.field(name).type) for name in "abn"] == [False, True, False]


def test_a_byte_that_ended_the_process(tmp_path: Path) -> None:
    """pyarrow 26 aborts where the facts of a column are asked for and contradict one another."""
    columns = {"image": [bytes([i]) * 90 for i in range(24)], "label": ["ab"[i % 2] for i in range(24)]}
    content = written(tmp_path / "a.parquet", columns).read_bytes()
    for back in range(9, min(len(content), 800), 4):
        damaged = bytearray(content)
        damaged[-back] ^= 0x55
        (tmp_path / "b.parquet").write_bytes(damaged)
        try:
            with open_parquet(tmp_path / "b.parquet") as file, to_its_end(tmp_path / "b.parquet"):
                file.read()
        except DataError:
            continue
