"""Class or regression target."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.read import read
from archsmith.data.tables.target import target_of


def learnt(values: Any, task: str = "auto") -> tuple[str, ...]:
    return target_of(read({"x": list(range(len(values))), "target": values}), task).classes


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["a", "b"] * 6, ("a", "b")),
        ([0, 1] * 6, ("0", "1")),
        ([0.0, 1.0] * 6, ("0", "1")),
        (["1", "2"] * 6, ("1", "2")),
        ([True, False] * 6, ("False", "True")),
        (list(range(20)), tuple(map(str, range(20)))),
        (list(range(21)), ()),
        ([0.5, 1.0] * 6, ()),
        (["0.5", "1"] * 6, ()),
    ],
)
def test_few_whole_numbers_and_texts_are_classes(values: list[Any], classes: tuple[str, ...]) -> None:
    assert learnt(values) == classes


def test_the_task_may_be_said() -> None:
    assert learnt([0, 1, 2] * 6, "regression") == ()
    assert len(learnt(list(range(30)), "classification")) == 30


def test_classes_need_training_rows() -> None:
    source = read({"x": [1, 2, 3], "target": ["a", "b", "c"], "split": ["train", "train", "test"]})
    with pytest.raises(DataError, match="'c'"):
        target_of(source)
