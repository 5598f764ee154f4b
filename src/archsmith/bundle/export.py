"""Write a bundle: everything into a folder beside the target, verify it there, and only then let it take the target's place.

``model.onnx`` comes from ``torch.onnx.export(dynamo=True)`` of preprocessing + network + softmax with a free number of images, height and width. What
the exporter adds for its own debugging (stack traces with paths of the training machine) is taken out again.
"""

from __future__ import annotations

import contextlib
import glob
import json
import logging
import platform
import secrets
import shutil
import time
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
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import ARCHITECTURE, CARD, FILES, MANIFEST, MODEL, SOURCE, WEIGHTS, Facts, Manifest, Preprocessing, file_checksum, read
from archsmith.bundle.preprocess import Whole
from archsmith.bundle.verify import RawImages, Verification, portable, verify
from archsmith.core.errors import ArchsmithError, MissingExtraError, UsageError
from archsmith.core.seeds import generator
from archsmith.core.task import Task
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.version import VERSION

LITTER = frozenset(("__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini"))  # what systems leave in any folder that was looked at
STALE_SECONDS = 3600.0  # a part folder of this age belongs to an export that was killed


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
    images: RawImages | None = None,
    labels: NDArray[np.int64] | None = None,
) -> Verification:
    """Write the bundle of a trained image classifier to ``folder`` and return the figures of its verification.

    ``network`` is the trained network of ``graph``; it takes images normalised with ``mean`` and ``std`` (per channel, on the scale 0..1).
    ``images`` are raw pictures at their original size to verify with (see ``verify``), random ones when None. An existing bundle at ``folder`` is
    replaced at the very end. Raises UsageError when the target cannot be used, ArchsmithError when the exported network differs from the trained one.
    """
    check_ready()
    target = check_target(folder)
    channels, height, width = _image_shape(task)
    settings = Preprocessing(height, width, channels, tuple(map(float, mean)), tuple(map(float, std)), float(temperature))
    facts = facts or Facts()
    graph = graph.without(AUXILIARY)  # it helps training and is no part of what predicts
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    part = target.parent / f".{target.name}.part-{secrets.token_hex(4)}"
    part.mkdir()
    try:
        plain = portable(network)
        (part / MODEL).write_bytes(onnx_bytes(plain, settings))
        _write_weights(plain, graph, part / WEIGHTS)
        (part / SOURCE).write_text(listing(graph, settings, task.outputs[0].classes), encoding="utf-8")
        (part / ARCHITECTURE).write_text(json.dumps(dict(facts.architecture), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        verification = _finish(part, plain, graph, task, settings, facts, images, labels)
        _swap(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return verification


def check_ready() -> None:
    """Raises MissingExtraError unless everything that an export needs is installed."""
    for package in ("onnx", "onnxscript", "safetensors"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError.of(package, "train", "Writing a bundle") from error


def check_target(folder: str | Path) -> Path:
    """The absolute target, if a bundle may be written there: it does not exist, is empty, or holds a bundle and nothing else. Raises UsageError.

    Worth calling before a search starts, so that a wrong ``--out`` is not found after the budget is spent.
    """
    target = Path(folder).expanduser().resolve()
    if target.exists() and not target.is_dir():
        raise UsageError(f"The bundle cannot be written to {str(target)!r}: there is a file of that name.", "Give a folder.")
    if target == Path(target.anchor):
        raise UsageError(f"The bundle cannot be written to {str(target)!r}.", "Give a folder of its own.")
    if not target.exists():
        return target
    content = {entry.name for entry in target.iterdir()} - LITTER
    if not content or (_is_bundle(target) and content <= {*FILES, MANIFEST}):
        return target
    foreign = sorted(content - {*FILES, MANIFEST}) or sorted(content)
    raise UsageError(
        f"The folder {str(target)!r} holds something other than a bundle ({foreign[0]}), so it is not replaced.",
        "Give a new or an empty folder, or one that holds a bundle.",
    )


def _is_bundle(folder: Path) -> bool:
    try:
        read(folder)
    except UsageError:
        return False
    return True


def onnx_bytes(network: nn.Module, settings: Preprocessing) -> bytes:
    """``model.onnx``: ``image`` uint8 ``(batch, height, width, C)`` -> ``probabilities`` float32 ``(batch, n_classes)``."""
    free = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("height", min=1), 2: torch.export.Dim("width", min=1)}
    # Sizes that are neither 1 nor equal to each other or to the network's, lest the exporter takes a coincidence for a rule.
    example = torch.zeros(3, settings.height + 5, settings.width + 12, settings.channels, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            Whole(network, settings).eval(),
            (example,),
            input_names=["image"],
            output_names=["probabilities"],
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
    for holder in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer, *model.graph.value_info):
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
    """The exporter's warnings are about its own insides, and a person can do nothing about them; errors still come through."""
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
    state = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items() if name.rpartition(".")[0] in nodes}
    save_file(state, path, metadata={"format": "pt"})


def _finish(
    part: Path,
    network: nn.Module,
    graph: Graph,
    task: Task,
    settings: Preprocessing,
    facts: Facts,
    images: RawImages | None,
    labels: NDArray[np.int64] | None,
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
            verification=None if verification is None else {**vars(verification), "images": "random" if images is None else "given"},
        )

    manifest(None).write(part)  # the predictor wants one
    verification = verify(part, network, graph, _random_images(settings) if images is None else images, None if images is None else labels)
    (part / CARD).write_text(card(manifest(verification)), encoding="utf-8")
    manifest(verification).write(part)
    return verification


def _random_images(settings: Preprocessing) -> list[NDArray[np.uint8]]:
    """Noise at the network's size, larger and smaller ones, wide and tall."""
    rng = generator(0, "bundle", "verify")
    height, width = settings.height, settings.width
    sizes = [(height, width)] * 4 + [(2 * height, 2 * width), (3 * height + 1, width + 7), (max(1, height // 2), 5 * width), (1, 1)]
    return [rng.integers(0, 256, (h, w, settings.channels), dtype=np.uint8) for h, w in sizes]


def _image_shape(task: Task) -> tuple[int, int, int]:
    fits = len(task.inputs) == 1 and task.inputs[0].kind == "image" and len(task.outputs) == 1 and task.outputs[0].kind == "classes"
    if not fits or not task.outputs[0].classes or any(length is None for length in task.inputs[0].shape):
        raise UsageError("Only classifiers of images of a fixed size with named classes can be exported so far.")
    channels, height, width = (int(length or 0) for length in task.inputs[0].shape)
    return channels, height, width


def _versions() -> dict[str, str]:
    found = {"archsmith": VERSION, "python": platform.python_version()}
    for package in ("torch", "onnx", "onnxruntime", "numpy", "pillow", "safetensors"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _swap(part: Path, target: Path) -> None:
    """Put ``part`` in the place of ``target``; the old bundle comes back if that fails."""
    if not target.exists():
        part.rename(target)
        return
    check_target(target)  # somebody may have put something there in the meantime
    old = target.parent / f".{target.name}.old-{secrets.token_hex(4)}"
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what exports to the same target left behind when they were killed."""
    kinds = ("part", "old") if target.exists() else ("part",)  # without a target, the old one may be the only copy
    for kind in kinds:
        for left in target.parent.glob(f".{glob.escape(target.name)}.{kind}-*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
