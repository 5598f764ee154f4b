"""The loop by hand: ask for trials, measure them wherever you like, tell what came of them. Failures are told as well.

python examples/ask_tell.py --trials 60
"""

import argparse
from dataclasses import dataclass

from archsmith import EvaluationError, FunctionEvaluator, Objective, Problem, Range, RegularizedEvolution, Search, Space


@dataclass(frozen=True)
class Oven(Space):
    """How to bake: a table of settings is a search space too. Fan ovens ask for a speed, the others do not."""

    def decide(self, choose):
        choose("degrees", Range(120, 250))
        choose("minutes", Range(5, 90))
        if choose("fan", (False, True)):
            choose("speed", ("low", "high"))


def taste(recipe) -> float:
    """A stand-in for what a person would measure; too hot an oven ends the trial without a score."""
    if recipe["degrees"] > 240:
        raise EvaluationError("The bread is burnt.")
    heat = recipe["degrees"] + (20 if recipe["fan"] else 0)
    return 1 / (1 + abs(heat - 220) / 50 + abs(recipe["minutes"] - 40) / 30)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()

    # The evaluator is never called here; it says which metrics will be told.
    problem = Problem(Oven(), (Objective("taste", maximize=True),))
    evaluator = FunctionEvaluator(taste, metrics=("taste",))
    with Search(problem, RegularizedEvolution(population=10), evaluator, seed=0) as search:
        while len(search.history) < arguments.trials:
            for trial in search.ask(4):
                try:
                    search.tell(trial, taste(trial.architecture))
                except EvaluationError as error:
                    search.tell(trial, error)
        best = search.history.best()
    print(f"best of {len(search.history)}: {dict(best.architecture)} tastes {best.metrics['taste']:.3f}")


if __name__ == "__main__":
    main()
