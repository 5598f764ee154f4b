from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images import ImageSet
from archsmith.data.readers import Loaded
from archsmith.data.splits import split, stratified


def made(counts: list[int], *, test: bool = False) -> Loaded:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 2, 2, 1)
    data = ImageSet(images, labels.astype(np.int64), tuple(f"c{i}" for i in range(len(counts))))
    return Loaded(data, None, data.take(np.arange(4)) if test else None, "made")


def test_parts_are_disjoint_and_cover_everything() -> None:
    splits = split(made([100, 60, 40]), seed=1)
    seen = np.concatenate([data.images.reshape(len(data), 4) for data in splits.parts.values()])
    assert len(seen) == 200
    assert len(np.unique(seen, axis=0)) == 200
    assert splits.made == ("test", "valid")


def test_each_class_keeps_its_share() -> None:
    splits = split(made([100, 60, 40]), seed=1)
    assert splits.test.counts().tolist() == [15, 9, 6]
    assert splits.valid.counts().tolist() == [13, 8, 5]


def test_same_seed_same_split_and_another_seed_another() -> None:
    one, same, other = (split(made([100, 60]), seed=s) for s in (3, 3, 4))
    assert np.array_equal(one.test.images, same.test.images)
    assert not np.array_equal(one.test.images, other.test.images)


def test_a_given_test_part_is_left_alone() -> None:
    splits = split(made([100, 60], test=True), seed=0)
    assert len(splits.test) == 4
    assert splits.made == ("valid",)


def test_validation_is_capped() -> None:
    assert len(split(made([40_000, 20_000], test=True), seed=0).valid) == 5_000


def test_a_class_of_three_is_seen_everywhere() -> None:
    splits = split(made([200, 3]), seed=0)
    assert [int(data.counts()[1]) for data in splits.parts.values()] == [1, 1, 1]


@pytest.mark.parametrize("counts", [[1, 50], [2, 50]])
def test_a_rare_class_keeps_a_training_picture(counts: list[int]) -> None:
    assert split(made(counts), seed=0).train.counts()[0] >= 1


@pytest.mark.parametrize(("counts", "words"), [([40], "only one class"), ([3, 2], "only 5 training")])
def test_too_little_is_refused(counts: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        split(made(counts), seed=0)


def test_stratified_takes_the_number_asked_for() -> None:
    labels = np.repeat(np.arange(7), 31)
    assert len(stratified(labels, 7, 50, 0, "x")) == 50


def test_the_task_names_shape_and_classes() -> None:
    task = split(made([50, 50]), seed=0).task
    assert task.inputs[0].shape == (1, 2, 2)
    assert task.outputs[0].classes == ("c0", "c1")
