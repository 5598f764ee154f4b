from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import UsageError
from archsmith.data.images import resize as resizing
from archsmith.data.images.resize import resize, resize_float, weights


@pytest.mark.parametrize(("n_in", "n_out"), [(28, 28), (100, 28), (7, 28), (1, 5), (5, 1), (641, 64)])
def test_rows_add_up_to_one(n_in: int, n_out: int) -> None:
    matrix = weights(n_in, n_out)
    assert matrix.shape == (n_out, n_in)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-6)
    assert (matrix >= 0).all()


def test_same_size_is_the_identity_exactly() -> None:
    assert np.array_equal(weights(17, 17), np.eye(17, dtype=np.float32))


def test_a_flat_picture_stays_flat() -> None:
    assert (resize(np.full((31, 50, 3), 137, np.uint8), 12, 40) == 137).all()


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (9, 100)])
def test_agrees_with_pillow_within_a_grey_value_or_two(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 41, 3), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR), np.float32)
    assert np.abs(resize_float(image, *size) - theirs).max() < 2


def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 41, 3), dtype=np.uint8)
    whole = resize_float(image, 16, 12)
    monkeypatch.setattr(resizing, "STRIP", 60 * 3 * 5)
    np.testing.assert_allclose(resize_float(image, 16, 12), whole, atol=1e-4)


def test_keeps_the_object_when_there_is_nothing_to_do() -> None:
    image = np.zeros((8, 8, 1), np.uint8)
    assert resize(image, 8, 8) is image


def test_an_empty_size_is_refused() -> None:
    with pytest.raises(UsageError, match="resize"):
        weights(0, 3)


def test_matrices_of_long_strips_are_small_and_not_kept() -> None:
    before = resizing._kept.cache_info().currsize
    assert weights(65_535, 16).nbytes == 4 * 65_535 * 16
    assert resizing._kept.cache_info().currsize == before
