from __future__ import annotations

import pytest
import torch

from archsmith.data.images.augment import augment
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.pipeline import ImagePipeline, Normalisation

NORMAL = Normalisation((0.2, 0.4, 0.6), (0.1, 0.2, 0.5))
IMAGES = torch.randint(0, 256, (8, 5, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_bytes_become_units_of_deviation_with_channels_first() -> None:
    found = NORMAL(IMAGES)
    expected = (IMAGES.double() / 255 - torch.tensor(NORMAL.mean)) / torch.tensor(NORMAL.std)
    assert (found.shape, found.dtype) == ((8, 3, 5, 4), torch.float32)
    torch.testing.assert_close(found, expected.permute(0, 3, 1, 2).float())


def test_the_fill_is_the_mean_colour_in_bytes() -> None:
    fill = NORMAL.fill
    assert (fill.tolist(), fill.dtype) == ([51, 102, 153], torch.uint8)


def test_inputs_are_the_normalised_pictures_by_name() -> None:
    found = ImagePipeline(NORMAL).inputs({"image": IMAGES})
    assert list(found) == ["image"]
    assert torch.equal(found["image"], NORMAL(IMAGES))


def test_without_augmentation_a_batch_stays_itself() -> None:
    batch = {"image": IMAGES}
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    assert ImagePipeline(NORMAL).augmented(batch, generator) is batch
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("cutout", [0.0, 0.4])
def test_augmentation_blanks_with_the_mean_colour(cutout: float) -> None:
    changes = ImageAugmentation(shift=0.2, flip=True, cutout=cutout)
    found = ImagePipeline(NORMAL, changes).augmented({"image": IMAGES}, torch.Generator().manual_seed(1))
    expected = augment(IMAGES, changes, NORMAL.fill, torch.Generator().manual_seed(1))
    assert torch.equal(found["image"], expected)
    assert found["image"].dtype == torch.uint8


def test_training_pictures_may_be_smaller_than_those_that_are_measured() -> None:
    pipeline = ImagePipeline(NORMAL, ImageAugmentation(shift=0.2), size=(3, 2))
    assert pipeline.augmented({"image": IMAGES}, torch.Generator().manual_seed(1))["image"].shape == (8, 3, 2, 3)
    assert pipeline.inputs({"image": IMAGES})["image"].shape == (8, 3, 5, 4)
