"""How trials are ranked where there is one objective, with or without constraints."""

from __future__ import annotations

import math

from archsmith.core.errors import UsageError
from archsmith.core.fields import said
from archsmith.core.problem import Problem
from archsmith.core.trial import Trial

RankingKey = tuple[float, float]  # (violation, loss), lower is better

WORST: RankingKey = (math.inf, math.inf)


def ranking_key(trial: Trial, problem: Problem) -> RankingKey:
    """``(violation, loss)``: trials sorted by it stand from best to worst.

    A trial that breaks a constraint ranks behind every trial that keeps all of them. Among those that break one, the
    smaller violation ranks first. ``WORST`` for trials that failed or are pending.

    Source: the feasibility rules of Deb (2000, "An efficient constraint handling method for genetic algorithms"), with
    violations relative to their bounds.
    """
    if not isinstance(trial, Trial):
        raise UsageError(f"The trial to be ranked {said(trial)}.", "Write it so: ranking_key(trial, history.problem).")
    if trial.losses is None:
        return WORST
    if trial.feasible:
        return (0.0, trial.losses[0])
    return (math.fsum(limit.relative_violation(trial.metrics) for limit in problem.constraints), trial.losses[0])


def need_one_objective(problem: Problem, strategy: object) -> None:
    """Raises UsageError when ``problem`` has several objectives."""
    if len(problem.objectives) > 1:
        names = ", ".join(objective.metric for objective in problem.objectives)
        raise UsageError(
            f"{type(strategy).__name__} optimises one objective, and this problem has {len(problem.objectives)} "
            f"({names}).",
            "Keep one objective and make the others constraints, or use NSGA2.",
        )
