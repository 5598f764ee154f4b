"""The one loop: ask, evaluate, write down, until the budget is spent.

``Search`` composes a problem, a strategy, an evaluator, a store and an executor. Everything that happens is an event in
the store before it counts, and the history is a fold over those events; so killing the process at any moment loses
nothing that finished, and running the same search again goes on. A batch of proposals is one event, the generator of an
ask derives from (study seed, number of asks), that of a trial from (study seed, trial id): with one worker and a budget
of trials the resumed study equals the unbroken one.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any

from archsmith import catalog
from archsmith.core import budget as reasons
from archsmith.core.budget import DEFAULT_TRIALS, Budget
from archsmith.core.errors import (
    TRACEBACK,
    ArchsmithError,
    EvaluationError,
    Stopped,
    StudyError,
    UsageError,
    told,
)
from archsmith.core.events import Event
from archsmith.core.failures import FIRST, IN_A_ROW, Failures, nothing_found, outside
from archsmith.core.fields import check_above_0, check_from_0, fitted, fitting, named, said
from archsmith.core.history import History
from archsmith.core.job_records import Note
from archsmith.core.problem import Problem
from archsmith.core.protocols import (
    Context,
    Evaluator,
    Executor,
    Job,
    Message,
    Store,
    Strategy,
    asked,
    naming,
    reason_to_end,
    repeatable,
)
from archsmith.core.records import (
    PAUSE,
    STOP,
    Closed,
    Command,
    Finished,
    Opened,
    Prepared,
    Preparing,
    Proposed,
    ProposedTrial,
    Record,
    Reported,
    StudyRecord,
    beginning,
    record,
)
from archsmith.core.seeds import derive, generator
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.core.wording import amount
from archsmith.runtime.arguments import check_parts, checked_budget, checked_seed
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.openings import Openings
from archsmith.runtime.retention import Retention
from archsmith.runtime.run import read_result
from archsmith.runtime.serial import SerialExecutor
from archsmith.runtime.sqlite import SqliteStore

COMMAND_SECONDS = 1.0  # how often other processes' commands are looked for while trials run

Observer = Callable[[Event], None]


@dataclass(frozen=True, repr=False)
class SearchResult:
    """How a search ended.

    reason: why; one of those in ``archsmith.core.budget``.
    history: all its trials.
    seconds: what it cost, over all openings: wall clock, or simulated time for tables.
    """

    reason: str
    history: History
    seconds: float

    @property
    def best(self) -> Trial | None:
        """The trial with the best score; None without one."""
        return self.history.best()

    def __repr__(self) -> str:
        n = len(self.history.finished)
        several = len(self.history.problem.objectives) > 1
        found = f"{len(self.history.front())} on the front" if several else f"best: {self.best}"
        found = found if self.best is not None else nothing_found(self.history)
        return f"SearchResult({self.reason}, {amount(n, 'trial')} finished, {self.seconds:.1f} s, {found})"

    def _repr_html_(self) -> str:
        n = len(self.history.finished)
        trials = f"{n:,} trial{'' if n == 1 else 's'}"
        said = f"{trials} finished in {self.seconds:.1f} s; stopped because: {escape(self.reason)}"
        if len(self.history.problem.objectives) > 1:
            return f"<div>{said}</div>{self.history.front()._repr_html_()}"
        found = escape(nothing_found(self.history)) if self.best is None else self.best._repr_html_()
        return f"<div>{said}</div>{found}"


class Search:
    """A search for architectures.

    problem, strategy, evaluator: what is searched for, who proposes, who says how good a proposal is.
    budget: limits the whole study; 100 trials when None. ``Budget()`` has no limit: it ends with the space.
    seed: where all randomness comes from.
    store: keeps the log; in memory when None.
    executor: runs trials; one after another in this process when None.
    trial_seconds: the most that one trial may take; None: no limit of its own.
    max_failures_at_first: after so many the search gives up if there was no other trial, see ``core.failures``.
    max_failures_in_a_row: after so many it gives up in any case.
    forecast_trials: how many trials strategies may expect; those of the budget when None.
    retention: which trials keep their files.
    observer: sees every event after it was written.
    finish: is asked often, and ends the search when it says so.
    info: goes into the first event of the study.
    """

    def __init__(
        self,
        problem: Problem,
        strategy: Strategy,
        evaluator: Evaluator,
        *,
        budget: Budget | None = None,
        seed: int = 0,
        store: Store | None = None,
        executor: Executor | None = None,
        trial_seconds: float | None = None,
        max_failures_at_first: int = FIRST,
        max_failures_in_a_row: int = IN_A_ROW,
        forecast_trials: float | None = None,
        retention: Retention | None = None,
        observer: Observer | None = None,
        finish: Callable[[], bool] = lambda: False,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        check_parts(problem, strategy, evaluator)
        self.problem = problem
        self.strategy = strategy
        self.evaluator = evaluator
        self.budget = checked_budget(budget, DEFAULT_TRIALS)
        self.seed = checked_seed(seed)
        fitting(
            Search.__init__,
            {
                "store": store,
                "executor": executor,
                "max_failures_at_first": max_failures_at_first,
                "max_failures_in_a_row": max_failures_in_a_row,
                "retention": retention,
                "observer": observer,
                "finish": finish,
                "info": info,
            },
        )
        check_above_0(
            "Search",
            trial_seconds=trial_seconds,
            max_failures_at_first=max_failures_at_first,
            max_failures_in_a_row=max_failures_in_a_row,
        )
        check_from_0("Search", forecast_trials=forecast_trials)  # 0: there is time for none
        self.store: Store = store if store is not None else MemoryStore()
        self.executor: Executor = executor if executor is not None else SerialExecutor()
        self.trial_seconds = trial_seconds
        self.max_failures_at_first = max_failures_at_first
        self.max_failures_in_a_row = max_failures_in_a_row
        self.forecast_trials = forecast_trials if forecast_trials is not None else self.budget.trials
        self.retention = retention or Retention()
        self.observer = observer
        self.finish = finish
        self.info = dict(info or {})
        self._opened_at: float | None = None
        self._stop_reason: str | None = None
        self._commands_at = 0.0
        self._retried: set[int] = set()
        self._began: StudyRecord | None = None  # as an earlier opening wrote it
        self._stillborn = False  # it failed before there was anything to keep
        self._forget()

    def _forget(self) -> None:
        """Empty everything that is a fold over the log."""
        self.history = History(self.problem)
        self._seconds_before = 0.0  # wall clock of earlier openings
        self._simulated_seconds = 0.0
        self._failures = Failures(self.max_failures_at_first, self.max_failures_in_a_row)
        self._since_best = 0
        self._preparation_told = False  # did it report progress?

    # Opening and closing: the lease, and the history as the log tells it

    def __enter__(self) -> Search:
        """Take the lease and fold the log into the history."""
        self.store.acquire()
        try:
            self._replay()
            self._opened_at = time.time()
            budget = self.budget
            left = getattr(self.store, "last_seen", None)
            self.write(Opened(os.getpid(), socket.gethostname(), budget.seconds, budget.trials, budget.work, left))
        except BaseException:
            self._opened_at = None
            self.store.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.close()
        self.store.release()
        self._opened_at = None
        self._stop_reason = None  # it ended this opening: whoever runs the search again wants it to go on
        if self._stillborn and isinstance(self.store, SqliteStore):
            self.store.discard()

    def _replay(self) -> None:
        self._forget()
        events = list(self.store.read())
        for event in events:
            if event.kind == StudyRecord.kind:
                self._check_same(beginning(event))
            self._fold(event)
        self._seconds_before = seconds_spent(events, getattr(self.store, "last_seen", None))
        if not events:
            self._log("study", {**self._described().to_data(), **self.info})

    def _described(self) -> StudyRecord:
        return StudyRecord(
            space=_describe(self.problem.space),
            problem=self.problem.to_dict(),
            strategy=_describe(self.strategy),
            evaluator=_describe(self.evaluator),
            seed=self.seed,
            forecast_trials=self.forecast_trials,
            repeatable=repeatable(self.evaluator),
            simulated=bool(self.evaluator.simulated),
        )

    def as_begun(self, strategy: Strategy) -> Strategy:
        """``strategy`` with the seeds that the log names, where it has none: in older studies each had a number."""
        now, before = _describe(strategy), self._began
        known = now if before is None else _with_seeds(now, rebuilt("strategy", before.strategy))
        return strategy if known == now else catalog.from_spec(known, "strategy")

    def _check_same(self, began: StudyRecord) -> None:
        """A study goes on only with what it began with; only its budget may change."""
        self._began = began
        self.strategy = self.as_begun(self.strategy)
        asked = self._described()
        for part in ("space", "problem", "strategy", "evaluator", "seed"):
            before, now = getattr(began, part), getattr(asked, part)
            if before != now and rebuilt(part, before) != now:
                raise StudyError(
                    f"This study began with {other_setting(part, before, now)}.",
                    "Resume it with the same settings, or start a new study.",
                )

    # The loop

    def run(self) -> SearchResult:
        """Search until the budget is spent. Opens the study when it is not open, and closes it again. One that was
        stopped goes on when it is opened and run again. Raises EvaluationError where the evaluator's preparation
        failed. Of a search that fails before its first trial, by an error of whatever kind, nothing is kept, unless the
        preparation reported progress: that may be hours of work.
        """
        if self._opened_at is None:
            with self:
                return self.run()
        reason, why = reasons.INTERRUPTED, None
        try:
            self._prepare()
            self._ask_whether_ready()
            self.executor.start(self.problem, self.evaluator)
            if isinstance(self.executor, SerialExecutor):
                # An in-process trial hands its reports over while it runs, so that a kill loses none, and lets commands
                # through.
                self.executor.on_message, self.executor.on_check = self._take, self.look_for_commands
            reason = self._loop(deque(self.history.pending.values()))
        except Exception as error:
            self.finish()  # KeyboardInterrupt where an end at once was asked: libraries make errors of that
            why = for_the_log(error)
            if isinstance(error, EvaluationError):  # of the preparation: those of trials are their outcomes
                reason = reasons.UNPREPARED
                raise
            reason = reasons.FAILED
            empty = not self.history.trials and not self._preparation_told
            self._stillborn = self._began is None and empty and not self.info.get("fit")
            raise
        finally:
            self.executor.close()
            if not self._stillborn:
                self.write(Closed(reason, self.seconds, why))
        return SearchResult(reason, self.history, self.seconds)

    def _ask_whether_ready(self) -> None:
        """A strategy may refuse to work with what the preparation left it."""
        check = getattr(self.strategy, "check", None)
        if check is not None and self._reason_to_stop() is None:
            with naming(self.strategy, "check", self.problem.space):
                check(self.history)

    def _loop(self, waiting: deque[Trial]) -> str:
        """``waiting`` trials were proposed by an earlier opening; returns the stop reason."""
        running = 0
        while True:
            reason = self._reason_to_stop()
            if reason is None and not waiting and running < self.executor.n_workers:
                waiting.extend(self._propose(self.executor.n_workers - running))
            while waiting and running < self.executor.n_workers and reason in (None, reasons.TRIALS):
                self._submit(waiting.popleft())
                running += 1
            if running == 0:
                return reason or reason_to_end(self.strategy, self.history)
            if reason not in (None, reasons.TRIALS):
                self.executor.stop()  # what is running is given up and stays pending, to be run again on resume
                return str(reason)
            for message in self.executor.poll(COMMAND_SECONDS):
                running -= self._take(message)
            self.look_for_commands()

    def _reason_to_stop(self) -> str | None:
        if self._stop_reason is not None:
            return self._stop_reason
        if self.budget.seconds is not None and self.seconds >= self.budget.seconds:
            return reasons.SECONDS
        if self._failures.too_many:
            return reasons.FAILURES
        if self.budget.patience is not None and self._since_best >= self.budget.patience:
            return reasons.CONVERGED
        return reasons.TRIALS if self._trials_left() == 0 else None

    @property
    def seconds(self) -> float:
        """Spent so far, over all openings: simulated seconds for tables, wall clock otherwise."""
        if self.evaluator.simulated:
            return self._simulated_seconds
        return self._seconds_before + (time.time() - self._opened_at if self._opened_at is not None else 0.0)

    def _trials_left(self) -> int | None:
        return None if self.budget.trials is None else max(0, self.budget.trials - len(self.history))

    def _propose(self, n: int) -> list[Trial]:
        left = self._trials_left()
        n = n if left is None else min(n, left)
        if n == 0:
            return []
        proposals = asked(self.strategy, self.history, n, generator(self.seed, "ask", self.history.n_asks))
        if not proposals:
            return []
        first = len(self.history)
        self.write(Proposed(tuple(self._row(first + i, proposal) for i, proposal in enumerate(proposals))))
        return self.history.trials[first:]

    def _row(self, trial: int, proposal: Proposal) -> ProposedTrial:
        fidelity = self.problem.fidelity
        value = fidelity.maximum if proposal.fidelity is None else proposal.fidelity
        if not fidelity.minimum <= value <= fidelity.maximum:
            raise UsageError(
                f"{type(self.strategy).__name__} asked for {fidelity.name} = {value}; the problem allows "
                f"{fidelity.minimum} to {fidelity.maximum}."
            )
        return ProposedTrial(trial, proposal.architecture, value, tuple(proposal.parents), proposal.notes)

    def _submit(self, trial: Trial) -> None:
        ends = [self.deadline, None if self.trial_seconds is None else time.time() + self.trial_seconds]
        deadline = min((end for end in ends if end is not None), default=None)
        folder = None if self.store.folder is None else self.store.folder / "trials" / str(trial.id)
        seed = derive(self.seed, "trial", trial.id)
        self.executor.submit(
            Job(
                trial.id,
                trial.architecture,
                trial.fidelity,
                seed,
                deadline,
                folder,
                trial.parents,
                self._prepared_folder,
                any(self.history.trials[parent].architecture == trial.architecture for parent in trial.parents),
            )
        )

    @property
    def deadline(self) -> float | None:
        """Unix time at which the whole search must end; None without a limit on the wall clock."""
        if self.budget.seconds is None or self.evaluator.simulated or self._opened_at is None:
            return None
        return self._opened_at + self.budget.seconds - self._seconds_before

    def _take(self, message: Message) -> int:
        """Write down what an executor said; returns how many workers became free."""
        outcome = message.outcome
        if message.stopped:
            return 1
        if outcome is None:
            self._log(Reported.kind, {"trial": message.trial, "step": message.step, "metrics": dict(message.metrics)})
            self.look_for_commands()
            return 0
        if outcome.error_kind == "timeout" and self.deadline is not None and time.time() >= self.deadline:
            return 1  # cut by the search's own budget and by no fault of its own: stays pending
        if outcome.error_kind == "lost" and message.trial not in self._retried:
            self._retried.add(message.trial)
            self._submit(self.history.trials[message.trial])
            return 0
        if (
            self.evaluator.simulated
            and self.budget.seconds is not None
            and self._simulated_seconds + outcome.seconds > self.budget.seconds
        ):
            self._stop_reason = reasons.SECONDS  # its result would have come too late
            return 1
        self.write(Finished(message.trial, outcome))
        if self._failures.just_outside:
            self.write(Note(outside(self.history.finished, self.problem.constraints)))
        if self.store.folder is not None:
            self.retention.apply(self.store.folder / "trials", self.history)
        return 1

    # Asking and telling by hand

    def ask(self, n: int = 1) -> list[Trial]:
        """Up to ``n`` new trials to be evaluated by the caller. An empty list where the budget of trials is spent, or
        the strategy proposes nothing: as long as ``history.pending`` holds trials it waits for them (tell one, and ask
        again), without them it is at its end.
        """
        self._must_be_open("ask")
        n = fitted(n, int, "The number of trials to ask for")
        if n < 0:
            raise UsageError(f"The number of trials to ask for cannot be {n}.", "Give 1 or more.")
        return self._propose(n)

    def tell(self, trial: int | Trial, result: Outcome | Mapping[str, float] | float | BaseException) -> Trial:
        """What came of a trial: metrics, one number (the evaluator's first metric), an Outcome, or the exception that
        ended it.
        """
        self._must_be_open("tell")
        if not isinstance(trial, Trial | numbers.Integral) or isinstance(trial, bool):
            raise UsageError(
                f"The trial to be told {said(trial)}.",
                "Give the trial that ask() returned, or its id: search.tell(trial, 0.9).",
            )
        number = trial.id if isinstance(trial, Trial) else int(trial)
        if not 0 <= number < len(self.history):
            raise UsageError(f"There is no trial {number}.", f"{len(self.history)} were asked for so far.")
        known = self.history.trials[number]
        if known.outcome is not None:
            raise UsageError(
                f"Trial {number} is finished already, with status {known.status}.", "A trial is told once."
            )
        if isinstance(result, BaseException):
            outcome = Outcome.failure(result)
        else:
            try:
                outcome = read_result(result, self.evaluator, self.problem)
            except EvaluationError as error:
                raise UsageError(f"Trial {number} cannot be told this result: {error.message}", error.hint) from error
        self.write(Finished(number, outcome))
        return known

    def _must_be_open(self, verb: str) -> None:
        if self._opened_at is None:
            raise UsageError(f"{verb}() needs an open study.", "Use it inside `with search:`.")

    # Stopping

    def request_stop(self, reason: str = reasons.REQUESTED) -> None:
        """End the search soon: running trials are given up and stay pending. Safe to call from a signal handler or
        another thread.
        """
        fitting(Search.request_stop, {"reason": reason})
        self._stop_reason = reason
        self.executor.stop()

    @property
    def asked_to_stop(self) -> bool:
        """Did a person, here or through another process, ask for an end?"""
        return self._stop_reason == reasons.REQUESTED

    def look_for_commands(self) -> None:
        """Take what other processes asked for; cheap, to be called often in whatever takes long. Raises
        KeyboardInterrupt where one asked for a pause: that ends the study now, as a second Ctrl-C does.
        """
        if self.finish() and self._stop_reason is None:
            self.write(Command(STOP))  # whoever goes on after a kill shall know of it
            self.request_stop()
        now = time.time()
        if now - self._commands_at < COMMAND_SECONDS:
            return
        self._commands_at = now
        asked = [Command(name, args) for name, args in self.store.commands()]
        for command in asked:
            self.write(command)
        names = {command.name for command in asked}
        if PAUSE in names:
            raise KeyboardInterrupt
        if STOP in names:
            self.request_stop()

    # Writing down

    def write(self, record: Record) -> None:
        """Write what ``record`` says into the open study."""
        self._log(record.kind, record.to_data())

    def log(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write an event of the caller's own kind into the open study. Readers pass over kinds that are new to them."""
        fitting(Search.log, {"kind": kind, "data": data})
        self._must_be_open("log")
        self._log(kind, data)

    def _log(self, kind: str, data: Mapping[str, Any]) -> None:
        for event in self.store.append([Event(kind, data)]):
            self._fold(event)
            if self.observer is not None:
                self.observer(event)

    def _fold(self, event: Event) -> None:
        self.history.apply(event)
        if event.kind == "finished":
            trial = self.history.trials[event.data["trial"]]
            self._simulated_seconds += trial.outcome.seconds if trial.outcome else 0.0
            self._failures.finished(trial)
            self._since_best = 0 if self.history.improved_by(trial) else self._since_best + 1
        elif event.kind == "closed":
            self._failures.closed(str(event.data.get("reason")))
        elif event.kind == Preparing.kind:
            self._preparation_told = True

    def _prepare(self) -> None:
        """The evaluator's own first phase. It is called at every opening and finds its finished work in its workspace;
        its end is logged once.

        One that is stopped, or cut by the search's budget, ends like a trial that is: nothing is logged, and the loop
        finds out for itself why.
        """
        prepare = getattr(self.evaluator, "prepare", None)
        if prepare is None:
            return
        if not self.history.trials and type(self.strategy).__module__.startswith("archsmith."):
            # It refuses what it cannot search, such as several objectives, before something that may take hours.
            # Those of others may need what is prepared.
            asked(self.strategy, self.history, 1, generator(self.seed, "ask", self.history.n_asks))
        started = time.time()
        context = Context(
            -1,
            derive(self.seed, "prepare"),
            self.deadline,
            self._prepared_folder,
            stop=self._stopping,
            report=self._preparing,
        )
        try:
            with naming(self.evaluator, "prepare", self.problem.space):
                notes = prepare(self.problem, context)
        except (Stopped, EvaluationError):
            if self._reason_to_stop() is None:
                raise
            return
        if not isinstance(notes, Mapping | None):
            name = type(self.evaluator).__name__
            raise UsageError(
                f"{name}.prepare gave {named(notes)}, not a mapping of notes.", "Return a dict, or nothing."
            )
        if self.history.prepared is None:
            self.write(Prepared(time.time() - started, notes or {}))

    @property
    def _prepared_folder(self) -> Path | None:
        return None if self.store.folder is None else self.store.folder / "prepared"

    def _stopping(self) -> bool:
        self.look_for_commands()
        return self.asked_to_stop

    def _preparing(self, step: float, metrics: Mapping[str, Any]) -> None:
        said = {name: value for name, value in metrics.items() if not isinstance(value, float) or math.isfinite(value)}
        self.write(Preparing(step, said))


def for_the_log(error: Exception) -> str:
    """An error in words for later readers, who have no traceback of it."""
    if isinstance(error, ArchsmithError):
        return error.message if error.hint == TRACEBACK else str(error)
    return told(error)


def other_setting(part: str, before: Any, now: Any) -> str:
    """``strategy.population = 50, not 100``: the first setting that differs, or the class where that does."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if before.get("type") != now.get("type"):
            return f"the {part} {before.get('type')}, not {now.get('type')}"
        if "type" in before:
            before, now = before.get("args") or {}, now.get("args") or {}
        name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
        return other_setting(f"{part}.{name}", before.get(name), now.get(name))
    return f"{part} = {before!r}, not {now!r}"


def _describe(obj: Any) -> dict[str, Any]:
    """The spec of ``obj``; for what has none (a lambda, a class made on the spot) its type alone, so that in-memory
    searches still work.
    """
    with contextlib.suppress(UsageError):
        return catalog.to_spec(obj)
    return {"type": f"{type(obj).__module__}:{type(obj).__qualname__}", "args": None}


def rebuilt(part: str, spec: Any) -> Any:
    """``spec`` with the fields that its class has got since it was written; as it is where that cannot be told."""
    if part not in catalog.TABLE:
        return spec
    with contextlib.suppress(Exception):  # the class may be gone, or raise anything
        return catalog.to_spec(catalog.from_spec(spec, part))
    return spec


def _with_seeds(spec: Any, before: Any) -> Any:
    """``spec`` with the seeds of ``before`` where it has None."""
    if not isinstance(spec, Mapping) or not isinstance(before, Mapping):
        return spec
    return {
        name: before.get(name) if name == "seed" and value is None else _with_seeds(value, before.get(name))
        for name, value in spec.items()
    }


def replayed(store: Store, problem: Problem) -> History:
    """The history that a store tells, for readers that hold no lease. Raises StudyError for a damaged log."""
    history = History(problem)
    for event in store.read():
        history.apply(event)
    return history


def seconds_spent(events: Iterable[Event], left: float | None = None) -> float:
    """Wall clock that a study was open for, over all its openings. ``left``: when the process of the latest one gave
    its last sign of life, where it was killed.
    """
    openings = Openings()
    for event in events:
        openings.take(record(event) if event.kind in (Opened.kind, Closed.kind) else None, event.time)
    openings.see(left, time.time())
    return openings.seconds
