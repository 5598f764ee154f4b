"""Batch prediction of very many rows and pictures: speed against a bare loop, and memory.

    python benchmarks/batch.py [--rows 10000000] [--images 100000] [--repeats 2] [--folder /some/disk]

It makes a Parquet file of numbers and categories, a folder of small JPEG files, and a bundle for each of them: a
perceptron and a network of two convolutions, untrained, so that the figures do not depend on what a search finds. They
are small; with larger ones, the command and the bare loop differ less. Then it runs ``archsmith predict ... --out
predictions.parquet`` and a bare loop in turns, each in a process of its own. The bare loop is what somebody would write
by hand: batches of pyarrow, or pictures that Pillow opens one after the other, then onnxruntime with the same number of
threads, then a writer of Parquet. It checks nothing, and cannot go on when it is killed. Both files must say the same,
row by row.

Time is that of the whole process, from its start to its end. Memory is its largest resident set, VmHWM of /proc (Linux
only). It prints one line for each figure. The exit code is 1 if a run takes more than 2 GiB, or if the
command reaches less than 0.8 times the speed of the bare loop.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import record

LIMIT_MB, LIMIT_RATIO = 2048, 0.8
CHUNK = 2**18  # rows that are made together
BATCH, PICTURES = 4096, 256  # of the bare loop, as many as the command takes
SIDE = 64
CITIES = ("Bonn", "Paris", "Rome", "Oslo", "Kyiv")
JOBS = tuple(f"job {place}" for place in range(20))


@dataclass(frozen=True)
class Run:
    """How a process ended. ``seconds``: from start to end. ``cpu``: seconds of all its threads. ``mb``: its peak."""

    seconds: float
    cpu: float
    mb: float


def rows(n: int, seed: int) -> dict[str, Any]:
    """Columns of n rows: six numbers and a count, two categories, one column that no network needs."""
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {f"x{place}": rng.normal(size=n).round(4) for place in range(6)}
    made |= {"count": rng.integers(0, 100, n), "city": rng.choice(CITIES, n), "job": rng.choice(JOBS, n)}
    return made | {"note": rng.integers(0, 10**9, n)}


def write_rows(path: Path, n: int) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.table(rows(1, 0)).schema
    with parquet.ParquetWriter(path, schema) as file:
        for first in range(0, n, CHUNK):
            file.write_table(pyarrow.table(rows(min(CHUNK, n - first), first + 1), schema=schema))


def table_bundle(folder: Path) -> None:
    """Make a bundle: a perceptron of 64 units for the columns of ``rows``, but one."""
    from archsmith.bundle.export import export
    from archsmith.bundle.tables import TableIntake
    from archsmith.core.task import Input, classification
    from archsmith.data.tables.columns import Column
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    numbers = [Column(f"x{place}", "number", 0.0, CHUNK, -5.0, 0.0, 5.0) for place in range(6)]
    numbers.append(Column("count", "number", 0.0, 100, 0.0, 50.0, 99.0))
    categories = [Column("city", "category", categories=CITIES), Column("job", "category", categories=JOBS)]
    n_codes = sum(column.n_codes for column in categories)
    inputs = (
        Input("numbers", "numbers", (len(numbers),)),
        Input("categories", "categories", (len(categories),), n_codes=n_codes),
    )
    net = Net(inputs)
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=n_codes, dim=8))
    hidden = net.op("linear", net.op("concat", net.op("standardise", net.input("numbers")), codes), features=64)
    net.output(net.op("linear", net.op("relu", hidden), features=2))
    graph = net.graph()
    task = classification(inputs, ("no", "yes"))
    export(Network(graph, seed=0).eval(), graph, task, folder, intake=TableIntake((*numbers, *categories)))


def picture_bundle(folder: Path) -> None:
    """Make a bundle: two convolutions on grey pictures of 32 by 32 pixels."""
    from archsmith.bundle.export import export
    from archsmith.bundle.images import ImageIntake
    from archsmith.core.task import image_classification
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    net = Net({"image": (1, 32, 32)})
    found = net.input("image")
    for _ in range(2):
        found = net.op("relu", net.op("conv", found, filters=16, kernel=(3, 3), stride=2))
    net.output(net.op("linear", net.op("global_pool", found), features=10))
    graph = net.graph()
    task = image_classification((1, 32, 32), [f"class {place}" for place in range(10)])
    export(Network(graph, seed=0).eval(), graph, task, folder, intake=ImageIntake(32, 32, 1, (0.5,), (0.25,)))


def write_pictures(folder: Path, n: int) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for index in range(n):
        path = folder / f"{index // 1000:04}" / f"{index:08}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=85)


def watched(*words: str | Path) -> Run:
    """Run a process of this Python to its end."""
    began, mb = time.perf_counter(), 0.0
    process = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.DEVNULL)
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        mb = max(mb, peak_mb(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} ended with the exit code {process.returncode}.")
    return Run(seconds, used.ru_utime + used.ru_stime, mb)


def peak_mb(process: int) -> float:
    """Of what a process runs now. The system's own figure at its end would count what it was forked from, too."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


# The bare loop


