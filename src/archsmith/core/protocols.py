"""What the loop asks of the things that plug into it: strategies, evaluators, stores and executors. One method each
where one is enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.trial import Outcome, Proposal, Trial

Report = Callable[[float, Mapping[str, float]], None]


@runtime_checkable
class Strategy(Protocol):
    """Chooses what to try next, as a function of the history.

    Law: a fresh instance given the same history and generator proposes the same. Anything learnt is a cache over
    ``history.finished``. A strategy may also have ``answer(history) -> Trial | None``: which of the finished trials it
    believes in most (see ``answer`` below).
    """

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        """Up to ``n`` proposals. None at all means: wait for pending trials, or, with nothing pending, that the space
        is exhausted.
        """
        ...


def incumbent(strategy: Strategy, history: History) -> Trial | None:
    """The trial that a search ends with: the one that its strategy believes in most, if it has a method
    ``incumbent(history)``; else the best one seen.
    """
    believed = getattr(strategy, "incumbent", None)
    return history.best() if believed is None else believed(history)


@dataclass(frozen=True)
class Context:
    """What one evaluation may know besides its architecture.

    ``deadline`` is Unix time after which the answer is worthless (None: no limit); ``workspace`` is this trial's own
    folder, None when the study keeps no files; ``stop`` says that the person wants to stop at once; ``report(step,
    metrics)`` logs an intermediate score. ``prepared`` is the folder where the evaluator's ``prepare`` left its work,
    which gets it as its own ``workspace``.
    """

    trial: int
    seed: int
    deadline: float | None = None
    workspace: Path | None = None
    parents: tuple[int, ...] = ()
    stop: Callable[[], bool] = lambda: False
    report: Report = lambda step, metrics: None
    prepared: Path | None = None

    def check(self) -> None:
        """Call often in long evaluations. Raises Stopped on request and EvaluationError (``timeout``) past the
        deadline.
        """
        if self.stop():
            raise Stopped("The evaluation was asked to stop.")
        if self.deadline is not None and time.time() > self.deadline:
            raise EvaluationError("The trial ran into its deadline.", kind="timeout")


@runtime_checkable
class Evaluator(Protocol):
    """Says how good an architecture is.

    ``metrics`` are the names it returns. ``evaluate`` returns an Outcome, a mapping of metrics, or one number (the
    first metric), and raises EvaluationError for a trial that failed. ``simulated`` evaluators look results up: their
    outcomes carry the seconds that a real one would have taken. An evaluator may also have ``prepare(problem, context)
    -> notes``, which Search runs at every opening before the first ask; the notes are logged when it first comes to its
    end, and strategies find them in ``history.prepared``.
    """

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def simulated(self) -> bool: ...

    def evaluate(
        self, architecture: Architecture, fidelity: float, context: Context
    ) -> Outcome | Mapping[str, float] | float: ...


class Store(Protocol):
    """An append-only log of one study. One writer at a time: ``append`` needs the lease, reading never does."""

    def acquire(self) -> None:
        """Take the lease. Raises LeaseError while another live process holds it."""

    def release(self) -> None: ...

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Write all of ``events`` or none, and return them with index and time."""
        ...

    def read(self, start: int = 0) -> Iterator[Event]:
        """Events from index ``start`` on, in order."""
        ...

    def command(self, name: str, **args: Any) -> None:
        """Ask the process that holds the lease for something; any process may."""

    def commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Take the commands that came since the last call (lease holder only)."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where the study keeps files, None when it keeps none."""
        ...


@dataclass(frozen=True)
class Job:
    """One evaluation handed to an executor; plain data, so that it crosses process borders. Paths and ``deadline`` as
    in Context.
    """

    trial: int
    architecture: Architecture
    fidelity: float
    seed: int
    deadline: float | None = None
    workspace: Path | None = None
    parents: tuple[int, ...] = ()
    prepared: Path | None = None


@dataclass(frozen=True)
class Message:
    """What an executor hands back: an intermediate report (``step``, ``metrics``) or, when ``outcome`` is set, the end
    of a job.

    ``stopped`` means that the job gave up on request and stays pending.
    """

    trial: int
    outcome: Outcome | None = None
    step: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False


class Executor(Protocol):
    """Runs jobs somewhere. Law: one outcome a job, whatever happens to the worker."""

    n_workers: int

    def start(self, problem: Problem, evaluator: Evaluator) -> None: ...

    def submit(self, job: Job) -> None: ...

    def poll(self, seconds: float) -> list[Message]:
        """Messages that have come, waiting up to ``seconds`` for the first one. An in-process executor runs its job
        here.
        """
        ...

    def stop(self) -> None:
        """Ask running jobs to give up."""

    def close(self) -> None:
        """End all workers; idempotent."""
