"""The export half of pictures: preprocessing as a torch module, so that it is exported inside the model.

The resize is the one of ``archsmith.data.images.resize`` (a separable triangle filter, widened when shrinking, so that
small details do not alias): two matrix products whose weight matrices are computed inside the graph from the image's
height and width. numpy, torch and ONNX therefore agree to the precision of float32, and an image that already has the
right size passes unchanged (its weights are the identity).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsmith.bundle.exporter import Exporter, literal
from archsmith.bundle.images import CHUNK, READING, ImageIntake
from archsmith.core.seeds import generator
from archsmith.data.images.decode import IMAGE, Pixels, decode
from archsmith.data.images.resize import resize_float

CONSTANTS = '''\
HEIGHT, WIDTH, CHANNELS = {height}, {width}, {channels}
MEAN = {mean}  # of each channel, for values from 0 to 1
STD = {std}


def resize_weights(n_in: int, n_out: int) -> torch.Tensor:
    """Triangle filter (n_out, n_in), widened when shrinking, so that every pixel counts. Equal sizes: the identity."""
    ours = 2 * torch.arange(n_out)[:, None] + 1
    theirs = 2 * torch.arange(n_in)[None, :] + 1
    weights = torch.relu(1.0 - (theirs * n_out - ours * n_in).abs().float() / (2.0 * max(n_in, n_out)))
    return weights / weights.sum(1, keepdim=True)


def preprocess(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, height, width, {channels}) of any size -> float32 (n, {channels}, {height}, {width}), for the net."""
    n, height, width, channels = images.shape
    rows = resize_weights(height, HEIGHT) @ images.float().reshape(n, height, width * channels)
    pixels = rows.reshape(n, HEIGHT, width, channels).permute(0, 3, 1, 2) @ resize_weights(width, WIDTH).T
    return (pixels / 255.0 - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)'''

RawImages = Pixels | Sequence[Pixels | str | Path]


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

    def __init__(self, intake: ImageIntake) -> None:
        super().__init__()
        self.height, self.width = intake.height, intake.width
        self.register_buffer("mean", torch.tensor(intake.mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(intake.std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        n, height, width, channels = image.shape
        # Rows first, on the layout as it comes: only the small result is ever transposed.
        rows = weights(height, self.height) @ image.to(torch.float32).reshape(n, height, width * channels)
        planes = rows.reshape(n, self.height, width, channels).permute(0, 3, 1, 2)
        pixels = planes @ weights(width, self.width).T
        return (pixels / 255.0 - cast(Tensor, self.mean)) / cast(Tensor, self.std)


class ImageExporter(Exporter):
    """``Exporter`` of pictures. Raw examples are an array ``(n, H, W, C)``, or a list of ``(H, W, C)`` and paths."""

    argument = "images: torch.Tensor"
    call = "network(preprocess(images))"

    def __init__(self, intake: ImageIntake) -> None:
        self.intake = intake
        self.argument_words = f"uint8 (n, height, width, {intake.channels}) of any size"

    def preprocessing(self) -> nn.Module:
        return Preprocess(self.intake)

    def example(self) -> dict[str, Tensor]:
        # Sizes that are neither 1 nor equal to each other or to the network's, lest the exporter takes a coincidence
        # for a rule.
        size = (3, self.intake.height + 5, self.intake.width + 12, self.intake.channels)
        return {IMAGE: torch.zeros(size, dtype=torch.uint8)}

    def free(self) -> dict[str, dict[int, Any]]:
        axes = ("batch", "height", "width")
        return {IMAGE: {axis: torch.export.Dim(name, min=1) for axis, name in enumerate(axes)}}

    def opening(self) -> list[str]:
        return [
            "import numpy as np, torch",
            *READING,
            "",
            *self.intake.read_in_python("picture.png"),
            "images = torch.from_numpy(images)",
        ]

    def constants(self) -> str:
        intake = self.intake
        return CONSTANTS.format(
            height=intake.height,
            width=intake.width,
            channels=intake.channels,
            mean=literal(intake.mean),
            std=literal(intake.std),
        )

    def random_examples(self) -> list[NDArray[np.uint8]]:
        """Noise at the network's size, larger and smaller ones, wide and tall."""
        rng = generator(0, "bundle", "verify")
        height, width = self.intake.height, self.intake.width
        sizes = [(height, width)] * 4 + [
            (2 * height, 2 * width),
            (3 * height + 1, width + 7),
            (max(1, height // 2), 5 * width),
            (1, 1),
        ]
        return [rng.integers(0, 256, (h, w, self.intake.channels), dtype=np.uint8) for h, w in sizes]

    def prepared(self, examples: RawImages) -> Iterator[Tensor]:
        """Normalised float32 ``(n, C, h, w)``."""
        mean = np.array(self.intake.mean, dtype=np.float32)
        std = np.array(self.intake.std, dtype=np.float32)
        pixels: list[NDArray[np.float32]] = []
        for index, image in enumerate(self._raw(examples), start=1):
            pixels.append(resize_float(image, self.intake.height, self.intake.width))
            if len(pixels) == CHUNK or index == len(examples):
                values = (np.stack(pixels) / np.float32(255) - mean) / std
                yield torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
                pixels = []

    def first(self, examples: RawImages) -> Tensor:
        """uint8 ``(n, H, W, C)``: the first images, as far as they have one size."""
        batch: list[Pixels] = []
        for image in islice(self._raw(examples), CHUNK):
            if batch and image.shape != batch[0].shape:
                break
            batch.append(image)
        return torch.from_numpy(np.stack(batch))

    def _raw(self, examples: RawImages) -> Iterator[Pixels]:
        for image in examples:
            yield decode(image, self.intake.channels) if isinstance(image, str | Path) else image
