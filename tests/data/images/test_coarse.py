from __future__ import annotations

import numpy as np
import pytest
import torch

from archsmith.data.images.coarse import MOST_LOST, coarse_size, detail_lost, shrunk
from archsmith.data.images.decode import Pixels


def waves(n: int = 20, side: int = 32, length: float = 20.0) -> Pixels:
    """Pictures whose brightness changes slowly."""
    rows, columns = np.mgrid[:side, :side]
    phases = np.linspace(0, 6, n)[:, None, None]
    values = 127 + 100 * np.sin(2 * np.pi * (rows + columns) / length + phases)
    return np.repeat(values[..., None], 3, axis=3).astype(np.uint8)


def noise(n: int = 20, side: int = 32) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)


def test_smooth_pictures_may_be_smaller_and_single_pixels_may_not() -> None:
    assert coarse_size(waves()) == (20, 20)
    assert coarse_size(noise()) is None


def test_small_pictures_stay_as_they_are() -> None:
    assert coarse_size(waves(side=16)) is None
    assert coarse_size(waves(0)) is None


def test_what_shows_less_stays_as_it_is() -> None:
    assert detail_lost(torch.from_numpy(waves(length=5.0)), (20, 20)) > MOST_LOST
    assert coarse_size(waves(length=5.0)) is None


def test_sides_shrink_alike() -> None:
    assert coarse_size(waves()[:, :, :24]) == (20, 15)


def test_nothing_is_lost_of_one_colour_or_at_the_same_size() -> None:
    flat = torch.full((2, 32, 32, 1), 7, dtype=torch.uint8)
    assert detail_lost(flat, (20, 20)) == 0.0
    assert detail_lost(torch.from_numpy(noise(2)), (32, 32)) == pytest.approx(0.0, abs=1e-9)


def test_shrunk_pictures_are_bytes_with_the_same_mean() -> None:
    images = torch.from_numpy(waves())
    small = shrunk(images, (20, 20))
    assert small.shape == (20, 20, 20, 3) and small.dtype == torch.uint8
    assert small.float().mean() == pytest.approx(images.float().mean(), abs=2.0)
