"""What was declared, and what is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.core.fields import check_above_0, check_from_0, checked, fitted, fitting
from archsmith.core.protocols import Evaluator, Store, Strategy
from archsmith.runtime.memory import MemoryStore
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import ToyEvaluator


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        ("20", int, r"It cannot be '20'\. It takes a whole number, without quotation marks\."),
        ("20m", float | None, r"cannot be '20m'\. It takes a finite number or None\."),
        (2.5, int, r"cannot be 2\.5\. It takes a whole number\."),
        (True, int, r"cannot be True\."),
        (np.True_, float, r"cannot be a bool_?\."),
        (float("nan"), float, r"cannot be nan\. It takes a finite number\."),
        (float("inf"), float | None, r"cannot be inf\."),
        (10**400, float, r"It takes a finite number\."),
        (None, int, r"cannot be None\."),
        (1, bool, r"It takes True or False\."),
        (3, str, r"It takes a text\."),
        ("conv", tuple[str, ...], r"It takes a tuple of texts: \('conv',\)\."),
        ((1, "x"), tuple[int, ...], r"cannot be \(1, 'x'\)\. It takes a tuple of whole numbers\."),
        ((1, 2), tuple[int, int, int], r"It takes a tuple of 3 whole numbers\."),
        ({1}, tuple[int, ...], r"cannot be a set\."),
        ("max", Literal["min", "sum"], r"It takes one of 'min', 'sum'\."),
        ([1], Mapping[str, int], r'It takes a mapping, such as \{"name": value\}\.'),
        (3, Callable[[], Any], r"It takes a function\."),
        (MemoryStore(), Callable[[], Store], r"a function that makes a new one, such as lambda: SqliteStore\(folder\)"),
        ("x", Store | None, r"It takes a Store, such as SqliteStore\(folder\), or None\."),
        (MemoryStore, Store, r"It is the class MemoryStore, not an object\. Write MemoryStore\(\) with brackets\."),
        (int, Store, r"is the class int, not an object\. It takes a Store"),
        (RandomSearch(), Evaluator, r"cannot be a RandomSearch\. It takes an Evaluator"),
        (ToyEvaluator(), Strategy, r"cannot be a ToyEvaluator\. It takes a Strategy"),
        (3, Path, r"It takes a Path\."),
        ("x" * 5000, int, r"^.{0,1100} It takes a whole number\.$"),
    ],
)
def test_what_does_not_fit_is_one_sentence(value: Any, hint: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fitted(value, hint, "It")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (np.int64(3), int, 3),
        (np.float32(0.5), float, 0.5),
        (np.int64(3), float, 3),
        (np.bool_(True), bool, True),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([[1], [2]], tuple[tuple[int, ...], ...], ((1,), (2,))),
        (Path("a"), str, "a"),
        ("a", Path, "a"),
        (3, float, 3),
        (None, float | None, None),
        (ToyEvaluator(), Evaluator, ToyEvaluator()),
        ("anything", Any, "anything"),
        ("anything", "no type", "anything"),
    ],
)
def test_what_fits_becomes_plain(value: Any, hint: Any, expected: Any) -> None:
    found = fitted(value, hint, "It")
    assert found == expected
    assert type(found) is type(expected)


@checked
@dataclass(frozen=True)
class Machine:
    """Knobs."""

    size: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 1:  # would raise TypeError for a text
            raise UsageError("Machine.size is too small.")


def test_fields_are_looked_at_before_the_class_looks_at_them() -> None:
    with pytest.raises(UsageError, match=r"^Machine\.size cannot be '3'\."):
        Machine("3")  # type: ignore[arg-type]
    assert Machine(np.int64(3), ["a"]) == Machine(3, ("a",))  # type: ignore[arg-type]


def test_a_missing_or_unknown_argument_is_told_by_python() -> None:
    with pytest.raises(TypeError, match=r"Machine\.__init__\(\) missing 1 required"):
        Machine()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'sise'"):
        Machine(3, sise=3)  # type: ignore[call-arg]


@checked
def turn(machine: Machine, times: int = 1) -> int:
    """Turn it."""
    return machine.size * times


def test_arguments_of_a_function_are_named() -> None:
    assert turn(Machine(2), times=3) == 6
    with pytest.raises(UsageError, match=r"^The argument machine of turn is the class Machine"):
        turn(Machine)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^The argument times of turn cannot be None\."):
        turn(Machine(2), None)  # type: ignore[arg-type]


def test_annotations_that_mean_nothing_are_passed_over() -> None:
    def odd(value: NoSuchName) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Nothing."""

    assert fitting(odd, {"value": 3}) == {}


def test_numbers_have_a_least_value() -> None:
    check_above_0("It", a=1, b=None)
    check_from_0("It", a=0, b=None)
    with pytest.raises(UsageError, match=r"It\.a cannot be 0\. Give a number above 0\."):
        check_above_0("It", a=0)
    with pytest.raises(UsageError, match=r"It\.a cannot be -1\. Give 0 or more\."):
        check_from_0("It", a=-1)
