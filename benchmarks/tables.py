"""The shipped benchmark tables: their contents, and the results of random search, evolution and local search.

    python benchmarks/tables.py [--runs 100] [--trials 200]

A trial gets the score of one recorded training, drawn with the trial's seed (``TableEvaluator(noisy=True)``), as from a
real training. Regret: how many points of accuracy the incumbent is below the best of the table, both as the mean over
the three trainings.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import record

from archsmith.core.budget import Budget
from archsmith.evaluators import shipped_tables
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.search import Search
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.random import RandomSearch

STRATEGIES = {
    "random": RandomSearch,
    "evolution": lambda: RegularizedEvolution(population=20, sample_size=5),
    "local": LocalSearch,
}
MILESTONES = (25, 50, 100, 200)


def regrets(job: tuple[str, str, int, int]) -> list[float]:
    """Regret in points after each milestone of one search."""
    bench, strategy, seed, trials = job
    evaluator = TableEvaluator(bench, noisy=True)
    search = Search(evaluator.problem(), STRATEGIES[strategy](), evaluator, budget=Budget(trials=trials), seed=seed)
    finished = search.run().history.finished
    found, best = [], None
    for n, trial in enumerate(finished, 1):
        if trial.losses is not None and (best is None or trial.losses < best.losses):
            best = trial
        if n in MILESTONES:
            place = evaluator.standing(best.architecture)
            found.append(100 * (place.best - place.score))
    return found


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of ``values`` (n,). Ties get their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def describe(name: str) -> str:
    evaluator = TableEvaluator(name)
    table = evaluator.table
    accuracy = table.metrics["accuracy"][:, -1, :].astype(float)
    # Equal networks share their trainings, so they count once.
    networks = np.unique(table.metrics["log_loss"].reshape(len(table), -1), axis=0, return_index=True)[1]
    one_each = accuracy[networks]
    rho = statistics.mean(
        np.corrcoef(ranks(one_each[:, a]), ranks(one_each[:, b]))[0, 1]
        for a, b in itertools.combinations(range(one_each.shape[1]), 2)
    )
    mean = one_each.mean(1)
    size = (shipped_tables.FOLDER / f"{name}.npz").stat().st_size / 1000
    return (
        f"{name:<17} {len(table):6,} {len(networks):9,} {size:6.0f} {table.fidelities[-1]:7.0f} "
        f"{table.seconds[:, -1].mean():8.2f} "
        f"{rho:6.2f} {100 * mean.max():6.2f} {100 * mean.mean():6.2f} {100 * one_each.std(1, ddof=1).mean():6.2f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began = time.time()
    print(
        f"{'table':<17} {'rows':>6} {'networks':>9} {'kB':>6} {'epochs':>7} {'seconds':>8} {'rho':>6} {'best':>6} "
        f"{'mean':>6} {'noise':>6}"
    )
    for name in shipped_tables.names():
        print(describe(name))
    print(
        "seconds: mean CPU time of one training; rho: rank correlation between seeds; best, mean, noise (sd over "
        "seeds): accuracy in %\n"
    )
    reached = [m for m in MILESTONES if m <= options.trials]
    print(
        f"{'regret':<17} {'strategy':<10}"
        + "".join(f"{f'{m} trials':>20}" for m in reached)
        + f"   (points: mean ± sd, median; {options.runs} runs)"
    )
    with ProcessPoolExecutor(options.workers) as pool:
        for name in shipped_tables.names():
            for strategy in STRATEGIES:
                jobs = [(name, strategy, seed, options.trials) for seed in range(options.runs)]
                values = np.array(list(pool.map(regrets, jobs, chunksize=max(1, options.runs // 8))))
                shown = "".join(
                    f"{f'{column.mean():.2f} ± {column.std(ddof=1):.2f}, {np.median(column):.2f}':>20}"
                    for column in values.T
                )
                print(f"{name:<17} {strategy:<10}{shown}", flush=True)
    print(f"\n{time.time() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
