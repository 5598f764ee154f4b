"""A study without a loop, on which the laws of strategies try them: trials are asked for and finished by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import InvalidArchitectureError
from archsmith.core.events import Event
from archsmith.core.fields import named
from archsmith.core.history import History
from archsmith.core.kept import KeptError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Strategy
from archsmith.core.seeds import generator
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.core.wording import amount
from archsmith.runtime.arguments import check_strategy
from archsmith.testing.need import Broken, need
from archsmith.testing.toys import ToyEvaluator


class Rehearsal:
    """A study without a loop: trials are asked for and finished by hand, in any order.

    Its log can be folded again from nothing.

    ``problem``: what is searched.
    ``evaluator``: a toy; None: one with the metrics of the problem.
    ``seed``: of the study.
    ``forecast_trials``: how many trials the budget is expected to allow; None: unknown.
    ``repeatable``: is it known that an architecture always gets the same score?
    """

    def __init__(
        self,
        problem: Problem,
        evaluator: ToyEvaluator | None = None,
        seed: int = 0,
        forecast_trials: float | None = None,
        repeatable: bool = False,
    ) -> None:
        self.problem = problem
        self.evaluator = evaluator or ToyEvaluator(metrics=problem.metrics)
        self.seed = seed
        self.events: list[Event] = []
        self.history = History(problem)
        self.log("study", {"forecast_trials": forecast_trials, "repeatable": repeatable})

    def log(self, kind: str, data: dict[str, Any]) -> None:
        event = Event(kind, json.loads(json.dumps(data, allow_nan=False)), len(self.events))
        self.events.append(event)
        self.history.apply(event)

    def replayed(self) -> History:
        """The same history, folded again. Nothing that was cached beside the first one is known to it."""
        history = History(self.problem)
        for event in self.events:
            history.apply(event)
        return history

    def generator(self) -> np.random.Generator:
        """The generator of the next ask."""
        return generator(self.seed, "ask", self.history.n_asks)

    def ask(self, strategy: Strategy, n: int = 1) -> list[Trial]:
        """Ask, check the proposals, and log them."""
        proposals = ask(strategy, self.history, n, self.generator())
        check_answer(strategy, proposals, self.history, n)
        return self.propose(proposals)

    def propose(self, proposals: Sequence[Proposal]) -> list[Trial]:
        first = len(self.history)
        rows = [row(first + i, proposal, self.problem) for i, proposal in enumerate(proposals)]
        if rows:
            self.log("proposed", {"trials": rows})
        return self.history.trials[first:]

    def finish(self, trial: Trial, *, failed: bool = False) -> None:
        """Log the toy evaluator's outcome, or a failure."""
        try:
            if failed:
                raise RuntimeError("failed on purpose")
            context = Context(trial.id, trial.id)
            result = self.evaluator.evaluate(trial.architecture, trial.fidelity, context)
            outcome = result if isinstance(result, Outcome) else Outcome.success(result)
        except Exception as error:
            outcome = Outcome.failure(error)
        self.log("finished", {"trial": trial.id, "outcome": outcome.to_dict()})


def row(number: int, proposal: Proposal, problem: Problem) -> dict[str, Any]:
    """A proposal as the log holds it."""
    return {
        "id": number,
        "architecture": dict(proposal.architecture),
        "fidelity": problem.fidelity.maximum if proposal.fidelity is None else proposal.fidelity,
        "parents": list(proposal.parents),
        "notes": dict(proposal.notes),
    }


def ask(strategy: Strategy, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
    """What a strategy answers. Law ``valid answers``: a list or a tuple, empty for nothing to propose."""
    try:
        answer = strategy.ask(history, n, rng)
    except KeptError as error:
        raise Broken(f"history untouched: {type(strategy).__name__}.ask: {error}") from error
    need(
        isinstance(answer, list | tuple),
        "valid answers",
        f"{type(strategy).__name__}.ask gave {named(answer)}, not a list of proposals.",
    )
    return list(answer)


def check_answer(strategy: Strategy, proposals: Sequence[Proposal], history: History, n: int) -> None:
    """Law ``valid answers``: at most n proposals, each a point of the space at an allowed fidelity.

    Their parents exist, and their notes are JSON scalars.
    """
    name, law = type(strategy).__name__, "valid answers"
    need(len(proposals) <= n, law, f"{name} was asked for {amount(n, 'proposal')} and gave {len(proposals)}.")
    for proposal in proposals:
        need(isinstance(proposal, Proposal), law, f"{name} gave {named(proposal)} instead of a Proposal.")
        need(
            isinstance(proposal.architecture, Architecture),
            law,
            f"{name} proposed {named(proposal.architecture)} instead of an Architecture.",
        )
        try:
            history.space.validate(proposal.architecture)
        except InvalidArchitectureError as error:
            raise Broken(f"{law}: {name} proposed an architecture outside of the space: {error}") from error
        fidelity = history.problem.fidelity
        need(
            proposal.fidelity is None or fidelity.minimum <= proposal.fidelity <= fidelity.maximum,
            law,
            f"{name} asked for fidelity {proposal.fidelity}.",
        )
        need(
            all(type(p) is int and 0 <= p < len(history) for p in proposal.parents),
            law,
            f"{name} named parents {proposal.parents} that do not exist.",
        )
        for note, value in proposal.notes.items():
            plain = value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))
            need(
                type(note) is str and plain, law, f"{name} gave the note {note!r}: {value!r}, which is no JSON scalar."
            )


def snapshot(history: History) -> str:
    """Everything that a history says, as text."""

    def facts(trial: Trial) -> object:
        outcome = trial.outcome.to_dict() if trial.outcome else None
        return [
            trial.id,
            list(trial.architecture.items()),
            trial.fidelity,
            trial.parents,
            dict(trial.notes),
            outcome,
            trial.losses,
            trial.feasible,
            trial.curve,
        ]

    private = {
        name: value
        for name, value in vars(history).items()
        if name not in ("problem", "_trials", "_finished", "_pending", "_best")
    }
    lists = [
        [trial.id for trial in history.finished],
        list(history.pending),
        {f: t.id for f, t in history._best.items()},
    ]
    return repr([[facts(trial) for trial in history.trials], lists, sorted(private.items())])


def maker(strategy: Strategy | Callable[[], Strategy]) -> Callable[[], Strategy]:
    """Makes a new instance of ``strategy`` when called. Raises UsageError for what makes none."""
    if not isinstance(strategy, type) and not hasattr(strategy, "ask"):
        with contextlib.suppress(TypeError, ValueError):  # of a function in C
            if not _binds(inspect.signature(strategy)):
                check_strategy(strategy)  # it wants arguments, so it was meant for the strategy itself
        return strategy
    check_strategy(strategy)
    need(
        dataclasses.is_dataclass(strategy),
        "configuration",
        f"{type(strategy).__name__} is not a dataclass; pass a function that makes one.",
    )
    known: Any = strategy
    return lambda: dataclasses.replace(known)


def _binds(signature: inspect.Signature) -> bool:
    """Can it be called without an argument?"""
    try:
        signature.bind()
    except TypeError:
        return False
    return True
