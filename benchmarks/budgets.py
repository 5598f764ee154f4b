"""Does ``archsmith fit`` keep its budget? Digits, Fashion-MNIST and CIFAR-10 (as a folder of pictures), with budgets
from 30 seconds to 10 minutes.

    python benchmarks/budgets.py --npz cifar10.npz

For each run it prints the wall time of the whole process and the budget, why the run stopped, the largest difference
between the bundle's outputs and the trained network's, and the test score. A run is marked if it ends later than budget
+ 5 % + 10 s, if its bundle is not verified, or if it ends more than 5 % early without convergence. Finished runs are
kept in ``benchmarks/results`` and not repeated. Stored data are deleted before each run, so that reading counts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import jobs
import record
from cifar10 import unpacked

from archsmith.bundle.manifest import check_files
from archsmith.core.budget import parse_seconds

RUNS = {
    "digits": ("30s", "60s", "2m", "5m"),
    "fashion": ("30s", "60s", "2m", "5m", "10m"),
    "cifar10": ("30s", "60s", "2m", "5m", "10m"),
}
EARLY = 0.95  # share of the budget; a run may end before it only if the search converged or tried everything
NATURAL = ("converged", "exhausted", "settled")


def verdict(result: dict, budget: float) -> str:
    if result["wall_seconds"] > 1.05 * budget + 10:
        return "LATE"
    if result["wall_seconds"] < EARLY * budget and result["stop_reason"] not in NATURAL:
        return "EARLY"
    if result["max_difference"] is None or result["max_difference"] > 1e-4:
        return "UNVERIFIED"
    check_files(result["model_dir"])
    return "kept"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npz", type=Path, default=Path("cifar10.npz"))
    parser.add_argument("--fashion", type=Path, default=jobs.FASHION)
    parser.add_argument("--longest", default="10m", help="leave out longer budgets")
    options = parser.parse_args()
    places = {"digits": "digits"}
    if options.fashion.exists():
        places["fashion"] = str(options.fashion)
    if options.npz.exists():
        places["cifar10"] = str(unpacked(options.npz, jobs.RESULTS / "cifar10"))
    print(
        f"{'data':>8} {'budget':>7} {'wall s':>8} {'wall/budget':>11} {'trials':>7} {'test':>7} {'difference':>10}  "
        f"{'stopped by':<10} verdict",
        flush=True,
    )
    failed = 0
    for name, budgets in RUNS.items():
        for text in budgets:
            budget = parse_seconds(text)
            if name not in places or budget > parse_seconds(options.longest):
                continue
            shutil.rmtree(jobs.RESULTS / "workspace" / "data", ignore_errors=True)
            result = jobs.fit(f"budget-{name}", places[name], text, 0)
            wall, word = result["wall_seconds"], verdict(result, budget)
            failed += word != "kept"
            print(
                f"{name:>8} {text:>7} {wall:8.1f} {wall / budget:11.3f} {result['n_trials']:7d} "
                f"{100 * result['test']:7.2f} "
                f"{result['max_difference']:10.1e}  {result['stop_reason']:<10} {word}",
                flush=True,
            )
    print(
        "Left out: " + ", ".join(name for name in RUNS if name not in places)
        if len(places) < len(RUNS)
        else f"{failed} runs did not keep their budget."
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(record.run(main))
