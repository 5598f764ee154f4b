"""Searching a benchmark table instead of training.

Here are the space that a table spans, and the evaluator that looks results up and charges simulated time. The schema of
the file stands in archsmith.evaluators.table_file; ``write_table`` there makes one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.fields import checked
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.protocols import Context, default_objectives
from archsmith.core.seeds import generator
from archsmith.core.space import Choose, Space, allowed
from archsmith.core.trial import Outcome
from archsmith.evaluators.means import mean
from archsmith.evaluators.table_file import Table, read_table, write_table

__all__ = ["Standing", "Table", "TableEvaluator", "TableSpace", "read_table", "write_table"]


@checked
@dataclass(frozen=True)
class TableSpace(Space):
    """The architectures of a table, and no others. Samples are uniform over its rows.

    ``path``: of the table's file, or the name of a shipped table.
    """

    path: str

    def __post_init__(self) -> None:
        read_table(self.path)

    def decide(self, choose: Choose) -> None:
        table = read_table(self.path)
        low, high = 0, len(table)
        for decision, path in enumerate(table.paths):
            question = table.question(low, high, decision)
            if question is not None:
                answer = choose(path, question.options, question.weights)
                low, high = question.rows[
                    next(i for i, option in enumerate(question.options) if allowed(answer, (option,)))
                ]

    def known_size(self) -> int:
        return len(read_table(self.path))


@dataclass(frozen=True)
class Standing:
    """Where an architecture stands among all of its table.

    ``score``: its mean over seeds, at the highest fidelity.
    ``best``: the best score of the table.
    ``rank``: its place from 1; rows that are as good share one.
    ``n``: the rows that have a score.
    """

    score: float
    best: float
    rank: int
    n: int


@checked
@dataclass(frozen=True)
class TableEvaluator:
    """Looks results up in a table. Metrics are the table's own.

    An outcome's seconds are what the training took when it was recorded.

    ``path``: of the table's file, or the name of a shipped table (archsmith.evaluators.shipped_tables).
    ``noisy``: whether a trial gets the scores of one recorded seed, drawn by the trial's seed. Otherwise it gets the
        mean over all of them.
    """

    path: str
    noisy: bool = False

    simulated: ClassVar[bool] = True

    def __post_init__(self) -> None:
        read_table(self.path)

    @property
    def table(self) -> Table:
        return read_table(self.path)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.table.metrics)

    @property
    def repeatable(self) -> bool:
        return not self.noisy

    @property
    def fidelity(self) -> Fidelity:
        """The fidelities of the table, as a problem wants them."""
        return Fidelity(self.table.fidelity, self.table.fidelities[0], self.table.fidelities[-1])

    def problem(
        self, objectives: tuple[Objective, ...] | None = None, constraints: tuple[Constraint, ...] = ()
    ) -> Problem:
        """The problem of searching this table: its space and fidelities.

        Unless ``objectives`` say otherwise, its first metric is searched for, in the direction that its name says.
        Raises UsageError where the name says none.
        """
        return Problem(TableSpace(self.path), objectives or default_objectives(self), constraints, self.fidelity)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Raises UsageError when the problem is about other architectures or fidelities than the table."""
        if self._at(problem.fidelity.maximum) is None:
            recorded = ", ".join(f"{value:g}" for value in self.table.fidelities)
            raise UsageError(
                f"The table {self.path!r} has no results at {problem.fidelity.name} = {problem.fidelity.maximum:g}, "
                f"only at {recorded}.",
                "Take the problem's fidelity from evaluator.fidelity.",
            )
        if self.table.find(problem.space.sample(generator(context.seed, "table"))) is None:
            raise UsageError(
                f"{type(problem.space).__name__} has architectures that the table {self.path!r} does not have.",
                "Leave out --space; in Python, search TableSpace(path).",
            )
        return {"rows": len(self.table)}

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        table, at, row = self.table, self._at(fidelity), self.table.find(architecture)
        if at is None:
            raise EvaluationError(f"The table has no results at {table.fidelity} = {fidelity:g}.")
        if row is None:
            raise EvaluationError(f"The table does not have {architecture.to_json()}.")
        main = _seeds(table.metrics[self.metrics[0]], row, at)
        recorded = np.flatnonzero(~np.isnan(main))
        if not len(recorded):
            raise EvaluationError("This architecture failed when the table was recorded.", kind="diverged")
        if self.noisy:
            recorded = recorded[[int(generator(context.seed, "table").integers(len(recorded)))]]
        values = {name: _seeds(each, row, at) for name, each in table.metrics.items()}
        metrics = {
            name: float(mean(each if len(each) == 1 else each[recorded] if len(main) > 1 else each))
            for name, each in values.items()
        }
        return Outcome.success(metrics, float(table.seconds[row, at]), {"row": row})

    def standing(
        self, architecture: Mapping[str, Any], metric: str | None = None, *, maximize: bool = True
    ) -> Standing | None:
        """How good ``architecture`` really is by ``metric``; None when the table does not know.

        ``metric`` None: the first one.
        """
        scores, row = self.table.finals(metric or self.metrics[0]), self.table.find(architecture)
        if row is None or np.isnan(scores[row]):
            return None
        known = scores[~np.isnan(scores)] if maximize else -scores[~np.isnan(scores)]
        own = scores[row] if maximize else -scores[row]
        best = float(known.max())
        return Standing(float(scores[row]), best if maximize else -best, 1 + int((known > own).sum()), len(known))

    def _at(self, fidelity: float) -> int | None:
        return next((i for i, value in enumerate(self.table.fidelities) if math.isclose(value, fidelity)), None)


def _seeds(values: np.ndarray[Any, Any], row: int, at: int) -> np.ndarray[Any, Any]:
    """The values ``(s,)`` of one metric for one row at one fidelity."""
    seeds: np.ndarray[Any, Any] = values[row, at if values.shape[1] > 1 else 0].astype(float)
    return seeds
