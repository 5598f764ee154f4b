"""Stored splits, opened once and cut alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsmith.data.images.load import load
from archsmith.data.stored import opened, split_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(load("digits", tmp_path_factory.mktemp("data"), seed=0).folder)


def test_splits_are_opened_once(folder: str) -> None:
    assert opened(folder) is opened(folder)
    assert split_of(folder, "train", None) is opened(folder).train


def test_a_limit_takes_of_each_class_its_share_and_the_same_pictures_each_time(folder: str) -> None:
    whole, some = opened(folder).train, split_of(folder, "train", 100)
    assert len(some) == 100 and some.classes == whole.classes
    counts, expected = np.bincount(some.targets), np.bincount(whole.targets) * 100 / len(whole)
    assert np.abs(counts - expected).max() <= 1
    split_of.cache_clear()
    again = split_of(folder, "train", 100)
    assert again is not some and np.array_equal(again.images, some.images)


def test_a_limit_beyond_the_split_changes_nothing(folder: str) -> None:
    assert split_of(folder, "valid", 10**6) is opened(folder).valid


def test_a_folder_without_splits_is_refused(tmp_path: Path) -> None:
    from archsmith.core.errors import DataError

    with pytest.raises(DataError):
        opened(str(tmp_path / "nothing"))
