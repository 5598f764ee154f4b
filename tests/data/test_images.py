from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images import ImageSet, decode, header, statistics


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


def test_grey_and_colour_come_as_asked() -> None:
    grey = png(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert decode(grey, 1).shape == (3, 4, 1)
    assert decode(grey, 3).shape == (3, 4, 3)
    assert header(grey) == header(png(np.zeros((3, 4), np.uint8)))
    assert header(png(np.zeros((3, 4, 3), np.uint8))).channels == 3


def test_a_palette_is_resolved() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2] = (200, 10, 30)
    buffer = io.BytesIO()
    Image.fromarray(picture).quantize(2).save(buffer, "PNG")
    assert np.array_equal(decode(buffer.getvalue(), 3), picture)


def test_transparency_is_laid_over_white() -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[0, 0, 3] = 255
    pixels = decode(png(picture), 3)
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    picture = np.array([[0, 32768, 65535]], np.uint16)
    assert decode(png(picture), 1)[0, :, 0].tolist() == [0, 128, 255]


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (10, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert decode(tmp_path / "turned.jpg", 3).shape == (10, 4, 3)
    assert (header(tmp_path / "turned.jpg").height, header(tmp_path / "turned.jpg").width) == (10, 4)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", png(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))[:5000]],
    ids=["empty", "text", "cut off"],
)
def test_broken_bytes_are_a_data_error(content: bytes) -> None:
    with pytest.raises(DataError):
        decode(content, 3)


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    with pytest.raises(DataError, match="pixels"):
        decode(buffer.getvalue(), 1)


def test_a_set_hands_back_its_originals(tmp_path: Path) -> None:
    Image.new("L", (30, 20), 7).save(tmp_path / "a.png")
    small = np.zeros((1, 8, 8, 1), np.uint8)
    labels = np.zeros(1, np.int64)
    assert ImageSet(small, labels, ("a",), (str(tmp_path / "a.png"),)).original(0).shape == (20, 30, 1)
    assert ImageSet(small, labels, ("a",), None, [np.ones((5, 6, 1), np.uint8)]).original(0).shape == (5, 6, 1)
    assert ImageSet(small, labels, ("a",)).original(0).shape == (8, 8, 1)


def test_counts_that_differ_are_named() -> None:
    with pytest.raises(DataError, match="2 images but 3 labels"):
        ImageSet(np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64), ("a",))


def test_statistics_are_those_of_numpy() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
    mean, std = statistics(images)
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)) / 255)
    np.testing.assert_allclose(std, images.std((0, 1, 2)) / 255)
