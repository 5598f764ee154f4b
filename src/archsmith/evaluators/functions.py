"""Any Python function as an evaluator: the shortest way from a measurement of one's own to a search."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome

EXTRAS = ("fidelity", "seed", "context")  # what a function may ask for by naming a parameter so


@checked
@dataclass(frozen=True)
class FunctionEvaluator:
    """Calls ``function(architecture)``. It returns a number (the first metric), a mapping of metrics, or an Outcome.

    A function at the top level of a module is kept by its place, so that it can be logged and sent to other processes.
    A lambda, or a function of a script or notebook cell, works in this process only.

    ``function``: a callable, or its place as ``"module:function"``. A parameter named ``fidelity``, ``seed`` or
        ``context`` gets the trial's own.
    ``metrics``: the names of what it returns, one or more.
    ``repeatable``: whether an architecture always gets the same score. Then the best score shows the best architecture.
    ``measured``: those of the metrics that are measured, such as a latency: they differ a little each time.
    """

    function: str | Callable[..., Any]
    metrics: tuple[str, ...] = ("accuracy",)
    repeatable: bool = False
    measured: tuple[str, ...] = ()

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.metrics:
            raise UsageError(
                "FunctionEvaluator has no metrics.",
                'Name what the function returns, for instance metrics=("accuracy",).',
            )
        if len({*self.metrics}) < len(self.metrics):
            raise UsageError(f"FunctionEvaluator.metrics are {self.metrics!r}: one stands there twice.")
        unknown = [name for name in self.measured if name not in self.metrics]
        if unknown:
            raise UsageError(
                f"FunctionEvaluator measures {unknown[0]!r}, which is not among its metrics.",
                f"Its metrics are {', '.join(self.metrics)}.",
            )
        if isinstance(self.function, str):
            _wanted(find(self.function))
        elif isinstance(self.function, type):
            raise UsageError(
                f"FunctionEvaluator.function is the class {self.function.__name__}, not a function.",
                "Give a function that takes an architecture and returns its score. An evaluator needs no wrapping.",
            )
        else:
            _wanted(self.function)
            object.__setattr__(self, "function", place(self.function) or self.function)

    def evaluate(
        self, architecture: Architecture, fidelity: float, context: Context
    ) -> Outcome | Mapping[str, float] | float:
        context.check()
        function = find(self.function) if isinstance(self.function, str) else self.function
        values = {"fidelity": fidelity, "seed": context.seed, "context": context}
        result: Outcome | Mapping[str, float] | float = function(
            architecture, **{name: values[name] for name in _wanted(function)}
        )
        return result


def find(path: str) -> Callable[..., Any]:
    """The function at ``module:function``. Raises UsageError."""
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise UsageError(f"{path!r} is not the place of a function.", "Write it like package.module:function.")
    catalog.refuse_file(module, f":{name}")
    found: Any = catalog.imported(module, f"The module of {path!r}")
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"There is no function {name!r} in the module {module!r}.")
    function: Callable[..., Any] = found
    return function


def place(function: Callable[..., Any]) -> str | None:
    """Where ``function`` can be found again, None when it cannot."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or module == "__main__":
        return None
    path = f"{module}:{name}"
    try:
        return path if find(path) is function else None
    except UsageError:
        return None


def _wanted(function: Callable[..., Any]) -> list[str]:
    """Which of ``EXTRAS`` the function names. Raises UsageError when it cannot be called with an architecture."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in functions do not tell
        return []
    wanted = [name for name in EXTRAS if name in parameters]
    try:
        inspect.signature(function).bind(None, **dict.fromkeys(wanted))
    except TypeError as error:
        name = getattr(function, "__name__", repr(function))
        raise UsageError(
            f"The function {name!r} cannot be called with an architecture: {error}.",
            "It takes the architecture and may take fidelity, seed or context.",
        ) from error
    return wanted
