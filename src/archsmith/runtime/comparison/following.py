"""Follows a search trial by trial: what it would recommend, and the best that it has tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Strategy, incumbent
from archsmith.core.trial import Trial
from archsmith.runtime.comparison.runs import Step, Values
from archsmith.runtime.sqlite import SqliteStore

ASK_AGAIN = 1.1  # a strategy is asked for its recommendation whenever the trials have grown by this factor
MOST_POINTS = 400_000  # of fronts that are kept of a run; from there on a front is noted as rarely as a recommendation


@dataclass(frozen=True)
class Judge:
    """Says what an architecture is worth: the values of ``metrics``, one for each objective; None when that is not
    known, as where it was only measured below the highest fidelity. ``maximize``: their directions.
    """

    problem: Problem
    evaluator: Evaluator
    metrics: Sequence[str]
    maximize: Sequence[bool]

    def __call__(self, trial: Trial) -> Values | None:
        standing = getattr(self.evaluator, "standing", None)
        values: list[float] = []
        for metric, maximize in zip(self.metrics, self.maximize, strict=True):
            place = None if standing is None else standing(trial.architecture, metric, maximize=maximize)
            whole = trial.fidelity >= self.problem.fidelity.maximum  # scores of less do not compare
            measured = trial.metrics.get(metric) if whole else None
            value = measured if place is None else float(place.score)
            if value is None:
                return None
            values.append(value)
        return tuple(values)


class Follower:
    """Follows a search trial by trial: what it would answer, and the best that it has tried."""

    def __init__(self, strategy: Strategy, judge: Judge) -> None:
        self.seconds = 0.0
        self._judge = judge
        self._several = len(judge.metrics) > 1
        self._maximize = judge.maximize[0]
        self._opinion: Callable[[History], Trial | None] | None = (
            None if self._several or not hasattr(strategy, "incumbent") else partial(incumbent, strategy)
        )
        self._n = self._asked = 0
        self._answer: tuple[Trial, ...] = ()
        self._values: dict[int, Values | None] = {}  # trial -> what the judge said of it
        self._n_points = 0
        self._curve: list[Step] = []
        self._tried: list[Step] = []

    def look(self, history: History) -> None:
        """To be called after every trial that finished."""
        trial = history.finished[-1]
        self._n, self.seconds = len(history.finished), self.seconds + (trial.outcome.seconds if trial.outcome else 0.0)
        if trial.ok and not self._several:
            values = self._judge(trial)
            if values is not None and (not self._tried or self._better(values, self._tried[-1].points[0])):
                self._tried.append(Step(self._n, self.seconds, (values,)))
        # Opinions cost more the longer the history is, and so do fronts of very many points: ever larger steps.
        if (self._opinion is None and self._n_points < MOST_POINTS) or self._n >= ASK_AGAIN * self._asked:
            self._take(history)

    def look_back(self, store: SqliteStore, problem: Problem) -> None:
        """The same for all that an earlier opening has finished."""
        history = History(problem)
        for event in store.read():
            history.apply(event)
            if event.kind == "finished":
                self.look(history)

    def ended(self, history: History) -> tuple[tuple[Step, ...], tuple[Step, ...], Mapping[str, Any] | None]:
        """The curve, the best tried, and the answer."""
        if self._n:
            self._take(history)
        answer = None
        if self._answer and not self._several:
            trial = self._answer[0]
            answer = {"trial": trial.id, "metrics": dict(trial.metrics), "architecture": dict(trial.architecture)}
        return tuple(self._curve), tuple(self._tried), answer

    def _take(self, history: History) -> None:
        """Note the answer as it stands now, if it is another one whose score is known: else the one before stands."""
        self._asked = self._n
        best = (self._opinion(history) if self._opinion is not None else None) or history.best()
        answer = tuple(history.front()) if self._several else () if best is None else (best,)
        if [trial.id for trial in answer] == [trial.id for trial in self._answer]:
            return
        for trial in answer:
            if trial.id not in self._values:
                self._values[trial.id] = self._judge(trial)
        points = tuple(values for trial in answer if (values := self._values[trial.id]) is not None)
        if points:
            self._answer = answer
            self._n_points += len(points) if self._several else 0
            self._curve.append(Step(self._n, self.seconds, points))

    def _better(self, a: Values, b: Values) -> bool:
        return a[0] > b[0] if self._maximize else a[0] < b[0]
