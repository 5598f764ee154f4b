from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.data.tables.recognise import recognised

pandas = pytest.importorskip("pandas")

FRAME = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    "data",
    [
        "people.csv",
        Path("people.TSV"),
        "people.parquet",
        "people.pq",
        "people.csv.gz",
        FRAME,
        (FRAME, [0, 1]),
        (np.zeros((2, 3)), [0, 1]),
        ([[1, "x"], [2, "y"]], [0, 1]),
        [[(1, 2), (3, 4)], [0, 1]],
        ([{"a": 1}, {"a": 2}], [0, 1]),
    ],
    ids=repr,
)
def test_tables(data: Any) -> None:
    assert recognised(data)


@pytest.mark.parametrize(
    "data",
    [
        "people.json",
        "folder",
        "train-images-idx3-ubyte.gz",
        42,
        None,
        np.zeros((2, 3)),
        (np.zeros((2, 8, 8)), [0, 1]),
        (["a.png", "b.png"], [0, 1]),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [0, 1]),
        ([], []),
        ("ab", [0, 1]),
    ],
    ids=repr,
)
def test_no_tables(data: Any) -> None:
    assert not recognised(data)
