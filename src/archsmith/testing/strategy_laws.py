"""Laws of strategies: a strategy is a function of the history and of the generator that it is given.

This holds whatever the history looks like.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import InvalidArchitectureError, UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.protocols import Context, Strategy, incumbent
from archsmith.core.seeds import generator
from archsmith.core.space import Space
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.testing.need import need
from archsmith.testing.toys import Flat, ToyEvaluator

SMALL = Flat(n_decisions=2, n_options=3)  # nine points, for the law that every search comes to an end
LARGE = Flat(n_decisions=6, n_options=10)  # a million points: no strategy may be at its end after a few dozen trials


def check_strategy(
    strategy: Strategy | Callable[[], Strategy],
    space: Space | None = None,
    *,
    n_trials: int = 30,
    seed: int = 0,
    complete: bool = True,
) -> None:
    """Raises AssertionError when ``strategy`` breaks a law of strategies.

    ``strategy``: a dataclass, or something that makes a new instance when called.
    ``space``: where it is tried; None: a million points of independent decisions.
    ``n_trials``: of the study along which it is asked.
    ``seed``: of all that is drawn.
    ``complete``: whether it has proposed every architecture when it ends on a finite space. False for methods that
        leave some out by design.
    """
    make = _maker(strategy)
    space = space if space is not None else LARGE
    check_any_history(make, space, seed)  # first, because the others ask about empty histories too
    check_randomness(make, space, seed)
    check_history_untouched(make, space, seed)
    check_memoryless(make, space, n_trials, seed)
    check_end(make, seed, complete)
    check_objectives(make, space, seed)
    check_incumbent(make, space, n_trials, seed)


def _maker(strategy: Strategy | Callable[[], Strategy]) -> Callable[[], Strategy]:
    if isinstance(strategy, type) or not hasattr(strategy, "ask"):
        return strategy
    need(
        dataclasses.is_dataclass(strategy),
        "configuration",
        f"{type(strategy).__name__} is not a dataclass; pass a function that makes one.",
    )
    return lambda: dataclasses.replace(strategy)  # type: ignore[type-var]


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
        proposals = list(strategy.ask(self.history, n, self.generator()))
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


def check_answer(strategy: Strategy, proposals: Sequence[Proposal], history: History, n: int) -> None:
    """Law ``valid answers``: at most n proposals, each a point of the space at an allowed fidelity.

    Their parents exist, and their notes are JSON scalars.
    """
    name, law = type(strategy).__name__, "valid answers"
    need(len(proposals) <= n, law, f"{name} was asked for {n} proposals and gave {len(proposals)}.")
    for proposal in proposals:
        need(isinstance(proposal, Proposal), law, f"{name} gave a {type(proposal).__name__} instead of a Proposal.")
        need(
            isinstance(proposal.architecture, Architecture),
            law,
            f"{name} proposed a {type(proposal.architecture).__name__} instead of an Architecture.",
        )
        try:
            history.space.validate(proposal.architecture)
        except InvalidArchitectureError as error:
            raise AssertionError(f"{law}: {name} proposed an architecture outside of the space: {error}") from error
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


def check_randomness(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``no global randomness``: the global generators of Python, numpy and torch stay as they were."""
    strategy, rehearsal = make(), Rehearsal(Problem(space), seed=seed)
    for i in range(12):
        before = _global_randomness()
        trials = rehearsal.ask(strategy, 1 + i % 2)
        need(
            _global_randomness() == before,
            "no global randomness",
            f"{type(strategy).__name__} drew from a global generator instead of rng.",
        )
        for trial in trials:
            rehearsal.finish(trial)


def _global_randomness() -> str:
    states: list[object] = [random.getstate(), np.random.get_state()]  # noqa: NPY002 - it is read here to see that nobody uses it
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].random.get_rng_state().tolist())
    return repr(
        [
            (*state[:1], np.asarray(state[1]).tolist(), *state[2:]) if isinstance(state, tuple) else state
            for state in states
        ]
    )


