from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.examples import ImageExamples, statistics
from archsmith.data.images.pipeline import ImagePipeline, Normalisation
from archsmith.training.batches import Feed, ahead, n_batches, plain_batches, training_batches

DATA = ImageExamples(
    np.random.default_rng(0).integers(0, 256, (50, 6, 6, 3), dtype=np.uint8), np.arange(50) % 10, tuple("0123456789")
)
NORMAL = ImagePipeline(Normalisation(*statistics(DATA.images)))


def changing(**fields: float) -> ImagePipeline:
    return ImagePipeline(NORMAL.normalisation, ImageAugmentation(**fields))  # type: ignore[arg-type]


FEED = Feed(DATA, torch.from_numpy(DATA.targets))


def test_normalised_pictures_have_mean_zero_and_deviation_one() -> None:
    images, *rest = plain_batches(DATA, NORMAL)
    assert not rest
    assert images.shape == (50, 3, 6, 6)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(images.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_plain_batches_stop_at_the_limit() -> None:
    assert [len(images) for images in plain_batches(DATA, NORMAL, batch_size=8, limit=20)] == [8, 8, 4]


def test_an_epoch_sees_each_picture_once_in_a_new_order() -> None:
    size = 10
    pipeline = NORMAL
    seen = torch.cat([images for images, _ in training_batches(FEED, size, pipeline, seed=0, epoch=0)])
    again = torch.cat([images for images, _ in training_batches(FEED, size, pipeline, seed=0, epoch=1)])
    whole = next(plain_batches(DATA, NORMAL))
    for epoch in (seen, again):
        assert torch.allclose(epoch.sum((1, 2, 3)).sort().values, whole.sum((1, 2, 3)).sort().values, atol=1e-4)
    assert not torch.equal(seen, again)


def test_the_same_seed_and_epoch_give_the_same_batches() -> None:
    size = 16
    pipeline = changing(shift=0.2, flip=True, cutout=0.3)
    one, two = (list(training_batches(FEED, size, pipeline, seed=5, epoch=3)) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(one, two, strict=True))
    assert len(one) == n_batches(50, 16) == 3


def test_fewer_pictures_than_a_batch_are_one_batch() -> None:
    small = Feed(DATA.take(np.arange(7)), torch.arange(7))
    assert [len(targets) for _, targets in training_batches(small, 128, NORMAL, seed=0, epoch=0)] == [7]


def test_pictures_keep_their_targets() -> None:
    numbers = torch.from_numpy(DATA.images.mean((1, 2, 3), dtype=np.float32))
    size = 10
    plain = ImagePipeline(Normalisation((0.0,) * 3, (1.0,) * 3))
    for images, targets in training_batches(Feed(DATA, numbers), size, plain, seed=0, epoch=0):
        assert torch.allclose(255 * images.mean((1, 2, 3)), targets, atol=1e-3)


def test_a_memory_map_stays_one(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", DATA.images)
    mapped = ImageExamples(np.load(tmp_path / "x.npy", mmap_mode="r"), DATA.targets, DATA.classes)
    feed = Feed(mapped, FEED.targets)
    assert feed.resident is None
    size = 16
    pipeline = changing(cutout=0.3)
    one, two = (list(training_batches(f, size, pipeline, seed=5, epoch=3)) for f in (FEED, feed))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, two, strict=True))


def test_a_set_that_lies_on_its_device_gives_the_same_batches() -> None:
    resident = Feed(DATA, FEED.targets)
    resident.resident = {"image": torch.from_numpy(DATA.images)}  # as on a GPU with room for it
    size = 16
    pipeline = changing(shift=0.2, flip=True)
    one, two = (list(training_batches(feed, size, pipeline, seed=5, epoch=3)) for feed in (FEED, resident))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(one, two, strict=True))


def test_normalising_stays_on_the_device_of_the_pictures() -> None:
    assert NORMAL.normalisation(torch.zeros((4, 6, 6, 3), dtype=torch.uint8, device="meta")).device.type == "meta"


def test_one_batch_is_made_ahead_on_cuda_only() -> None:
    made: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    assert next(ahead(batches(), torch.device("cuda"))) == 0
    assert made == [0, 1]
    made.clear()
    assert next(ahead(batches(), torch.device("cpu"))) == 0
    assert made == [0]
    assert [list(ahead(iter(range(n)), torch.device("cuda"))) for n in (0, 1, 3)] == [[], [0], [0, 1, 2]]
