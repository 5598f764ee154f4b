"""IDX files, the format of MNIST: pairs of images and labels, alone or in a folder."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.read import read
from archsmith.data.images.read_idx import begins_like_idx, holds_idx, is_idx, read_idx
from archsmith.data.images.source import Source

RNG = np.random.default_rng(0)


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    return bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, part: str, n: int, *, packed: bool = True, labels: int | None = None) -> None:
    images = RNG.integers(0, 256, (n, 6, 5), dtype=np.uint8)
    marks = (np.arange(n if labels is None else labels) % 3).astype(np.uint8)
    for kind, array in (("images-idx3", images), ("labels-idx1", marks)):
        content = idx_bytes(array)
        path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)


def sizes(source: Source) -> dict[str, int]:
    """Pictures by split."""
    counts = np.bincount(source.split, minlength=3)
    return {name: int(n) for name, n in zip(SPLITS, counts, strict=True) if n}


@pytest.mark.parametrize("packed", [True, False])
def test_idx_pairs_are_found_in_a_folder(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, "train", 12, packed=packed)
    write_idx(tmp_path, "t10k", 6, packed=packed)
    source = read(tmp_path)
    assert sizes(source) == {"train": 12, "test": 6}
    header = source.pictures.header(15)
    assert (header.height, header.width, header.channels) == (6, 5, 1)
    assert source.labels.tolist() == [*(np.arange(12) % 3), *(np.arange(6) % 3)]


def test_idx_pictures_are_those_of_the_file(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    content = gzip.decompress((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    pictures = np.frombuffer(content[16:], np.uint8).reshape(12, 6, 5)
    assert np.array_equal(read(tmp_path).pictures.decode(11, 1)[:, :, 0], pictures[11])


def test_one_idx_file_finds_its_partners(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "t10k", 6)
    assert len(sizes(read(tmp_path / "train-images-idx3-ubyte.gz"))) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train-images-idx3-ubyte", True),
        ("t10k-labels.idx1-ubyte.gz", True),
        ("images.npy", False),
        ("train-ubyte", False),
    ],
)
def test_names_tell_idx_files(name: str, expected: bool) -> None:
    assert is_idx(Path(name)) is expected


@pytest.mark.parametrize(
    ("content", "expected"), [(b"\0\0\x08\x01", True), (gzip.compress(b"", mtime=0), True), (b"PK", False)]
)
def test_first_bytes_tell_idx_files(tmp_path: Path, content: bytes, expected: bool) -> None:
    (tmp_path / "data").write_bytes(content)
    assert begins_like_idx(tmp_path / "data") is expected


def test_a_folder_holds_idx_where_there_are_images_right_in_it(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    write_idx(tmp_path / "deeper", "train", 3)
    assert holds_idx(tmp_path / "deeper") and not holds_idx(tmp_path)


def test_the_same_file_packed_and_unpacked_counts_once(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "train", 12, packed=False)
    assert sizes(read_idx(tmp_path)) == {"train": 12}


def test_two_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12, packed=False)
    write_idx(tmp_path, "other-train", 12, packed=False)
    with pytest.raises(DataError, match="two files of train images"):
        read_idx(tmp_path)


def test_a_validation_pair_is_the_validation_split(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "valid", 3)
    assert sizes(read_idx(tmp_path)) == {"train": 12, "valid": 3}


@pytest.mark.parametrize("part", ["t10k", "valid", "mine"])
def test_a_pair_that_is_alone_is_all_of_the_data(tmp_path: Path, part: str) -> None:
    write_idx(tmp_path, part, 12)
    assert sizes(read_idx(tmp_path)) == {"train": 12}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("labels missing", "no labels beside"),
        ("counts", "6 train images but 5"),
        ("cut off", "cut off"),
        ("no training", "no training images"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, fault: str, words: str) -> None:
    write_idx(tmp_path, "t10k" if fault == "no training" else "train", 6, labels=5 if fault == "counts" else None)
    images, labels = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz"
    if fault == "labels missing":
        labels.unlink()
    elif fault == "no training":
        write_idx(tmp_path, "valid", 6)
    elif fault == "cut off":
        images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(DataError, match=words):
        read_idx(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", b"hello world, this is text", "not an IDX"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8), kind=0x0D), "Only bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8))[:-3], "fewer bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8)) + b"x", "more bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8))[:7], "ends too early"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((0, 3, 3), np.uint8)), "no items"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 9), "claims"),
        ("something", idx_bytes(np.zeros((2, 3, 3), np.uint8)), "images or labels"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert words in str(caught.value)
