from __future__ import annotations

import numpy as np
import pytest
import torch

from archsmith.bundle.images import ImageIntake
from archsmith.bundle.images_export import Preprocess, weights
from archsmith.data.images import resize

SIZES = [(28, 28), (1, 5), (5, 1), (28, 32), (32, 28), (640, 28), (7, 64), (3000, 33)]


@pytest.mark.parametrize(("n_in", "n_out"), SIZES)
def test_weights_are_those_of_the_data_side(n_in: int, n_out: int) -> None:
    assert np.abs(weights(n_in, n_out).numpy() - resize.weights(n_in, n_out)).max() <= 2e-7


def test_equal_size_is_the_identity() -> None:
    assert torch.equal(weights(33, 33), torch.eye(33))


@pytest.mark.parametrize("size", [(28, 20), (61, 47), (3, 90), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizes_and_normalises_as_numpy_does(size: tuple[int, int], channels: int) -> None:
    intake = ImageIntake(28, 20, channels, (0.2, 0.5, 0.4)[:channels], (0.3, 0.2, 0.1)[:channels])
    image = np.random.default_rng(1).integers(0, 256, (*size, channels), dtype=np.uint8)
    expected = (resize.resize_float(image, 28, 20) / 255 - np.float32(intake.mean)) / np.float32(intake.std)
    got = Preprocess(intake)(torch.from_numpy(image)[None])
    assert got.shape == (1, channels, 28, 20)
    assert np.abs(got[0].permute(1, 2, 0).numpy() - expected).max() < 1e-5
