"""Random search and regularised evolution on NAS-Bench-201: 12,000 simulated seconds on 12-epoch validation accuracy, as the benchmark's baselines do.

    python benchmarks/nasbench201_baselines.py nas_bench_201.npz --runs 100

prints the mean and standard deviation over the runs of the test accuracy (200 epochs) of the architecture with the best validation accuracy. Published
for 500 runs on CIFAR-10 (Mellor et al. 2021, table 2a): evolution 93.92 ± 0.30, random 93.70 ± 0.36. The evolution there has population 10 and sample size 3.
On CIFAR-100 our searches spend their seconds on CIFAR-100 trainings, twice as long each; whether the published ones did is not known to us.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.runtime.search import Search
from archsmith.spaces.nasbench201 import NasBench201
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.random import RandomSearch

SECONDS = 12_000
STRATEGIES = {
    "random": RandomSearch(),
    "evolution": RegularizedEvolution(population=10, sample_size=3, start=False),
    "local": LocalSearch(start=False),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="nas_bench_201.npz, as described in archsmith.evaluators.nasbench201")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--datasets", nargs="+", default=["cifar10", "cifar100"])
    options = parser.parse_args()
    if not options.table.is_file():
        print(f"Skipped: there is no table {options.table}.")
        return 0
    problem = Problem(NasBench201())
    for dataset in options.datasets:
        evaluator = NasBench201Evaluator(str(options.table), dataset)
        for name, strategy in STRATEGIES.items():
            began = time.perf_counter()
            accuracies, trials = [], []
            for seed in range(options.runs):
                result = Search(problem, strategy, evaluator, budget=Budget(seconds=SECONDS), seed=seed).run()
                assert result.best is not None
                accuracies.append(100 * result.best.metrics["final_test_accuracy"])
                trials.append(len(result.history.finished))
            spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
            print(
                f"{dataset:9} {name:10} {statistics.fmean(accuracies):.2f} ± {spread:.2f} % test after {statistics.fmean(trials):.0f} trials"
                f" (mean of {options.runs} runs, {time.perf_counter() - began:.1f} s)",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
