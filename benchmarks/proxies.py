"""Do zero-cost proxies rank networks as training does? It measures Spearman's rank correlation with known accuracies,
and milliseconds for each architecture.

    python benchmarks/proxies.py --nasbench201 nas_bench_201.npz --npz cifar10.npz

There are two benchmarks, each with minibatches of its own task: the networks of the shipped table ``digits``
(``conv_stages``, accuracy after 10 epochs, mean of three trainings), and random cells of NAS-Bench-201 at its own scale
(CIFAR-10, test accuracy after 200 epochs). Intervals are 95 % percentiles of 1,000 bootstrap samples of architectures.
A network that a proxy cannot score (no signal passes through it) gets the lowest rank. ``--published`` names a Parquet
table of published scores with a column ``arch_index``. Our scores should rank the common cells in the same way.

Everything runs on one thread. Milliseconds are those of one proxy alone, with building the network, as the median over
``--timed`` architectures.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import make_tables
import numpy as np
import record
import torch
from PIL import Image
from tables import ranks

from archsmith.core.architecture import Architecture
from archsmith.core.seeds import generator
from archsmith.data.images.load import load
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.evaluators.proxies import PROXIES, Proxies
from archsmith.evaluators.table_file import read_table
from archsmith.spaces.nasbench201 import NasBench201, architecture_of

SEED = 0
N_PICTURES = 2000  # of CIFAR-10 that are unpacked; minibatches come from them
THEIRS = {"naswot": "nwot", "macs": "flops"}  # our names -> those of the published table, where they differ


@dataclass(frozen=True)
class Bench:
    """Architectures with known accuracies.

    ``name``: of the benchmark.
    ``evaluator``: computes the proxies.
    ``architectures``: the networks.
    ``accuracy``: their accuracies (n,) after training.
    ``index``: their numbers in the published table, if they have any.
    """

    name: str
    evaluator: Proxies
    architectures: Sequence[Architecture]
    accuracy: np.ndarray
    index: np.ndarray | None = None


def digits(n: int | None, settings: dict[str, int], root: Path) -> Bench:
    """Every network of the table once, or ``n`` of them."""
    rows, first = make_tables.rows_of("digits")
    table = read_table("digits")
    accuracy = table.finals("accuracy")
    known = [row for row in sorted(set(first)) if not math.isnan(accuracy[table.find(rows[row])])]
    chosen = known if n is None else sorted(generator(SEED, "digits").permutation(known)[:n].tolist())
    folder = make_tables.stored("digits", Path(), root)
    scores = np.array([accuracy[table.find(rows[row])] for row in chosen])
    return Bench(
        "digits",
        Proxies(make_tables.BENCHES["digits"].space, folder, **settings),
        [rows[row] for row in chosen],
        scores,
    )


def nasbench201(path: Path, pictures: Path | None, n: int, settings: dict[str, int], root: Path) -> Bench:
    """``n`` random cells. Without ``pictures``, the minibatches are noise."""
    with np.load(path, allow_pickle=False) as data:
        cells, names = data["ops"], data["op_names"]
        index = data["arch_index"] if "arch_index" in data.files else np.arange(len(cells))
    chosen = generator(SEED, "cells").permutation(len(cells))[:n]
    architectures = [architecture_of([str(names[op]) for op in cells[row]]) for row in chosen]
    bench = NasBench201Evaluator(str(path))
    accuracy = np.array([bench.standing(architecture).score for architecture in architectures])
    folder = None if pictures is None else cifar10(pictures, root)
    return Bench(
        "nasbench201",
        Proxies(NasBench201((3, 32, 32), n_outputs=10), folder, **settings),
        architectures,
        accuracy,
        index[chosen],
    )


def cifar10(npz: Path, root: Path) -> str:
    """Stored splits of some training pictures of ``npz``, which holds ``x_train`` and ``y_train`` or encoded pictures
    (see ``benchmarks/cifar10.py``).
    """
    with np.load(npz, allow_pickle=False) as data:
        if "x_train" in data.files:
            images, labels = data["x_train"], data["y_train"].ravel()
            chosen = generator(SEED, "pictures").permutation(len(images))[:N_PICTURES]
            images = images[chosen]
        else:
            blob, offsets, labels, is_train = (data[name] for name in ("blob", "offsets", "labels", "is_train"))
            chosen = generator(SEED, "pictures").permutation(np.flatnonzero(is_train))[:N_PICTURES]
            images = np.stack(
                [
                    np.asarray(Image.open(io.BytesIO(blob[offsets[i] : offsets[i + 1]].tobytes())).convert("RGB"))
                    for i in chosen
                ]
            )
    return str(load((images, labels[chosen].astype(np.int64)), root, seed=SEED).folder)


def scored(bench: Bench) -> dict[str, np.ndarray]:
    """Each proxy's scores (n,); minus infinity for a network without a score."""
    scores = {name: np.full(len(bench.architectures), -math.inf) for name in PROXIES}
    last = time.time()
    for i, architecture in enumerate(bench.architectures):
        probe = bench.evaluator.probe(architecture)
        for name, proxy in PROXIES.items():
            value = proxy.score(probe)
            scores[name][i] = value if math.isfinite(value) else -math.inf
        if time.time() - last > 20:
            last = time.time()
            print(f"  {i + 1:,} of {len(bench.architectures):,}", file=sys.stderr, flush=True)
    return scores


