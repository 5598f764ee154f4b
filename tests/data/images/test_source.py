from __future__ import annotations

import numpy as np
import pytest

from archsmith.data.examples import SPLITS
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.source import Pictures, Source, all_training
from archsmith.data.splits import split_codes

PICTURES = Arrays(np.zeros((3, 4, 4), np.uint8), 1.0)


def test_names_of_splits_become_their_codes_and_back() -> None:
    codes = split_codes(["test", "train", "valid", "train"])
    assert codes.dtype == np.int8
    assert [SPLITS[code] for code in codes] == ["test", "train", "valid", "train"]


def test_everything_may_be_for_training() -> None:
    assert all_training(3).tolist() == split_codes(["train"] * 3).tolist()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(np.array([0, 1, 1]), False), (np.array(["a", "b", "b"]), False), (np.array([0.5, 1, 2]), True)],
)
def test_labels_with_fractions_are_regression_targets(labels: np.ndarray, expected: bool) -> None:
    source = Source(PICTURES, labels, all_training(3), "made")
    assert (len(source), source.is_regression) == (3, expected)


def test_arrays_are_pictures_and_a_list_is_none() -> None:
    assert isinstance(PICTURES, Pictures)
    assert not isinstance([], Pictures)
