"""A bundle counts as done only after this: the exported network, on raw images, gives what the trained one gives.

Three ways are compared on the same pictures at their original size: the predictor (onnxruntime, preprocessing inside
the graph), the trained torch network behind ``archsmith.data.images.resize`` (numpy, what the training cache was made with),
and ``network.py`` with ``weights.safetensors``. The limits are those of the project: probabilities within 1e-4,
accuracy within 0.1 point; numbers within 1e-4 of the standard deviation of the training numbers.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import SOURCE, WEIGHTS, Preprocessing, check_files
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.preprocess import numbers, probabilities
from archsmith.core import metrics
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.data.images.decode import Pixels, decode
from archsmith.data.images.resize import resize_float
from archsmith.graphs.graph import AUXILIARY, Graph

MAX_DIFFERENCE = 1e-4  # of any probability; of any number in standard deviations of the training numbers
MAX_ACCURACY_DIFFERENCE = 0.001  # 0.1 point
MAX_SOURCE_DIFFERENCE = 1e-5  # of any output of the network, relative to the largest; 0 when both run the same kernels
CHUNK = 256
DEFECT = "Nothing was written. This is a defect of the export; please report the architecture."

RawImages = Pixels | Sequence[Pixels | str | Path]


@dataclass(frozen=True)
class Verification:
    """What was measured on ``n`` images.

    ``max_difference`` is the largest of a probability, or of a number in standard deviations of the training numbers.
    With labels there are both accuracies (0..1) or both root mean squared errors (in the number's unit), else None.
    ``source_difference`` is the largest difference of an output of ``network.py``, relative to the largest output.
    """

    max_difference: float
    accuracy_predictor: float | None
    accuracy_torch: float | None
    n: int
    seconds: float
    source_difference: float
    rmse_predictor: float | None = None
    rmse_torch: float | None = None


def verify(
    folder: str | Path, network: nn.Module, graph: Graph, raw_images: RawImages, labels: NDArray[Any] | None = None
) -> Verification:
    """Compare the bundle in ``folder`` with the trained ``network`` on ``raw_images``: arrays ``(n, H, W, C)``, or a
    list of ``(H, W, C)`` and paths.

    ``labels`` ``(n,)`` are indexes of classes, or the true numbers. Raises ArchsmithError when they differ by more than
    the limits above, UsageError when the bundle is damaged or there is nothing to compare.
    """
    started = time.perf_counter()
    folder = Path(folder)
    if len(raw_images) == 0:
        raise UsageError("A bundle cannot be verified without images.", "Give at least one.")
    if labels is not None and len(labels) != len(raw_images):
        raise UsageError(f"There are {len(raw_images)} images but {len(labels)} labels to verify with.")
    manifest = check_files(folder)
    settings = manifest.preprocessing
    trained = _inference(network)

    meaning = numbers if manifest.numeric else probabilities
    exported = np.concatenate(list(Predictor(folder).stream(raw_images)))
    expected = np.concatenate([_answers(trained, batch, settings, meaning) for batch in _batches(raw_images, settings)])
    if manifest.numeric:
        expected = expected[:, 0]
        difference = _number_difference(exported, expected, settings)
        scores = {"rmse_predictor": _rmse(exported, labels), "rmse_torch": _rmse(expected, labels)}
        accuracies: tuple[float | None, float | None] = (None, None)
    else:
        difference = _probability_difference(exported, expected)
        scores, accuracies = {}, _accuracies(exported, expected, labels)
    text = listing(graph.without(AUXILIARY), settings, manifest.task.outputs[0])
    source_difference = _source_difference(folder, text, portable(network), _first(raw_images, settings))
    return Verification(
        difference, *accuracies, len(raw_images), time.perf_counter() - started, source_difference, **scores
    )


def _probability_difference(exported: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference. Raises ArchsmithError above the limit."""
    difference = float(np.abs(exported - expected).max())
    if not difference <= MAX_DIFFERENCE:
        raise ArchsmithError(
            f"The exported network differs from the trained one by {difference:.2g} in a probability "
            f"({MAX_DIFFERENCE:g} is allowed).",
            DEFECT,
        )
    return difference


def _number_difference(exported: NDArray[np.float32], expected: NDArray[np.float32], settings: Preprocessing) -> float:
    """The largest difference in standard deviations of the training numbers. Raises ArchsmithError above the limit."""
    difference = float(np.abs(exported.astype(np.float64) - expected).max()) / settings.target_std
    # Numbers that vary little around a large mean (years) are coarse in float32, however they were computed.
    coarse = 2 * float(np.spacing(np.abs(expected).max())) / settings.target_std
    if not difference <= MAX_DIFFERENCE + coarse:
        raise ArchsmithError(
            f"The exported network differs from the trained one by {difference:.2g} standard deviations "
            f"({MAX_DIFFERENCE:g} is allowed).",
            DEFECT,
        )
    return difference


def _accuracies(
    exported: NDArray[np.float32], expected: NDArray[np.float32], labels: NDArray[Any] | None
) -> tuple[float | None, float | None]:
    """Of the exported and of the trained network; None without labels. Raises ArchsmithError when they differ by more
    than the limit.
    """
    if labels is None:
        return None, None
    ours, theirs = (metrics.accuracy(rows.argmax(axis=1), labels) for rows in (exported, expected))
    # On a handful of images one tie between two classes is more than 0.1 point.
    if abs(ours - theirs) > max(MAX_ACCURACY_DIFFERENCE, 1 / len(labels)) + 1e-12:
        raise ArchsmithError(
            f"The exported network is right on {ours:.2%} of the images, the trained one on {theirs:.2%}.", DEFECT
        )
    return ours, theirs


def _rmse(values: NDArray[np.float32], labels: NDArray[Any] | None) -> float | None:
    return None if labels is None else metrics.rmse(values, labels)


def portable(network: nn.Module) -> nn.Module:
    """A copy for export: float32 on the CPU, standard memory layout, evaluation mode. The original stays as it is."""
    plain = _inference(network).to(memory_format=torch.contiguous_format)
    if hasattr(plain, "channels_last"):
        plain.channels_last = False  # the layout is a matter of speed in torch, and noise in an exported graph
    return plain


def _inference(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).to(device="cpu", dtype=torch.float32).eval()


def _answers(
    network: nn.Module, batch: Tensor, settings: Preprocessing, meaning: Callable[..., Tensor]
) -> NDArray[np.float32]:
    with torch.no_grad():
        answers: NDArray[np.float32] = meaning(network(batch).float(), settings=settings).numpy()
    return answers


def _raw(raw_images: RawImages, channels: int) -> Iterator[Pixels]:
    for image in raw_images:
        yield decode(image, channels) if isinstance(image, str | Path) else image


def _batches(raw_images: RawImages, settings: Preprocessing) -> Iterator[Tensor]:
    """Normalised float32 ``(n, C, h, w)`` by way of numpy, so that the comparison does not lean on the module that was
    exported.
    """
    mean, std = np.array(settings.mean, dtype=np.float32), np.array(settings.std, dtype=np.float32)
    pixels: list[NDArray[np.float32]] = []
    for index, image in enumerate(_raw(raw_images, settings.channels), start=1):
        pixels.append(resize_float(image, settings.height, settings.width))
        if len(pixels) == CHUNK or index == len(raw_images):
            values = (np.stack(pixels) / np.float32(255) - mean) / std
            yield torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
            pixels = []


def _first(raw_images: RawImages, settings: Preprocessing) -> Tensor:
    """uint8 ``(n, H, W, C)``: the first images, as far as they have one size."""
    batch: list[Pixels] = []
    for image in islice(_raw(raw_images, settings.channels), CHUNK):
        if batch and image.shape != batch[0].shape:
            break
        batch.append(image)
    return torch.from_numpy(np.stack(batch))


def _source_difference(folder: Path, text: str, network: nn.Module, raw: Tensor) -> float:
    """Largest difference of an output between ``network.py`` with its weights file and ``network``, relative to the
    largest output.

    The text is executed only after comparing it with what this process just generated: a file that somebody sent is
    never run.
    """
    if (folder / SOURCE).read_text(encoding="utf-8") != text:
        raise ArchsmithError(
            f"The {SOURCE} of this bundle was not written from this graph.", "Export the bundle again."
        )
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, SOURCE, "exec"), namespace)
    with torch.no_grad():
        inputs = namespace["preprocess"](raw)
        ours = network(inputs).float()
        theirs = namespace["load"](str(folder / WEIGHTS))(inputs).float()
    difference = float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1.0))
    if not difference <= MAX_SOURCE_DIFFERENCE:
        raise ArchsmithError(
            f"The generated {SOURCE} differs from the trained network by {difference:.2g}.",
            "Nothing was written. Please report the architecture.",
        )
    return difference
