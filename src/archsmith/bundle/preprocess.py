"""Preprocessing as a torch module, so that it is exported inside the model: uint8 image of any size in, normalised
input of the network out.

The resize is the one of ``archsmith.data.images.resize`` (a separable triangle filter, widened when shrinking, so that small
details do not alias): two matrix products whose weight matrices are computed inside the graph from the image's height
and width. numpy, torch and ONNX therefore agree to the precision of float32, and an image that already has the right
size passes unchanged (its weights are the identity).
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from archsmith.bundle.manifest import Preprocessing


def weights(n_in: int, n_out: int) -> Tensor:
    """Resize weights ``(n_out, n_in)``, each row adding up to 1; ``n_in`` may be a symbolic size while exporting.

    Pixel ``j`` counts for output ``i`` by the distance of their centres. Written with whole numbers (centres times ``2
    n_out``), because a product such as ``(i + 0.5) * n_in / n_out`` rounds differently in every runtime.
    """
    j = 2 * torch.arange(n_in) + 1
    i = 2 * torch.arange(n_out) + 1
    distance = (j[None, :] * n_out - i[:, None] * n_in).abs().to(torch.float32)
    width = 2.0 * torch.sym_max(n_in, n_out)
    raw = torch.relu(1.0 - distance / width)
    return raw / raw.sum(dim=1, keepdim=True)


class Preprocess(nn.Module):
    """uint8 ``(n, H, W, channels)`` of any H and W -> float32 ``(n, channels, height, width)``, contiguous."""

    def __init__(self, settings: Preprocessing) -> None:
        super().__init__()
        self.height, self.width = settings.height, settings.width
        self.register_buffer("mean", torch.tensor(settings.mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(settings.std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        n, height, width, channels = image.shape
        # Rows first, on the layout as it comes: only the small result is ever transposed.
        rows = weights(height, self.height) @ image.to(torch.float32).reshape(n, height, width * channels)
        planes = rows.reshape(n, self.height, width, channels).permute(0, 3, 1, 2)
        pixels = planes @ weights(width, self.width).T
        return (pixels / 255.0 - cast(Tensor, self.mean)) / cast(Tensor, self.std)


class Whole(nn.Module):
    """What becomes ``model.onnx``: preprocessing, network, and what its outputs mean. uint8 ``(n, H, W, C)`` -> float32
    ``(n, n_classes)`` probabilities, or ``(n, 1)`` numbers in the target's own units.
    """

    def __init__(self, network: nn.Module, settings: Preprocessing, numeric: bool = False) -> None:
        super().__init__()
        self.preprocess = Preprocess(settings)
        self.network = network
        self.meaning = partial(numbers if numeric else probabilities, settings=settings)

    def forward(self, image: Tensor) -> Tensor:
        return self.meaning(self.network(self.preprocess(image)).to(torch.float32))


def probabilities(logits: Tensor, settings: Preprocessing) -> Tensor:
    """Softmax at the temperature, ``(n, n_classes)``."""
    # Without the test, a division by 1 would stay in every exported graph.
    return torch.softmax(logits if settings.temperature == 1.0 else logits / settings.temperature, dim=1)


def numbers(outputs: Tensor, settings: Preprocessing) -> Tensor:
    """From standard units to the target's own, ``(n, 1)``."""
    return settings.target_mean + settings.target_std * outputs
