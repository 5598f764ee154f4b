"""Smaller pictures for the first part of a training: a step on them is cheaper, and most of what they show is there.

Progressive resizing: Howard 2018 (fast.ai's entry to DAWNBench); Tan and Le 2021, EfficientNetV2 (arXiv 2104.00298).
Pictures of single pixels, such as words in a one-hot code, lose what they show; how much is lost says which ones these
are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from archsmith.data.images.decode import Pixels

COARSE = 0.625  # of their side: 20 of 32 pixels
SMALLEST = 12  # pixels of a side that are left
# Share of the variance. CIFAR-10 loses 0.03 and gains 0.4 to 1.0 points after trainings that are worth three and four
# epochs; Fashion-MNIST loses 0.08, and 0.7 points. Pictures of single pixels lose 0.5 to 0.8.
MOST_LOST = 0.05
LOOKED_AT = 512  # pictures


def coarse_size(images: Pixels) -> tuple[int, int] | None:
    """Height and width that pictures ``(n, H, W, C)`` may be brought to; None where too much would be lost."""
    n, height, width, _ = images.shape
    size = round(COARSE * height), round(COARSE * width)
    if not n or min(size) < SMALLEST:
        return None
    chosen = torch.from_numpy(images[:: max(1, n // LOOKED_AT)][:LOOKED_AT].copy())
    return size if detail_lost(chosen, size) <= MOST_LOST else None


def detail_lost(images: Tensor, size: tuple[int, int]) -> float:
    """Share of the variance of pictures uint8 ``(n, H, W, C)`` that is gone when they come back from ``size``."""
    pictures = images.permute(0, 3, 1, 2).float()
    back = F.interpolate(_resized(pictures, size), size=pictures.shape[2:], mode="bicubic", align_corners=False)
    variance = float(pictures.var(dim=(0, 2, 3), correction=0).mean())
    return float((pictures - back).square().mean()) / variance if variance > 0 else 0.0


def shrunk(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures uint8 ``(n, H, W, C)`` at ``size``, on the same device."""
    values = _resized(images.permute(0, 3, 1, 2).float(), size)
    return values.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(pictures, size=size, mode="bilinear", antialias=True, align_corners=False)
