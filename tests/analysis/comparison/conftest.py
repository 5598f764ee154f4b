"""Comparisons that are made up, so that nothing has to be run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import Compared
from archsmith.runtime.comparison import Plan, Run, Step

SPEC = {"type": "toy_flat", "args": {"n_decisions": 4}}


@pytest.fixture
def made_up() -> Callable[..., tuple[Compared, Plan]]:
    """``made_up("random", "local")``: a comparison of strategies with these labels, and its plan."""
    return build


def build(*labels: str, objectives: Any = (("accuracy", True),), seconds: float | None = None) -> tuple[Compared, Plan]:
    problem = {
        "objectives": [list(each) for each in objectives],
        "constraints": [["params", 1e6, None]],
        "fidelity": ["epochs", 1, 1],
    }
    judged_by = tuple(metric for metric, _ in objectives)
    plan = Plan(
        "bench <b>", SPEC, SPEC, problem, dict.fromkeys(labels, SPEC), judged_by, 8, seconds, None if seconds else 30
    )
    runs = []
    for place, label in enumerate(labels):
        for seed in range(8):
            points = [tuple(0.5 + 0.01 * (n + place) + 0.001 * seed for _ in objectives) for n in range(6)]
            steps = tuple(Step(n * 5 + 1, 100.0 * n + 10, (point,)) for n, point in enumerate(points))
            runs.append(Run(label, seed, 30, 0, 700.0, 0.01, "trials", steps, steps if len(objectives) == 1 else ()))
    return compare(plan, runs), plan
