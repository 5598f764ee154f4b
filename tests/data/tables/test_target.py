"""Class or regression target."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("values", "task", "said"),
    [
        ([*(f"{i}.5" for i in range(30)), "abc"], "auto", r"holds numbers, but row 31 says 'abc'\. Correct"),
        ([*(f"{i}.5" for i in range(30)), "abc"], "regression", r"holds numbers, but row 31 says 'abc'\. Correct"),
        ([f"{i}.95 €" for i in range(30)], "auto", r"a sign beside them, such as '0\.95 €'\. Leave the sign out"),
        ([f"{i}%" for i in range(30)], "regression", "a sign beside them, such as '0%'"),
        (["a", "b"] * 6, "regression", "row 1 says 'a', which is not a number. To predict classes, leave out"),
    ],
)
def test_text_that_keeps_a_target_from_being_numbers_is_named_at_once(values: list[str], task: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        learnt(values, task)
    assert re.search(said, str(error.value))


def test_few_texts_with_signs_are_classes() -> None:
    assert learnt(["10%", "20%"] * 6) == ("10%", "20%")
