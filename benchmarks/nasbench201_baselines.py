"""Strategies on NAS-Bench-201, compared as its authors do: 12,000 simulated seconds on the validation accuracy after 12
epochs on CIFAR-10.

    python benchmarks/nasbench201_baselines.py nas_bench_201.npz --runs 500

Each trial costs 12/200 of the cell's training time, and counts when that time is over. It prints the test accuracy of
each run's incumbent after 200 epochs, on CIFAR-10 and CIFAR-100, as mean and standard deviation over runs. If a
strategy chooses its incumbent by a model, the same is printed for the trial with the best validation accuracy.
Published for 500 runs (Mellor et al. 2021, arXiv 2006.04647, table 2a): random search 93.70 ± 0.36 and 71.04 ± 1.07,
evolution (population 10, sample 3) 93.92 ± 0.30 and 71.84 ± 0.99, REINFORCE 93.85 ± 0.37 and 71.71 ± 1.09; the best
cells reach 94.37 and 73.51.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import record

from archsmith.core.budget import Budget
from archsmith.core.protocols import incumbent
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.runtime.search import Search
from archsmith.runtime.spawning import numeric_threads
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.reinforce import Reinforce
from archsmith.strategies.tabular import TabularReinforce

SECONDS = 12_000
DATASETS = ("cifar10", "cifar100")
STRATEGIES = {
    "random": RandomSearch(),
    "evolution": RegularizedEvolution(population=10, sample_size=3, start=False),
    "local": LocalSearch(start=False),
    "tabular": TabularReinforce(),
    "reinforce": Reinforce(),
    "graph_gp": GraphGP(start=False),
}


def found(path: str, name: str, seed: int) -> tuple[list[float], list[float], int]:
    """Test accuracies in per cent on each data set, of the incumbent and the best trial; and the number of trials."""
    evaluator = NasBench201Evaluator(path)
    result = Search(evaluator.problem(), STRATEGIES[name], evaluator, budget=Budget(seconds=SECONDS), seed=seed).run()
    scores = []
    for trial in (incumbent(STRATEGIES[name], result.history), result.best):
        assert trial is not None
        places = [
            NasBench201Evaluator(path, dataset).standing(trial.architecture, "final_test_accuracy")
            for dataset in DATASETS
        ]
        scores.append([100 * place.score for place in places if place is not None])
    return scores[0], scores[1], len(result.history.finished)


def spread(accuracies: Sequence[Sequence[float]]) -> str:
    """Mean and standard deviation on each data set."""
    columns = list(zip(*accuracies, strict=True))
    return "  ".join(
        f"{statistics.fmean(column):6.2f} ± {statistics.stdev(column) if len(column) > 1 else 0.0:4.2f}"
        for column in columns
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="nas_bench_201.npz, as described in archsmith.evaluators.nasbench201")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=STRATEGIES)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if not options.table.is_file():
        print(f"Skipped: there is no table {options.table}.")
        return 0
    print(f"{'strategy':<10} {'trials':>6}  {'CIFAR-10, %':>13}  {'CIFAR-100, %':>13}")
    with numeric_threads(1), ProcessPoolExecutor(options.workers) as pool:
        for name in options.strategies:
            began = time.perf_counter()
            incumbents, bests, trials = zip(
                *pool.map(partial(found, str(options.table), name), range(options.runs), chunksize=4), strict=True
            )
            print(
                f"{name:<10} {statistics.fmean(trials):6.0f}  {spread(incumbents)}  ({options.runs} runs, "
                f"{time.perf_counter() - began:.0f} s)",
                flush=True,
            )
            if bests != incumbents:
                print(f"{'':<10} {'':>6}  {spread(bests)}  by the best score", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
