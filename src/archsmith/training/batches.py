"""From an ``ImageSet`` (possibly a memory map) to normalised float batches in channels_last.

An epoch's order and augmentation come from one generator seeded by (seed, epoch), so that training can go on at any epoch boundary exactly as if it
had never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsmith.core.seeds import derive
from archsmith.data.images import ImageSet
from archsmith.training.augment import augment
from archsmith.training.recipe import Recipe


@dataclass(frozen=True)
class Normalisation:
    """``(value / 255 - mean) / std`` for each channel; ``mean`` and ``std`` ``(C,)`` in units of full brightness, fitted on the training split."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 ``(n, H, W, C)`` as float32 ``(n, C, H, W)`` in channels_last."""
        scale = torch.tensor([1 / (255 * s) for s in self.std], dtype=torch.float32)
        offset = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=torch.float32)
        return (images.to(torch.float32) * scale + offset).permute(0, 3, 1, 2)

    @property
    def fill(self) -> Tensor:
        """The mean colour, uint8 ``(C,)``."""
        return torch.tensor([round(255 * m) for m in self.mean], dtype=torch.uint8)


def gather(data: ImageSet, indexes: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """uint8 ``(n, H, W, C)`` and int64 ``(n,)`` tensors of the pictures at ``indexes``; copies only those."""
    return torch.from_numpy(np.take(data.images, indexes, axis=0)), torch.from_numpy(np.take(data.labels, indexes))


def n_batches(n: int, batch_size: int) -> int:
    """Batches in an epoch; a last incomplete one is left out unless it is the only one."""
    return max(1, n // batch_size)


def training_batches(data: ImageSet, recipe: Recipe, normalisation: Normalisation, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order: ``(images float32 (b, C, H, W), labels (b,))``. Same arguments, same batches."""
    generator = torch.Generator().manual_seed(derive(seed, "epoch", epoch))
    order = torch.randperm(len(data), generator=generator).numpy()
    fill = normalisation.fill
    size = min(recipe.batch_size, len(data))
    for start in range(0, n_batches(len(data), size) * size, size):
        images, labels = gather(data, order[start : start + size])
        yield normalisation(augment(images, recipe, fill, generator)), labels


def plain_batches(data: ImageSet, normalisation: Normalisation, batch_size: int = 256, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """The pictures in order and unchanged, the first ``limit`` of them when given."""
    end = len(data) if limit is None else min(limit, len(data))
    for start in range(0, end, batch_size):
        images, labels = gather(data, np.arange(start, min(start + batch_size, end)))
        yield normalisation(images), labels
