"""The law of strategies that claim to learn: on an easy toy they are ahead of random search, by more than chance.

The toy has a million points, and a score is the mean of one value for each of six decisions, so that a decision is good
or bad whatever the others are. A random search can be worked out exactly there: the chance that ``n`` random points
reach a score follows from how many of all points do. No random search is run.

Tried in five studies with other seeds. If a strategy were no better than random search, its five chances would be five
uniform random numbers, and their sum at most 1 in one of 5! = 120 cases (Irwin-Hall): that is the rate at which a
strategy that learns nothing passes one of the two laws. One that learns fails when its five chances add up to more than
1, so never when random search would do as well in a fifth of the cases or fewer each time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.problem import Constraint, Problem
from archsmith.core.protocols import Strategy
from archsmith.testing.need import keeping, need
from archsmith.testing.rehearsal import Rehearsal, maker
from archsmith.testing.toys import Flat, ToyEvaluator

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

EASY = Flat(n_decisions=6, n_options=10)
# False failures: in 100 studies of 200 trials, drawn five at a time 20,000 times, evolution (population 20) failed
# ``keeps limits`` in 0.02 % and ``learns`` never; evolution (population 100) and local search failed neither. A climber
# that is blind to limits passed ``keeps limits`` in 2.3 %.
N_RUNS = 5
FEASIBLE = 0.2  # share of the points that keep the limit; the best point of all does not


@checked
def check_learning(strategy: Strategy | Callable[[], Strategy], *, n_trials: int = 200, seed: int = 0) -> None:
    """Raises AssertionError unless ``strategy`` is ahead of random search on an easy toy, without a limit (law
    ``learns``) and with one that the best scores break (law ``keeps limits``).

    ``strategy``: a dataclass, or something that makes a new instance when called.
    ``n_trials``: of each study. Give more to a strategy that begins to learn late.
    ``seed``: of the first study.
    """
    check_above_0("check_learning", n_trials=n_trials)
    check_from_0("check_learning", seed=seed)
    make = maker(strategy)
    free, limited = Problem(EASY), Problem(EASY, constraints=(Constraint("size", upper=_limit()),))
    _check_ahead(make, free, "learns", "comes to", n_trials, seed)
    _check_ahead(make, limited, "keeps limits", "under a hard limit comes to", n_trials, seed)


def _check_ahead(
    make: Callable[[], Strategy], problem: Problem, law: str, comes_to: str, n_trials: int, seed: int
) -> None:
    name, found, chances = "", [], []
    for run in range(N_RUNS):
        rehearsal = Rehearsal(problem, seed=seed + run, forecast_trials=n_trials)
        with keeping(law):
            strategy = make()
            name = type(strategy).__name__
            while len(rehearsal.history) < n_trials and (trials := rehearsal.ask(strategy)):
                for trial in trials:
                    rehearsal.finish(trial)
        best = rehearsal.history.best()
        found.append(best.metrics["accuracy"] if best is not None else 0.0)
        chances.append(_chance(problem, found[-1], n_trials))
    need(
        sum(chances) <= 1,
        law,
        f"{name} {comes_to} {np.mean(found):.3f} in {n_trials} trials (mean of {N_RUNS} studies). Random search comes "
        f"to as much in {np.mean(chances):.0%} of cases; for a strategy that learns, these are {1 / N_RUNS:.0%} or "
        "less.",
    )


def _chance(problem: Problem, score: float, n_trials: int) -> float:
    """That the best of so many random points that keep the limits has this score or more."""
    scores = _scores(bool(problem.constraints))
    n_reached = len(scores) - int(np.searchsorted(scores, score - 1e-9))
    return float(1 - (1 - n_reached / len(_every("accuracy"))) ** n_trials)


@lru_cache
def _scores(limited: bool) -> Numbers:
    """Of the points that keep the limit, if there is one, the worst first."""
    scores = _every("accuracy")
    return np.sort(scores[_every("size") <= _limit()] if limited else scores)


@lru_cache
def _limit() -> float:
    return float(np.quantile(_every("size"), FEASIBLE))


@lru_cache
def _every(metric: str) -> Numbers:
    """The score of every point, ``(1_000_000,)``."""
    toy = ToyEvaluator()
    values = [
        np.array([toy.score(Architecture({f"x{i}": option}), metric, 1) for option in range(EASY.n_options)])
        for i in range(EASY.n_decisions)
    ]
    every: Numbers = reduce(np.add.outer, values).ravel()
    return every / EASY.n_decisions
