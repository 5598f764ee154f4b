"""Evaluates one job, in whatever process this is called: the only place where a user's result is read and a user's
exception becomes an outcome.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import numbers
import sysconfig
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archsmith.core.architecture import Scalar
from archsmith.core.errors import DeadEnd, EvaluationError, Stopped, told
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, Job, Message, Report
from archsmith.core.trial import Outcome

# code that is not the person's: ours, Python's, and what is installed
FOREIGN = (str(Path(__file__).parents[1]), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))


class _ReportError(BaseException):
    """Carries an error of the loop (a full disk, say) through the evaluator, which must not take it for its own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def run(job: Job, evaluator: Evaluator, problem: Problem, report: Report, stop: Callable[[], bool]) -> Message:
    """Evaluate ``job`` here and now; the message ends it: an outcome, good or failed, or ``stopped`` when the evaluator
    gave up on request.

    ``report(step, metrics)`` gets the intermediate scores, and what it raises comes out; of what the evaluator raises
    only KeyboardInterrupt does. ``seconds`` are measured, unless a simulated evaluator returns its own.
    """

    def checked(step: float, metrics: Mapping[str, float]) -> None:
        clean = (_number("step", step), {name: _number(name, value) for name, value in metrics.items()})
        try:
            report(*clean)
        except BaseException as error:
            raise _ReportError(error) from error

    context = Context(
        job.trial, job.seed, job.deadline, job.workspace, job.parents, stop, checked, job.prepared, job.continues
    )
    began = time.perf_counter()
    try:
        outcome = read_result(evaluator.evaluate(job.architecture, job.fidelity, context), evaluator, problem)
        simulated = evaluator.simulated
    except Stopped:
        return Message(job.trial, stopped=True)
    except _ReportError as error:
        raise error.error from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # evaluators are anybody's code: GeneratorExit, SystemExit and what they make up
        stop()  # KeyboardInterrupt where an end at once was asked: libraries make errors of that
        outcome, simulated = _failure(error), False
        if job.workspace is not None and not isinstance(error, EvaluationError):
            _keep_traceback(error, job.workspace)
    return Message(job.trial, outcome if simulated else replace(outcome, seconds=time.perf_counter() - began))


def read_result(result: object, evaluator: Evaluator, problem: Problem) -> Outcome:
    """What ``evaluate`` returned, as an Outcome with every metric of the problem. Raises EvaluationError (``nan`` or
    ``exception``).
    """
    if result is None:
        raise EvaluationError("The evaluator returned nothing.", "Is a return missing at its end?")
    if inspect.iscoroutine(result):
        result.close()  # else Python warns of it
        raise EvaluationError(
            "The evaluator gave a coroutine, not a score: it is an async function.", "Write def, not async def."
        )
    if isinstance(result, Outcome):
        if not result.ok:
            return replace(result, metrics={}, notes=_scalars(result.notes))
        outcome = replace(
            result,
            metrics=_metrics(result.metrics),
            seconds=_seconds(result.seconds),
            notes=_scalars(result.notes),
        )
    elif isinstance(result, Mapping):
        outcome = Outcome.success(_metrics(result))
    else:
        outcome = Outcome.success({evaluator.metrics[0]: _number(evaluator.metrics[0], result)})
    missing = [name for name in problem.metrics if name not in outcome.metrics]
    if missing:
        returned = ", ".join(outcome.metrics) or "none at all"
        raise EvaluationError(
            f"The evaluator returned no metric {missing[0]!r}, only: {returned}.",
            "The problem's objectives and constraints need it.",
        )
    return outcome


def _metrics(values: Mapping[str, object]) -> dict[str, float]:
    for name in values:
        if not isinstance(name, str):
            raise EvaluationError(f"A metric is named {name!r}, which is not a string.")
    return {name: _number(name, value) for name, value in values.items()}


def _converts(value: Any) -> bool:
    try:
        float(value)
    except Exception:  # of another's class: whatever its float() raises
        return False
    return True


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise EvaluationError(
            f"The evaluator gave {name!r} as {type(value).__name__}, not as a number.",
            "Convert it with float(...)." if _converts(value) else "Return one number for each metric.",
        )
    try:
        number = float(value)
    except OverflowError as error:  # of a whole number with hundreds of digits
        raise EvaluationError(
            f"The metric {name!r} is too large for a floating-point number.", "Its logarithm may do.", kind="nan"
        ) from error
    if not math.isfinite(number):
        raise EvaluationError(
            f"The metric {name!r} came out as {number}.", "An evaluator returns finite numbers.", kind="nan"
        )
    return number


def _seconds(value: object) -> float:
    seconds = _number("seconds", value)
    if seconds < 0:
        raise EvaluationError(f"An outcome cannot have taken {seconds:g} seconds.", "Give 0 or more.")
    return seconds


def _scalars(notes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    for name, note in notes.items():
        if not (note is None or type(note) in (bool, int, str) or (type(note) is float and math.isfinite(note))):
            raise EvaluationError(
                f"The note {name!r} of an outcome is {note!r}.", "Notes are bool, int, finite float, str or None."
            )
    return dict(notes)


def _classified(error: BaseException) -> BaseException:
    """The same error, as an EvaluationError where its kind can be told. torch's errors are known by name, so that torch
    need not be imported.
    """
    if isinstance(error, EvaluationError):
        return error
    text = told(error)
    names = {cls.__name__ for cls in type(error).__mro__}
    # torch reports a CPU allocation that failed as a plain RuntimeError.
    if (
        isinstance(error, MemoryError)
        or "OutOfMemoryError" in names
        or (isinstance(error, RuntimeError) and "alloc" in text and "memory" in text)
    ):
        return EvaluationError("Out of memory" if text == "MemoryError" else f"Out of memory: {text}", kind="memory")
    if isinstance(error, TimeoutError):
        return EvaluationError(text, kind="timeout")
    if isinstance(error, DeadEnd):
        return EvaluationError(str(error), kind="dead_end")
    return error


def _failure(error: BaseException) -> Outcome:
    """The outcome of ``error``. Where it is no error of ours it names the line of the person's own code."""
    outcome, place = Outcome.failure(_classified(error)), None
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith(("<", *FOREIGN)):
            place = f"{Path(frame.filename).name}, line {frame.lineno}"
    if place is None or isinstance(error, EvaluationError | DeadEnd):
        return outcome
    return replace(outcome, error=f"{(outcome.error or '').rstrip('.')} ({place})")


def _keep_traceback(error: BaseException, workspace: Path) -> None:
    """The log keeps one sentence; whoever has to mend the evaluator finds the rest in the trial's folder."""
    with contextlib.suppress(OSError):
        workspace.mkdir(parents=True, exist_ok=True)
        text = "".join(traceback.format_exception(error))
        (workspace / "error.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
