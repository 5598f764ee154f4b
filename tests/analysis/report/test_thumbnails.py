from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from archsmith.analysis.report.thumbnails import Picture, png, strip, thumbnail


def opened(picture: Picture) -> Image.Image:
    head, _, data = picture.uri.partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (picture.width, picture.height)
    return image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(8, 8, (96, 96)), (300, 200, (64, 96)), (1, 1000, (96, 1)), (96, 50, (50, 96)), (5, 40, (80, 10))],
)
def test_a_thumbnail_keeps_the_shape_and_fits(height: int, width: int, size: tuple[int, int], channels: int) -> None:
    image = np.zeros((height, width, channels), np.uint8)
    assert opened(thumbnail(image, 96)).size == size


def test_a_tiny_picture_keeps_its_pixels() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 16
    shown = np.asarray(opened(thumbnail(image, 96)).convert("L"))
    assert (shown == np.kron(image[:, :, 0], np.ones((24, 24), np.uint8))).all()


def test_colours_survive_the_palette() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:20], image[20:] = (200, 30, 40), (20, 60, 220)
    shown = np.asarray(opened(thumbnail(image, 40)).convert("RGB")).astype(int)
    assert np.abs(shown - image).max() < 12


def test_a_strip_puts_pictures_side_by_side() -> None:
    images = [np.full((8, 8, 1), value, np.uint8) for value in (10, 200)] + [np.zeros((16, 8, 3), np.uint8)]
    shown = opened(strip(images, 32))
    assert shown.size == (3 * 34 - 2, 32)


@pytest.mark.parametrize(("own", "tile"), [(8, 56), (28, 56), (32, 64), (40, 40), (224, 56)])
def test_small_pictures_fill_their_tile(own: int, tile: int) -> None:
    assert opened(strip([np.zeros((own, own, 1), np.uint8)], 56)).size == (tile, tile)


def test_a_picture_as_a_file_is_the_same_one() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    uri = thumbnail(image, 60).uri
    assert base64.b64decode(uri.removeprefix("data:image/png;base64,")) == png(image, 60)
