"""Speed of a GPU: throughput of two networks, one step with shared weights, and a whole training.

    python benchmarks/gpu.py --data cifar10.npz [--device auto] [--epochs 20]
    python benchmarks/gpu.py --quick          (under a minute on any machine; it shows only that the script runs)

``--data`` is a folder of class folders, or any other pictures that ``archsmith fit`` reads. An ``.npz`` of encoded
pictures (``blob``, ``offsets``, ``labels``, ``is_train``, ``class_names``) is unpacked once. The default is the digits.
It measures

* forward + backward in images a second: the fixed residual network and NASNet-A 6@768, in float32 and mixed precision,
  in NCHW and channels_last;
* one step of ENAS: sample a child of the micro space, take its weights from the bank, forward, backward, SGD;
* the final training of the fixed network: test score, seconds, milliseconds of a step.

It prints tables, and at the end the same figures as one line of JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from torch import nn

from archsmith.core.errors import ArchsmithError
from archsmith.data.images.load import load
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.cost import cost, training_memory_mb
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.graphs.network import Network
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasnet import NasNetScale
from archsmith.spaces.zoo import ZOO
from archsmith.training import device as devices
from archsmith.training import precision
from archsmith.training.goal import Goal
from archsmith.training.loop import train
from archsmith.training.measure import evaluate
from archsmith.training.recipe import Recipe

SHAPE, N_CLASSES = (3, 32, 32), 10
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(step: Callable[[], None], device: torch.device, repeats: int) -> float:
    """Median of ``repeats`` rounds of a few steps each. Two steps before them pay for compiling."""
    step(), step()
    wait(device)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(steps := 1 if device.type == "cpu" else 5):
            step()
        wait(device)
        times.append((time.perf_counter() - began) / steps)
    return statistics.median(times)


def throughput(
    name: str, graph: Graph, batch: int, arithmetic: str, layout: str, device: torch.device, repeats: int
) -> dict[str, Any]:
    """One row: forward + backward of ``graph`` on random pictures."""
    row: dict[str, Any] = {"network": name, "batch": batch, "arithmetic": arithmetic, "format": layout}
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        network = Network(graph, seed=0).to(device, memory_format=FORMATS[layout]).train()
        network.channels_last = layout == "channels_last"
        images = torch.randn(batch, *SHAPE, device=device).contiguous(memory_format=FORMATS[layout])
        labels = torch.arange(batch, device=device) % N_CLASSES
        scaler = precision.scaler(arithmetic, device)

        def step() -> None:
            network.zero_grad(set_to_none=True)
            with precision.autocast(arithmetic, device):
                outputs = network(images)
            scaler.scale(nn.functional.cross_entropy(outputs.float(), labels)).backward()

        with devices.tuned(device):
            seconds = seconds_of(step, device, repeats)
    except torch.OutOfMemoryError:
        return {**row, "error": "out of memory"}
    row |= {"images_per_second": round(batch / seconds, 1), "step_ms": round(1000 * seconds, 2)}
    if device.type == "cuda":
        row |= {
            "peak_mb": round(torch.cuda.max_memory_allocated(device) / 1e6),
            "graph_mb": round(training_memory_mb(graph, batch, n_slots=0)),
        }
    return row


def all_throughputs(device: torch.device, quick: bool, repeats: int) -> list[dict[str, Any]]:
    fixed = ConvStages(SHAPE, n_outputs=N_CLASSES)
    nasnet = ZOO["nasnet_a_cifar"].space
    if quick:
        nasnet = dataclasses.replace(nasnet, scale=NasNetScale(filters=8, cells=1))
    last = 6 * 4 * nasnet.scale.filters  # the paper's name has the cells of a stage, and the filters of the last cell
    graphs = {
        "fixed residual": fixed.graph(fixed.first()),
        f"NASNet-A {nasnet.scale.cells}@{last}": nasnet.graph(ZOO["nasnet_a_cifar"].architecture).without(AUXILIARY),
    }
    mixed = precision.choose("auto", None, device)
    rows = []
    print(
        f"\n{'network':>15} {'batch':>6} {'arithmetic':>10} {'format':>14} {'images/s':>10} {'ms':>9} {'peak MB':>8} "
        f"{'graph MB':>9}"
    )
    for name, graph in graphs.items():
        for batch in (16,) if quick else (128, 512):
            for arithmetic in dict.fromkeys(("float32", mixed)):
                for layout in FORMATS:
                    row = throughput(name, graph, batch, arithmetic, layout, device, repeats)
                    rows.append(row)
                    shown = [row.get(key, "") for key in ("images_per_second", "step_ms", "peak_mb", "graph_mb")]
                    print(f"{name:>15} {batch:6d} {arithmetic:>10} {layout:>14}", end=" ")
                    print(row["error"] if "error" in row else "{:>10} {:>9} {:>8} {:>9}".format(*shown), flush=True)
    return rows


def enas_step(device: torch.device, quick: bool, repeats: int) -> dict[str, Any]:
    """One step with a child of the micro space and a bank: seconds of the step, and of sampling and building alone."""
    scale = (
        EnasMicroScale(filters=4, layers=3, shared=True) if quick else EnasMicroScale(filters=20, layers=6, shared=True)
    )
    space, batch = EnasMicro(SHAPE, n_outputs=N_CLASSES, scale=scale), 16 if quick else 160
    bank, rng = WeightBank(seed=0), np.random.default_rng(0)
    images = torch.randn(batch, *SHAPE, device=device)
    labels = torch.arange(batch, device=device) % N_CLASSES
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1, device=device))], lr=0.05, momentum=0.9, nesterov=True)
    building: list[float] = []

    def step() -> None:
        began = time.perf_counter()
        graph = space.graph(space.sample(rng)).without(AUXILIARY)
        made = bank.require(graph)
        network = Network(graph, bank).to(device).train()  # moves new weights of the bank to the device
        if made:
            optimizer.add_param_group({"params": made})
        building.append(time.perf_counter() - began)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    seconds = seconds_of(step, device, repeats)
    row = {
        "batch": batch,
        "step_ms": round(1000 * seconds, 2),
        "building_ms": round(1000 * statistics.median(building), 2),
        "keys": len(bank),
    }
    print(
        f"\nENAS step (micro space, {scale.filters} filters, {scale.layers} layers, batch {batch}, weights from a "
        f"bank): {row['step_ms']} ms,",
        end=" ",
    )
    print(f"of which {row['building_ms']} ms sample and build the child; {row['keys']} weights by key.")
    return row


def final_training(data: str, epochs: float, device: torch.device, workspace: Path) -> dict[str, Any]:
    """Train the fixed network on ``data``, as ``archsmith fit`` does."""
    splits = load(data, workspace, seed=0).splits
    space = ConvStages.for_task(splits.task)
    graph = space.graph(space.first())
    goal = Goal.of(splits.task, splits.target_statistics)
    pipeline = splits.pipeline(splits.augmentation())
    network = Network(graph, seed=0)

    def report(epoch: float, metrics: Any) -> None:
        print(
            f"  epoch {epoch:5.1f} of {epochs:g}: "
            + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()),
            flush=True,
        )

    print(
        f"\nFinal training of the fixed network ({cost(graph).params:,} parameters) on {splits.name}, "
        f"{len(splits.train):,} pictures {splits.train.images.shape[1:]}"
    )
    recipe = Recipe().sized(len(splits.train))
    trained = train(
        network, splits.train, recipe, pipeline, goal=goal, device=device, seed=0, valid=splits.valid, epochs=epochs,
        report=report,
        measure_every=max(1, round(epochs / 5)),
    )  # fmt: skip
    score = evaluate(network, splits.test, splits.pipeline(), goal, device=device)
    row = {
        "data": splits.name,
        "epochs": epochs,
        "batch": recipe.batch_size,
        "precision": trained.precision,
        "seconds": round(trained.seconds, 1),
        "step_ms": round(1000 * trained.step_seconds, 2),
        "images_per_second": round(recipe.batch_size / trained.step_seconds, 1),
        "test": {name: round(value, 4) for name, value in score.metrics.items()},
    }
    print(
        f"  {row['seconds']} s, {row['step_ms']} ms a step ({row['images_per_second']} images/s); test "
        + json.dumps(row["test"])
    )
    return row


def readable(data: str | None, workspace: Path) -> str:
    """``data``; an ``.npz`` of encoded pictures is unpacked into class folders first."""
    if data is not None and data.endswith(".npz"):
        with np.load(data, allow_pickle=False) as file:
            encoded = "blob" in file.files
        if encoded:
            from cifar10 import unpacked  # the benchmark next to this one

            return str(unpacked(Path(data), workspace / "pictures"))
    return data or "digits"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of class folders, .npz, ... (default: digits)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    options = parser.parse_args()
    try:
        device = devices.choose(options.device)
        print(f"torch {torch.__version__}. {device.sentence}")
        repeats = 1 if options.quick else 5
        with tempfile.TemporaryDirectory() as workspace:
            results = {
                "torch": torch.__version__,
                "device": device.sentence,
                "throughput": all_throughputs(device.torch, options.quick, repeats),
                "enas": enas_step(device.torch, options.quick, repeats),
                "final": final_training(
                    readable(options.data, Path(workspace)),
                    options.epochs or (2 if options.quick else 20),
                    device.torch,
                    Path(workspace) / "cache",
                ),
            }
    except ArchsmithError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
