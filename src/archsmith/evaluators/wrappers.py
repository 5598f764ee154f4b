"""Evaluators around another evaluator: remember its answers, repeat it, or add noise to it. Wrappers nest."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator
from archsmith.core.seeds import derive, generator
from archsmith.core.space import Space
from archsmith.core.trial import Outcome


@dataclass(frozen=True)
class Cached:
    """Answers from memory where an equal architecture was evaluated before at the same fidelity; the outcome then carries the note ``cached``.

    ``space`` says what is equal (``identity``: isomorphic networks are); None: the space of the problem that is prepared, and equal decisions where
    nothing was prepared, as in worker processes. Failures are tried again. The memory is this object's own and ends with its process, so a resumed
    study begins with an empty one. A remembered answer charges simulated seconds again, as benchmarks do, and real seconds as they pass.
    """

    evaluator: Any
    space: Any = None
    _known: dict[tuple[str, float], Outcome] = field(default_factory=dict, init=False, repr=False, compare=False)
    _spaces: list[Space] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.evaluator.metrics)

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        self._spaces[:] = [problem.space]
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        context.check()
        spaces = [self.space] if self.space is not None else self._spaces
        key = (spaces[0].identity(architecture) if spaces else architecture.key, fidelity)
        if key in self._known:
            known = self._known[key]
            return replace(known, notes={**known.notes, "cached": True})
        outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, context), self.evaluator)
        if outcome.ok:
            self._known[key] = outcome
        return outcome


@dataclass(frozen=True)
class Repeated:
    """Evaluates ``n`` times with different seeds: each metric is the mean, with its sample standard deviation beside it as ``<metric>_sd``.

    One failure fails the trial; seconds add up; reports of single runs are not passed on.
    """

    evaluator: Any
    n: int = 3

    def __post_init__(self) -> None:
        if self.n < 2:
            raise UsageError(f"Repeated has n={self.n}.", "Give 2 or more.")

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.evaluator.metrics, *(f"{name}_sd" for name in self.evaluator.metrics))

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        outcomes: list[Outcome] = []
        for i in range(self.n):
            context.check()
            folder = context.workspace / f"repeat{i}" if context.workspace is not None else None
            inner = replace(context, seed=derive(context.seed, "repeat", i), workspace=folder, report=lambda step, metrics: None)
            outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, inner), self.evaluator)
            if not outcome.ok:
                return replace(outcome, seconds=outcome.seconds + sum(earlier.seconds for earlier in outcomes))
            outcomes.append(outcome)
        values = {name: [outcome.metrics[name] for outcome in outcomes] for name in self.evaluator.metrics}
        means = {name: statistics.fmean(each) for name, each in values.items()}
        spreads = {f"{name}_sd": statistics.stdev(each) for name, each in values.items()}
        return Outcome.success({**means, **spreads}, sum(outcome.seconds for outcome in outcomes), {"repeats": self.n})


@dataclass(frozen=True)
class Noisy:
    """Adds normal noise with standard deviation ``sd`` to one ``metric`` (None: the first), decided by the trial's seed; reports stay as they are."""

    evaluator: Any
    sd: float = 0.01
    metric: str | None = None

    def __post_init__(self) -> None:
        if not self.sd >= 0:
            raise UsageError(f"Noisy has sd={self.sd}.", "Give 0 or more.")
        if self.metric is not None and self.metric not in self.evaluator.metrics:
            raise UsageError(f"Noisy has metric={self.metric!r}.", f"{type(self.evaluator).__name__} reports {', '.join(self.evaluator.metrics)}.")

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.evaluator.metrics)

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, context), self.evaluator)
        if not outcome.ok:
            return outcome
        name = self.metric or self.metrics[0]
        shift = float(generator(context.seed, "noise").normal(0.0, self.sd))
        return replace(outcome, metrics={**outcome.metrics, name: outcome.metrics[name] + shift})


def prepared(evaluator: Any, problem: Problem, context: Context) -> Mapping[str, Any]:
    """Run the prepare phase of a wrapped evaluator, if it has one."""
    prepare = getattr(evaluator, "prepare", None)
    return dict(prepare(problem, context) or {}) if prepare is not None else {}


def as_outcome(result: Outcome | Mapping[str, float] | float, evaluator: Evaluator) -> Outcome:
    """What a wrapped evaluator returned, in one form. Raises EvaluationError (``nan``)."""
    if isinstance(result, Outcome):
        return result
    return Outcome.success(result if isinstance(result, Mapping) else {evaluator.metrics[0]: float(result)})
