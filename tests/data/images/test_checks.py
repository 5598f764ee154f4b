from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images.checks import Findings, check, fingerprints, is_flat
from archsmith.data.images.examples import ImageExamples, ImageSplits


def examples(n: int, seed: int, classes: int = 2) -> ImageExamples:
    images = np.random.default_rng(seed).integers(0, 256, (n, 5, 5, 1), dtype=np.uint8)
    return ImageExamples(images, np.arange(n) % classes, tuple("ab"[:classes]))


def clean() -> ImageSplits:
    return ImageSplits(examples(20, 0), examples(6, 1), examples(6, 2), "made", made=("valid",))


def labelled(labels: np.ndarray, classes: tuple[str, ...]) -> ImageSplits:
    splits = clean()
    train = ImageExamples(
        np.random.default_rng(0).integers(0, 256, (len(labels), 5, 5, 1), dtype=np.uint8), labels, classes
    )
    kind = labels.dtype
    return replace(
        splits,
        train=train,
        **{
            name: ImageExamples(examples(6, 1).images, np.arange(6).astype(kind) % 2, classes)
            for name in ("valid", "test")
        },
    )


def test_clean_data_give_a_short_summary_with_no_warning_but_that_they_are_few() -> None:
    report = check(clean())
    few = (
        "There are only 20 pictures to learn from, 6 to choose by and 6 to measure by, so scores depend much on chance."
    )
    assert report.warnings == (few,)
    assert report.lines() == [
        "made: 2 classes, grey pictures of 5 x 5",
        "20 to learn from (training), 6 to choose by (validation), 6 for one test at the end (test); validation set "
        "apart by chance; 10 training pictures of each class",
        few,
    ]


def test_a_report_survives_being_written_down() -> None:
    report = check(replace(clean(), skipped=(("x.png", "unknown format"),)), n_bytes=12)
    assert Findings.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([10, 10], "10 training pictures of each class"),
        ([12, 8], "for training 12 c0, 8 c1"),
        ([20, *[9] * 9], "9 to 20 training pictures a class"),
    ],
)
def test_class_counts_are_said_as_briefly_as_they_can_be(counts: list[int], words: str) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    assert words in check(labelled(labels, tuple(f"c{i}" for i in range(len(counts))))).lines()[1]


def test_numbers_are_summed_up() -> None:
    report = check(labelled(np.linspace(1, 80, 41), ()))
    assert report.is_regression
    assert report.target is not None
    assert (report.target["min"], report.target["median"], report.target["max"]) == (1.0, 40.5, 80.0)
    assert "from 1 to 80, median 40.5" in report.lines()[1]
    assert report.counts["train"] == ()
    assert report.n_examples["train"] == 41


def test_test_pictures_that_are_in_training_are_counted() -> None:
    splits = clean()
    test = replace(splits.test, images=np.concatenate([splits.train.images[:2], splits.test.images[2:]]))
    report = check(replace(splits, test=test))
    assert report.leaks == {"valid": 0, "test": 2}
    assert "2 of 6 test pictures are" in report.warnings[0]


def test_repeated_and_contradicting_pictures() -> None:
    splits = clean()
    images = splits.train.images.copy()
    images[1] = images[0]
    report = check(replace(splits, train=replace(splits.train, images=images)))
    assert report.duplicates == 1 and report.repeats == {"train": 1, "valid": 0, "test": 0}
    assert Findings.from_dict(report.to_dict()).repeats == report.repeats
    assert "1 picture repeats another one of the same split, pixel by pixel." in report.warnings
    assert any("another class" in warning for warning in report.warnings)


@pytest.mark.parametrize(("balanced", "words"), [(False, "with --balance"), (True, "counts alike")])
def test_uneven_classes_come_with_advice(balanced: bool, words: str) -> None:
    labels = np.zeros(20, np.int64)
    labels[0] = 1
    warnings = check(replace(labelled(labels, ("a", "b")), balanced=balanced)).warnings
    assert any("uneven" in warning and words in warning for warning in warnings)
    assert any("single training picture" in warning for warning in warnings)


def test_constant_pictures_are_counted() -> None:
    splits = clean()
    images = splits.train.images.copy()
    images[3] = 9
    report = check(replace(splits, train=replace(splits.train, images=images)))
    assert report.constant == 1


def test_broken_pictures_are_counted_and_some_are_listed() -> None:
    report = check(replace(clean(), skipped=tuple((f"{i}.png", "unknown format") for i in range(30))))
    assert report.n_skipped == 30
    assert len(report.skipped) == 20
    assert report.warnings[0] == "30 pictures were left out, the first: 0.png: unknown format"


def test_what_is_known_already_is_not_computed_again() -> None:
    prints = {name: np.arange(len(data), dtype=np.uint64) for name, data in clean().by_name.items()}
    report = check(clean(), prints, {"train": 1, "valid": 0, "test": 0})
    assert (report.leaks["test"], report.constant) == (6, 1)


def test_nothing_but_one_colour_is_refused() -> None:
    splits = clean()
    flat = {name: replace(data, images=np.zeros_like(data.images)) for name, data in splits.by_name.items()}
    with pytest.raises(DataError, match="one single colour"):
        check(replace(splits, **flat))


def test_an_empty_class_is_refused() -> None:
    splits = clean()
    with pytest.raises(DataError, match="'b' has no training"):
        check(replace(splits, train=replace(splits.train, targets=np.zeros(20, np.int64))))


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(DataError, match="None of the test pictures"):
        check(replace(clean(), test=examples(0, 0)))


def test_equal_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="nothing to learn"):
        check(labelled(np.full(20, 3.5), ()))


def test_fingerprints_tell_pictures_apart() -> None:
    images = examples(50, 0).images
    assert len(np.unique(fingerprints(images))) == 50
    assert np.array_equal(fingerprints(images), fingerprints(images.copy()))


def test_one_colour_of_several_channels_is_flat() -> None:
    images = np.zeros((2, 3, 3, 3), np.uint8)
    images[:, :, :, 0] = 200
    images[1, 0, 0, 0] = 0
    assert is_flat(images).tolist() == [True, False]
