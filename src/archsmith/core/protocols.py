"""The interfaces of what a search consists of: strategies, evaluators, stores and executors."""

from __future__ import annotations

import contextlib
import inspect
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.budget import EXHAUSTED
from archsmith.core.errors import (
    TRACEBACK,
    ArchsmithError,
    EvaluationError,
    InvalidArchitectureError,
    Stopped,
    UsageError,
    shortened,
    told,
)
from archsmith.core.events import Event
from archsmith.core.fields import named
from archsmith.core.history import History
from archsmith.core.kept import KeptError
from archsmith.core.problem import Objective, Problem
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.core.wording import amount

Report = Callable[[float, Mapping[str, float]], None]


@runtime_checkable
class Strategy(Protocol):
    """Chooses what to try next, as a function of the history.

    Law: a new instance given the same history and generator proposes the same. Whatever a strategy learns is a cache
    over ``history.finished``. A strategy may also have:

    ``incumbent(history) -> Trial | None``: the trial that a comparison judges it by, where that is not the one with the
        best score.
    ``reason_to_end(history) -> str``: why it proposes nothing more; one of the reasons in ``archsmith.core.budget``.
    ``check(history)``: raises UsageError where it cannot work with what it finds. Search calls it before the first
        trial, behind the evaluator's preparation.
    """

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        """Up to ``n`` proposals. An empty sequence means: wait for pending trials. Without pending trials it ends the
        search: the space is exhausted, or what ``reason_to_end`` says.
        """
        ...


@contextlib.contextmanager
def naming(part: object, method: str, space: object) -> Iterator[None]:
    """Around a call of a method of ``part``, anybody's code: its errors become a UsageError that names it. What our
    own preparation says of files and packages stays as it is: it is told well elsewhere.
    """
    name, ours = type(part).__name__, type(part).__module__.startswith("archsmith.")
    try:
        yield
    except KeyboardInterrupt:
        raise
    except ArchsmithError as error:
        told_by = (name, type(space).__name__)  # whoever is at fault is named already
        theirs = type(error) in (UsageError, KeptError) and not ours
        if not theirs or any(each in error.message for each in told_by):
            raise
        raise UsageError(f"{name}.{method}: {error.message}", error.hint) from error
    except BaseException as error:  # SystemExit, too: somebody's code must not end the program without a word
        if ours and method == "prepare" and isinstance(error, OSError | ImportError):
            raise
        raise UsageError(f"{name}.{method} raised {told(error).rstrip('.')}.", TRACEBACK) from error


