"""Speed of the engine: the time of a search without its evaluations, and the start time of the command line.

    python benchmarks/engine.py [--trials 20000]

It searches a table of a million architectures (6 decisions, 10 options each) and writes every event to SQLite. It
starts new interpreters for the import times. It prints one line for each figure with its limit, then all as one line of
JSON. The exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import record

from archsmith import catalog
from archsmith.core.budget import Budget
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore

N_DECISIONS, N_OPTIONS = 6, 10
SEARCH_LIMIT = 20.0  # seconds for 20,000 trials
STRATEGIES = ("random", "evolution")
N_STARTS = 11  # new interpreters; the median counts


def write_million(path: Path) -> None:
    """Write a table in the format of ``archsmith.evaluators.table_file``, directly from arrays."""
    answers = np.indices((N_OPTIONS,) * N_DECISIONS, dtype=np.int8).reshape(N_DECISIONS, -1).T
    worth = np.random.default_rng(0).random((N_DECISIONS, N_OPTIONS), dtype=np.float32)
    accuracy = np.mean([worth[i, answers[:, i]] for i in range(N_DECISIONS)], axis=0)
    np.savez(
        path,
        format=np.array("archsmith table 1"),
        paths=np.array([f"x{i}" for i in range(N_DECISIONS)]),
        options=np.array([json.dumps(list(range(N_OPTIONS)))] * N_DECISIONS),
        answers=answers,
        fidelity=np.array("epochs"),
        fidelities=np.array([1.0]),
        seconds=np.ones((len(answers), 1), np.float32),
        metrics=np.array(["accuracy"]),
        metric_accuracy=accuracy[:, None, None],
    )


def search_seconds(strategy: str, n_trials: int, folder: Path) -> tuple[float, float]:
    """Wall time and CPU time. They differ on a machine that is busy with other work."""
    evaluator = TableEvaluator(str(folder / "million.npz"))
    search = Search(
        evaluator.problem(),
        catalog.get("strategy", strategy)(),
        evaluator,
        budget=Budget(trials=n_trials),
        store=SqliteStore(folder / strategy),
    )
    began, cpu_began = time.perf_counter(), time.process_time()
    result = search.run()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    assert len(result.history.finished) == n_trials and result.reason == "trials", result.reason
    return seconds, cpu_seconds


def start_seconds(*arguments: str) -> float:
    """Median seconds of a new interpreter from start to end."""
    times = []
    for _ in range(N_STARTS):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20_000)
    n_trials = parser.parse_args().trials
    figures: list[tuple[str, float, float | None]] = []

    def show(name: str, seconds: float, limit: float | None = None) -> None:
        figures.append((name, round(seconds, 4), limit))
        print(
            f"{name:<40} {seconds:8.3f} s"
            + (f"   limit {limit:g} s{'' if seconds <= limit else '   BROKEN'}" if limit else ""),
            flush=True,
        )

    with tempfile.TemporaryDirectory() as folder:
        write_million(Path(folder) / "million.npz")
        for strategy in STRATEGIES:
            seconds, cpu_seconds = search_seconds(strategy, n_trials, Path(folder))
            show(f"{n_trials} trials of {strategy}", seconds, SEARCH_LIMIT * n_trials / 20_000)
            show(f"{n_trials} trials of {strategy}, CPU time", cpu_seconds)
    show("python, nothing imported", start_seconds("-c", "pass"))
    numpy_seconds = start_seconds("-c", "import numpy")
    show("import numpy", numpy_seconds)
    show("import archsmith", start_seconds("-c", "import archsmith"), numpy_seconds + 0.05)
    show("import of the engine", start_seconds("-c", "from archsmith import Search"))
    show("archsmith --help", start_seconds("-m", "archsmith", "--help"), 0.5)
    print(json.dumps({name: {"seconds": seconds, "limit": limit} for name, seconds, limit in figures}))
    return int(any(limit is not None and seconds > limit for _, seconds, limit in figures))


if __name__ == "__main__":
    sys.exit(record.run(main))
