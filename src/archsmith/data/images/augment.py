"""Augmentation of batches of pictures: shift, mirror, cutout.

It works on uint8 tensors ``(n, H, W, C)`` on any device, before they become floats. Random numbers are drawn on the CPU
from a given generator, so that every device makes the same pictures. A shift fills what it uncovers with the pixels of
the edge, which suits photographs and drawings alike. A cutout fills its square with the mean colour.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archsmith.data.images.augmentation import ImageAugmentation


def augment(images: Tensor, settings: ImageAugmentation, fill: Tensor, generator: torch.Generator) -> Tensor:
    """A changed copy of ``images`` uint8 ``(n, H, W, C)``. ``fill``, uint8 ``(C,)``, is the colour of cut squares. All
    random numbers come from ``generator``.
    """
    if settings.shift:
        images = shift(images, settings.shift, generator)
    if settings.flip:
        images = mirror(images, generator)
    if settings.cutout:
        images = cutout(images, settings.cutout, fill, generator)
    return images


def shift(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Move each picture in both directions by up to ``share`` of its side, at least one pixel. The edge is repeated."""
    n, height, width, _ = images.shape
    dy, dx = max(1, round(share * height)), max(1, round(share * width))
    top = torch.randint(-dy, dy + 1, (n, 1), generator=generator)
    left = torch.randint(0, 2 * dx + 1, (n, 1), generator=generator)
    if images.device.type == "cpu":
        return _shift_by_runs(images, top, left, dx)
    return _shift_by_pixels(images, top.to(images.device), left.to(images.device), dx)


def _shift_by_runs(images: Tensor, top: Tensor, left: Tensor, dx: int) -> Tensor:
    # Each row of the result is a run of bytes of the padded picture. On a CPU, copying runs is several times as fast as
    # indexing pixels.
    n, height, width, channels = images.shape
    rows = torch.arange(n)[:, None] * height + (top + torch.arange(height)).clamp_(0, height - 1)
    columns = torch.arange(-dx, width + dx).clamp_(0, width - 1)
    padded = images.index_select(2, columns)
    runs = padded.reshape(-1).unfold(0, width * channels, 1)
    starts = (rows * (width + 2 * dx) + left) * channels
    return runs.index_select(0, starts.reshape(-1)).reshape(n, height, width, channels)


def _shift_by_pixels(images: Tensor, top: Tensor, left: Tensor, dx: int) -> Tensor:
    n, height, width, _ = images.shape
    pictures, rows, columns = (torch.arange(size, device=images.device) for size in (n, height, width))
    rows = (top + rows).clamp_(0, height - 1)
    columns = (left - dx + columns).clamp_(0, width - 1)
    return images[pictures[:, None, None], rows[:, :, None], columns[:, None, :]]


def mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn each picture left to right with probability one half."""
    turned = (torch.rand(images.shape[0], generator=generator) < 0.5).to(images.device)
    return torch.where(turned[:, None, None, None], images.flip(2), images)


def cutout(images: Tensor, share: float, fill: Tensor, generator: torch.Generator) -> Tensor:
    """Cover a square of ``share`` of the shorter side, its centre anywhere in the picture, with ``fill``."""
    n, height, width, _ = images.shape
    side = max(1, round(share * min(height, width)))
    top = torch.randint(0, height, (n, 1), generator=generator) - side // 2
    left = torch.randint(0, width, (n, 1), generator=generator) - side // 2
    rows = torch.arange(height)[None, :]
    columns = torch.arange(width)[None, :]
    in_rows = ((rows >= top) & (rows < top + side)).to(images.device)
    in_columns = ((columns >= left) & (columns < left + side)).to(images.device)
    return torch.where((in_rows[:, :, None] & in_columns[:, None, :])[..., None], fill.to(images.device), images)
