"""Memory of training compared with the forecast from the graph. It is the peak growth of a process over two steps; each
network has its own process.

    python benchmarks/memory.py [--batches 16,64,128] [--samples 10] [--precisions float32,bfloat16]

Networks: the fixed one of ``conv_stages``, random ones of that space, a small NASNet-A. Linux only (it reads
``/proc``). It prints one line for each network, then least, median and most of the ratio for each precision.
``archsmith.training.memory.PREDICTED`` comes from these ratios.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import record

SHAPE, N_CLASSES = (3, 32, 32), 10


def graph_of(name: str):
    from archsmith.spaces.conv_stages import ConvStages
    from archsmith.spaces.nasnet import NasNetScale
    from archsmith.spaces.zoo import ZOO

    if name == "nasnet_a":
        entry = ZOO["nasnet_a_cifar"]
        return dataclasses.replace(entry.space, scale=NasNetScale(filters=16, cells=2)).graph(entry.architecture)
    space = ConvStages(SHAPE, n_outputs=N_CLASSES)
    return space.graph(space.first() if name == "fixed" else space.sample(np.random.default_rng(int(name))))


def status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1]) / 1e6


def measure(name: str, batch: int, precision: str) -> None:
    """Print predicted and measured megabytes."""
    import torch

    from archsmith.data.images.examples import ImageExamples
    from archsmith.data.images.pipeline import ImagePipeline, Normalisation
    from archsmith.graphs.cost import training_memory_mb
    from archsmith.graphs.network import Network
    from archsmith.training.goal import ClassGoal
    from archsmith.training.loop import train
    from archsmith.training.recipe import Recipe

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    channels, height, width = SHAPE

    def step(graph, batch: int, steps: int) -> None:
        images = rng.integers(0, 256, (steps * batch, height, width, channels), dtype=np.uint8)
        data = ImageExamples(images, np.arange(len(images)) % N_CLASSES, tuple("0123456789"))
        plain = ImagePipeline(Normalisation((0.5,) * channels, (0.25,) * channels))
        train(
            Network(graph, seed=0),
            data,
            Recipe(batch_size=batch),
            plain,
            goal=ClassGoal(),
            seed=0,
            epochs=1,
            arithmetic=precision,
        )

    step(graph_of("fixed"), 2, 2)  # the libraries' own memory does not count
    graph = graph_of(name)
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
    before = status_mb("VmRSS")
    step(graph, batch, 2)
    print(training_memory_mb(graph, batch), status_mb("VmHWM") - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", default="16,64,128")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--precisions", default="float32,bfloat16")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], int(options.one[1]), options.one[2])
        return
    if not Path("/proc/self/clear_refs").exists():
        print("Skipped: this reads /proc, which only Linux has.")
        return
    for precision in options.precisions.split(","):
        ratios = []
        for name in ("fixed", "nasnet_a", *map(str, range(1, options.samples + 1))):
            for batch in map(int, options.batches.split(",")):
                command = [sys.executable, __file__, "--one", name, str(batch), precision]
                predicted, grown = map(
                    float, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
                )
                ratios.append(grown / predicted)
                print(
                    f"{precision} {name:>9} batch {batch:4d}: graph {predicted:7.1f} MB, process {grown:7.1f} MB, "
                    f"ratio {ratios[-1]:.2f}",
                    flush=True,
                )
        print(
            f"{precision}: ratio {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f} "
            f"({len(ratios)} measurements)"
        )


if __name__ == "__main__":
    sys.exit(record.run(main))
