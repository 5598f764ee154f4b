"""The main job on Fashion-MNIST, official split: what a person gets for 20 minutes, over several seeds.

    python benchmarks/fashion_mnist.py --data /usr/share/datasets/fashion-mnist --time 20m --seeds 0,1,2

The data are the four IDX files of Debian's package ``dataset-fashion-mnist`` (or of the data set's authors). Each seed is one ``archsmith fit`` in a process of its
own; finished seeds are kept in ``benchmarks/results`` and not repeated, so the benchmark can be stopped and started again. Prints a table and the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
DEBIAN = "/usr/share/datasets/fashion-mnist"


def run(data: str, budget: str, seed: int, extra: list[str]) -> dict:
    """One job; its JSON line with the wall clock of the whole process added."""
    kept = RESULTS / f"fashion-{budget}-{'-'.join(extra).replace('-', '') or 'default'}-{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    RESULTS.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "archsmith",
        "fit",
        data,
        "--time",
        budget,
        "--seed",
        str(seed),
        "--json",
        "--workspace",
        str(RESULTS / "workspace"),
        *extra,
    ]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result = {**json.loads(done.stdout.strip().splitlines()[-1]), "wall_seconds": time.monotonic() - began}
    kept.write_text(json.dumps(result, indent=1))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=DEBIAN)
    parser.add_argument("--time", default="20m")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("extra", nargs="*", help="further options of archsmith fit, after --")
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"Skipped: {options.data} is not there. Install Debian's dataset-fashion-mnist or give --data.")
        return 0
    results = [run(options.data, options.time, int(seed), options.extra) for seed in options.seeds.split(",")]
    print(f"{'seed':>4} {'exported':>9} {'fixed':>7} {'linear':>7} {'searched':>9} {'trials':>7} {'mutated':>8} {'wall s':>8}  stop reason")
    columns: dict[str, list[float]] = {name: [] for name in ("exported", "fixed", "linear", "searched")}
    for seed, result in zip(options.seeds.split(","), results, strict=True):
        rows = {row["name"]: row["test"] or float("nan") for row in result["rows"]}
        values = {"exported": result["test"], **{name: rows.get(name, float("nan")) for name in ("fixed", "linear", "searched")}}
        for name, value in values.items():
            columns[name].append(value)
        shown = " ".join(f"{100 * values[name]:{width}.2f}" for name, width in (("exported", 9), ("fixed", 7), ("linear", 7), ("searched", 9)))
        print(f"{seed:>4} {shown} {result['n_trials']:7d} {result['n_from_mutation']:8d} {result['wall_seconds']:8.1f}  {result['stop_reason']}")
    print("median test accuracy: " + ", ".join(f"{name} {100 * statistics.median(values):.2f} %" for name, values in columns.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
