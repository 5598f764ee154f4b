"""A script that defines its own evaluator and searches with worker processes, as a person would write it."""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat


@dataclass(frozen=True)
class Sum:
    metrics: tuple[str, ...] = ("accuracy",)
    simulated: bool = False

    def evaluate(self, architecture, fidelity, context):
        return sum(architecture.values())


if __name__ == "__main__":
    result = Search(Problem(Flat()), RandomSearch(), Sum(), budget=Budget(trials=6), executor=ProcessExecutor(2)).run()
    print(result.reason, len(result.history.finished), all(trial.ok for trial in result.history.trials))
