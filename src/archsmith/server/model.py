"""One version of one model: its network, loaded and warm, with a queue of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.images import LARGE_PIXELS
from archsmith.bundle.intake import Call, Window
from archsmith.bundle.manifest import MANIFEST, MODEL, Manifest, file_checksum, no_bundle
from archsmith.bundle.page import card_of
from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.seeds import generator
from archsmith.data.images.decode import IMAGE
from archsmith.server.batching import Arrays, Batcher
from archsmith.server.settings import Settings
from archsmith.server.tensors import BY_TYPE, Tensor

VERSION_LENGTH = 12  # characters of a checksum
FAST_SECONDS = 0.3e-3  # waking another thread and coming back costs about as much
PAYS = 0.7  # an example in a full call takes at most this share of the time that it takes alone, or gathering is no use
ROUNDS = 5
WARM_SECONDS = 0.25  # after which no further call is made to measure


class Network(Protocol):
    """What runs ``model.onnx``.

    ``inputs``, ``outputs``: in the model's order.
    ``manifest``: of the bundle; None for a file that is no bundle of ours.
    ``batched``: does the first axis of inputs and outputs count examples?
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    manifest: Manifest | None
    batched: bool

    def run(self, inputs: Arrays) -> list[NDArray[Any]]: ...

    def sample(self, n: int) -> Arrays: ...


class BundleNetwork:
    """The network of a bundle. Calls run in the thread that calls."""

    batched = True

    def __init__(self, folder: Path) -> None:
        """Raises UsageError when there is no bundle, or a damaged one."""
        self.predictor = Predictor(folder, threads=1)
        self.manifest: Manifest | None = self.predictor.manifest
        self._intake = self.predictor.manifest.intake
        output = self.predictor.manifest.output
        self.inputs = tuple(
            Tensor(entry.name, BY_TYPE[entry.type], tuple(-1 if length is None else length for length in entry.shape))
            for entry in self._intake.model_inputs
        )
        self.outputs: tuple[Tensor, ...] = (Tensor(output.name, "FP32", (-1, output.n)),)

    def run(self, inputs: Arrays) -> list[NDArray[Any]]:
        """The one output, ``(n, n_classes)`` or ``(n, 1)``. Raises ArchsmithError."""
        first = next(iter(inputs.values()))
        n, large = len(first), IMAGE in inputs and first.size // first.shape[-1] > LARGE_PIXELS
        rows = self.predictor.run(Window(n, (Call(np.arange(n), inputs, large),)))
        return [rows if rows.ndim == 2 else rows[:, None]]

    def sample(self, n: int) -> Arrays:
        """Inputs of n random examples."""
        (window,) = self._intake.windows(self._intake.sample(n, generator(0, "server", "warm-up")))
        return window.calls[0].inputs


@dataclass(eq=False)
class Model:
    """A model that is being served.

    ``name``: in the paths of requests.
    ``version``: the beginning of a checksum over all that matters.
    ``folder``: where it came from.
    ``network``: what runs it.
    ``batcher``: the queue in front of it.
    ``latency_ms``: of one example alone, measured when it was loaded; infinite where it could not be measured.
    ``card``: the text of ``MODEL_CARD.md`` when it was loaded; empty where there is none.
    ``document``: what is cached about it, by key, such as its part of the OpenAPI document.
    """

    name: str
    version: str
    folder: Path
    network: Network
    batcher: Batcher
    latency_ms: float
    card: str = ""
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def manifest(self) -> Manifest:
        """Of the bundle. Raises UsageError for a file that is no bundle of ours."""
        if self.network.manifest is None:
            raise UsageError(
                f"The model {self.name!r} is no Archsmith bundle and takes tensors only.",
                f"Send them to /v2/models/{self.name}/infer.",
            )
        return self.network.manifest

    async def run(self, inputs: Arrays) -> list[NDArray[Any]]:
        """The outputs for these inputs. Many examples go in parts that several threads share. Raises ArchsmithError."""
        n, most = len(next(iter(inputs.values()))) if self.network.batched else 1, self.batcher.batch
        if n <= most:
            return await self.batcher.submit(inputs, n)
        firsts = range(0, n, most)
        parts = [{name: array[first : first + most] for name, array in inputs.items()} for first in firsts]
        found = await asyncio.gather(*(self.batcher.submit(part, len(next(iter(part.values())))) for part in parts))
        return [np.concatenate(pieces) for pieces in zip(*found, strict=True)]

    def about(self) -> dict[str, Any]:
        """What ``/v1/models/{name}`` says."""
        common = {
            "name": self.name,
            "version": self.version,
            "tensors": {
                "inputs": [tensor.to_dict() for tensor in self.network.inputs],
                "outputs": [tensor.to_dict() for tensor in self.network.outputs],
            },
        }
        manifest = self.network.manifest
        if manifest is None:
            return {**common, "kind": "foreign"}
        output, facts = manifest.output, manifest.facts
        return {
            **common,
            "kind": output.kind,
            "modality": manifest.intake.kind,
            "takes": manifest.intake.takes,
            "inputs": manifest.intake.to_inputs(),
            "classes": list(output.classes) or None,
            "target": output.target or None,
            "metrics": {split: dict(values) for split, values in facts.metrics.items()},
            "params": manifest.params,
            "macs": manifest.macs,
            "created": manifest.created,
        }


