"""Functions as evaluators: what they are given, where they are found, and what is refused before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import Stopped, UsageError
from archsmith.core.protocols import Context
from archsmith.evaluators.functions import FunctionEvaluator

ONE = Architecture({"x": 3})
CONTEXT = Context(7, seed=11)


def score(architecture: Architecture) -> float:
    return 0.5


def test_a_function_gets_the_architecture_and_what_it_names() -> None:
    def told(architecture: Mapping[str, Any], seed: int, *, context: Context, fidelity: float = 0) -> dict[str, float]:
        return {"accuracy": architecture["x"], "told": seed + fidelity + context.trial}

    evaluator = FunctionEvaluator(told, metrics=("accuracy", "told"))
    assert evaluator.evaluate(ONE, 2, CONTEXT) == {"accuracy": 3, "told": 11 + 2 + 7}
    assert FunctionEvaluator(lambda architecture: 0.25).evaluate(ONE, 1, CONTEXT) == 0.25


def test_a_function_of_a_module_can_be_written_down_and_found_again() -> None:
    evaluator = FunctionEvaluator("math:sqrt", metrics=("root",))
    again = catalog.from_spec(catalog.to_spec(evaluator), "evaluator")
    assert again == evaluator
    from archsmith.testing.toys import unit

    assert FunctionEvaluator(unit).function == "archsmith.testing.toys:unit"


def test_a_local_function_works_but_cannot_be_written_down() -> None:
    evaluator = FunctionEvaluator(lambda architecture: 1.0)
    assert evaluator.evaluate(ONE, 1, CONTEXT) == 1.0
    with pytest.raises(UsageError, match="cannot be written down"):
        catalog.to_spec(evaluator)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no colon", "is not the place of a function"),
        ("no_such_module_anywhere:f", "cannot be imported"),
        ("own_lab.py:f", r"not the name of a module. Write own_lab:f, with the folder of own_lab on PYTHONPATH."),
        ("./own_lab.py:f", r"Write own_lab:f, with"),
        ("math:no_such_function", "There is no function"),
        (3, r"function cannot be 3\. It takes a text or a function"),
        (lambda: 1.0, "cannot be called with an architecture"),
        (lambda architecture, learning_rate: 1.0, "learning_rate"),
    ],
)
def test_what_cannot_be_called_is_refused(function: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FunctionEvaluator(function)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Writes a module that can be imported, and gives its name."""

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    return write


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("without_numpy", "np.zeros(3)", "NameError: name 'np' is not defined"),
        ("without_end", "def f(", "SyntaxError"),
        ("of_a_wrong_type", "1 + ''", "TypeError"),
        ("that_leaves", "raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_fails_is_said_so(module: Callable[[str, str], str], name: str, text: str, why: str) -> None:
    place = f"{module(name, text)}:f"
    with pytest.raises(UsageError, match=f"^The module of {place!r} fails when it is imported \\({why}"):
        catalog.build(FunctionEvaluator, {"function": place})


def test_what_a_module_prints_goes_to_standard_error(
    module: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = module("a_printing_function", "print('hello')\ndef score(architecture): return 1.0\n")
    assert FunctionEvaluator(f"{name}:score").evaluate(ONE, 1, CONTEXT) == 1.0
    assert capsys.readouterr() == ("", "hello\n")


def test_no_metrics_is_refused() -> None:
    with pytest.raises(UsageError, match="no metrics"):
        FunctionEvaluator(score, metrics=())


def test_what_is_measured_is_among_the_metrics() -> None:
    evaluator = FunctionEvaluator(len, ("accuracy", "latency"), measured=("latency",))
    assert evaluator.measured == ("latency",)
    with pytest.raises(UsageError, match="measures 'latency', which is not among its metrics"):
        FunctionEvaluator(len, measured=("latency",))


def test_it_stops_before_the_function_is_called() -> None:
    with pytest.raises(Stopped):
        FunctionEvaluator(score).evaluate(ONE, 1, Context(0, 0, stop=lambda: True))


def test_a_text_is_no_list_of_metrics() -> None:
    with pytest.raises(UsageError, match=r"metrics cannot be 'error'\. It takes a tuple of texts: \('error',\)\."):
        FunctionEvaluator(len, metrics="error")  # type: ignore[arg-type]
