"""Write a bundle: everything into a folder beside the target, verify it there, and only then let it take the target's
place.

``model.onnx`` comes from ``torch.onnx.export(dynamo=True)`` of preprocessing + network + softmax (for a number: its
units) with a free number of images, height and width. What the exporter adds for its own debugging (stack traces with
paths of the training machine) is taken out again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import platform
import shutil
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archsmith.bundle.card import card
from archsmith.bundle.folder import check_target, replacing
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import (
    ARCHITECTURE,
    CARD,
    FILES,
    MODEL,
    OPTIONAL_FILES,
    SOURCE,
    WEIGHTS,
    Facts,
    Manifest,
    Preprocessing,
    file_checksum,
    read,
)
from archsmith.bundle.predictor import output_name
from archsmith.bundle.preprocess import Whole
from archsmith.bundle.verify import RawImages, Verification, portable, verify
from archsmith.core.errors import ArchsmithError, MissingExtraError, UsageError
from archsmith.core.seeds import generator
from archsmith.core.task import Task
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.version import VERSION


def export(
    network: nn.Module,
    graph: Graph,
    task: Task,
    folder: str | Path,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    facts: Facts | None = None,
    temperature: float = 1.0,
    target_statistics: tuple[float, float] | None = None,
    images: RawImages | None = None,
    labels: NDArray[Any] | None = None,
) -> Verification:
    """Write the bundle of a trained image network to ``folder`` and return the figures of its verification.

    ``network`` is the trained network of ``graph``; it takes images normalised with ``mean`` and ``std`` (per channel,
    on the scale 0..1). Of classes it gives logits, which ``temperature`` divides; of a number it gives standard units
    of ``target_statistics`` = (mean, standard deviation). ``images`` are raw pictures at their original size to verify
    with (see ``verify``), random ones when None; ``labels`` go with them. An existing bundle at ``folder`` is replaced
    at the very end. Raises UsageError when the target cannot be used, ArchsmithError when the exported network differs
    from the trained one.
    """
    check_ready()
    target = check_target(folder)
    settings = _settings(task, mean, std, temperature, target_statistics)
    facts = facts or Facts()
    graph = graph.without(AUXILIARY)  # it helps training and is no part of what predicts
    with replacing(target) as part:
        plain = portable(network)
        (part / MODEL).write_bytes(onnx_bytes(plain, settings, task.numeric))
        _write_weights(plain, graph, part / WEIGHTS)
        (part / SOURCE).write_text(listing(graph, settings, task.outputs[0]), encoding="utf-8")
        (part / ARCHITECTURE).write_text(
            json.dumps(dict(facts.architecture), indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        verification = _finish(part, plain, graph, task, settings, facts, images, labels)
        _keep_optional(target, part, facts)
    return verification


def _keep_optional(target: Path, part: Path, facts: Facts) -> None:
    """What lies beside an older bundle of the same study stays; the report of another study would tell about another
    network.
    """
    kept = [name for name in OPTIONAL_FILES if (target / name).is_file()]
    if kept and facts.study is not None and read(target).facts.study == facts.study:
        for name in kept:
            shutil.copy2(target / name, part / name)


def check_ready() -> None:
    """Raises MissingExtraError unless everything that an export needs is installed."""
    for package in ("onnx", "onnxscript", "safetensors"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError.of(package, "train", "Writing a bundle") from error


def onnx_bytes(network: nn.Module, settings: Preprocessing, numeric: bool = False) -> bytes:
    """``model.onnx``: ``image`` uint8 ``(batch, height, width, C)`` -> ``probabilities`` float32 ``(batch,
    n_classes)``, or ``value`` ``(batch, 1)``.
    """
    free = {
        0: torch.export.Dim("batch", min=1),
        1: torch.export.Dim("height", min=1),
        2: torch.export.Dim("width", min=1),
    }
    # Sizes that are neither 1 nor equal to each other or to the network's, lest the exporter takes a coincidence for a
    # rule.
    example = torch.zeros(3, settings.height + 5, settings.width + 12, settings.channels, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            Whole(network, settings, numeric).eval(),
            (example,),
            input_names=["image"],
            output_names=[output_name(numeric)],
            dynamic_shapes={"image": free},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ArchsmithError("torch.onnx.export returned nothing.")
    model = program.model_proto
    _strip(model)
    content: bytes = model.SerializeToString()
    return content


def _strip(model: Any) -> None:
    """Remove the exporter's debugging notes (stack traces, paths, Python class names); keep names, shapes and weights."""
    for holder in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
        *model.graph.value_info,
    ):
        del holder.metadata_props[:]
        holder.ClearField("doc_string")
    for function in model.functions:
        for holder in (function, *function.node, *function.value_info):
            del holder.metadata_props[:]
            holder.ClearField("doc_string")
    model.producer_name, model.producer_version = "archsmith", VERSION
    model.graph.name = "network"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's warnings are about its own insides, and a person can do nothing about them; errors still come
    through.
    """
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _write_weights(network: nn.Module, graph: Graph, path: Path) -> None:
    """The tensors of the nodes of ``graph``, under their names in ``network``."""
    from safetensors.torch import save_file

    nodes = {node.name for node in graph.nodes}
    state = {
        name: tensor.detach().contiguous()
        for name, tensor in network.state_dict().items()
        if name.rpartition(".")[0] in nodes
    }
    save_file(state, path, metadata={"format": "pt"})


def _finish(
    part: Path,
    network: nn.Module,
    graph: Graph,
    task: Task,
    settings: Preprocessing,
    facts: Facts,
    images: RawImages | None,
    labels: NDArray[Any] | None,
) -> Verification:
    """Verify what stands in ``part``, then write the card and the final manifest."""
    counted = cost(graph)

    def manifest(verification: Verification | None) -> Manifest:
        return Manifest(
            task=task,
            preprocessing=settings,
            facts=facts,
            params=counted.params,
            macs=counted.macs,
            versions=_versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files={name: file_checksum(part / name) for name in FILES if (part / name).exists()},
            verification=None
            if verification is None
            else {**vars(verification), "images": "random" if images is None else "given"},
        )

    manifest(None).write(part)  # the predictor wants one
    verification = verify(
        part, network, graph, _random_images(settings) if images is None else images, None if images is None else labels
    )
    (part / CARD).write_text(card(manifest(verification)), encoding="utf-8")
    manifest(verification).write(part)
    return verification


def _random_images(settings: Preprocessing) -> list[NDArray[np.uint8]]:
    """Noise at the network's size, larger and smaller ones, wide and tall."""
    rng = generator(0, "bundle", "verify")
    height, width = settings.height, settings.width
    sizes = [(height, width)] * 4 + [
        (2 * height, 2 * width),
        (3 * height + 1, width + 7),
        (max(1, height // 2), 5 * width),
        (1, 1),
    ]
    return [rng.integers(0, 256, (h, w, settings.channels), dtype=np.uint8) for h, w in sizes]


def _settings(
    task: Task,
    mean: Sequence[float],
    std: Sequence[float],
    temperature: float,
    target_statistics: tuple[float, float] | None,
) -> Preprocessing:
    fits = (
        len(task.inputs) == 1
        and task.inputs[0].kind == "image"
        and None not in task.inputs[0].shape
        and len(task.outputs) == 1
    )
    if not fits or not (task.outputs[0].classes or (task.numeric and task.outputs[0].n == 1)):
        raise UsageError(
            "Only networks that tell named classes or one number from images of a fixed size can be exported so far."
        )
    if task.numeric == (target_statistics is None):
        raise UsageError(
            "The mean and standard deviation of the training numbers (target_statistics) belong to a task that "
            "predicts a number, and only to it."
        )
    channels, height, width = (int(length or 0) for length in task.inputs[0].shape)
    target_mean, target_std = map(float, target_statistics or (0.0, 1.0))
    return Preprocessing(
        height,
        width,
        channels,
        tuple(map(float, mean)),
        tuple(map(float, std)),
        float(temperature),
        target_mean=target_mean,
        target_std=target_std,
    )


def _versions() -> dict[str, str]:
    found = {"archsmith": VERSION, "python": platform.python_version()}
    for package in ("torch", "onnx", "onnxruntime", "numpy", "pillow", "safetensors"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
