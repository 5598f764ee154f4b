"""Progressive search (PNAS) compared with the controller on NAS-Bench-201: how many models does policy gradient need to
reach the accuracy of PNAS?

    python benchmarks/progressive.py nas_bench_201.npz

The definitions were fixed before the first run. Both maximise the validation accuracy on CIFAR-10 after 12 epochs,
which the table holds for every cell. A cell of b nodes is completed with ``none`` edges and a skip from its last node
to the output (``archsmith.spaces.cell_growth``), so that the levels have 5, 125 and 15,625 points. PNAS evaluates 5 + K
+ K cells with a beam of K = 16, 32, 50, in the paper's form (one fit at each level) and in the refit form (five fits at
each level, mean + 1 standard deviation).

*Top-1*: the best validation accuracy of a run, as the mean over 100 runs with different seeds. *Models needed*: the
least n for which the best of the first n trials, as the mean over 500 runs, is as high; at most 1,000. If the ratio is
above 1, PNAS needs fewer models. The same is counted for the tabular policy and for random search. Liu et al. 2018
report a ratio of 5.0 for top-1 on their own space.

The strategies run until they reach the accuracy of PNAS. Finished runs are kept in ``benchmarks/results`` and not
repeated.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jobs
import numpy as np
import record

from archsmith.core.budget import Budget
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.runtime.search import Search
from archsmith.runtime.spawning import numeric_threads
from archsmith.strategies.progressive import Progressive
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.reinforce import Reinforce
from archsmith.strategies.tabular import TabularReinforce

BEAMS = (16, 32, 50)
FORMS = {"paper": {}, "refit": {"refits": 5, "optimism": 1.0}}
HORIZONS = (300, 600, 1000)  # trials of the strategies; the least one that reaches PNAS is used
KEPT = jobs.RESULTS / "progressive"


def incumbent_scores(path: str, name: str, n_trials: int, seed: int) -> list[float]:
    """The incumbent's validation accuracy in per cent after each of ``n_trials``. The strategies do not know this
    number.
    """
    strategy = {"reinforce": partial(Reinforce, seed=seed), "tabular": TabularReinforce, "random": RandomSearch}[name]()
    evaluator = NasBench201Evaluator(path)
    history = Search(evaluator.problem(), strategy, evaluator, budget=Budget(trials=n_trials), seed=seed).run().history
    return (100 * np.maximum.accumulate([trial.metrics["accuracy"] for trial in history.trials])).tolist()


def top_1(path: str, beam: int, form: str, seed: int) -> tuple[float, int]:
    """Best validation accuracy in per cent of one run of PNAS, and the number of evaluated cells."""
    evaluator = NasBench201Evaluator(path)
    result = Search(
        evaluator.problem(),
        Progressive(beam=beam, seed=seed, **FORMS[form]),
        evaluator,
        budget=Budget(trials=10_000),
        seed=seed,
    ).run()
    assert result.best is not None
    return 100 * result.best.metrics["accuracy"], len(result.history.trials)


def file_of(name: str, runs: int) -> Path:
    return KEPT / f"{name}-{runs}.json"


def kept(name: str, runs: int, pool: ProcessPoolExecutor, task: Callable[[int], Any]) -> list[Any]:
    """The results of ``task`` for each seed. Earlier results are read from their file."""
    file = file_of(name, runs)
    if not file.exists():
        began = time.perf_counter()
        found = list(pool.map(task, range(runs), chunksize=5))
        KEPT.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
        print(f"  {name}: {runs} runs, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return json.loads(file.read_text())


def curve(path: str, name: str, runs: int, target: float, most: int, pool: ProcessPoolExecutor) -> np.ndarray:
    """Mean accuracy (trials,) of the incumbent for the least horizon that reaches ``target``, else for the greatest
    one.
    """
    means = np.zeros(0)
    for horizon in [horizon for horizon in HORIZONS if horizon <= most]:
        means = np.mean(kept(f"{name}-{horizon}", runs, pool, partial(incumbent_scores, path, name, horizon)), axis=0)
        if means[-1] >= target:
            break
    return means


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="nas_bench_201.npz, as described in archsmith.evaluators.nasbench201")
    parser.add_argument("--runs", type=int, default=500, help="of the strategies that PNAS is compared with")
    parser.add_argument("--pnas-runs", type=int, default=100)
    parser.add_argument(
        "--most",
        type=int,
        default=HORIZONS[-1],
        help="most trials of the others; reinforce gets slow when it repeats itself",
    )
    parser.add_argument(
        "--finished", action="store_true", help="show only forms and beams that are finished, and run no others"
    )
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if not options.table.is_file():
        print(f"Skipped: there is no table {options.table}.")
        return 0
    path = str(options.table)
    # a forked worker would keep the number of threads that its parent's numpy was loaded with
    spawned = multiprocessing.get_context("spawn")
    with numeric_threads(1), ProcessPoolExecutor(options.workers, mp_context=spawned) as pool:
        found = {
            (form, beam): kept(f"pnas-{form}-{beam}", options.pnas_runs, pool, partial(top_1, path, beam, form))
            for form in FORMS
            for beam in BEAMS
            if not options.finished or file_of(f"pnas-{form}-{beam}", options.pnas_runs).exists()
        }
        target = max(statistics.fmean(score for score, _ in runs) for runs in found.values())
        curves = {
            name: curve(path, name, options.runs, target, options.most, pool)
            for name in ("reinforce", "tabular", "random")
        }
    for name, means in curves.items():
        shown = ", ".join(
            f"{means[n - 1]:.2f} after {n}" for n in (37, 69, 105, 200, 300, 600, 1000) if n <= len(means)
        )
        print(f"{name:9} incumbent, %: {shown} ({options.runs} runs)")
    print(f"{'form':<6} {'K':>3} {'models':>6} {'top-1 %':>15} " + " ".join(f"{name:>17}" for name in curves))
    for (form, beam), runs in found.items():
        scores, models = [score for score, _ in runs], statistics.fmean(n for _, n in runs)
        mean = statistics.fmean(scores)
        needed = []
        for means in curves.values():
            n = int(np.argmax(means >= mean)) + 1 if means[-1] >= mean else None
            needed.append(f"{n:6d} = {n / models:5.2f} x" if n is not None else f"more than {len(means)}")
        print(
            f"{form:<6} {beam:>3} {models:6.0f} {mean:7.2f} ± {statistics.stdev(scores):5.2f} "
            + " ".join(f"{text:>17}" for text in needed)
        )
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