def bare(bundle: Path, data: Path, out: Path) -> None:
    """Predict everything in ``data``, a Parquet file or a folder, and write Parquet."""
    import onnxruntime
    import pyarrow
    from pyarrow import parquet

    manifest = json.loads((bundle / "manifest.json").read_text())
    session = onnxruntime.InferenceSession(bundle / "model.onnx", providers=["CPUExecutionProvider"])
    classes = pyarrow.array(json.loads(session.get_modelmeta().custom_metadata_map["classes"]))
    name = ("row", pyarrow.int64()) if data.suffix else ("file", pyarrow.string())
    schema = pyarrow.schema([name, ("class", pyarrow.string()), ("probability", pyarrow.float32())])
    batches = table_batches(manifest, data) if data.suffix else picture_batches(data)
    with parquet.ParquetWriter(out, schema) as file:
        for names, inputs in batches:
            values = session.run(None, inputs)[0]
            best = values.argmax(1)
            probability = values[np.arange(len(values)), best]
            arrays = [pyarrow.array(names), classes.take(pyarrow.array(best)), pyarrow.array(probability)]
            file.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def table_batches(manifest: dict[str, Any], path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    from pyarrow import parquet

    columns = {entry["name"]: [column["name"] for column in entry["columns"]] for entry in manifest["inputs"]}
    needed = [name for names in columns.values() for name in names]
    first = 1
    for batch in parquet.ParquetFile(path).iter_batches(BATCH, columns=needed):
        arrays = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in needed}
        inputs = {name: np.stack([arrays[column] for column in names], axis=1) for name, names in columns.items()}
        inputs["numbers"] = inputs["numbers"].astype(np.float64)
        yield np.arange(first, first + len(batch)), inputs
        first += len(batch)


def picture_batches(folder: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    from PIL import Image

    paths = sorted(str(path) for path in folder.rglob("*.jpg"))
    for first in range(0, len(paths), PICTURES):
        some = paths[first : first + PICTURES]
        yield some, {"image": np.stack([np.asarray(Image.open(path).convert("L"))[:, :, None] for path in some])}


# The comparison


def compare(what: str, n: int, bundle: Path, data: Path, folder: Path, repeats: int) -> bool:
    """Both in turns. Are the limits kept?"""
    ours, theirs = folder / "ours.parquet", folder / "bare.parquet"
    found: dict[str, list[Run]] = {"command": [], "bare": []}
    for _ in range(repeats):
        found["bare"].append(watched(__file__, "--child", "--bundle", bundle, "--data", data, "--out", theirs))
        found["command"].append(watched("-m", "archsmith", "predict", bundle, data, "--out", ours))
        check_equal(ours, theirs, n)
    speed = {name: n * repeats / sum(run.seconds for run in runs) for name, runs in found.items()}
    cpu = {name: sum(run.cpu for run in runs) / repeats for name, runs in found.items()}
    mb = {name: max(run.mb for run in runs) for name, runs in found.items()}
    ratio = speed["command"] / speed["bare"]
    print(
        f"{n:,} {what}: {speed['command']:,.0f} a second, {ratio:.2f} of the bare loop ({speed['bare']:,.0f}); "
        f"{cpu['command']:.1f} seconds of CPU against {cpu['bare']:.1f}; peak {mb['command']:,.0f} MB against "
        f"{mb['bare']:,.0f} (limits: {LIMIT_RATIO}, {LIMIT_MB:,} MB)",
        flush=True,
    )
    return mb["command"] <= LIMIT_MB and ratio >= LIMIT_RATIO


def check_equal(ours: Path, theirs: Path, n: int) -> None:
    """Ends the benchmark where the files differ, but for a class where two are equally probable."""
    from pyarrow import parquet

    seen = 0
    with parquet.ParquetFile(ours) as first, parquet.ParquetFile(theirs) as second:
        names = second.schema_arrow.names
        pairs = zip(aligned(first, names), aligned(second, names), strict=True)
        for one, other in pairs:
            seen += len(one)
            close = np.abs(one["probability"].to_numpy() - other["probability"].to_numpy()).max() < 1e-5
            if not (one[names[0]].equals(other[names[0]]) and close):
                raise SystemExit(f"{ours} and {theirs} differ near row {seen:,}.")
            same = one["class"].to_numpy(zero_copy_only=False) == other["class"].to_numpy(zero_copy_only=False)
            if same.mean() < 0.9999:
                raise SystemExit(f"{ours} and {theirs} name other classes near row {seen:,}.")
    if seen != n:
        raise SystemExit(f"{ours} has {seen:,} rows, not {n:,}.")


def aligned(file: Any, names: list[str]) -> Iterator[Any]:
    """The rows of a file, 2**16 at a time, whatever its groups are."""
    import pyarrow

    waiting = None
    for batch in file.iter_batches(2**16, columns=names):
        table = pyarrow.Table.from_batches([batch])
        waiting = table if waiting is None else pyarrow.concat_tables([waiting, table])
        while len(waiting) >= 2**16:
            yield waiting.slice(0, 2**16).combine_chunks()
            waiting = waiting.slice(2**16)
    if waiting is not None and len(waiting):
        yield waiting.combine_chunks()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the Parquet file (0: none)")
    parser.add_argument("--images", type=int, default=100_000, help="picture files (0: none)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, in turns")
    parser.add_argument("--folder", type=Path, help="where to put what is made; a temporary folder when left out")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    for name in ("--bundle", "--data", "--out"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        if options.data:
            bare(options.bundle, options.data, options.out)
        else:
            (table_bundle if options.bundle.name == "table" else picture_bundle)(options.bundle)
        return 0
    good = True
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        if options.rows:
            bundle = folder / "table"
            watched(__file__, "--child", "--bundle", bundle)
            write_rows(folder / "data.parquet", options.rows)
            good &= compare("rows", options.rows, bundle, folder / "data.parquet", folder, options.repeats)
        if options.images:
            bundle = folder / "pictures"
            watched(__file__, "--child", "--bundle", bundle)
            write_pictures(folder / "images", options.images)
            good &= compare("pictures", options.images, bundle, folder / "images", folder, options.repeats)
    return int(not good)


if __name__ == "__main__":
    sys.exit(record.run(main))