def milliseconds(bench: Bench, name: str, n: int) -> float:
    """Median over ``n`` architectures of one proxy alone, from the graph on."""
    times = []
    for architecture in bench.architectures[:n]:
        probe = bench.evaluator.probe(architecture)
        began = time.perf_counter()
        PROXIES[name].score(probe)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of (n,) and (n,). Ties get their mean rank. NaN if one of them is constant."""
    a, b = ranks(a), ranks(b)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else math.nan


def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    rng = generator(SEED, "bootstrap")
    samples = (rng.integers(len(a), size=len(a)) for _ in range(1000))
    low, high = np.nanpercentile([spearman(a[each], b[each]) for each in samples], [2.5, 97.5])
    return float(low), float(high)


def published(path: Path, bench: Bench, scores: dict[str, np.ndarray]) -> dict[str, tuple[float, float, int]]:
    """For each proxy of the published table: rank correlation of ours and theirs, of theirs and the accuracy, and the
    number of common cells.
    """
    import pyarrow.parquet as parquet

    columns = parquet.read_table(path).to_pydict()
    place = {index: row for row, index in enumerate(columns["arch_index"])}
    both = [(i, place[index]) for i, index in enumerate(bench.index.tolist()) if index in place]
    found = {}
    for name, ours in scores.items():
        column = THEIRS.get(name, name)
        if column in columns and both:
            mine = np.array([ours[i] for i, _ in both])
            theirs = np.array([columns[column][row] for _, row in both], float)
            found[name] = (spearman(mine, theirs), spearman(theirs, bench.accuracy[[i for i, _ in both]]), len(both))
    return found


def show(bench: Bench, timed: int, theirs: Path | None) -> dict:
    images = "noise" if bench.evaluator.data is None else "pictures of the task"
    print(
        f"\n{bench.name}: {len(bench.architectures):,} networks; minibatches are {images}, "
        f"{bench.evaluator.n_batches} x {bench.evaluator.batch_size}"
    )
    print(f"{'proxy':<12} {'rho':>6} {'95 % interval':>17} {'unscored':>9} {'ms':>8}")
    bench.evaluator.probe(bench.architectures[0]).gradients(0)  # torch sets up some things in the first pass
    scores, rows = scored(bench), {}
    for name, values in scores.items():
        low, high = interval(values, bench.accuracy)
        unscored = int(np.isinf(values).sum())
        rows[name] = {
            "rho": round(spearman(values, bench.accuracy), 3),
            "interval": [round(low, 3), round(high, 3)],
            "unscored": unscored,
            "ms": round(milliseconds(bench, name, timed), 1),
        }
        print(
            f"{name:<12} {rows[name]['rho']:6.3f} {f'{low:.3f} to {high:.3f}':>17} {unscored:9d} "
            f"{rows[name]['ms']:8.1f}",
            flush=True,
        )
    if theirs is not None and bench.index is not None:
        print("against the published scores:   rho(ours, theirs)   rho(theirs, accuracy)")
        for name, (alike, own, n) in published(theirs, bench, scores).items():
            rows[name]["published"] = {"alike": round(alike, 3), "rho": round(own, 3), "n": n}
            print(f"{name:<12} {alike:36.3f} {own:23.3f}   ({n} cells)")
    return {"networks": len(bench.architectures), "images": images, "proxies": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nasbench201", type=Path, default=Path("nas_bench_201.npz"))
    parser.add_argument("--npz", type=Path, default=Path("cifar10.npz"), help="CIFAR-10; without it, noise")
    parser.add_argument("--published", type=Path, default=Path("nas_bench_201_zero_cost_cifar10.parquet"))
    parser.add_argument("--networks", type=int, help="networks of the table digits; default: all; 0: none")
    parser.add_argument("--cells", type=int, default=200, help="cells of NAS-Bench-201; 0: none")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="seed of minibatches and initial weights")
    parser.add_argument("--timed", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"batch_size": options.batch, "n_batches": options.batches, "seed": options.seed}
    results = {}
    with tempfile.TemporaryDirectory() as root:
        if options.networks != 0:
            results["digits"] = show(digits(options.networks, settings, Path(root)), options.timed, None)
        if options.cells and not options.nasbench201.exists():
            print(f"\nSkipped: NAS-Bench-201, as {options.nasbench201} is not there. Give --nasbench201.")
        elif options.cells:
            pictures = options.npz if options.npz.exists() else None
            bench = nasbench201(options.nasbench201, pictures, options.cells, settings, Path(root))
            results["nasbench201"] = show(
                bench, options.timed, options.published if options.published.exists() else None
            )
    print("\n" + json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
