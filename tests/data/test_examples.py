"""What every kind of data shares, seen on the smallest kind that there can be: rows of one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.task import Input
from archsmith.data.examples import Augmentation, Examples, Indexes, Pipeline, Splits


@dataclass(frozen=True, eq=False)
class Rows(Examples):
    values: NDArray[np.float32]
    targets: NDArray[Any]
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_targets()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def inputs(self) -> tuple[Input, ...]:
        return (Input("numbers", "numbers", (1,)),)

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {"numbers": self.values[indexes, None]}

    def take(self, indexes: Indexes) -> Rows:
        return Rows(self.values[indexes], self.targets[indexes], self.classes)

    @property
    def n_bytes(self) -> int:
        return self.values.nbytes


@dataclass(frozen=True, eq=False)
class RowSplits(Splits):
    kind: ClassVar[str] = "row"

    def pipeline(self, augmentation: Augmentation | None = None) -> Pipeline:
        raise NotImplementedError


def rows(*targets: float, classes: tuple[str, ...] = ()) -> Rows:
    kind: Any = np.int64 if classes else np.float64
    return Rows(np.zeros(len(targets), np.float32), np.array(targets, kind), classes)


def splits(train: Rows, **more: Any) -> RowSplits:
    return RowSplits(train, rows(1, 0, classes=train.classes), rows(0, classes=train.classes), "made", **more)


CLASSES = rows(0, 2, 2, 0, classes=("a", "b", "c"))
VALUES = rows(1.0, 3.0)


def test_classes_are_counted_also_where_there_are_none_of_them() -> None:
    assert CLASSES.counts().tolist() == [2, 0, 2]
    assert not CLASSES.is_regression


def test_regression_targets_are_not_counted() -> None:
    assert VALUES.is_regression
    assert VALUES.counts().tolist() == []


@pytest.mark.parametrize("targets", [np.zeros(3, np.int64), np.zeros((2, 1))])
def test_every_example_has_one_target(targets: NDArray[Any]) -> None:
    with pytest.raises(DataError, match=r"2 examples but \d targets"):
        Rows(np.zeros(2, np.float32), targets)


def test_splits_go_by_their_names() -> None:
    found = splits(CLASSES)
    assert {name: len(part) for name, part in found.by_name.items()} == {"train": 4, "valid": 2, "test": 1}
    assert found.classes == ("a", "b", "c")


@pytest.mark.parametrize(("balanced", "metric"), [(False, "accuracy"), (True, "balanced_accuracy")])
def test_the_task_of_classes(balanced: bool, metric: str) -> None:
    found = splits(CLASSES, balanced=balanced)
    assert found.task.inputs == CLASSES.inputs
    assert (found.task.outputs[0].classes, found.task.metric) == (("a", "b", "c"), metric)
    assert found.target_statistics is None


def test_the_task_of_a_regression_target() -> None:
    found = splits(VALUES, target="age")
    assert found.is_regression
    assert (found.task.outputs[0].name, found.task.metric) == ("age", "r2")


def test_statistics_are_those_of_training_targets() -> None:
    assert splits(VALUES).target_statistics == (2.0, 1.0)
