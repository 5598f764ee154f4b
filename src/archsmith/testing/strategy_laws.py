"""Laws of strategies: a strategy is a function of the history and of the generator that it is given.

This holds whatever the history looks like.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archsmith.core.errors import UsageError
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.protocols import Strategy, incumbent
from archsmith.core.space import Space
from archsmith.core.trial import Proposal
from archsmith.testing.learning_laws import check_learning
from archsmith.testing.need import keeping, need
from archsmith.testing.randomness import global_randomness
from archsmith.testing.rehearsal import Rehearsal, ask, check_answer, maker, row, snapshot
from archsmith.testing.toys import Flat

SMALL = Flat(n_decisions=2, n_options=3)  # nine points, for the law that every search comes to an end
LARGE = Flat(n_decisions=6, n_options=10)  # a million points: no strategy may be at its end after a few dozen trials


@checked
def check_strategy(
    strategy: Strategy | Callable[[], Strategy],
    space: Space | None = None,
    *,
    n_trials: int = 30,
    seed: int = 0,
    complete: bool = True,
    learns: bool = False,
) -> None:
    """Raises AssertionError when ``strategy`` breaks a law of strategies, with the law and what was found.

    ``strategy``: a dataclass, or something that makes a new instance when called.
    ``space``: where it is tried; None: a million points of independent decisions.
    ``n_trials``: of the study along which it is asked.
    ``seed``: of all that is drawn.
    ``complete``: whether it has proposed every architecture when it ends on a finite space. False for methods that
        leave some out by design.
    ``learns``: whether it claims to be better than random search; then ``check_learning`` is run too.
    """
    check_above_0("check_strategy", n_trials=n_trials)
    check_from_0("check_strategy", seed=seed)
    make = maker(strategy)
    space = space if space is not None else LARGE
    check_any_history(make, space, seed)  # first, because the others ask about empty histories too
    check_randomness(make, space, seed)
    check_history_untouched(make, space, seed)
    check_memoryless(make, space, n_trials, seed)
    check_end(make, seed, complete)
    check_objectives(make, space, seed)
    check_incumbent(make, space, n_trials, seed)
    if learns:
        check_learning(make, seed=seed)


@keeping("no global randomness")
def check_randomness(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``no global randomness``: the global generators of Python, numpy and torch stay as they were."""
    strategy, rehearsal = make(), Rehearsal(Problem(space), seed=seed)
    for i in range(12):
        before = global_randomness()
        trials = rehearsal.ask(strategy, 1 + i % 2)
        need(
            global_randomness() == before,
            "no global randomness",
            f"{type(strategy).__name__} drew from a global generator instead of rng.",
        )
        for trial in trials:
            rehearsal.finish(trial)


@keeping("history untouched")
def check_history_untouched(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``history untouched``: asking changes nothing in the history."""
    strategy, rehearsal = make(), Rehearsal(Problem(space), seed=seed)
    for i in range(12):
        before = snapshot(rehearsal.history)
        ask(strategy, rehearsal.history, 1 + i % 2, rehearsal.generator())
        need(
            snapshot(rehearsal.history) == before,
            "history untouched",
            f"{type(strategy).__name__} changed the history while reading it.",
        )
        for trial in rehearsal.ask(make(), 1 + i % 2):
            rehearsal.finish(trial, failed=trial.id % 4 == 3)


@keeping("memoryless")
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
            who: ask(asked, history, n, rehearsal.generator())
            for who, asked, history in (
                ("a new instance with a history read again from the log", make(), rehearsal.replayed()),
                ("a new instance", make(), rehearsal.history),
                ("the instance that was asked before", strategy, rehearsal.history),
                ("the same instance asked a second time", strategy, rehearsal.history),
            )
        }
        rows = {who: [row(0, proposal, rehearsal.problem) for proposal in answer] for who, answer in answers.items()}
        (reference, expected), *others = rows.items()
        for who, answer in others:
            need(
                repr(answer) == repr(expected),
                "memoryless",
                f"after {len(rehearsal.history)} trials, {name} has two answers: {reference} gives one, {who} another.",
            )
        proposals = list(answers["a new instance"])
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


@keeping("any history")
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
        "whose first half is pending": (0.5, False),
        "whose trials finished in reverse order": (1.0, False),
    }.items():
        strategy, rehearsal = make(), Rehearsal(problem, seed=seed)
        if what != "that is empty":
            _strangers(rehearsal, finish, failed, seed)
        for _ in range(3):
            with keeping("any history", f"{type(strategy).__name__} cannot cope with a history {what}: "):
                proposals = ask(strategy, rehearsal.history, 2, rehearsal.generator())
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


@keeping("an end")
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


@keeping("several objectives")
def check_objectives(make: Callable[[], Strategy], space: Space, seed: int = 0) -> None:
    """Law ``several objectives``: they are handled, or refused with a UsageError that says what to do instead."""
    strategy, rehearsal = (
        make(),
        Rehearsal(Problem(space, (Objective("accuracy"), Objective("seconds", maximize=False))), seed=seed),
    )
    name = type(strategy).__name__
    with keeping("several objectives", f"{name} neither handles nor refuses them: "):
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


@keeping("incumbent")
def check_incumbent(make: Callable[[], Strategy], space: Space, n_trials: int = 30, seed: int = 0) -> None:
    """Law ``incumbent``: the trial that a strategy ends with is one that has a score.

    Where scores are repeatable, no other has a better one. Law ``keeps limits``: it breaks no limit of the problem.
    """
    strategy = make()
    if not hasattr(strategy, "incumbent"):
        return  # it ends with the best score
    name = type(strategy).__name__
    limits = (Constraint("size", upper=0.35),)  # of the toys' scores: a good half of them is above
    for repeatable, constraints, law in (
        (False, (), "incumbent"),
        (True, (), "incumbent"),
        (False, limits, "keeps limits"),
    ):
        problem = Problem(space, constraints=constraints)
        rehearsal = Rehearsal(problem, seed=seed, forecast_trials=n_trials, repeatable=repeatable)
        need(incumbent(strategy, rehearsal.history) is None, law, f"{name} names a trial before there is any.")
        while len(rehearsal.history) < n_trials and (trials := rehearsal.ask(make(), 1)):
            for trial in trials:
                rehearsal.finish(trial, failed=trial.id % 4 == 3)
            best = rehearsal.history.best()
            with keeping(law):
                answer = incumbent(strategy, rehearsal.history)
            need(
                (answer is None) == (best is None) and (answer is None or answer.ok),
                law,
                f"after {len(rehearsal.history)} trials, {name} ends with {answer}, and the best one is {best}.",
            )
            need(
                not repeatable or answer is None or best is None or answer.loss == best.loss,
                law,
                f"scores are repeatable, and {name} ends with {answer} although {best} is better.",
            )
