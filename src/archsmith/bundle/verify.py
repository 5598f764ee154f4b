"""A bundle counts as done only after this: the exported network, on raw examples, gives what the trained one gives.

Three ways are compared on the same examples: the predictor (onnxruntime, preprocessing inside the graph), the trained
torch network behind the preprocessing in numpy that its training data went through, and ``network.py`` with
``weights.safetensors``. The limits are those of the project: probabilities within 1e-4, accuracy within 0.1 point;
regression targets within 1e-4 of the standard deviation of the training targets.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archsmith.bundle.exporter import Exporter
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import SOURCE, WEIGHTS, check_files
from archsmith.bundle.model import meaning
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.predictor import Predictor
from archsmith.core import metrics
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.graphs.graph import AUXILIARY, Graph

MAX_DIFFERENCE = 1e-4  # of any probability; of any value as ``_value_difference`` counts it
MAX_ACCURACY_DIFFERENCE = 0.001  # 0.1 point
MAX_SOURCE_DIFFERENCE = 1e-5  # of any output of the network, relative to the largest; 0 when both run the same kernels
DEFECT = "Nothing was written. This is a defect of the export; please report the architecture."


@dataclass(frozen=True)
class Verification:
    """What was measured on ``n`` examples.

    ``max_difference``: the largest of a probability; or of a value in standard deviations of the training targets,
        and where it lies more than one of them from their mean, relative to that distance.
    ``accuracy_predictor``, ``accuracy_torch``: of the exported and of the trained network, 0 to 1; None without classes
        to compare with.
    ``n``: how many examples.
    ``seconds``: that it took.
    ``source_difference``: the largest of an output of ``network.py``, relative to the largest output.
    ``rmse_predictor``, ``rmse_torch``: root mean squared errors in the target's unit; None without regression targets
        to compare with.
    ``n_source``: how many of the examples ``source_difference`` was measured on.
    """

    max_difference: float
    accuracy_predictor: float | None
    accuracy_torch: float | None
    n: int
    seconds: float
    source_difference: float
    rmse_predictor: float | None = None
    rmse_torch: float | None = None
    n_source: int = 0


def verify(
    folder: str | Path, network: nn.Module, graph: Graph, examples: Any, targets: NDArray[Any] | None = None
) -> Verification:
    """Compare the bundle in ``folder`` with the trained ``network`` on raw ``examples``, as ``Predictor`` takes them.

    ``targets``: ``(n,)``, indexes of classes, or regression targets. Raises ArchsmithError when they differ by more
    than the limits above, UsageError when the bundle is damaged or there is nothing to compare.
    """
    started = time.perf_counter()
    folder = Path(folder)
    manifest = check_files(folder)
    output, exporter = manifest.output, manifest.intake.exporter()
    exported = list(Predictor(folder).stream(examples))
    if not exported:
        raise UsageError("A bundle cannot be verified without examples.", "Give at least one.")
    found = np.concatenate(exported)
    if targets is not None and len(targets) != len(found):
        raise UsageError(f"There are {len(found)} examples but {len(targets)} targets to verify with.")
    expected = _expected(network, exporter, output, examples)
    scores: dict[str, float | None] = {}
    accuracies: tuple[float | None, float | None] = (None, None)
    if output.is_regression:
        expected = expected[:, 0]
        difference = _value_difference(found, expected, output.mean, output.std)
        if targets is not None:
            scores = {"rmse_predictor": metrics.rmse(found, targets), "rmse_torch": metrics.rmse(expected, targets)}
    else:
        difference = _probability_difference(found, expected)
        accuracies = _accuracies(found, expected, targets)
    text = listing(graph.without(AUXILIARY), exporter, output)
    first = exporter.first(examples)
    source_difference = _source_difference(folder, text, portable(network), exporter, first)
    seconds = time.perf_counter() - started
    return Verification(difference, *accuracies, len(found), seconds, source_difference, n_source=len(first), **scores)


def _expected(network: nn.Module, exporter: Exporter, output: ModelOutput, examples: Any) -> NDArray[np.float32]:
    """What the trained network predicts, ``(n, k)``."""
    trained, mean = _inference(network), meaning(output)
    with torch.no_grad():
        return np.concatenate([mean(trained(batch).float()).numpy() for batch in exporter.prepared(examples)])


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


def _value_difference(exported: NDArray[np.float32], expected: NDArray[np.float32], mean: float, std: float) -> float:
    """The largest difference in standard deviations of the training targets. Raises ArchsmithError above the limit.

    float32 rounds relative to a number's size. The difference of a value that lies far out, as those of rows far from
    the training data may, is therefore relative to its distance from the mean.
    """
    unit = np.maximum(std, np.abs(expected.astype(np.float64) - mean))
    differences = np.abs(exported.astype(np.float64) - expected) / unit
    # Targets that vary little around a large mean (years) are coarse in float32, however they were computed.
    coarse = 2 * np.spacing(np.abs(expected)) / unit
    difference = float(differences.max())
    if not (differences <= MAX_DIFFERENCE + coarse).all():
        raise ArchsmithError(
            f"The exported network differs from the trained one by {difference:.2g} standard deviations "
            f"({MAX_DIFFERENCE:g} is allowed).",
            DEFECT,
        )
    return difference


def _accuracies(
    exported: NDArray[np.float32], expected: NDArray[np.float32], targets: NDArray[Any] | None
) -> tuple[float | None, float | None]:
    """Of the exported and of the trained network; None without targets. Raises ArchsmithError when they differ by more
    than the limit.
    """
    if targets is None:
        return None, None
    ours, theirs = (metrics.accuracy(rows.argmax(axis=1), targets) for rows in (exported, expected))
    # On a handful of examples one tie between two classes is more than 0.1 point.
    if abs(ours - theirs) > max(MAX_ACCURACY_DIFFERENCE, 1 / len(targets)) + 1e-12:
        raise ArchsmithError(
            f"The exported network is right on {ours:.2%} of the examples, the trained one on {theirs:.2%}.", DEFECT
        )
    return ours, theirs


def portable(network: nn.Module) -> nn.Module:
    """A copy for export: float32 on the CPU, standard memory layout, evaluation mode. The original stays as it is."""
    plain = _inference(network).to(memory_format=torch.contiguous_format)
    if hasattr(plain, "channels_last"):
        plain.channels_last = False  # the layout is a matter of speed in torch, and noise in an exported graph
    return plain


def _inference(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).to(device="cpu", dtype=torch.float32).eval()


def _source_difference(folder: Path, text: str, network: nn.Module, exporter: Exporter, first: Any) -> float:
    """Largest difference of an output between ``network.py`` with its weights file and ``network`` on what ``first`` of
    the ``exporter`` gave, relative to the largest output.

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
        prepared = namespace["preprocess"](first)
        ours = network(exporter.batch(prepared)).float()
        loaded = namespace["load"](str(folder / WEIGHTS))
        theirs = (loaded(*prepared) if isinstance(prepared, tuple) else loaded(prepared)).float()
    difference = float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1.0))
    if not difference <= MAX_SOURCE_DIFFERENCE:
        raise ArchsmithError(
            f"The generated {SOURCE} differs from the trained network by {difference:.2g}.",
            "Nothing was written. Please report the architecture.",
        )
    return difference
