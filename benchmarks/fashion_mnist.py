"""``archsmith fit`` on Fashion-MNIST with the official split: the scores for a budget, over several seeds.

    python benchmarks/fashion_mnist.py --time 20m --seeds 0,1,2

The data are the four IDX files of Debian's package ``dataset-fashion-mnist`` (or of the data set's authors). Each seed
is one job in its own process. Finished jobs are kept in ``benchmarks/results`` and not repeated. It prints a table and
the medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import jobs
import record


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(jobs.FASHION))
    parser.add_argument("--time", default="20m")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("extra", nargs="*", help="further options of archsmith fit, after --")
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"Skipped: {options.data} is not there. Install Debian's dataset-fashion-mnist or give --data.")
        return 0
    columns: dict[str, list[float]] = {}
    print(
        f"{'seed':>4} {'exported':>9} {'fixed':>9} {'linear':>9} {'searched':>9} {'trials':>7} {'mutated':>8} "
        f"{'wall s':>8}  stop reason",
        flush=True,
    )
    for seed in map(int, options.seeds.split(",")):
        result = jobs.fit("fashion", options.data, options.time, seed, *options.extra)
        values = jobs.accuracies(result)
        for name, value in values.items():
            columns.setdefault(name, []).append(value)
        shown = " ".join(f"{value:9.2f}" for value in values.values())
        counts = f"{result['n_trials']:7d} {result['n_from_mutation']:8d} {result['wall_seconds']:8.1f}"
        print(f"{seed:>4} {shown} {counts}  {result['stop_reason']}", flush=True)
    print(
        "median test accuracy: "
        + ", ".join(f"{name} {statistics.median(values):.2f} %" for name, values in columns.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
