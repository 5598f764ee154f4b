"""The history of a study: a fold over its events, with the indexes that make one more ``ask`` cost O(new trials)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.core.events import Event
from archsmith.core.fields import said
from archsmith.core.front import Front
from archsmith.core.kept import KeptDict, KeptList
from archsmith.core.problem import Problem
from archsmith.core.records import (
    DAMAGES,
    Finished,
    Opened,
    Prepared,
    Proposed,
    ProposedTrial,
    Record,
    Reported,
    StudyRecord,
    damaged,
    record,
)
from archsmith.core.trial import Outcome, Trial


class History:
    """All trials of one study in the order of their ids. Strategies read it and never change it: writing into its lists
    raises UsageError.

    ``problem``: what is searched, and what for.
    ``trials``: all of them; ``trials[i].id == i``.
    ``finished``: those with an outcome, good or failed, in the order in which they finished.
    ``pending``: those without an outcome, by id.
    ``n_asks``: how often the strategy was asked.
    ``prepared``: what the evaluator's prepare phase said of its end; None before.
    ``forecast_trials``: how many trials the budget is expected to allow: its own number of them, or what the plan of a
        job forecasts; None when unknown.
    ``total_work``: that all trainings of a pool may take (``Budget.work``), as the last opening said; None: unknown.
    ``repeatable``: does an architecture get the same score whatever the seed? False when unknown.
    ``seed``: of the study; 0 when unknown.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._n = 0  # trials that were proposed, whatever becomes of the lists
        self._trials: KeptList[Trial] = KeptList(name="history.trials")
        self._finished: KeptList[Trial] = KeptList(name="history.finished")
        self._pending: KeptDict[int, Trial] = KeptDict(name="history.pending")
        self.n_asks = 0
        self.prepared: Mapping[str, Any] | None = None
        self.forecast_trials: float | None = None
        self.total_work: float | None = None
        self.repeatable = False
        self.seed = 0
        self._by_key: dict[str, list[int]] = {}
        self._best: dict[float, Trial] = {}  # fidelity -> best trial
        self._fronts: dict[float, Front] = {}  # fidelity -> front, with several objectives

    @property
    def space(self) -> Any:
        return self.problem.space

    @property
    def trials(self) -> KeptList[Trial]:
        return self._trials

    @property
    def finished(self) -> KeptList[Trial]:
        return self._finished

    @property
    def pending(self) -> KeptDict[int, Trial]:
        return self._pending

    def __len__(self) -> int:
        return len(self._trials)

    @property
    def whole(self) -> bool:
        """Do the lists hold what was proposed and finished? Not where somebody went around their guard."""
        return len(self._trials) == self._n == len(self._finished) + len(self._pending)

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises StudyError for one that is damaged or does not fit the ones before it."""
        read = record(event)
        if read is None:
            return
        try:
            self.take(read)
        except (*DAMAGES, UsageError) as error:
            raise damaged(event, error) from error

    def take(self, read: Record) -> None:
        """Fold one event in that was read already."""
        if isinstance(read, Finished):
            self._finish(self.trials[read.trial], read.outcome)
        elif isinstance(read, Reported):
            curve = self.trials[read.trial].curve
            while curve and curve[-1][0] >= read.step:
                list.pop(curve)  # of an attempt that was killed; this one repeats it
            list.append(curve, (read.step, read.metrics))
        elif isinstance(read, Proposed):
            self.n_asks += 1
            for row in read.trials:
                self._add(row)
        elif isinstance(read, Prepared):
            self.prepared = read.notes
        elif isinstance(read, Opened):
            self.total_work = read.work
        elif isinstance(read, StudyRecord):
            self.forecast_trials = read.forecast_trials
            self.repeatable = read.repeatable
            self.seed = read.seed

    def seed_of(self, own: int | None) -> int:
        """The seed of a strategy: its ``own``, or that of the study where it has none. Both stand in the log, so that a
        resumed study and a replay draw the same.
        """
        return self.seed if own is None else own

    def seen(self, architecture: Mapping[str, Scalar]) -> bool:
        """Was exactly this architecture proposed before, at any fidelity and with any outcome?"""
        return _key(architecture) in self._by_key

    def of(self, architecture: Mapping[str, Scalar]) -> list[Trial]:
        """All trials of this architecture, oldest first."""
        return [self.trials[i] for i in self._by_key.get(_key(architecture), ())]

    def best(self, fidelity: float | None = None) -> Trial | None:
        """The finished, feasible trial with the lowest first loss at one fidelity; the earliest of equals.

        None stands for the highest fidelity at which a feasible trial finished. Losses of different fidelities are
        never compared.
        """
        fidelity = self._highest if fidelity is None else fidelity
        return self._best.get(fidelity) if fidelity is not None else None

    def ranking(self, fidelity: float | None = None) -> list[Trial]:
        """Feasible finished trials at one fidelity (None: see ``best``), best first; the earliest of equals first."""
        fidelity = self._highest if fidelity is None else fidelity
        return sorted((t for t in self.finished if t.ok and t.fidelity == fidelity), key=lambda t: (t.loss, t.id))

    def front(self, fidelity: float | None = None) -> Front:
        """The feasible trials at one fidelity (None: see ``best``) that no other one dominates, by first loss. With one
        objective: the best and its equals.
        """
        fidelity = self._highest if fidelity is None else fidelity
        nothing = Front(self.problem.objectives)
        if len(self.problem.objectives) > 1:
            return nothing if fidelity is None else self._fronts.get(fidelity, nothing)
        best = self.best(fidelity)
        return Front(nothing.objectives, tuple(t for t in self.ranking(fidelity) if best and t.loss == best.loss))

    def representative(self) -> Trial | None:
        """The trial to look at first: the best one; with several objectives the knee of the front, and where there is
        none the best one by the first objective.
        """
        return self.front().knee or self.best()

    def improved_by(self, trial: Trial, fidelity: float | None = None) -> bool:
        """Is ``trial``, which finished last, better than all before it at one fidelity (None: see ``best``)? With
        several objectives: is it a new point of the front?
        """
        if len(self.problem.objectives) > 1:
            return self.front(fidelity).extended_by(trial)
        return self.best(fidelity) is trial

    @property
    def _highest(self) -> float | None:
        """Fidelity at which a feasible trial finished."""
        return max(self._best, default=None)

    def _add(self, row: ProposedTrial) -> None:
        fidelity = self.problem.fidelity.maximum if row.fidelity is None else row.fidelity
        trial = Trial(row.id, Architecture(row.architecture), fidelity, row.parents, row.notes)
        if trial.id != len(self.trials):
            raise ValueError(f"trial {trial.id} follows trial {len(self.trials) - 1}")
        self._n += 1
        list.append(self._trials, trial)
        dict.__setitem__(self._pending, trial.id, trial)
        self._by_key.setdefault(trial.architecture.key, []).append(trial.id)

    def _finish(self, trial: Trial, outcome: Outcome) -> None:
        trial.outcome = outcome
        dict.__delitem__(self._pending, trial.id)
        list.append(self._finished, trial)
        if outcome.ok:
            trial.losses = self.problem.losses(outcome.metrics)
            trial.feasible = self.problem.feasible(outcome.metrics)
            best = self._best.get(trial.fidelity)
            if trial.feasible and (best is None or trial.loss < best.loss):
                self._best[trial.fidelity] = trial
            if trial.feasible and len(self.problem.objectives) > 1:
                front = self._fronts.get(trial.fidelity, Front(self.problem.objectives))
                self._fronts[trial.fidelity] = front.joined(trial)


def _key(architecture: Mapping[str, Scalar]) -> str:
    if isinstance(architecture, Architecture):
        return architecture.key
    if not isinstance(architecture, Mapping):
        raise UsageError(f"An architecture {said(architecture)}.", "Give one such as space.sample(rng).")
    return Architecture(architecture).key
