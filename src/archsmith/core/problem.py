"""A problem: what is searched (a space) and what for (objectives, limits, fidelity)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked, said
from archsmith.core.space import Space
from archsmith.core.targets import more_is_better


@checked
@dataclass(frozen=True)
class Objective:
    """A metric to be optimised. Strategies see its loss: the value when it is minimised, its negative when maximised.

    ``metric``: its name, as the evaluator reports it.
    ``maximize``: whether more is better. Left out, the name must say it, as ``valid_accuracy`` and ``latency_ms`` do
        (``archsmith.core.targets.more_is_better``). Raises UsageError where it does not.
    """

    metric: str
    maximize: bool = None  # type: ignore[assignment]  # only until __post_init__

    def __post_init__(self) -> None:
        if not self.metric:
            raise UsageError("The objective names no metric.", 'Write it like Objective("accuracy").')
        if self.maximize is None:
            object.__setattr__(self, "maximize", _direction(self.metric))

    def loss(self, metrics: Mapping[str, float]) -> float:
        value = metrics[self.metric]
        return -value if self.maximize else value

    def value(self, loss: float) -> float:
        return -loss if self.maximize else loss


def _direction(metric: str) -> bool:
    more = more_is_better(metric)
    if more is None:
        raise UsageError(
            f"The name of the metric {metric!r} does not say whether more or less of it is better.",
            f"Say it: Objective({metric!r}, maximize=True) or maximize=False in Python, --maximize {metric} or "
            f"--minimize {metric} on the command line.",
        )
    return more


@checked
@dataclass(frozen=True)
class Constraint:
    """A hard limit on a metric, bounds included. An outcome outside it is finished but not feasible.

    ``metric``: its name, as the evaluator reports it.
    ``upper``, ``lower``: the bounds, one or both; None: no bound.
    """

    metric: str
    upper: float | None = None
    lower: float | None = None

    def __post_init__(self) -> None:
        if self.upper is None and self.lower is None:
            raise UsageError(f"The constraint on {self.metric!r} has no bound.", "Give upper=, lower= or both.")
        if self.upper is not None and self.lower is not None and self.lower > self.upper:
            raise UsageError(
                f"Nothing keeps the constraint on {self.metric!r}: its lower bound {self.lower:g} is above its upper "
                f"bound {self.upper:g}.",
                "Exchange them, or leave one out.",
            )

    def __str__(self) -> str:
        bounds = ((">=", self.lower), ("<=", self.upper))
        return " and ".join(f"{self.metric}{sign}{bound:.12g}" for sign, bound in bounds if bound is not None)

    def violation(self, metrics: Mapping[str, float]) -> float:
        """How far outside the bounds, 0 when inside."""
        value = metrics[self.metric]
        return max(
            0.0,
            value - self.upper if self.upper is not None else 0.0,
            self.lower - value if self.lower is not None else 0.0,
        )

    def relative_violation(self, metrics: Mapping[str, float]) -> float:
        """``violation`` in units of the larger bound, so that limits on different metrics compare."""
        return self.violation(metrics) / max(abs(self.upper or 0.0), abs(self.lower or 0.0), 1e-12)


def check_limits(constraints: Iterable[Constraint]) -> None:
    """Raises UsageError where two limits on one metric leave no value for it."""
    for a, b in combinations(constraints, 2):
        lowest = max(-math.inf if each.lower is None else each.lower for each in (a, b))
        highest = min(math.inf if each.upper is None else each.upper for each in (a, b))
        if a.metric == b.metric and lowest > highest:
            raise UsageError(f"Nothing keeps the limits {a} and {b} at once.", "Change one, or leave it out.")


@checked
@dataclass(frozen=True)
class Fidelity:
    """The one resource axis of a study. Trials run at ``maximum`` unless a strategy asks for less.

    ``name``: such as ``epochs``, ``data_fraction`` or ``resolution``.
    ``minimum``: the least that a trial may get, above 0.
    ``maximum``: the most, ``minimum`` or more.
    ``full``: what the final training will get, where that is more than any trial gets.
    """

    name: str = "epochs"
    minimum: float = 1
    maximum: float = 1
    full: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.maximum:
            raise UsageError(
                f"Fidelity {self.name!r} runs from {self.minimum} to {self.maximum}.",
                "It needs 0 < minimum <= maximum.",
            )
        if self.full is not None and self.full < self.maximum:
            raise UsageError(
                f"Fidelity {self.name!r} has full={self.full} below its maximum {self.maximum}.",
                "Leave full out, or give more.",
            )

    @property
    def partial(self) -> bool:
        """Do trials get less than the final training will?"""
        return self.full is not None and self.full > self.maximum


def _several(given: Any, cls: type[Any], example: str) -> tuple[Any, ...]:
    """One ``cls``, or an iterable of them, as a tuple. Raises UsageError for anything else."""
    several = (given,) if isinstance(given, cls) else tuple(given) if isinstance(given, list | tuple) else None
    wrong = [given] if several is None else [each for each in several if not isinstance(each, cls)]
    if wrong:
        name = cls.__name__
        raise UsageError(
            f"The {name.lower()}s of a problem cannot be {wrong[0]!r}.", f"Write each like {name}{example}."
        )
    return several or ()


@dataclass(frozen=True)
class Problem:
    """What is searched, and what for.

    The evaluator must report the metrics of all objectives and constraints.

    ``space``: where architectures come from.
    ``objectives``: one or more, each about another metric; one alone may stand without brackets.
    ``constraints``: hard limits; likewise.
    ``fidelity``: the resource of one trial.
    """

    space: Space
    objectives: tuple[Objective, ...] = (Objective("accuracy"),)
    constraints: tuple[Constraint, ...] = ()
    fidelity: Fidelity = Fidelity()

    def __post_init__(self) -> None:
        if isinstance(self.space, type):
            raise UsageError(
                f"The space is the class {self.space.__name__}, not an object of it.",
                f"Write {self.space.__name__}() with brackets.",
            )
        if not isinstance(self.space, Space):
            raise UsageError(
                f"The space of a problem {said(self.space)}.",
                "Give a search space, such as ConvStages(): an object whose class has decide(choose).",
            )
        object.__setattr__(self, "objectives", _several(self.objectives, Objective, '("quality", maximize=True)'))
        object.__setattr__(self, "constraints", _several(self.constraints, Constraint, '("params", upper=1e6)'))
        if not isinstance(self.fidelity, Fidelity):
            raise UsageError(f"The fidelity cannot be {self.fidelity!r}.", 'Write it like Fidelity("epochs", 1, 10).')
        if not self.objectives:
            raise UsageError("A problem needs at least one objective.")
        if len({objective.metric for objective in self.objectives}) < len(self.objectives):
            raise UsageError("Two objectives name the same metric.")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that an outcome must carry."""
        return tuple(dict.fromkeys([*(o.metric for o in self.objectives), *(c.metric for c in self.constraints)]))

    def losses(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        return tuple(objective.loss(metrics) for objective in self.objectives)

    def feasible(self, metrics: Mapping[str, float]) -> bool:
        return all(constraint.violation(metrics) == 0 for constraint in self.constraints)

    def to_dict(self) -> dict[str, Any]:
        """Objectives, constraints and fidelity as JSON data; the space is stored as its own spec."""
        return {
            "objectives": [[o.metric, o.maximize] for o in self.objectives],
            "constraints": [[c.metric, c.upper, c.lower] for c in self.constraints],
            "fidelity": [
                self.fidelity.name,
                self.fidelity.minimum,
                self.fidelity.maximum,
                *([self.fidelity.full] if self.fidelity.full else []),
            ],
        }

    @classmethod
    def from_dict(cls, space: Space, data: Mapping[str, Any]) -> Problem:
        return cls(
            space,
            tuple(Objective(*o) for o in data["objectives"]),
            tuple(Constraint(*c) for c in data["constraints"]),
            Fidelity(*data["fidelity"]),
        )
