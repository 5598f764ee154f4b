"""What a search is made of, looked at before anything begins: parts that were mixed up are told in one sentence."""

from __future__ import annotations

import inspect
import operator
from typing import Any

from archsmith import catalog
from archsmith.core.budget import Budget
from archsmith.core.errors import ArchsmithError, UsageError, told
from archsmith.core.fields import named, said
from archsmith.core.problem import Constraint, Objective, Problem, check_limits
from archsmith.core.space import Space


def check_parts(problem: Any, strategy: Any, evaluator: Any) -> None:
    """Raises UsageError where one of the three is something else, or the evaluator lacks a metric of the problem."""
    if callable(getattr(strategy, "evaluate", None)) and callable(getattr(evaluator, "ask", None)):
        raise UsageError(
            "Strategy and evaluator have changed places.", "The order is: Search(problem, strategy, evaluator)."
        )
    _check_is_problem(problem)
    check_strategy(strategy)
    check_problem(problem, evaluator)
    missing = [metric for metric in problem.metrics if metric not in evaluator.metrics]
    if missing:
        raise UsageError(
            f"The problem needs the metric {missing[0]!r}, but {type(evaluator).__name__} reports "
            f"{', '.join(evaluator.metrics)}.",
            "Name one of its metrics in the objective or constraint.",
        )


def check_problem(problem: Any, evaluator: Any) -> None:
    """Raises UsageError where one of the two is something else."""
    if isinstance(evaluator, Problem) and callable(getattr(problem, "evaluate", None)):
        raise UsageError("Problem and evaluator have changed places.", "The problem comes first.")
    _check_is_problem(problem)
    check_evaluator(evaluator)


def problem_of(
    evaluator: Any, objectives: tuple[Objective, ...], constraints: tuple[Constraint, ...]
) -> Problem | None:
    """The problem that ``evaluator`` brings along, with these objectives, or those of its own where there are none.

    None: it brings none. Raises UsageError for a method ``problem`` that fails or does not do what it is asked for.
    """
    own = getattr(evaluator, "problem", None)
    if own is None:
        return None
    name = f"{type(evaluator).__name__}.problem"
    how = "Write it so: def problem(self, objectives=None, constraints=()), see docs/tutorials/write-an-evaluator.md."
    try:
        found = own(objectives or None, constraints)
    except ArchsmithError:
        raise
    except Exception as error:  # anybody's code
        raise UsageError(f"{name}(objectives, constraints) raised {told(error).rstrip('.')}.", how) from error
    if not isinstance(found, Problem):
        raise UsageError(f"{name} gave {named(found)}, not a Problem.", how)
    if (objectives and found.objectives != objectives) or found.constraints != constraints:
        raise UsageError(f"{name} leaves out the objectives or constraints that it is given.", how)
    return found


def _check_is_problem(problem: Any) -> None:
    if isinstance(problem, Space) or (isinstance(problem, type) and issubclass(problem, Space)):
        name = problem.__name__ if isinstance(problem, type) else type(problem).__name__
        raise UsageError(
            f"{name} is a search space, not a problem.",
            f'Say what is searched for, too: Problem({name}(), Objective("accuracy")).',
        )
    if not isinstance(problem, Problem):
        raise UsageError(f"The problem {said(problem)}.", "Give a Problem(space, objectives).")
    check_limits(problem.constraints)


def check_space(space: Any) -> None:
    """Raises UsageError for what is no search space."""
    _refuse_class(space, "space")
    if not isinstance(space, Space):
        raise UsageError(f"The space {said(space)}.", "It needs decide(choose): see docs/tutorials/write-a-space.md.")


def check_strategy(strategy: Any) -> None:
    """Raises UsageError for what is no strategy."""
    if isinstance(strategy, str):
        raise UsageError(f"The strategy is the text {strategy!r}.", f"Give an object: {_written(strategy)}.")
    _refuse_class(strategy, "strategy")
    if isinstance(strategy, Space):
        raise UsageError(f"{type(strategy).__name__} is a search space, not a strategy.", "A strategy has ask().")
    if not callable(getattr(strategy, "ask", None)):
        raise UsageError(
            f"The strategy {said(strategy)}: it has no method ask.",
            "It needs ask(history, n, rng), which returns a list of proposals.",
        )
    _check_called(strategy, "ask", "history, n, rng")


def check_evaluator(evaluator: Any) -> None:
    """Raises UsageError for what is no evaluator."""
    _refuse_class(evaluator, "evaluator")
    if not callable(getattr(evaluator, "evaluate", None)):
        wrap = callable(evaluator)
        raise UsageError(
            f"The evaluator {said(evaluator)}: it has no method evaluate.",
            "Wrap the function: FunctionEvaluator(function)."
            if wrap
            else "It needs evaluate(architecture, fidelity, context), which returns a score.",
        )
    _check_called(evaluator, "evaluate", "architecture, fidelity, context")
    metrics = getattr(evaluator, "metrics", None)
    if isinstance(metrics, str) or not isinstance(metrics, list | tuple) or not metrics:
        raise UsageError(
            f"{type(evaluator).__name__}.metrics cannot be {metrics!r}.", 'Give the names in a tuple: ("accuracy",).'
        )
    if not hasattr(evaluator, "simulated"):
        raise UsageError(
            f"{type(evaluator).__name__} does not say whether its seconds are simulated.", "Give it: simulated = False."
        )


def _check_called(part: Any, method: str, arguments: str) -> None:
    """Raises UsageError where ``method`` does not take these arguments."""
    try:
        signature = inspect.signature(getattr(part, method))
    except (TypeError, ValueError):  # of a function in C
        return
    try:
        signature.bind(*arguments.split(", "))
    except TypeError:
        raise UsageError(
            f"{type(part).__name__}.{method}{signature} cannot be called with {method}({arguments}).",
            f"Write it so: def {method}(self, {arguments}).",
        ) from None


def checked_budget(budget: Any, default: int) -> Budget:
    """``budget``; ``default`` trials for None. Raises UsageError for what is none."""
    if budget is None:
        return Budget(trials=default)
    if not isinstance(budget, Budget):
        by = "seconds" if isinstance(budget, str) else "trials"
        raise UsageError(f"The budget {said(budget)}.", f"Write it like Budget({by}={budget!r}).")
    return budget


def checked_seed(seed: Any) -> int:
    """``seed`` as a Python integer. Raises UsageError for what is none, or below 0."""
    try:
        if isinstance(seed, bool):
            raise TypeError
        number = operator.index(seed)
    except TypeError:
        raise UsageError(f"The seed cannot be {seed!r}.", "Give an integer, such as 0.") from None
    if number < 0:
        raise UsageError(f"The seed cannot be {number}.", "Give 0 or more.")
    return number


def _refuse_class(part: Any, kind: str) -> None:
    if isinstance(part, type):
        raise UsageError(
            f"The {kind} is the class {part.__name__}, not an object of it.", f"Write {part.__name__}() with brackets."
        )


def _written(name: str) -> str:
    """How an object of the catalogue is written."""
    module, _, cls = catalog.rows("strategy").get(name, "archsmith.strategies.random:RandomSearch").partition(":")
    return f"{cls}(), from {module}"
