"""Laws of evaluators: they return what they declare, the same for the same seed, and stop when asked.

Those that call themselves repeatable return the same for any seed. Metrics that an evaluator names in ``measured`` may
differ each time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.problem import Objective, Problem
from archsmith.core.protocols import Context, Evaluator, Report, measured
from archsmith.core.trial import Outcome
from archsmith.core.wording import amount
from archsmith.runtime.run import read_result
from archsmith.testing.need import Broken, keeping, need


@checked
def check_evaluator(
    evaluator: Evaluator, problem: Problem, *, n_architectures: int = 3, fidelity: float | None = None, seed: int = 0
) -> None:
    """Raises AssertionError when ``evaluator`` breaks a law of evaluators on architectures of ``problem``, with the law
    and what was found.

    An evaluation may fail, as long as it fails each time, with an EvaluationError; not all of them may.

    ``n_architectures``: random ones that are evaluated.
    ``fidelity``: of their evaluations; None: the problem's maximum.
    ``seed``: of all that is drawn.
    """
    check_above_0("check_evaluator", n_architectures=n_architectures)
    check_from_0("check_evaluator", seed=seed)
    name, metrics = type(evaluator).__name__, _declared(evaluator)
    failures: list[str] = []
    scored: list[tuple[Architecture, Context]] = []
    own = replace(problem, objectives=(Objective(metrics[0], maximize=True),), constraints=())
    prepare = getattr(evaluator, "prepare", None)
    if prepare is not None:
        with keeping("prepare"):
            prepare(problem, Context(-1, seed))
    fidelity = problem.fidelity.maximum if fidelity is None else fidelity
    rng = np.random.default_rng(seed)
    with keeping("questions"):
        architectures = [problem.space.sample(rng) for _ in range(n_architectures)]
    for number, architecture in enumerate(architectures):
        reports: list[tuple[float, Mapping[str, float]]] = []
        context, n_failed = Context(number, seed + number, report=_keeper(reports)), len(failures)
        first = _numbers(evaluator, own, architecture, fidelity, replace(context), failures)
        if len(failures) == n_failed:
            scored.append((architecture, context))
        second = _numbers(evaluator, own, architecture, fidelity, replace(context), [])
        need(
            first == second,
            "same seed, same numbers",
            f"{name} answered {first}, then {second} for {architecture}. Draw by context.seed alone, and name metrics "
            "that are timings in measured.",
        )
        _check_reports(name, metrics, reports)
        if getattr(evaluator, "repeatable", False):
            context = Context(number, seed + 1000 + number)
            other = _numbers(evaluator, own, architecture, fidelity, context, [])
            need(
                _scores(other) == _scores(first),
                "repeatable",
                f"{name} says that it is, and answered {first} and {other} for {architecture} with two seeds.",
            )
    need(
        bool(scored),
        "scores",
        f"{name} scored none of {amount(n_architectures, 'architecture')}: {failures[0] if failures else ''}",
    )
    _check_stop(evaluator, *scored[0], fidelity)


@keeping("declaration")
def _declared(evaluator: Evaluator) -> tuple[str, ...]:
    """The metrics that it declares."""
    name, metrics = type(evaluator).__name__, evaluator.metrics
    need(
        isinstance(metrics, tuple) and bool(metrics) and all(isinstance(m, str) for m in metrics),
        "declaration",
        f"{name}.metrics is {metrics!r}.",
    )
    need(len(set(metrics)) == len(metrics), "declaration", f"{name}.metrics names a metric twice: {metrics}.")
    need(isinstance(evaluator.simulated, bool), "declaration", f"{name}.simulated is {evaluator.simulated!r}.")
    says = getattr(evaluator, "repeatable", False)
    need(isinstance(says, bool), "declaration", f"{name}.repeatable is {says!r}.")
    timings = getattr(evaluator, "measured", ())
    need(
        isinstance(timings, tuple) and set(timings) <= set(metrics),
        "declaration",
        f"{name}.measured is {timings!r}, which is no tuple of some of its metrics {metrics}.",
    )
    return metrics


def _keeper(reports: list[tuple[float, Mapping[str, float]]]) -> Report:
    return lambda step, metrics: reports.append((step, metrics))


def _numbers(
    evaluator: Evaluator,
    problem: Problem,
    architecture: Architecture,
    fidelity: float,
    context: Context,
    failures: list[str],
) -> object:
    """What ``evaluate`` returns: metrics that are not measured, and simulated seconds, or the kind of its failure. Why
    it failed is added to ``failures``.
    """
    name = type(evaluator).__name__
    before = architecture.to_json()
    with keeping("failures", f"{name} fails with something else than an EvaluationError: "):
        try:
            result = evaluator.evaluate(architecture, fidelity, context)
        except EvaluationError as error:
            failures.append(str(error))
            return f"failed ({error.kind})"
        except Stopped:
            raise Broken(f"stop: {name} stopped although nobody asked it to.") from None
    need(architecture.to_json() == before, "architecture untouched", f"{name} changed the architecture it was given.")
    need(result is not None, "declared metrics", f"{name} returned nothing. Is a return missing at its end?")
    if isinstance(result, Outcome):
        if not result.ok:
            failures.append(result.error or "it gave a failed outcome.")
            return f"failed ({result.error_kind})"
        need(
            math.isfinite(result.seconds) and result.seconds >= 0,
            "declared metrics",
            f"{name} says that a trial took {result.seconds} seconds.",
        )
        metrics, seconds = result.metrics, result.seconds if evaluator.simulated else None
    elif isinstance(result, Mapping):
        metrics, seconds = result, None
    else:
        kind = "one number" if isinstance(result, Real) else f"a {type(result).__name__}"
        need(
            len(evaluator.metrics) == 1,
            "declared metrics",
            f"{name} declares {evaluator.metrics} and returned {kind}. Return a dict with a number for each.",
        )
        metrics, seconds = {evaluator.metrics[0]: result}, None
    need(
        set(metrics) == set(evaluator.metrics),
        "declared metrics",
        f"{name} declares {evaluator.metrics} and returned {tuple(metrics)}.",
    )
    try:
        numbers = read_result(result, evaluator, problem).metrics
    except EvaluationError as error:  # a search, too, takes it for a failed trial
        failures.append(str(error))
        if error.kind == "nan":
            return "failed (nan)"
        raise Broken(f"declared metrics: {name} returned {dict(metrics)}: {error}") from error
    return {metric: value for metric, value in numbers.items() if metric not in measured(evaluator)}, seconds


def _scores(numbers: object) -> object:
    """Without the seconds."""
    return numbers[0] if isinstance(numbers, tuple) else numbers


def _check_reports(name: str, metrics: tuple[str, ...], reports: list[tuple[float, Mapping[str, float]]]) -> None:
    steps = [step for step, _ in reports[: len(reports) // 2]]  # of the first of two equal evaluations
    need(steps == sorted(steps), "reports", f"{name} reports steps out of order: {steps}.")
    for _, values in reports:
        need(
            all(isinstance(value, int | float) and math.isfinite(value) for value in values.values()),
            "reports",
            f"{name} reported {values}.",
        )


@keeping("stop")
def _check_stop(evaluator: Evaluator, architecture: Architecture, context: Context, fidelity: float) -> None:
    """``context``: of an evaluation of ``architecture`` that came to its end: others may end sooner."""
    if evaluator.simulated:
        return  # a look-up is over before anybody can ask it to stop
    try:
        evaluator.evaluate(architecture, fidelity, replace(context, stop=lambda: True))
    except Stopped:
        return
    except EvaluationError:
        pass
    raise Broken(
        f"stop: {type(evaluator).__name__} was asked to stop and finished all the same; call context.check() in its "
        "loop."
    )
