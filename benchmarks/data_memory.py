"""Memory of reading pictures: does it grow with their number?

    python benchmarks/data_memory.py [--images 200000] [--folder /some/disk] [--train-seconds 60]

It reads 10,000 and then 60,000 pictures of 28 x 28, as IDX files and as a folder of PNG files. In a process that loads
torch and then trains for a few seconds, like ``archsmith fit``, the peak may grow by less than 10 %. A process that
only reads is measured as well, without a limit: there the memory of names and fingerprints shows.

With ``--images N`` it makes N JPEG files of mixed sizes (60 to 500 pixels a side) in ``--folder``, reads them, and
trains on them for a while. That must stay within 4 GiB.

Memory is measured every 5 ms as RssAnon + RssShmem of /proc/self/status (Linux only). These are the pages of the
process without those of files, which the system may drop. It prints one line for each figure, then all as one line of
JSON. The exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import record
from PIL import Image

if TYPE_CHECKING:
    from archsmith.data.examples import Splits

FEW, MANY, SIDE = 10_000, 60_000, 28
GROWTH_LIMIT = 1.10
TRAINED_LIMIT_MB = 4 * 1024
N_CLASSES = 10
TRAINED = 5.0  # seconds, on 28 x 28


def own_memory_mb() -> float:
    """Resident memory of this process without pages of files."""
    text = Path("/proc/self/status").read_text()
    found = [int(line.split()[1]) for line in text.splitlines() if line.startswith(("RssAnon", "RssShmem"))]
    return sum(found) / 1024


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """The largest ``own_memory_mb`` while the block runs."""
    found, stop = {"peak": own_memory_mb(), "before": own_memory_mb()}, threading.Event()

    def look() -> None:
        while not stop.wait(0.005):
            found["peak"] = max(found["peak"], own_memory_mb())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def child(data: str, root: str, train_seconds: float) -> dict[str, float]:
    """Read ``data``. With ``train_seconds``, load torch before it, as ``archsmith fit`` does, and train after it."""
    if train_seconds > 0:
        import archsmith.training.loop  # noqa: F401
    from archsmith.data.images.load import load

    started = time.perf_counter()
    with watched() as memory:
        prepared = load(data, Path(root), seed=0)
    result = {"read_seconds": time.perf_counter() - started, "before_mb": memory["before"], "read_mb": memory["peak"]}
    result |= {
        "n": sum(prepared.findings.n_examples.values()),
        "cache_mb": prepared.findings.n_bytes / 1e6,
        "side": prepared.findings.shape[1],
    }
    return result if train_seconds <= 0 else result | trained(prepared.splits, train_seconds)


def trained(splits: Splits, seconds: float) -> dict[str, float]:
    """Train the space's first network for ``seconds``."""
    from archsmith.graphs.network import Network
    from archsmith.spaces.conv_stages import ConvStages
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train
    from archsmith.training.recipe import Recipe

    space = ConvStages.for_task(splits.task)
    with watched() as memory:
        network = Network(space.graph(space.first()), seed=0)
        done = train(
            network,
            splits.train,
            Recipe(),
            splits.pipeline(splits.augmentation()),
            goal=Goal.of(splits.task, splits.target_statistics),
            seed=0,
            valid=splits.valid,
            seconds=seconds,
        )
    return {"train_mb": memory["peak"], "steps": done.steps}


