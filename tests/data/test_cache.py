from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data import cache
from archsmith.data.readers import read
from archsmith.data.splits import Splits, split


@pytest.fixture(scope="module")
def splits() -> Splits:
    rng = np.random.default_rng(0)
    return split(read((rng.integers(0, 256, (60, 80, 80, 3), dtype=np.uint8), np.arange(60) % 3), side=16), seed=0)


def test_what_was_written_is_what_is_opened(splits: Splits, tmp_path: Path) -> None:
    opened = cache.open_splits(cache.write(splits, tmp_path))
    for part, data in splits.parts.items():
        assert np.array_equal(opened.parts[part].images, data.images)
        assert np.array_equal(opened.parts[part].labels, data.labels)
    assert opened.classes == splits.classes
    assert opened.statistics == splits.statistics
    assert isinstance(opened.train.images, np.memmap)


def test_test_originals_survive(splits: Splits, tmp_path: Path) -> None:
    opened = cache.open_splits(cache.write(splits, tmp_path))
    assert opened.test.original(1).shape == (80, 80, 3)
    assert np.array_equal(opened.test.original(1), splits.test.original(1))


def test_the_same_content_is_stored_once(splits: Splits, tmp_path: Path) -> None:
    first = cache.write(splits, tmp_path)
    stamp = (first / cache.FACTS).stat().st_mtime_ns
    assert cache.write(cache.open_splits(first), tmp_path) == first
    assert (first / cache.FACTS).stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_another_split_has_another_key(splits: Splits) -> None:
    labels = splits.train.labels.copy()
    labels[0] = (labels[0] + 1) % 3
    assert cache.key(replace(splits, train=replace(splits.train, labels=labels))) != cache.key(splits)


def test_a_missing_or_damaged_folder_is_a_data_error(splits: Splits, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no stored data"):
        cache.open_splits(tmp_path / "none")
    folder = cache.write(splits, tmp_path)
    (folder / "train_images.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="damaged"):
        cache.open_splits(folder)
