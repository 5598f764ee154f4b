"""One study of a toy evaluator, to be killed at any moment and run again: `python toy_study.py FOLDER STRATEGY SEED
TRIALS`.

`python toy_study.py serve` reads such lines from its input, runs each in a forked child and prints the child's exit
status; a fifth word says after how many seconds to kill it. A study that starts within milliseconds can be killed a
hundred times in a few seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback

from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Conditional, ToyEvaluator

PROBLEM = Problem(Conditional(max_layers=4))
STRATEGIES = {"random": RandomSearch(), "evolution": RegularizedEvolution(population=8, sample_size=3)}


def study(folder: str, strategy: str, seed: str, n_trials: str) -> None:
    evaluator = ToyEvaluator(sleep=0.001, steps=2, noise=0.1, fail=0.1, nan=0.1)
    Search(
        PROBLEM,
        STRATEGIES[strategy],
        evaluator,
        budget=Budget(trials=int(n_trials)),
        seed=int(seed),
        store=SqliteStore(folder),
    ).run()


def serve() -> None:
    for line in sys.stdin:
        *words, kill_after = line.split()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                study(*words)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        if kill_after != "never":
            time.sleep(float(kill_after))
            # it is not waited for yet, so the number is still its own even if it has ended
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else study(*sys.argv[1:])
