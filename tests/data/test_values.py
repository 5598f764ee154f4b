from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.values import (
    LONGEST_NAME,
    as_float,
    as_targets,
    is_gone,
    joined_blanks,
    lacking,
    names_of,
    refuse_gaps,
    whole_numbers,
)


@pytest.mark.parametrize(
    ("cells", "kind", "expected", "missing"),
    [
        (["cat", "dog", ""], "U", ["cat", "dog", ""], [False, False, True]),
        (["1", "2", "nan"], "i", [1, 2, 0], [False, False, True]),
        (["1.5", "2", "n/a"], "f", [1.5, 2.0, 0.0], [False, False, True]),
        (["cat", "NA", "dog", "?", "n/a"], "U", ["cat", "NA", "dog", "?", "n/a"], [False, True, False, True, True]),
        (["none", "mild", "None"], "U", ["none", "mild", "None"], [False, False, False]),  # a class like any other
        (["yes", "NA", ""], "U", ["yes", "NA", ""], [False, False, True]),  # without NA there is one class
        (["1.5", "2", "?"], "f", [1.5, 2.0, 0.0], [False, False, True]),
        (["007", "012"], "U", ["007", "012"], [False, False]),  # zeros in front: a name
        ([1, None, 3], "i", [1, 0, 3], [False, True, False]),
        ([1.5, float("nan")], "f", [1.5, 0.0], [False, True]),
        ([True, False], "U", ["True", "False"], [False, False]),
        ([10**30, 2], "U", [str(10**30), "2"], [False, False]),
    ],
)
def test_cells_say_what_kind_of_target_they_are(
    cells: list[Any], kind: str, expected: list[Any], missing: list[bool]
) -> None:
    values, gone = as_targets(cells, "label")
    assert values.dtype.kind == kind and values.tolist() == expected and gone.tolist() == missing


@pytest.mark.parametrize(("cells", "sentence"), [(["", None], "is empty"), ([1, "cat"], "int and str")])
def test_what_is_no_target_is_named(cells: list[Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        as_targets(cells, "label")


def test_infinite_numbers_are_missing() -> None:
    assert as_targets(["1.5", "inf"], "label")[1].tolist() == [False, True]
    assert np.isfinite(as_targets(["1.5", "2.5"], "label")[0]).all()


def test_what_rows_lack_is_a_value_or_a_finite_one() -> None:
    assert lacking(*as_targets(["1.5", "inf", ""], "label")) == "finite value"
    assert lacking(*as_targets(["1.5", ""], "label")) == lacking(*as_targets(["a", ""], "label")) == "value"


def test_a_few_gaps_are_passed_over_and_many_are_an_error() -> None:
    refuse_gaps([("row 2", "empty")], 100, "label")
    with pytest.raises(DataError, match=r"50 of 100 rows .* row 2"):
        refuse_gaps([("row 2", "empty")] * 50, 100, "label")
    with pytest.raises(DataError, match="rows have no finite value in the column 'ratio'"):
        refuse_gaps([("row 2", "infinite")] * 50, 100, "ratio", "finite value")


def test_names_of_classes_have_a_limit() -> None:
    """An array of texts takes four bytes for each character of the longest, in every row."""
    assert names_of(["a" * LONGEST_NAME, "b"]).tolist() == ["a" * LONGEST_NAME, "b"]
    with pytest.raises(DataError, match="A label has 50,000,000 characters"):
        as_targets(["a" * 50_000_000, "b"], "label")


def test_whole_numbers_that_are_too_long_to_count_are_names() -> None:
    assert whole_numbers([1, 2]).dtype == np.int64
    assert whole_numbers([2**70, 1]).tolist() == [str(2**70), "1"]
    with pytest.raises(DataError, match="16,610 bits"):
        whole_numbers([10**5000, 1])


@pytest.mark.parametrize("value", [None, float("nan"), np.float64("nan"), Decimal("sNaN"), np.datetime64("NaT")])
def test_values_that_are_gone(value: Any) -> None:
    assert is_gone(value) and not is_gone("nan") and not is_gone(0)


@pytest.mark.parametrize(
    ("value", "number"), [(10**400, float("inf")), (Fraction(10**400, 3), float("inf")), (Decimal("1.5"), 1.5)]
)
def test_numbers_as_floats(value: Any, number: float) -> None:
    assert as_float(value) == number


def test_classes_that_differ_by_blanks_around_them_are_told() -> None:
    assert joined_blanks(["a", " a", "b", "", " "], "kind") == (
        "Blanks around classes in 'kind' do not count: ' a' and 'a' are one.",
    )
    assert joined_blanks([" a", "b", " "], "kind") == ()
