"""Rows as networks take them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.core.task import Input
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import as_columns, encode
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.data.tables.pipeline import TablePipeline

COLUMNS = (
    Column("c", "category", categories=("x", "y")),
    Column("n", "number", missing=0.2),
    Column("day", "number", written="date"),
    Column("d", "category", categories=("u",)),
    Column("big", "number", offset=1.7e9),
)
ROWS: list[dict[str, Any]] = [
    {"c": "x", "n": 0.455, "day": "2024-02-29", "d": None, "big": 1.7e9 + 1},
    {"c": None, "n": None, "day": None, "d": "u", "big": 1.7e9 - 3},
    {"c": "y", "n": -1e-9, "day": "1969-12-31 23:59:59", "d": "u", "big": 0.0},
]


def examples(columns: tuple[Column, ...] = COLUMNS) -> TableExamples:
    return TableExamples.of(encode(columns, as_columns(ROWS)), np.array([0, 1, 0]), ("a", "b"), columns)


def test_inputs_say_what_networks_take() -> None:
    assert examples().inputs == (
        Input("numbers", "numbers", (3,), missing=(0,)),
        Input("categories", "categories", (2,), n_codes=5),
    )


def test_a_kind_without_columns_is_no_input() -> None:
    only = examples(COLUMNS[1:3])
    assert [entry.name for entry in only.inputs] == ["numbers"]
    assert set(only.batch(np.array([0]))) == {"numbers"}


def test_a_batch_copies_only_the_rows_that_are_asked_for() -> None:
    rows = examples()
    batch = rows.batch(np.array([2, 0]))
    np.testing.assert_array_equal(batch["numbers"], rows.numbers[[2, 0]])
    np.testing.assert_array_equal(batch["categories"], [[2, 4], [1, 3]])
    assert not any(np.shares_memory(array, getattr(rows, name)) for name, array in batch.items())


def test_rows_are_values_that_people_read() -> None:
    assert examples().rows([0, 1, 2]) == ROWS


def test_rows_are_encoded_to_what_they_came_from() -> None:
    rows = examples()
    again = encode(COLUMNS, as_columns(rows.rows(range(3))))
    np.testing.assert_array_equal(again["numbers"], rows.numbers)
    np.testing.assert_array_equal(again["categories"], rows.categories)


def test_take_keeps_rows_and_targets_together() -> None:
    taken = examples().take([2, 1])
    assert taken.targets.tolist() == [0, 1]
    assert taken.rows([0, 1]) == [ROWS[2], ROWS[1]]
    assert taken.n_bytes == 2 * (3 * 4 + 2 * 8 + 8)


@pytest.mark.parametrize(
    "change",
    [
        {"numbers": np.zeros((3, 2), np.float32)},
        {"categories": np.zeros((2, 2), np.int64)},
        {"targets": np.zeros(2, np.int64)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        dataclasses.replace(examples(), **change)


def test_splits_are_a_kind_with_a_task_and_a_pipeline() -> None:
    splits = TableSplits(*[examples()] * 3, "t", columns=COLUMNS, balanced=True)
    assert splits.kind == "table"
    assert splits.task.inputs == examples().inputs
    assert splits.task.metric == "balanced_accuracy"
    assert splits.pipeline() == TablePipeline()
