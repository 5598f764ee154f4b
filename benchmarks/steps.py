"""Steps of training in the arithmetic that ``auto`` chooses, compared with float32 and with bfloat16.

    python benchmarks/steps.py [--samples 20] [--repeats 4] [--only darts,zoo] [--details]
    python benchmarks/steps.py --quick          (two networks of each space, about a minute)
    python benchmarks/steps.py --always --details --filters 8 --side 16      (where little work is not worth 16 bits)

Networks: the published ones of the zoo and random ones of each space for images, at a small scale. A step is forward
pass, loss, backward pass and an update of the weights on one batch of random pictures. The three arithmetics take turns
within each repetition. With one thread the time is that of the processor, which other work on the machine disturbs
least. A ratio is that of the two fastest steps, since other work only adds to a time.

It prints a line for each network of the zoo and for each space, and last how often ``auto`` took over 1.05 of the
better of the other two. Networks that did are measured again, up to two times, and the fastest steps of all count.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import record
import torch
from torch import nn

from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.darts import Darts, DartsScale
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.grammar import Grammar, GrammarScale
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.pnas import Pnas
from archsmith.spaces.zoo import ZOO
from archsmith.training import precision

N_CLASSES = 10
ARITHMETICS = ("auto", "float32", "bfloat16")
ALLOWED = 1.05  # times the better of float32 and bfloat16


def spaces(filters: int, side: int) -> dict[str, NetworkSpace]:
    shape = (3, side, side)
    return {
        "conv_stages": ConvStages(shape, N_CLASSES, scale=ConvStagesScale(filters)),
        "nasnet": NasNet(shape, N_CLASSES, scale=NasNetScale(filters, cells=1)),
        "pnas": Pnas(shape, N_CLASSES, scale=NasNetScale(filters, cells=1)),
        "enas_micro": EnasMicro(shape, N_CLASSES, scale=EnasMicroScale(filters, layers=3)),
        "enas_macro": EnasMacro(shape, N_CLASSES, scale=EnasMacroScale(filters)),
        "darts": Darts(shape, N_CLASSES, scale=DartsScale(filters, cells=3)),
        "nasbench201": NasBench201(shape, N_CLASSES, scale=NasBench201Scale(filters, cells=1)),
        "grammar": Grammar(shape, N_CLASSES, scale=GrammarScale(filters)),
    }


def small(space: NetworkSpace, filters: int, side: int) -> NetworkSpace:
    """A space of the zoo at a small scale. A stem for ImageNet halves a picture twice more, and gets a larger one."""
    scale = space.scale  # type: ignore[attr-defined]
    known = {"filters": filters}
    if isinstance(scale, NasNetScale):
        known |= {"cells": 1}
    elif isinstance(scale, DartsScale):
        known |= {"cells": 3}
    elif isinstance(scale, EnasMicroScale):
        known |= {"layers": 3}
    if getattr(scale, "stem", "cifar") == "imagenet":
        known |= {"stem_filters": filters}
        side *= 4
    return dataclasses.replace(
        space, input_shape=(3, side, side), n_outputs=N_CLASSES, scale=dataclasses.replace(scale, **known)
    )


def networks(filters: int, side: int, samples: int, quick: bool) -> Iterator[tuple[str, str, Graph]]:
    """(group, name, graph); each network of the zoo is a group of its own."""
    for name, entry in ZOO.items():
        if not quick or name in ("nasnet_a_cifar", "darts_v2"):
            yield f"zoo {name}", name, small(entry.space, filters, side).graph(entry.architecture)
    for name, space in spaces(filters, side).items():
        for i in range(samples):
            yield name, f"{name} {i}", space.graph(space.sample(np.random.default_rng(i)))


def step_of(graph: Graph, batch: int, arithmetic: str) -> Callable[[], None]:
    network = Network(graph, seed=0).to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, *graph.node("image").shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(batch) % N_CLASSES
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, foreach=True)
    chosen = precision.choose(arithmetic, network, batch_size=batch)

    def step() -> None:
        with precision.autocast(chosen):
            outputs = network.forward_all(images)
        loss = torch.stack([nn.functional.cross_entropy(y.float(), labels) for y in outputs.values()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def fastest(graph: Graph, batch: int, repeats: int) -> dict[str, float]:
    """Seconds of the fastest step in each arithmetic. One step before them pays for compiling."""
    steps = {name: step_of(graph, batch, name) for name in ARITHMETICS}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for _ in range(repeats):
        for name, step in steps.items():
            began = clock()
            step()
            times[name].append(clock() - began)
    return {name: min(all_of_it) for name, all_of_it in times.items()}


def excess(seconds: dict[str, float]) -> float:
    """``auto`` relative to the better of the two."""
    return seconds["auto"] / min(seconds["float32"], seconds["bfloat16"])


def line(group: str, rows: list[dict[str, float]]) -> str:
    def of(other: str) -> float:
        return statistics.median(row["auto"] / row[other] for row in rows)

    means = [1000 * statistics.median(row[name] for row in rows) for name in ARITHMETICS]
    return (
        f"{group:>20} {len(rows):4d}  {means[0]:7.1f} {means[1]:9.1f} {means[2]:9.1f}  {of('float32'):9.2f} "
        f"{of('bfloat16'):9.2f}  {statistics.median(map(excess, rows)):7.2f} {max(map(excess, rows)):7.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--side", type=int, default=32, help="of the pictures")
    parser.add_argument("--only", default="", help="groups that begin with one of these words, by commas")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--details", action="store_true", help="a line for each network")
    parser.add_argument("--always", action="store_true", help="16 bits also where auto takes float32 for little work")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.always:
        precision.ENOUGH_WORK = 0.0
    print(f"auto on this processor: {precision.choose('auto')}; threads {options.threads}, batch {options.batch}")
    print("median milliseconds of a step, median ratios of auto, and auto relative to the better of the two")
    print(f"{'':>20} nets     auto   float32  bfloat16  / float32 /bfloat16   median    most")
    groups: dict[str, list[dict[str, float]]] = {}
    over = []
    words = options.only.split(",")
    samples = 2 if options.quick else options.samples
    for group, name, graph in networks(options.filters, options.side, samples, options.quick):
        if not any(group.startswith(word) for word in words):
            continue
        seconds = fastest(graph, options.batch, options.repeats)
        for _ in range(2):
            if excess(seconds) > ALLOWED:
                again = fastest(graph, options.batch, options.repeats)
                seconds = {key: min(value, again[key]) for key, value in seconds.items()}
        if excess(seconds) > ALLOWED:
            over.append(f"{name} {excess(seconds):.2f}")
        if options.details:
            network = Network(graph, seed=0)
            work = precision.work_per_convolution(network) * options.batch / 1e6
            chosen = precision.choose("auto", network, batch_size=options.batch)
            print(f"{line(name, [seconds])}  {chosen:>8}, {work:.1f} M multiply-adds a convolution", flush=True)
        groups.setdefault(group, []).append(seconds)
    for group, rows in groups.items():
        print(line(group, rows), flush=True)
    every = [seconds for rows in groups.values() for seconds in rows]
    print(line("all", every))
    print(f"over {ALLOWED} of the better: {len(over)} of {len(every)} {', '.join(over)}")


if __name__ == "__main__":
    sys.exit(record.run(main))
