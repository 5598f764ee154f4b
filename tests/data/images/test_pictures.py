from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.pictures import Called, Files, Joined, Kept, Originals
from archsmith.data.names import Names


def files(folder: Path, n: int = 3, value: int = 10) -> Files:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(n):
        Image.new("L", (6, 5), value + index).save(folder / f"{index}.png")
    return Files(folder, [f"{index}.png" for index in range(n)])


def test_a_joined_row_counts_through() -> None:
    row = Joined([Arrays(np.full((n, 4, 4), n, np.uint8), 1.0) for n in (2, 1, 3)])
    assert [int(row.decode(i, 1)[0, 0, 0]) for i in range(len(row))] == [2, 2, 1, 3, 3, 3]
    assert row.spec() is None


def test_the_fingerprint_of_files_changes_with_them(tmp_path: Path) -> None:
    pictures = files(tmp_path)
    before = pictures.fingerprint()
    assert pictures.fingerprint() == before
    os.utime(tmp_path / "1.png", ns=(1, 1))
    assert pictures.fingerprint() != before


def test_a_file_that_has_gone_is_a_data_error(tmp_path: Path) -> None:
    pictures = files(tmp_path)
    (tmp_path / "1.png").unlink()
    pictures.fingerprint()
    with pytest.raises(DataError, match="no file"):
        pictures.decode(1, 1)


def test_originals_are_decoded_when_they_are_asked_for(tmp_path: Path) -> None:
    pictures = files(tmp_path)
    originals = Originals(lambda: pictures, np.array([2, 0]), 3)
    assert len(originals) == 2
    assert originals[0].shape == (5, 6, 3)
    assert [int(picture[0, 0, 0]) for picture in originals] == [12, 10]
    assert int(originals[1:][0][0, 0, 0]) == 10
    assert int(originals.take(np.array([1]))[0][0, 0, 0]) == 10


def test_pictures_are_called_as_their_source_calls_them(tmp_path: Path) -> None:
    pictures = files(tmp_path)
    called = Called(np.array([2, 0]), lambda: pictures)
    assert called[0] == str(tmp_path / "2.png")
    assert called.take(np.array([1]))[0] == str(tmp_path / "0.png")
    assert Called(np.array([5]))[0] == "number 5"


def test_kept_originals_come_back_at_their_own_sizes() -> None:
    first, second = np.full((2, 3, 1), 1, np.uint8), np.full((4, 1, 1), 2, np.uint8)
    kept = Kept(
        np.concatenate([first.ravel(), second.ravel()]),
        np.array([first.shape, second.shape]),
        np.zeros((3, 8, 8, 1), np.uint8),
    )
    assert len(kept) == 3
    assert np.array_equal(kept[1], second)
    assert kept[2].shape == (8, 8, 1)
    assert [picture.shape for picture in kept[:2]] == [(2, 3, 1), (4, 1, 1)]


def test_names_survive_being_packed() -> None:
    names = Names(["a/ü.png", "b\nc.png", "\udcff.png", ""])
    assert list(Names.unpacked(names.packed())) == list(names) == ["a/ü.png", "b\nc.png", "\udcff.png", ""]
    assert list(names[1:3]) == ["b\nc.png", "\udcff.png"]
    assert names[-4] == "a/ü.png"
    with pytest.raises(IndexError):
        names[4]