def in_process(data: Path, root: Path, train_seconds: float) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--child",
        str(data),
        "--folder",
        str(root),
        "--train-seconds",
        str(train_seconds),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def write_idx(folder: Path, n: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    with open(folder / "train-images-idx3-ubyte", "wb") as file:
        file.write(bytes((0, 0, 8, 3)) + struct.pack(">3I", n, SIDE, SIDE))
        for start in range(0, n, 1000):
            file.write(rng.integers(0, 256, (min(1000, n - start), SIDE, SIDE), dtype=np.uint8).tobytes())
    labels = (np.arange(n) % N_CLASSES).astype(np.uint8)
    (folder / "train-labels-idx1-ubyte").write_bytes(bytes((0, 0, 8, 1)) + struct.pack(">I", n) + labels.tobytes())
    return folder


def write_pngs(folder: Path, n: int) -> Path:
    rng = np.random.default_rng(0)
    for index in range(n):
        path = folder / f"class{index % N_CLASSES}" / f"{index:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(path, compress_level=1)
    return folder


def write_jpegs(folder: Path, first: int, last: int) -> None:
    """Pictures ``first`` to ``last`` of mixed sizes, each with a coarse pattern of its class."""
    rng = np.random.default_rng(first)
    for index in range(first, last):
        path = folder / f"class{index % N_CLASSES}" / f"{index:06}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = np.exp(rng.uniform(np.log(60), np.log(500), 2)).astype(int)
        coarse = rng.integers(0, 256, (3 + index % N_CLASSES, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC).save(path, quality=85)


def many_jpegs(folder: Path, n: int) -> Path:
    """A folder of ``n`` JPEG files, made with all processors. Existing ones are not made again."""
    step = 2000
    with ProcessPoolExecutor() as pool:
        list(
            pool.map(
                write_jpegs,
                [folder] * len(range(0, n, step)),
                range(0, n, step),
                [min(n, start + step) for start in range(0, n, step)],
            )
        )
    return folder


def growth(folder: Path) -> dict[str, float]:
    results: dict[str, float] = {}
    for kind, write in (("idx", write_idx), ("png", write_pngs)):
        sources = [write(folder / f"{kind}{n}", n) for n in (FEW, MANY)]
        for where, seconds in (("alone", 0.0), ("job", TRAINED)):
            found = [in_process(source, folder / f"cache-{where}-{source.name}", seconds) for source in sources]
            few, many = (max(row["read_mb"], row.get("train_mb", 0.0)) for row in found)
            results |= {
                f"{kind}_{where}_{FEW}_mb": few,
                f"{kind}_{where}_{MANY}_mb": many,
                f"{kind}_{where}_growth": many / few,
            }
            what = "reading alone" if where == "alone" else f"torch, reading, {seconds:g} s of training"
            limit = f" (limit {GROWTH_LIMIT})" if where == "job" else ""
            print(
                f"{kind}, {what}: peak {few:.1f} MB with {FEW:,} pictures, {many:.1f} MB with {MANY:,}: x "
                f"{many / few:.3f}{limit}"
            )
    return results


def large(folder: Path, n: int, train_seconds: float) -> dict[str, float]:
    began = time.perf_counter()
    many_jpegs(folder / "jpegs", n)
    print(f"{n:,} JPEG files made in {time.perf_counter() - began:.0f} s")
    found = in_process(folder / "jpegs", folder / "cache-jpegs", train_seconds)
    print(
        f"{found['n']:,.0f} JPEG files of mixed sizes: read in {found['read_seconds']:.0f} s with a peak of "
        f"{found['read_mb']:.0f} MB "
        f"({found['before_mb']:.0f} MB before), {found['cache_mb']:.0f} MB on disk at {found['side']} x {found['side']}"
    )
    if "train_mb" in found:
        print(
            f"trained for {train_seconds:g} s ({found['steps']:.0f} steps) with a peak of {found['train_mb']:.0f} MB "
            f"(limit {TRAINED_LIMIT_MB})"
        )
    return {f"jpeg_{name}": value for name, value in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=0, help="JPEG files of mixed sizes to read and train on (0: none)"
    )
    parser.add_argument("--folder", type=Path, help="where to put what is made; a temporary folder when left out")
    parser.add_argument("--train-seconds", type=float, default=60.0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, str(options.folder), options.train_seconds)))
        return 0
    if not Path("/proc/self/status").exists():
        print("Skipped: memory is read from /proc/self/status, which is not here.")
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        results = growth(Path(temporary))
        if options.images:
            results |= large(options.folder or Path(temporary), options.images, options.train_seconds)
    print(json.dumps({**results, "cpus": os.cpu_count()}))
    broken = any(value > GROWTH_LIMIT for name, value in results.items() if name.endswith("job_growth"))
    return int(broken or max(results.get("jpeg_train_mb", 0.0), results.get("jpeg_read_mb", 0.0)) > TRAINED_LIMIT_MB)


if __name__ == "__main__":
    sys.exit(record.run(main))
