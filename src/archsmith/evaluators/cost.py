"""What a network costs, read from its graph: parameters and multiply-adds. Nothing is built or trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, measured, repeatable, uses_fidelity
from archsmith.core.trial import Outcome
from archsmith.evaluators.wrappers import as_outcome, prepared

METRICS = ("params", "macs")


@checked
@dataclass(frozen=True)
class CostEvaluator:
    """Reports ``params`` (numbers) and ``macs`` (multiply-adds of one forward pass of one example).

    ``space``: the NetworkSpace at whose scale they are counted; it may be larger than the one that is searched.
    ``evaluator``: another evaluator whose metrics come along, so that cost can be an objective or a constraint beside
        them; None: cost alone.
    """

    space: Any
    evaluator: Evaluator | None = None

    def __post_init__(self) -> None:
        if not callable(getattr(self.space, "graph", None)):
            raise UsageError(
                f"{type(self.space).__name__} lays out no networks, so they have no cost.",
                "Use a space with graph(), such as ConvStages.",
            )
        if self.evaluator is not None and set(METRICS) & set(self.evaluator.metrics):
            raise UsageError(
                f"{type(self.evaluator).__name__} reports {', '.join(self.evaluator.metrics)}, and CostEvaluator "
                f"would add {', '.join(METRICS)}."
            )

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*(self.evaluator.metrics if self.evaluator is not None else ()), *METRICS)

    @property
    def simulated(self) -> bool:
        return self.evaluator is not None and bool(self.evaluator.simulated)

    @property
    def uses_fidelity(self) -> bool:
        return self.evaluator is not None and uses_fidelity(self.evaluator)

    @property
    def repeatable(self) -> bool:
        return self.evaluator is None or repeatable(self.evaluator)

    @property
    def measured(self) -> tuple[str, ...]:
        return () if self.evaluator is None else measured(self.evaluator)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        from archsmith.graphs.cost import cost

        context.check()
        found = cost(self.space.graph(architecture))
        costs = {"params": float(found.params), "macs": float(found.macs)}
        if self.evaluator is None:
            return Outcome.success(costs)
        outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, context), self.evaluator)
        return replace(outcome, metrics={**outcome.metrics, **costs}) if outcome.ok else outcome
