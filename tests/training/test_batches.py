from __future__ import annotations

import numpy as np
import torch

from archsmith.data.images import ImageSet, statistics
from archsmith.training.batches import Normalisation, n_batches, plain_batches, training_batches
from archsmith.training.recipe import Recipe

DATA = ImageSet(np.random.default_rng(0).integers(0, 256, (50, 6, 6, 3), dtype=np.uint8), np.arange(50) % 10, tuple("0123456789"))
NORMAL = Normalisation(*statistics(DATA.images))


def test_normalised_pictures_have_mean_zero_and_deviation_one() -> None:
    (images, labels), *rest = plain_batches(DATA, NORMAL)
    assert not rest
    assert images.shape == (50, 3, 6, 6)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(images.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    assert labels.tolist() == DATA.labels.tolist()


def test_plain_batches_stop_at_the_limit() -> None:
    assert [len(labels) for _, labels in plain_batches(DATA, NORMAL, batch_size=8, limit=20)] == [8, 8, 4]


def test_an_epoch_sees_each_picture_once_in_a_new_order() -> None:
    recipe = Recipe(batch_size=10, shift=0.0)
    seen = torch.cat([images for images, _ in training_batches(DATA, recipe, NORMAL, seed=0, epoch=0)])
    again = torch.cat([images for images, _ in training_batches(DATA, recipe, NORMAL, seed=0, epoch=1)])
    whole = next(plain_batches(DATA, NORMAL))[0]
    for epoch in (seen, again):
        assert torch.allclose(epoch.sum((1, 2, 3)).sort().values, whole.sum((1, 2, 3)).sort().values, atol=1e-4)
    assert not torch.equal(seen, again)


def test_the_same_seed_and_epoch_give_the_same_batches() -> None:
    recipe = Recipe(batch_size=16, shift=0.2, flip=True, cutout=0.3)
    one, two = (list(training_batches(DATA, recipe, NORMAL, seed=5, epoch=3)) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(one, two, strict=True))
    assert len(one) == n_batches(50, 16) == 3


def test_fewer_pictures_than_a_batch_are_one_batch() -> None:
    small = DATA.take(np.arange(7))
    assert [len(labels) for _, labels in training_batches(small, Recipe(batch_size=128), NORMAL, seed=0, epoch=0)] == [7]
