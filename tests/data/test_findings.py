"""Sentences and figures that the checks of all kinds of data share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.findings import (
    as_json,
    class_sizes,
    counted,
    leaked,
    refuse_unlearnable,
    split_sizes,
    target_figures,
    target_range,
    too_few,
    uneven,
)
from archsmith.data.tables.columns import Column
from archsmith.data.tables.examples import TableExamples, TableSplits


def splits(targets: Any, classes: tuple[str, ...] = (), **more: Any) -> TableSplits:
    labels = np.asarray(targets, np.int64 if classes else np.float64)
    numbers = np.zeros((len(labels), 1), np.float32)
    rows = TableExamples(numbers, np.zeros((len(labels), 0), np.int64), labels, classes, (Column("n", "number"),))
    return TableSplits(rows, rows, rows, "t", target="age", **more)


def test_tuples_become_lists_at_any_depth() -> None:
    assert as_json({"a": ((1, 2), "x"), "b": 3}) == {"a": [[1, 2], "x"], "b": 3}


def test_figures_of_a_regression_target() -> None:
    found = target_figures(splits([1.0, 2.0, 6.0]))
    assert found is not None
    assert (found["name"], found["min"], found["median"], found["max"], found["mean"]) == ("age", 1, 2, 6, 3)
    assert target_range(found) == "training targets from 1 to 6, median 2"


def test_classes_have_no_figures() -> None:
    assert target_figures(splits([0, 1], ("a", "b"))) is None


def test_a_class_without_training_examples_is_refused() -> None:
    with pytest.raises(DataError, match="The class 'b' has no training pictures"):
        refuse_unlearnable(splits([0, 0], ("a", "b")), "picture")


def test_a_regression_target_that_never_changes_is_refused() -> None:
    with pytest.raises(DataError, match="'age' is 3 in every training row"):
        refuse_unlearnable(splits([3.0, 3.0]), "row")


def test_splits_that_were_cut_here_are_marked() -> None:
    assert split_sizes({"train": 1200, "test": 3}, ("test",)) == (
        "1,200 to learn from (training), 3 for one test at the end (test); test set apart by chance"
    )


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((5, 5), "5 training rows of each class"),
        ((5, 6), "for training 5 a, 6 b"),
        (tuple(range(1, 10)), "1 to 9 training rows a class"),
    ],
)
def test_sizes_of_classes(counts: tuple[int, ...], said: str) -> None:
    assert class_sizes(counts, tuple("abcdefghi"[: len(counts)]), "row") == said


def test_one_is_counted_in_other_words() -> None:
    assert counted(1, "row", "repeats", "repeat") == "1 row repeats"
    assert counted(2000, "row", "repeats", "repeat") == "2,000 rows repeat"


def test_classes_of_like_size_need_no_warning() -> None:
    assert uneven(splits([0, 0, 1, 1], ("a", "b")), "row") == []
    assert uneven(splits([1.0, 2.0]), "row") == []


@pytest.mark.parametrize(
    ("balanced", "advice"), [(False, "with --balance every"), (True, "; every class counts alike")]
)
def test_uneven_classes_are_named(balanced: bool, advice: str) -> None:
    large, small = uneven(splits([0] * 11 + [1], ("a", "b"), balanced=balanced), "row")
    assert "11 training rows of 'a', 1 of 'b'" in large and advice in large
    assert small == "The class 'b' has a single training row."


def test_several_classes_of_one_example() -> None:
    (said,) = uneven(splits([0, 1], ("a", "b")), "picture")
    assert said == "2 classes have a single training picture, the first is 'a'."


def test_leaks_say_where_the_examples_are_too() -> None:
    valid, test = leaked(splits([0, 1], ("a", "b")), {"valid": 1, "test": 2}, "row")
    assert valid.startswith("1 of 2 validation rows is in the training split too.")
    assert test.startswith("2 of 2 test rows are in the training or validation split too.")


@pytest.mark.parametrize(("n", "warns"), [(35, True), (199, True), (200, False)])
def test_few_examples_are_told(n: int, warns: bool) -> None:
    assert bool(too_few(splits(np.arange(n)), "row")) == warns
