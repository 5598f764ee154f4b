"""An evaluator of one's own: how well a sum of waves fits a curve, on more or fewer points, and how large it is.

python examples/own_evaluator.py
"""

from dataclasses import dataclass

import numpy as np

from archsmith import Budget, EvaluationError, Fidelity, Objective, Problem, Range, Search, Space
from archsmith.strategies.nsga2 import NSGA2


@dataclass(frozen=True)
class Waves(Space):
    """A sum of waves: how many, how fast the fastest may be, and how small their weights are kept."""

    def decide(self, choose):
        choose("waves", Range(2, 50, log=True))
        choose("fastest", Range(0.1, 100.0, log=True))
        choose("ridge", Range(1e-9, 1.0, log=True))


def fitted_error(model, n_points, rng):
    """The root mean squared error on new points after a fit to ``n_points`` noisy ones."""
    x, new = rng.uniform(-1, 1, n_points), np.linspace(-1, 1, 100)
    y = np.sin(8 * x) * x + rng.normal(0, 0.1, n_points)
    speeds, starts = rng.uniform(0, model["fastest"], model["waves"]), rng.uniform(0, 2 * np.pi, model["waves"])
    seen, unseen = (np.cos(np.outer(points, speeds) + starts) for points in (x, new))
    weights = np.linalg.solve(seen.T @ seen + model["ridge"] * np.eye(len(speeds)), seen.T @ y)
    return float(np.sqrt(np.mean((unseen @ weights - np.sin(8 * new) * new) ** 2)))


@dataclass(frozen=True)
class CurveFit:
    """``repeats``: fits whose mean error counts, 1 or more."""

    repeats: int = 3
    metrics = ("error", "waves")
    simulated = False

    def problem(self, objectives=None, constraints=()):
        wanted = objectives or tuple(Objective(metric, maximize=False) for metric in self.metrics)
        return Problem(Waves(), wanted, constraints, Fidelity("points", minimum=20, maximum=180))

    def evaluate(self, architecture, fidelity, context):
        if architecture["waves"] > fidelity:
            raise EvaluationError(f"{architecture['waves']} waves need more than {fidelity:.0f} points.")
        rng, errors = np.random.default_rng(context.seed), []
        for repeat in range(self.repeats):
            context.check()
            errors.append(fitted_error(architecture, int(fidelity), rng))
            context.report(repeat + 1, {"error": float(np.mean(errors))})
        return {"error": float(np.mean(errors)), "waves": architecture["waves"]}


if __name__ == "__main__":
    result = Search(CurveFit().problem(), NSGA2(population=20), CurveFit(), budget=Budget(trials=100)).run()
    print(*result.history.front(), sep="\n")
