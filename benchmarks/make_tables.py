"""Make the benchmark tables of the package: every network of four small spaces, trained three times by the training
evaluator.

    python benchmarks/make_tables.py [TABLE ...]     # train the missing rows, then write the tables; can be killed
    python benchmarks/make_tables.py --check 5       # train five rows of each table again and compare

A table covers a finite part of a space completely: all decisions of the space, some of them with fewer options.
Architectures that give the same network (by graph identity) share their trainings. Everything is float32 on one thread,
so that the same kind of processor gives the same values. Seconds are CPU seconds of that thread, so that the machine
may do other work. Fashion-MNIST comes from its four IDX files (Debian: dataset-fashion-mnist), averaged to 14x14.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import record

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive, generator
from archsmith.core.space import Choose, Space
from archsmith.data.images.load import load
from archsmith.evaluators.shipped_tables import FOLDER
from archsmith.evaluators.table_file import read_table, write_table
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.cost import cost
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.nasnet import NasNetScale
from archsmith.spaces.pnas import Pnas
from archsmith.training.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "tables"
SEEDS = 3
STAGES = {
    "stages": (2,),
    "width": (1.0, 0.5),
    "expansion": (2,),
    "squeeze": (False,),
    "depth": (1, 2),
    "downsample": ("stride", "none"),
    "stem/width": (1.0,),
}
CELLS = {"blocks": (1, 2), "cell/block0/left/input": ("prev",), "cell/block0/right/input": ("cur",)}
OPERATIONS = ("conv1x1", "conv3x3", "max3x3")


@dataclass(frozen=True)
class Bench:
    """One table.

    ``space``: the search space.
    ``kept``: options that stay, by the path of their decision or the last name of the path.
    ``data``: ``digits`` or ``fashion``.
    ``n_train``, ``n_valid``: examples of the splits.
    ``epochs``, ``batch_size``: of each training.
    """

    space: NetworkSpace
    kept: Mapping[str, tuple[object, ...]]
    data: str
    n_train: int
    n_valid: int
    epochs: int
    batch_size: int


BENCHES = {
    "digits": Bench(ConvStages((1, 8, 8), n_outputs=10, scale=ConvStagesScale(8)), STAGES, "digits", 400, 698, 10, 32),
    "digits-cells": Bench(
        Pnas(
            (1, 8, 8),
            n_outputs=10,
            operations=OPERATIONS,
            blocks=2,
            scale=NasNetScale(filters=4, cells=1, stem_filters=8),
        ),
        CELLS,
        "digits",
        400,
        698,
        8,
        32,
    ),
    "fashion-14": Bench(
        ConvStages((1, 14, 14), n_outputs=10, scale=ConvStagesScale(8)),
        {**STAGES, "depth": (1,)},
        "fashion",
        800,
        1000,
        5,
        64,
    ),
    "fashion-14-cells": Bench(
        Pnas(
            (1, 14, 14),
            n_outputs=10,
            operations=OPERATIONS,
            blocks=2,
            scale=NasNetScale(filters=4, cells=1, stem_filters=8),
        ),
        CELLS,
        "fashion",
        800,
        1000,
        6,
        64,
    ),
}


@dataclass(frozen=True)
class Within(Space):
    """The architectures of ``space`` that use only the ``kept`` options."""

    space: Space
    kept: tuple[tuple[str, tuple[object, ...]], ...]

    def decide(self, choose: Choose) -> None:
        kept = dict(self.kept)

        def narrowed(path, options, weights=None):
            wanted = kept.get(path, kept.get(path.rpartition("/")[2]))
            return choose(path, tuple(option for option in options if wanted is None or option in wanted))

        self.space.decide(narrowed)


@cache
def rows_of(name: str) -> tuple[tuple[Architecture, ...], tuple[int, ...]]:
    """All rows, and for each of them the index of the first row with the same network."""
    bench = BENCHES[name]
    rows = tuple(Within(bench.space, tuple(bench.kept.items())).enumerate())
    first: dict[str, int] = {}
    return rows, tuple(first.setdefault(bench.space.identity(row), index) for index, row in enumerate(rows))


def balanced_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Indexes in an order in which every beginning has the classes in equal shares."""
    place = np.zeros(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        place[generator(seed, "bench", int(label)).permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    return np.argsort(place, kind="stable")


def pictures(data: str, fashion: Path) -> tuple[np.ndarray, np.ndarray]:
    """All pictures for a table, and their labels."""
    if data == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        return np.rint(found.images * (255 / 16)).astype(np.uint8), found.target.astype(np.int64)
    images = np.frombuffer(gzip.decompress((fashion / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((fashion / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return np.rint(images.reshape(-1, 14, 2, 14, 2).mean((2, 4))).astype(np.uint8), labels.astype(np.int64)


def stored(name: str, fashion: Path, root: Path) -> str:
    """The folder of the table's stored splits."""
    bench = BENCHES[name]
    images, labels = pictures(bench.data, fashion)
    order = balanced_order(labels, 0)
    train, valid, test = np.split(
        order[: bench.n_train + bench.n_valid + 500], [bench.n_train, bench.n_train + bench.n_valid]
    )
    root.mkdir(parents=True, exist_ok=True)
    packed = root / f"{name}.npz"
    splits = {"train": train, "valid": valid, "test": test}
    arrays = {
        f"{axis}_{split}": values[index]
        for split, index in splits.items()
        for axis, values in (("x", images), ("y", labels))
    }
    np.savez(packed, **arrays)
    return str(load(str(packed), root, seed=0).folder)


def train(job: tuple[str, int, int, str]) -> dict:
    """One training of a row: accuracy, log loss and CPU seconds after each epoch."""
    import torch

    torch.set_num_threads(1)
    name, row, seed, folder = job
    bench, architecture = BENCHES[name], rows_of(name)[0][row]
    evaluator = TrainingEvaluator(
        bench.space, folder, Recipe(batch_size=bench.batch_size), precision="float32", device="cpu"
    )
    curve: list[tuple[float, float, float]] = []
    began = time.process_time()

    def report(epoch: float, metrics: Mapping[str, float]) -> None:
        if "accuracy" in metrics and float(epoch).is_integer():
            curve.append((metrics["accuracy"], metrics["log_loss"], time.process_time() - began))

    try:
        evaluator.evaluate(
            architecture, bench.epochs, Context(0, derive(seed, "table", architecture.key), report=report)
        )
        assert len(curve) == bench.epochs, (name, row, len(curve))
    except EvaluationError:  # it diverged; the table stores NaN for such a row
        curve = [(math.nan, math.nan, time.process_time() - began)] * bench.epochs
    return {"row": row, "seed": seed, "curve": curve}


def warm_up(folder: str) -> None:
    """Run one training and drop its result. The first training of a process is slower, because of compiled kernels and
    page faults.
    """
    train((next(iter(BENCHES)), 0, 0, folder))


def done(name: str) -> Iterator[dict]:
    """Trainings that were finished before. An incomplete line (after a kill) is skipped."""
    path = RESULTS / f"{name}.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def make(names: list[str], fashion: Path, workers: int) -> None:
    jobs: list[tuple[str, int, int, str]] = []
    for name in names:
        finished = {(entry["row"], entry["seed"]) for entry in done(name)}
        folder = stored(name, fashion, RESULTS / "data")
        jobs += [
            (name, row, seed, folder)
            for seed in range(SEEDS)
            for row in sorted(set(rows_of(name)[1]))
            if (row, seed) not in finished
        ]
    print(f"{len(jobs):,} trainings to do", flush=True)
    for path in RESULTS.glob("*.jsonl"):
        if not path.read_bytes().endswith(b"\n"):  # the last line is incomplete after a kill
            path.write_bytes(path.read_bytes() + b"\n")
    began, last = time.time(), 0.0
    warm = stored(next(iter(BENCHES)), fashion, RESULTS / "data")
    with multiprocessing.get_context("spawn").Pool(workers, warm_up, (warm,)) as pool:
        for n, (job, entry) in enumerate(zip(jobs, pool.imap(train, jobs, chunksize=4), strict=True), 1):
            with (RESULTS / f"{job[0]}.jsonl").open("a") as file:
                file.write(json.dumps(entry) + "\n")
            if time.time() - last > 20:
                last = time.time()
                left = (last - began) / n * (len(jobs) - n)
                print(f"{job[0]}: {n:,} of {len(jobs):,}, about {left / 60:.0f} min left", flush=True)


def pack(name: str) -> None:
    """Write the table into the package."""
    bench, (rows, first) = BENCHES[name], rows_of(name)
    kept = np.full((len(rows), SEEDS, bench.epochs, 3), np.nan)  # NaN for missing trainings, also for their seconds
    for entry in done(name):
        kept[entry["row"], entry["seed"]] = entry["curve"]
    values = kept[list(first)].transpose(3, 0, 2, 1)
    if np.isnan(values[2]).any():
        print(f"{name}: incomplete, so no table is written")
        return
    costs = [cost(bench.space.graph(row)) for row in rows]
    metrics = {
        # Shares of the validation pictures, and nothing between: in 32 bits, equal ones would have different means.
        "accuracy": np.round(values[0] * bench.n_valid) / bench.n_valid,
        "log_loss": values[1].round(4).astype(np.float32),
        "params": np.array([each.params for each in costs]),
        "macs": np.array([each.macs for each in costs]),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.npz"
    write_table(path, rows, metrics, seconds=values[2].mean(-1).round(3), fidelities=range(1, bench.epochs + 1))
    print(f"{name}: {len(rows):,} rows, {len(set(first)):,} networks, {path.stat().st_size / 1000:.0f} kB")


def check(name: str, n: int, fashion: Path) -> float:
    """The largest difference of an accuracy between the shipped table and ``n`` rows trained now."""
    table, (rows, first) = read_table(FOLDER / f"{name}.npz"), rows_of(name)
    worst = 0.0
    with tempfile.TemporaryDirectory() as root:
        folder = stored(name, fashion, Path(root))
        for row in generator(0, "check", name).permutation(sorted(set(first)))[:n]:
            curve = np.array(train((name, int(row), 0, folder))["curve"])
            found = table.find(rows[row])
            worst = max(worst, float(np.abs(table.metrics["accuracy"][found, :, 0] - curve[:, 0]).max()))
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", choices=[[], *BENCHES], help="default: all")
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", type=int, metavar="N")
    options = parser.parse_args()
    names = options.tables or list(BENCHES)
    if not options.fashion.exists():
        names = [name for name in names if BENCHES[name].data != "fashion"]
        print(
            f"Left out: the tables on Fashion-MNIST, as {options.fashion} is not there. Install Debian's "
            "dataset-fashion-mnist or give --fashion."
        )
    if options.check:
        for name in names:
            print(
                f"{name}: largest difference of an accuracy in {options.check} networks: "
                f"{check(name, options.check, options.fashion):.2g}"
            )
        return 0
    make(names, options.fashion, options.workers)
    for name in names:
        pack(name)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
