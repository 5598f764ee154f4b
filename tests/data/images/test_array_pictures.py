from __future__ import annotations

import gc
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.array_pictures import Arrays, Pillows, Stack, as_pixels, channels_last, scale_of, slices

PICTURES = np.random.default_rng(0).integers(0, 256, (7, 5, 6), dtype=np.uint8)


def stack(folder: Path, *, packed: bool = False) -> Stack:
    content = b"head" + PICTURES.tobytes()
    (folder / "s").write_bytes(gzip.compress(content) if packed else content)
    return Stack(folder / "s", PICTURES.shape, "|u1", 4, packed=packed)


@pytest.mark.parametrize("packed", [False, True])
def test_a_stack_is_read_in_any_order(tmp_path: Path, packed: bool) -> None:
    found = stack(tmp_path, packed=packed)
    for index in (0, 1, 6, 2, 2):
        assert np.array_equal(found.decode(index, 1)[:, :, 0], PICTURES[index])
    assert np.array_equal(np.concatenate(list(slices(found))), PICTURES)


def test_a_stack_that_ends_early_is_a_data_error(tmp_path: Path) -> None:
    found = stack(tmp_path)
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:-10])
    assert found.decode(0, 1).shape == (5, 6, 1)
    with pytest.raises(DataError, match="cut off"):
        found.decode(6, 1)


@pytest.mark.parametrize(
    ("images", "scale"),
    [
        (PICTURES, 1),
        (PICTURES > 9, 255),
        (PICTURES / 255, 255),
        (PICTURES.astype(float), 1),
        (PICTURES.astype(np.uint16) * 257, 255 / 65535),
        ([np.zeros((3, 3)), np.ones((2, 2))], 255),
        ([np.zeros((3, 3)), np.full((2, 2), 7.0)], 1),
    ],
)
def test_the_range_of_values_is_found(images: Any, scale: float) -> None:
    assert scale_of(images) == scale


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.full((1, 2, 2), np.nan), "NaN"),
        (np.full((1, 2, 2), -1), "negative"),
        (np.full((1, 2, 2), 70_000), "up to 70000"),
        (np.full((1, 2, 2), 1j), "complex"),
    ],
)
def test_senseless_values_are_refused(images: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        scale_of(images)


@pytest.mark.parametrize(
    ("shape", "channels", "found"),
    [
        ((5, 6), 1, (5, 6, 1)),
        ((5, 6), 3, (5, 6, 3)),
        ((3, 5, 6), 3, (5, 6, 3)),
        ((5, 6, 3), 1, (5, 6, 1)),
        ((5, 6, 2), 1, (5, 6, 1)),
        ((5, 6, 4), 3, (5, 6, 3)),
    ],
)
def test_one_picture_of_many_shapes(shape: tuple[int, ...], channels: int, found: tuple[int, int, int]) -> None:
    assert as_pixels(np.zeros(shape, np.uint8), 1.0, channels).shape == found


def test_transparency_is_laid_over_white() -> None:
    picture = np.zeros((1, 2, 2), np.uint8)
    picture[0, 0, 1] = 255
    assert as_pixels(picture, 1.0, 1).ravel().tolist() == [0, 255]


@pytest.mark.parametrize("shape", [(4,), (0, 5, 5), (2, 5, 5, 7), (1, 20_000, 20_000)])
def test_what_is_no_row_of_pictures_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError):
        channels_last(np.broadcast_to(np.zeros((), np.uint8), shape))


def test_fingerprints_in_memory_are_of_the_content() -> None:
    one, same, other = Arrays(PICTURES, 1.0), Arrays(PICTURES.copy(), 1.0), Arrays(PICTURES[::-1], 1.0)
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
    assert one.spec() is None


def test_pillow_images_are_treated_as_files_would_be() -> None:
    row = Pillows([Image.new("RGBA", (6, 5), (0, 0, 0, 0)), Image.new("L", (3, 4), 9)])
    assert row.decode(0, 3)[0, 0].tolist() == [255, 255, 255]
    assert [row.header(i).channels for i in range(2)] == [3, 1]
    assert row.fingerprint() != Pillows(row.images[:1]).fingerprint()


class Witness:
    """Looks whether a file is closed when both end in one circle of garbage."""

    def __init__(self, saw: list[bool]) -> None:
        self.saw = saw
        self.file: Any = None

    def __del__(self) -> None:
        self.saw.append(self.file.closed)


@pytest.mark.parametrize("kind", ["plain", "packed", "npz", "packed npz"])
def test_the_file_is_closed_before_anything_of_a_circle_is_finalized(tmp_path: Path, kind: str) -> None:
    """Else the file may end first, with a warning that nobody closed it."""
    path = tmp_path / "a.npz"
    if "npz" in kind:
        (np.savez_compressed if "packed" in kind else np.savez)(path, a=PICTURES)
    else:
        content = bytes(4) + PICTURES.tobytes()
        path.write_bytes(gzip.compress(content) if kind == "packed" else content)
    saw: list[bool] = []
    witness = Witness(saw)
    found = Stack(
        path, PICTURES.shape, "|u1", 4, member="a.npy" if "npz" in kind else None, packed=kind.startswith("packed")
    )
    found.read(0, 1)
    witness.file = found._file
    vars(found)["circle"], vars(witness)["circle"] = witness, found
    del found, witness
    gc.collect()
    assert saw == [True]
