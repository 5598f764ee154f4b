"""Labelled pictures and their splits."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.core.task import Input
from archsmith.data.images.examples import ImageExamples, ImageSplits, statistics
from archsmith.data.images.pictures import Called

SMALL = np.zeros((3, 8, 8, 1), np.uint8)
ORIGINALS = [np.full((5, 6, 1), i, np.uint8) for i in range(3)]


def test_a_set_hands_back_its_originals() -> None:
    assert ImageExamples(SMALL, np.zeros(3, np.int64), ("a",), ORIGINALS).original(0).shape == (5, 6, 1)
    assert ImageExamples(SMALL, np.zeros(3, np.int64), ("a",)).original(0).shape == (8, 8, 1)


def test_taking_pictures_takes_their_originals_along() -> None:
    taken = ImageExamples(SMALL, np.arange(3), ("a", "b", "c"), ORIGINALS).take([2, 0])
    assert taken.targets.tolist() == [2, 0]
    assert taken.original(0)[0, 0, 0] == 2


def test_numbers_are_no_classes() -> None:
    numbers = ImageExamples(SMALL, np.array([0.5, 1.5, -3.0]), ())
    assert numbers.is_regression
    assert len(numbers.counts()) == 0
    assert not ImageExamples(SMALL, np.zeros(3, np.int64), ("a",)).is_regression


def test_counts_that_differ_are_named() -> None:
    with pytest.raises(DataError, match="2 images but 3 labels"):
        ImageExamples(np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64), ("a",))


def test_statistics_are_those_of_numpy() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
    mean, std = statistics(images)
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)) / 255)
    np.testing.assert_allclose(std, images.std((0, 1, 2)) / 255)


def test_one_colour_has_a_deviation_that_can_be_divided_by() -> None:
    assert statistics(np.full((2, 3, 3, 1), 51, np.uint8)) == ((pytest.approx(0.2),), (1 / 255,))


def test_statistics_look_at_evenly_spaced_pictures_of_many() -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    (mean,), _ = statistics(images, limit=5)
    assert mean == pytest.approx(np.mean([0, 2, 4, 6, 8]) / 255)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 2), np.uint8)]
)
def test_arrays_that_are_no_pictures_are_refused(images: np.ndarray) -> None:
    with pytest.raises(DataError, match="uint8"):
        ImageExamples(images, np.zeros(2, np.int64), ("a",))


def test_the_input_has_channels_first_and_batches_have_them_last() -> None:
    examples = ImageExamples(np.zeros((3, 6, 5, 3), np.uint8), np.zeros(3, np.int64), ("a",))
    assert examples.inputs == (Input("image", "image", (3, 6, 5)),)
    assert examples.batch(np.array([2, 0]))["image"].shape == (2, 6, 5, 3)
    assert (len(examples), examples.n_bytes) == (3, 3 * 6 * 5 * 3)


def test_a_batch_is_a_copy_in_the_order_asked_for() -> None:
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    batch = ImageExamples(images, np.zeros(3, np.int64), ("a",)).batch(np.array([2, 0]))["image"]
    assert batch[:, 0, 0, 0].tolist() == [2, 0]
    assert not np.shares_memory(batch, images)


def test_some_of_the_pictures_keep_their_names() -> None:
    some = ImageExamples(SMALL, np.zeros(3, np.int64), ("a",), ORIGINALS, Called(np.array([7, 8, 9]))).take([2, 0])
    assert some.called is not None and [some.called[0], some.called[1]] == ["number 9", "number 7"]


def made(labels: np.ndarray, classes: tuple[str, ...], **more: object) -> ImageSplits:
    data = ImageExamples(np.zeros((len(labels), 6, 5, 3), np.uint8), labels, classes)
    return ImageSplits(data, data, data, "made", **more)  # type: ignore[arg-type]


def test_the_task_names_shape_and_classes() -> None:
    task = made(np.array([0, 1]), ("a", "b")).task
    assert task.inputs[0].shape == (3, 6, 5)
    assert task.outputs[0].classes == ("a", "b")
    assert task.metric == "accuracy"
    assert made(np.array([0, 1]), ("a", "b"), balanced=True).task.metric == "balanced_accuracy"


def test_numbers_make_a_task_of_their_own() -> None:
    splits = made(np.array([1.0, 3.0]), (), target="age")
    assert splits.is_regression
    assert splits.target_statistics == (2.0, 1.0)
    assert (splits.task.outputs[0].name, splits.task.metric) == ("age", "r2")
    assert made(np.array([0, 1]), ("a", "b")).target_statistics is None


def test_a_pipeline_normalises_by_the_training_pictures_alone() -> None:
    dark, bright = (
        ImageExamples(np.full((2, 3, 3, 1), value, np.uint8), np.array([0, 1]), ("a", "b")) for value in (51, 255)
    )
    splits = ImageSplits(dark, bright, bright, "made")
    pipeline = splits.pipeline()
    assert pipeline.normalisation.mean == pytest.approx((0.2,))
    assert pipeline.augmentation is None
    assert list(splits.by_name) == ["train", "valid", "test"]
