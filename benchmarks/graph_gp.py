"""The strategy ``graph_gp`` (a Gaussian process over graphs) on NAS-Bench-201, and its computing time.

    python benchmarks/graph_gp.py nas_bench_201.npz --single nas_bench_201_valid_per_seed.npz --runs 100

*Queries*: the number of trials until a cell of the best class is tried. The best class (``iso_class`` of the file) has
the member with the highest validation accuracy after 200 epochs, as the mean over all trainings. A trial sees one
single training, drawn with its seed. A run ends after 150 trials. All runs count.

*Answers*: how far the trial that a run ends with lies behind the best one that it tried, by the mean over all
trainings, after 25, 50 and 100 trials; ``believed`` is the trial with the best prediction, ``best score`` the one with
the best score, ``answer`` what the strategy says. On noise-free tables a trial sees that same mean, and otherwise one
training. *Noise* is the likeliest one under the model, as a share of the variance: it does not show whether there is
any.

*Computing time*: the posterior of 2,000 candidates after 300 finished trials, with the choice among them; and a whole
ask on the NASNet space.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import record

from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.core.seeds import generator
from archsmith.core.trial import Trial
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.search import Search
from archsmith.runtime.spawning import numeric_threads
from archsmith.spaces.nasbench201 import PATHS
from archsmith.spaces.nasnet import NasNet
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.graph_gp import _model as model_of
from archsmith.surrogates.encoding import Encoding
from archsmith.surrogates.gp import Distances, Posterior, Scales, best_setting, normal_scores, settings
from archsmith.testing.strategy_laws import Rehearsal

MOST_QUERIES = 150
ANSWERED_AFTER = (25, 50, 100)  # trials
SHIPPED = ("digits", "digits-cells", "fashion-14", "fashion-14-cells")
DATASETS = ("cifar10", "cifar100")
STRATEGY = GraphGP()


def classes(path: str, dataset: str) -> tuple[dict[tuple[str, ...], int], int]:
    """The class of every cell by the names of its operations, and the best class."""
    with np.load(path, allow_pickle=False) as file:
        names = [str(name) for name in file["op_names"]]
        members = {
            tuple(names[i] for i in cell): int(c)
            for cell, c in zip(file["ops"].tolist(), file["iso_class"], strict=True)
        }
        return members, int(file["iso_class"][int(np.argmax(file[f"{dataset}_valid_200"]))])


def queries(path: str, single: str, dataset: str, seed: int) -> int | None:
    """Trials until the best class is tried; None: not within MOST_QUERIES."""
    members, best = classes(path, dataset)
    evaluator = NasBench201Evaluator(path, dataset, epochs=200, per_seed=single)
    search = Search(evaluator.problem(), STRATEGY, evaluator, budget=Budget(trials=MOST_QUERIES), seed=seed)
    found: list[int] = []

    def observe(event) -> None:
        if event.kind == "proposed" and not found:
            found.extend(
                row["id"] + 1
                for row in event.data["trials"]
                if members[tuple(row["architecture"][name] for name in PATHS)] == best
            )

    search.observer, search.finish = observe, lambda: bool(found)
    search.run()
    return found[0] if found else None


def answers(path: str | None, single: str | None, name: str, noisy: bool, seed: int) -> tuple[list[list[float]], float]:
    """Points of accuracy behind the best trial so far, of the believed trial, the best score and the answer, after each
    of ANSWERED_AFTER; and the noise in the end. ``path`` None: ``name`` is a shipped table.
    """
    evaluator: TableEvaluator | NasBench201Evaluator
    if path is None:
        evaluator = TableEvaluator(name, noisy)
    else:
        evaluator = NasBench201Evaluator(path, name, epochs=200, per_seed=single if noisy else None)
    search = Search(evaluator.problem(), STRATEGY, evaluator, budget=Budget(trials=ANSWERED_AFTER[-1]), seed=seed)
    behind: list[list[float]] = []

    def score(trial: Trial | None) -> float:
        standing = None if trial is None else evaluator.standing(trial.architecture)
        return float("nan") if standing is None else 100 * standing.score

    def observe(event) -> None:
        history = search.history
        if event.kind == "finished" and len(history.finished) in ANSWERED_AFTER:
            answer = STRATEGY.incumbent(history)
            history.repeatable, says = False, history.repeatable
            believed = STRATEGY.incumbent(history)
            history.repeatable = says
            best = max(score(trial) for trial in history.finished if trial.ok)
            behind.append([best - score(trial) for trial in (believed, history.best(), answer)])

    search.observer = observe
    search.run()
    setting = model_of(STRATEGY, search.history).setting
    assert setting is not None
    return behind, setting.noise


def print_answers(pool: ProcessPoolExecutor, path: str, single: str, runs: int) -> None:
    tables = [(name, path) for name in DATASETS] + [(name, None) for name in SHIPPED]
    for (name, file), noisy in itertools.product(tables, (False, True)):
        each = list(pool.map(partial(answers, file, single, name, noisy), range(runs)))
        means = np.mean([behind for behind, _ in each], axis=0).T
        said = "; ".join(
            f"{what} {', '.join(f'{value:.2f}' for value in values)}"
            for what, values in zip(("believed", "best score", "answer"), means, strict=True)
        )
        print(
            f"{name:16} {'noisy' if noisy else 'noise-free':10} points behind the best trial after 25, 50, 100: {said}"
            f"; noise {statistics.median(noise for _, noise in each):.2f} ({runs} runs)",
            flush=True,
        )


def computing_time() -> None:
    space, rng = NasNet(), generator(0, "thinking")
    sketches = [space.sketch(space.sample(rng)) for _ in range(2300)]
    encoding = Encoding(sketches[:300])
    encoding.learn(sketches)
    rows = encoding.rows(sketches)
    observed, candidates, scales, noise = (
        rows.take(slice(0, 300)),
        rows.take(slice(300, 2300)),
        Scales.of(rows.take(slice(0, 300))),
        np.ones(300),
    )
    y = normal_scores(rng.normal(size=300).tolist())
    setting = best_setting(Distances.between(observed, observed, scales), y, noise, settings(True, True))
    times = []
    for _ in range(21):
        began = time.perf_counter()
        posterior = Posterior.of(candidates, observed, noise, setting, scales)
        int(np.argmax(posterior.mean(y) + 2 * posterior.deviation))
        times.append(1000 * (time.perf_counter() - began))
    print(
        f"posterior of 2,000 candidates after 300 trials, and the choice: {statistics.median(times):.1f} ms (median "
        f"of {len(times)})",
        flush=True,
    )
    rehearsal = Rehearsal(Problem(space))
    while len(rehearsal.history) < 300:
        for trial in rehearsal.propose(GraphGP(n_start=1000).ask(rehearsal.history, 50, rehearsal.generator())):
            rehearsal.finish(trial)
    asks = []
    for _ in range(6):
        began = time.perf_counter()
        trials = rehearsal.ask(STRATEGY)
        asks.append(time.perf_counter() - began)
        rehearsal.finish(trials[0])
    print(
        f"a whole ask on the NASNet space after 300 trials: first {asks[0]:.2f} s, then "
        f"{statistics.median(asks[1:]):.2f} s (median of 5)",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="nas_bench_201.npz, as described in archsmith.evaluators.nasbench201")
    parser.add_argument("--single", type=Path, required=True, help="the single trainings of the same table")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--answers", type=int, default=20, help="runs for the answers on each table")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    computing_time()
    for file in (options.table, options.single):
        if not file.is_file():
            print(f"Skipped: there is no file {file}.")
            return 0
    with numeric_threads(1), ProcessPoolExecutor(options.workers) as pool:
        for dataset in DATASETS if options.runs else ():
            began = time.perf_counter()
            each = list(
                pool.map(partial(queries, str(options.table), str(options.single), dataset), range(options.runs))
            )
            found = [n for n in each if n is not None]
            quantiles = ", ".join(
                f"{np.percentile([n or MOST_QUERIES + 1 for n in each], q):.0f}" for q in (10, 25, 50, 75, 90)
            )
            print(
                f"{dataset:9} queries to the best class: quantiles 10, 25, 50, 75, 90: {quantiles}; "
                f"{100 * len(found) / len(each):.0f} % found ({len(each)} runs, {time.perf_counter() - began:.0f} s)",
                flush=True,
            )
        if options.answers:
            print_answers(pool, str(options.table), str(options.single), options.answers)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
