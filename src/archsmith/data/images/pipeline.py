"""From bytes of pictures to what a network takes: augmented in training, then normalised."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archsmith.data.examples import Batch
from archsmith.data.images.augment import augment
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.coarse import shrunk
from archsmith.data.images.decode import IMAGE


@dataclass(frozen=True)
class Normalisation:
    """``(value / 255 - mean) / std`` for each channel.

    ``mean``: ``(C,)`` in units of full brightness, from the training split.
    ``std``: ``(C,)``, the same.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 ``(n, H, W, C)`` as float32 ``(n, C, H, W)``, on the same device."""
        scale = torch.tensor([1 / (255 * s) for s in self.std], dtype=torch.float32)
        offset = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=torch.float32)
        values = images.to(torch.float32) * scale.to(images.device) + offset.to(images.device)
        return values.permute(0, 3, 1, 2)  # the network chooses the memory format; channels_last needs no copy

    @property
    def fill(self) -> Tensor:
        """The mean colour, uint8 ``(C,)``."""
        return torch.tensor([round(255 * m) for m in self.mean], dtype=torch.uint8)


@dataclass(frozen=True)
class ImagePipeline:
    """The ``Pipeline`` of pictures.

    ``normalisation``: makes floats of bytes.
    ``augmentation``: changes training batches; None changes nothing.
    ``size``: height and width of training pictures; None: as they are.
    """

    normalisation: Normalisation
    augmentation: ImageAugmentation | None = None
    size: tuple[int, int] | None = None

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        if self.augmentation is not None:
            batch = {IMAGE: augment(batch[IMAGE], self.augmentation, self.normalisation.fill, generator)}
        return batch if self.size is None else {IMAGE: shrunk(batch[IMAGE], self.size)}

    def inputs(self, batch: Batch) -> Batch:
        return {IMAGE: self.normalisation(batch[IMAGE])}
