"""Arrays in files: their heads are believed only as far as there are bytes behind them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images import array_files
from archsmith.data.images.array_files import load_member, mapped, member_pair, npy_pair
from archsmith.data.images.array_pictures import Stack

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
LABELS = np.arange(6) % 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_pairs_in_an_npz(tmp_path: Path, save: object, order: str) -> None:
    save(tmp_path / "a.npz", x=np.asarray(IMAGES, order=order), y=LABELS)  # type: ignore[operator]
    pictures, labels = member_pair(tmp_path / "a.npz", "x.npy", "y.npy", "train")
    assert isinstance(pictures, Stack) == (order == "C") and labels.tolist() == LABELS.tolist()
    found = np.concatenate(list(pictures.slices())) if isinstance(pictures, Stack) else pictures[..., 0]
    assert np.array_equal(found, IMAGES)
    assert np.array_equal(mapped(tmp_path / "a.npz", "x.npy"), IMAGES)


def test_pairs_of_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", LABELS)
    pictures, labels = npy_pair(tmp_path / "x.npy", tmp_path / "y.npy", "train")
    assert isinstance(pictures, Stack) and len(pictures) == len(labels) == 6


def test_labels_are_counted_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", x=IMAGES, y=np.arange(7))
    monkeypatch.setattr(array_files, "as_labels", lambda labels: pytest.fail("they were read"))
    with pytest.raises(DataError, match="6 train images but 7 labels"):
        member_pair(tmp_path / "a.npz", "x.npy", "y.npy", "train")


def test_a_head_that_announces_more_than_there_is(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", LABELS)
    content = (tmp_path / "y.npy").read_bytes().replace(b"(6,)", b"(7,)")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("y.npy", content)
    with pytest.raises(DataError, match="The array 'y' in .* is cut off"):
        load_member(tmp_path / "a.npz", "y.npy")


def test_what_is_no_character(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.array([0x110000], np.uint32).view("U1"))
    with pytest.raises(DataError, match="no character"):
        load_member(tmp_path / "a.npz", "y.npy")


def test_a_member_that_unpacks_to_far_more(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", y=np.zeros(60_000_000, np.uint8))
    with pytest.raises(DataError, match="unpacks to"):
        load_member(tmp_path / "a.npz", "y.npy")
