from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.checks import check
from archsmith.data.images import ImageSet
from archsmith.data.splits import Splits


def part(n: int, seed: int, classes: int = 2) -> ImageSet:
    images = np.random.default_rng(seed).integers(0, 256, (n, 5, 5, 1), dtype=np.uint8)
    return ImageSet(images, np.arange(n) % classes, tuple("ab"[:classes]))


def clean() -> Splits:
    return Splits(part(20, 0), part(6, 1), part(6, 2), "made", made=("valid",))


def test_clean_data_give_a_short_summary_without_warnings() -> None:
    report = check(clean())
    assert report.warnings == ()
    assert report.lines() == ["made: 2 classes, grey pictures of 5 x 5", "20 train, 6 valid (held out), 6 test; 10 to 10 training pictures a class"]
    json.dumps(report.to_dict())


def test_test_pictures_that_are_in_training_are_counted() -> None:
    splits = clean()
    test = replace(splits.test, images=np.concatenate([splits.train.images[:2], splits.test.images[2:]]))
    report = check(replace(splits, test=test))
    assert report.leaks == {"valid": 0, "test": 2}
    assert "2 of 6 test pictures" in report.warnings[0]


def test_repeated_and_contradicting_pictures() -> None:
    splits = clean()
    images = splits.train.images.copy()
    images[1] = images[0]
    report = check(replace(splits, train=replace(splits.train, images=images)))
    assert report.duplicates == 1
    assert any("another label" in warning for warning in report.warnings)


def test_uneven_classes_and_constant_pictures() -> None:
    splits = clean()
    images = splits.train.images.copy()
    images[3] = 9
    labels = np.zeros(20, np.int64)
    labels[0] = 1
    report = check(replace(splits, train=replace(splits.train, images=images, labels=labels)))
    assert report.constant == 1
    assert any("uneven" in warning for warning in report.warnings)
    assert any("single training picture" in warning for warning in report.warnings)


def test_nothing_but_one_colour_is_refused() -> None:
    splits = clean()
    flat = {name: replace(data, images=np.zeros_like(data.images)) for name, data in splits.parts.items()}
    with pytest.raises(DataError, match="one single colour"):
        check(replace(splits, **flat))


def test_an_empty_class_is_refused() -> None:
    splits = clean()
    with pytest.raises(DataError, match="'b' has no training"):
        check(replace(splits, train=replace(splits.train, labels=np.zeros(20, np.int64))))