def check_history_untouched(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``history untouched``: asking changes nothing in the history."""
    strategy, rehearsal = make(), Rehearsal(Problem(space), seed=seed)
    for i in range(12):
        before = snapshot(rehearsal.history)
        strategy.ask(rehearsal.history, 1 + i % 2, rehearsal.generator())
        need(
            snapshot(rehearsal.history) == before,
            "history untouched",
            f"{type(strategy).__name__} changed the history while reading it.",
        )
        for trial in rehearsal.ask(make(), 1 + i % 2):
            rehearsal.finish(trial, failed=trial.id % 4 == 3)


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
        if name not in ("problem", "trials", "finished", "pending", "_best")
    }
    lists = [
        [trial.id for trial in history.finished],
        list(history.pending),
        {f: t.id for f, t in history._best.items()},
    ]
    return repr([[facts(trial) for trial in history.trials], lists, sorted(private.items())])


def check_memoryless(make: Callable[[], Strategy], space: Space, n_trials: int = 30, seed: int = 0) -> None:
    """Law ``memoryless``: a new instance given the same history and generator proposes the same.

    It does not matter who asked how often before. Tried along a study with up to three trials at once. They finish out
    of order, and some of them fail. Tried against a history folded again from the log too.
    """
    strategy, rehearsal = make(), Rehearsal(Problem(space), seed=seed, forecast_trials=n_trials)
    name, order = type(strategy).__name__, np.random.default_rng(seed)
    while len(rehearsal.history) < n_trials:
        n = int(order.integers(1, 3))
        answers = {
            "a fresh instance, and a history folded from the log,": make().ask(
                rehearsal.replayed(), n, rehearsal.generator()
            ),
            "a fresh instance": make().ask(rehearsal.history, n, rehearsal.generator()),
            "the instance that was asked before": strategy.ask(rehearsal.history, n, rehearsal.generator()),
            "the same instance asked a second time": strategy.ask(rehearsal.history, n, rehearsal.generator()),
        }
        rows = {who: [row(0, proposal, rehearsal.problem) for proposal in answer] for who, answer in answers.items()}
        (reference, expected), *others = rows.items()
        for who, answer in others:
            need(
                repr(answer) == repr(expected),
                "memoryless",
                f"after {len(rehearsal.history)} trials, {name} answers differently: {reference} and {who}.",
            )
        proposals = list(answers["a fresh instance"])
        check_answer(strategy, proposals, rehearsal.history, n)
        rehearsal.propose(proposals)
        waiting = list(rehearsal.history.pending.values())
        if not proposals and not waiting:
            return
        while waiting and (len(waiting) > 3 or not proposals or order.random() < 0.6):
            trial = waiting.pop(int(order.integers(len(waiting))))
            rehearsal.finish(trial, failed=bool(order.random() < 0.2))
            # A strategy that was waiting may go on once something has finished.
            proposals = proposals or [Proposal(trial.architecture)]


def check_any_history(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``any history``: whatever the history is, there is a valid answer.

    Trials may be pending, failed, infeasible, out of order, of several fidelities, or proposed by another strategy.
    There may be none. A strategy may propose nothing only while something is pending, or when every point of the space
    was proposed.
    """
    problem = Problem(space, constraints=(Constraint("accuracy", lower=0.4),), fidelity=Fidelity("epochs", 1, 9))
    for what, (finish, failed) in {
        "that is empty": (0.0, False),
        "whose trials are all pending": (0.0, False),
        "whose trials all failed": (1.0, True),
        "with every other trial pending": (0.5, False),
        "whose trials finished in reverse order": (1.0, False),
    }.items():
        strategy, rehearsal = make(), Rehearsal(problem, seed=seed)
        if what != "that is empty":
            _strangers(rehearsal, finish, failed, seed)
        for _ in range(3):
            try:
                proposals = list(strategy.ask(rehearsal.history, 2, rehearsal.generator()))
            except Exception as error:
                raise AssertionError(
                    f"any history: {type(strategy).__name__} cannot cope with a history {what}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            check_answer(strategy, proposals, rehearsal.history, 2)
            done = not proposals and not rehearsal.history.pending
            need(
                not done or _used_up(rehearsal.history),
                "any history",
                f"{type(strategy).__name__} gives up on a history {what}.",
            )
            for trial in rehearsal.propose(proposals):
                rehearsal.finish(trial, failed=failed)


def _strangers(rehearsal: Rehearsal, finish: float, failed: bool, seed: int) -> None:
    """Trials at three fidelities that no strategy proposed: they have no notes and no parents."""
    rng = np.random.default_rng(seed)
    space = rehearsal.problem.space
    trials = rehearsal.propose([Proposal(space.sample(rng), fidelity=(9.0, 3.0, 9.0, 1.0)[i % 4]) for i in range(16)])
    for trial in list(reversed(trials))[: int(finish * len(trials))]:
        rehearsal.finish(trial, failed=failed)


def _used_up(history: History) -> bool:
    return history.space.count(2000) is not None and all(
        history.seen(architecture) for architecture in history.space.enumerate()
    )


def check_end(make: Callable[[], Strategy], seed: int = 0, complete: bool = True) -> None:
    """Law ``an end``: on a finite space there are no more proposals at some time.

    This holds when trials finish at once, and when none of them ever does.
    """
    points = list(SMALL.enumerate())
    for what, finishing in {"trials finish at once": True, "no trial has finished": False}.items():
        strategy, rehearsal = make(), Rehearsal(Problem(SMALL), seed=seed)
        limit = 5 * len(points)
        while trials := rehearsal.ask(strategy, 2):
            need(
                len(rehearsal.history) <= limit,
                "an end",
                f"{type(strategy).__name__} proposed {limit} trials in {len(points)} points and goes on ({what}).",
            )
            for trial in trials if finishing else ():
                rehearsal.finish(trial)
        left = [point for point in points if not rehearsal.history.seen(point)]
        need(
            not (complete and finishing and left),
            "an end",
            f"{type(strategy).__name__} ended with {len(left)} of {len(points)} points never proposed.",
        )


def check_objectives(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``several objectives``: they are handled, or refused with a UsageError that says what to do instead."""
    strategy, rehearsal = (
        make(),
        Rehearsal(Problem(space, (Objective("accuracy"), Objective("seconds", maximize=False))), seed=seed),
    )
    name = type(strategy).__name__
    try:
        for _ in range(8):
            for trial in rehearsal.ask(strategy, 2):
                rehearsal.finish(trial, failed=trial.id % 5 == 4)
    except UsageError as error:
        need(bool(error.hint), "several objectives", f"{name} refuses several objectives without a hint.")
        need(
            "objective" in error.message,
            "several objectives",
            f"{name} refuses without saying that it is about the objectives: {error.message}",
        )
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(
            f"several objectives: {name} neither handles nor refuses them: {type(error).__name__}: {error}"
        ) from error


def check_incumbent(make: Callable[[], Strategy], space: Space, n_trials: int = 30, seed: int = 0) -> None:
    """Law ``incumbent``: the trial that a strategy ends with is one that has a score.

    Where scores are repeatable, no other has a better one.
    """
    strategy = make()
    if not hasattr(strategy, "incumbent"):
        return  # it ends with the best score
    name, law = type(strategy).__name__, "incumbent"
    for repeatable in (False, True):
        rehearsal = Rehearsal(Problem(space), seed=seed, forecast_trials=n_trials, repeatable=repeatable)
        need(incumbent(strategy, rehearsal.history) is None, law, f"{name} names a trial before there is any.")
        while len(rehearsal.history) < n_trials and (trials := rehearsal.ask(make(), 1)):
            for trial in trials:
                rehearsal.finish(trial, failed=trial.id % 4 == 3)
            answer, best = incumbent(strategy, rehearsal.history), rehearsal.history.best()
            need(
                (answer is None) == (best is None) and (answer is None or answer.ok),
                law,
                f"after {len(rehearsal.history)} trials, {name} ends with {answer}.",
            )
            need(
                not repeatable or answer is None or best is None or answer.loss == best.loss,
                law,
                f"scores are repeatable, and {name} ends with {answer} although {best} is better.",
            )