def load(
    name: str, folder: Path, settings: Settings, executor: Executor, on_call: Callable[[int], None] = lambda n: None
) -> Model:
    """The model in ``folder``, warm. Raises UsageError when it cannot be served."""
    network, version = _opened(folder, settings)
    alone, together = _warmed(network, settings.batch)
    pays = network.batched and together < PAYS * alone
    batcher = Batcher(
        network.run,
        executor,
        threads=settings.threads,
        batch=settings.batch if network.batched else 1,
        window=settings.window_ms / 1000 if pays else 0.0,
        fast=alone <= FAST_SECONDS,
        on_call=on_call,
    )
    return Model(name, version, folder, network, batcher, 1000 * alone, card_of(folder))


def signature(folder: Path) -> tuple[Any, ...] | None:
    """Changes when the files of a model do. None while there is nothing to be read."""
    found: list[Any] = []
    # Path.is_file raises for a folder that cannot be looked at for a moment
    places = (folder,) if os.path.isfile(folder) else (folder / MANIFEST, folder / MODEL)
    for path in places:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((path.name, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found) or None


def _opened(folder: Path, settings: Settings) -> tuple[Network, str]:
    if folder.is_dir() and (folder / MANIFEST).exists():
        network: Network = BundleNetwork(folder)
        return network, file_checksum(folder / MANIFEST)[:VERSION_LENGTH]
    path = folder / MODEL if folder.is_dir() else folder
    if not path.is_file():
        raise no_bundle(folder)
    if not settings.foreign:
        onnx = path.suffix == ".onnx"
        raise no_bundle(folder, "ONNX files of others are served with --allow-foreign." if onnx else None)
    from archsmith.server.foreign import ForeignNetwork

    found = ForeignNetwork(path)
    return found, found.checksum[:VERSION_LENGTH]


def _warmed(network: Network, batch: int) -> tuple[float, float]:
    """Seconds for one example alone, and for one in a full call: the fastest of some calls each. A slow network is not
    tried in full calls; examples gain little by each other there. Infinite for a file of others that does not run on
    its sample: with its open lengths it may on others.
    """
    try:
        alone = _fastest(network, network.sample(1))
    except ArchsmithError:
        if network.manifest is not None:
            raise
        return float("inf"), float("inf")
    if not network.batched or batch == 1 or alone * batch > WARM_SECONDS:
        return alone, alone
    return alone, _fastest(network, network.sample(batch)) / batch


def _fastest(network: Network, inputs: Mapping[str, NDArray[Any]]) -> float:
    network.run(inputs)  # the first call allocates
    best, spent = float("inf"), 0.0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        network.run(inputs)
        took = time.perf_counter() - began
        best, spent = min(best, took), spent + took
        if spent > WARM_SECONDS:
            break
    return best