def asked(strategy: Strategy, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
    """Up to ``n`` proposals of ``strategy``, looked at: strategies are anybody's code. Raises UsageError that names it,
    for an error of its ``ask`` and for an answer that cannot become trials. Fidelities are not looked at.
    """
    name = type(strategy).__name__
    with naming(strategy, "ask", history.space):
        proposals = strategy.ask(history, n, rng)
    if not history.whole:  # an id that follows from it would be wrong, and a log with it cannot be opened again
        raise UsageError(f"{name}.ask changed the lists of the history.", "Work on a copy: list(history.trials).")
    if inspect.iscoroutine(proposals):
        proposals.close()  # else Python warns of it
    if not isinstance(proposals, list | tuple):
        raise UsageError(f"{name}.ask gave {named(proposals)}, not a list of proposals.", _listed(proposals))
    for proposal in proposals:
        if not isinstance(proposal, Proposal):
            raise UsageError(
                f"{name}.ask gave a list that holds {named(proposal)}; it must hold proposals only.",
                "Wrap each architecture: Proposal(architecture).",
            )
    if len(proposals) > n:
        raise UsageError(f"{name} was asked for {amount(n, 'proposal')} and gave {len(proposals)}.")
    for trial, proposal in enumerate(proposals, len(history)):
        _look_at(proposal, trial, name, history)
    return list(proposals)


def _look_at(proposal: Proposal, trial: int, name: str, history: History) -> None:
    """Raises UsageError where it cannot become this ``trial``. ``name``: of its strategy."""
    try:
        history.space.validate(proposal.architecture)
    except InvalidArchitectureError as error:
        raise UsageError(f"{name} proposed an architecture outside the space.", str(error)) from error
    unborn = [parent for parent in proposal.parents if isinstance(parent, bool) or parent not in range(trial)]
    if unborn:
        raise UsageError(
            f"{name} named trial {unborn[0]!r} as a parent of trial {trial}.", "Parents are ids of earlier trials."
        )
    for note, value in proposal.notes.items():
        try:
            json.dumps({note: value}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{name} gave the note {note!r}, which cannot be logged: it is "
                f"{value if isinstance(value, float) else named(value)}.",
                "Notes are texts, finite numbers, True, False or None.",
            ) from error


def _listed(proposals: object) -> str:
    """What to do about proposals that are no list."""
    if isinstance(proposals, Proposal):
        return "Return a list with it: [proposal]."
    if inspect.iscoroutine(proposals):
        return "Write def ask, not async def ask."
    if isinstance(proposals, Iterator):
        return "Return a list: list(...) of what ask yields, from another function."
    return "Return [] to propose nothing."


def incumbent(strategy: Strategy, history: History) -> Trial | None:
    """The trial that a search ends with. A strategy with a method ``incumbent(history)`` chooses it; otherwise it is
    the trial with the best score. Raises UsageError for a method that fails or returns something else, such as a trial
    that breaks a limit.
    """
    own = getattr(strategy, "incumbent", None)
    if own is None:
        return history.best()
    name, hint = f"{type(strategy).__name__}.incumbent", "Return a finished trial of this history, or None."
    if not callable(own):
        raise UsageError(
            f"{name} is {shortened(repr(own))}, not a method.", "Write it so: def incumbent(self, history)."
        )
    with naming(strategy, "incumbent", history.space):
        found = own(history)
    if found is None:
        return None
    if not isinstance(found, Trial):
        gave = repr(found) if isinstance(found, bool | int | float | str) else named(found)
        raise UsageError(f"{name} gave {shortened(gave)}, not a trial.", hint)
    if not (0 <= found.id < len(history) and history.trials[found.id] is found):
        raise UsageError(f"{name} gave a trial of another history.", hint)
    if found.losses is None:
        raise UsageError(f"{name} gave trial {found.id}, which has no score.", hint)
    if not found.feasible:
        raise UsageError(
            f"{name} gave trial {found.id}, which breaks a limit of the problem.",
            "Return one of which trial.ok is True.",
        )
    return found


def reason_to_end(strategy: Strategy, history: History) -> str:
    """Why a search ends when its strategy proposes nothing and no trial is pending. A strategy with a method
    ``reason_to_end(history)`` says it; otherwise the space has no more.
    """
    own = getattr(strategy, "reason_to_end", None)
    if own is None:
        return EXHAUSTED
    with naming(strategy, "reason_to_end", history.space):
        return str(own(history))


@dataclass(frozen=True)
class Context:
    """What an evaluation may know besides its architecture.

    ``trial``: its id.
    ``seed``: where all randomness of the trial comes from.
    ``deadline``: Unix time after which the outcome is of no use; None: no limit.
    ``workspace``: the trial's own folder, made when it is first asked for; None when the study keeps no files. Whenever
        a trial ends, the study removes the folders of finished trials other than those that its ``Retention`` keeps: by
        default the 5 best, the front of several objectives, the 5 latest, parents of running trials, and those that a
        longer trial may go on from, with 2 GB together at most.
    ``parents``: ids of the trials that the strategy made this one from.
    ``stop``: returns True when the person wants to stop at once.
    ``report(step, metrics)``: logs an intermediate score.
    ``prepared``: the folder where the evaluator's ``prepare`` left its work. In ``prepare`` itself, this folder is the
        ``workspace``. It is kept as long as the study.
    ``continues``: is one of the parents the same architecture, promoted? An evaluator can go on from its files.
    """

    trial: int
    seed: int
    deadline: float | None = None
    workspace: Path | None = None
    parents: tuple[int, ...] = ()
    stop: Callable[[], bool] = lambda: False
    report: Report = lambda step, metrics: None
    prepared: Path | None = None
    continues: bool = False

    def check(self) -> None:
        """To be called often in long evaluations. Raises Stopped on request, and EvaluationError (``timeout``) after
        the deadline.
        """
        if self.stop():
            raise Stopped("The evaluation was asked to stop.")
        if self.deadline is not None and time.time() > self.deadline:
            raise EvaluationError("The trial ran into its deadline.", kind="timeout")

    def part(self, name: str) -> Path | None:
        """The ``workspace`` of a part of the evaluation: a folder in this one. Neither is made."""
        folder: Path | None = vars(self)["workspace"]
        return None if folder is None else folder / name


class _OwnFolder:
    """``Context.workspace``: makes the folder when it is asked for, so that trials that keep nothing leave none."""

    def __get__(self, context: Context | None, owner: type) -> Path | None:
        if context is None:  # asked of the class
            return None
        folder: Path | None = vars(context)["workspace"]
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def __set__(self, context: Context, folder: Path | None) -> None:
        vars(context)["workspace"] = folder


Context.workspace = _OwnFolder()  # type: ignore[assignment]  # not in the class, where it would be the default


@runtime_checkable
class Evaluator(Protocol):
    """Says how good an architecture is.

    ``metrics``: names of the metrics that it returns.
    ``simulated``: does it look results up? Its outcomes then say the seconds that a real evaluation would take.

    ``evaluate`` returns an Outcome, a mapping of metrics, or one number (the first metric). It raises EvaluationError
    for a trial that failed. An evaluator may also have:

    ``problem(objectives, constraints) -> Problem``: from where the command line takes space and fidelities, and the
        objectives where ``objectives`` is None.
    ``prepare(problem, context) -> notes``: Search runs it at every opening, before the first trial. When it is complete
        for the first time, its notes are logged, and strategies find them in ``history.prepared``.
    ``repeatable: bool``: does an architecture get the same score whatever the seed? Strategies find that in
        ``history.repeatable``; it is False where the evaluator does not say.
    ``uses_fidelity: bool``: does the fidelity of a trial have an effect? True where the evaluator does not say.
        Where it has none, the command line gives its trials none, and tells of none.
    ``measured: tuple[str, ...]``: the metrics that come from a clock or another instrument, such as a latency. They
        differ a little each time, so an evaluator with one of them is not repeatable.
    """

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def simulated(self) -> bool: ...

    def evaluate(
        self, architecture: Architecture, fidelity: float, context: Context
    ) -> Outcome | Mapping[str, float] | float:
        """The score of ``architecture`` at ``fidelity``. All randomness comes from ``context.seed``."""
        ...


def repeatable(evaluator: Evaluator) -> bool:
    """Does an architecture get the same score from ``evaluator`` whatever the seed? False where it does not say so, and
    where something is measured.
    """
    return bool(getattr(evaluator, "repeatable", False)) and not measured(evaluator)


def uses_fidelity(evaluator: Evaluator) -> bool:
    """Does the fidelity of a trial have an effect on ``evaluator``? True unless it says that it has none."""
    return bool(getattr(evaluator, "uses_fidelity", True))


def measured(evaluator: Evaluator) -> tuple[str, ...]:
    """The metrics of ``evaluator`` that are measured, such as timings; none where it does not say so."""
    return tuple(getattr(evaluator, "measured", ()))


def default_objectives(evaluator: Evaluator) -> tuple[Objective, ...]:
    """What is searched for where nobody says it: the first metric, in the direction that its name says. Raises
    UsageError where it says none.
    """
    return (Objective(evaluator.metrics[0]),)


class Store(Protocol):
    """An append-only log of one study. One writer at a time: ``append`` needs the lease, reading never does."""

    def acquire(self) -> None:
        """Take the lease. Raises LeaseError while another live process holds it."""

    def release(self) -> None: ...

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Write all of ``events`` or none. Returns them with index and time."""
        ...

    def read(self, start: int = 0) -> Iterator[Event]:
        """Events from index ``start`` on, in order."""
        ...

    def command(self, name: str, **args: Any) -> None:
        """Ask the process that holds the lease for something. Any process may do so."""

    def commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The commands that came since the last call. Only for the holder of the lease."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where the study keeps files; None when it keeps none."""
        ...


@dataclass(frozen=True)
class Job:
    """One evaluation that an executor runs. It is plain data, so that it can be sent to another process.

    ``trial``: its id.
    ``architecture``: to be evaluated.
    ``fidelity``: to be evaluated at.
    ``seed``, ``deadline``, ``workspace``, ``parents``, ``prepared``, ``continues``: see ``Context``.
    """

    trial: int
    architecture: Architecture
    fidelity: float
    seed: int
    deadline: float | None = None
    workspace: Path | None = None
    parents: tuple[int, ...] = ()
    prepared: Path | None = None
    continues: bool = False


@dataclass(frozen=True)
class Message:
    """What an executor says of a job: an intermediate score, or its end.

    ``trial``: its id.
    ``outcome``: at the end of the job; else None.
    ``step``: of an intermediate score.
    ``metrics``: of an intermediate score.
    ``stopped``: the job was stopped on request, and its trial stays pending.
    """

    trial: int
    outcome: Outcome | None = None
    step: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False


class Executor(Protocol):
    """Runs jobs somewhere. Law: each job gets one outcome, whatever happens to the worker."""

    n_workers: int

    def start(self, problem: Problem, evaluator: Evaluator) -> None: ...

    def submit(self, job: Job) -> None: ...

    def poll(self, seconds: float) -> list[Message]:
        """The messages that came. Waits up to ``seconds`` for the first one. An executor without workers runs its job
        here.
        """
        ...

    def stop(self) -> None:
        """Ask running jobs to stop."""

    def close(self) -> None:
        """End all workers. May be called again."""
