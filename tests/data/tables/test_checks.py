"""What the checks find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables.checks import Findings, check, fingerprints, target_columns
from archsmith.data.tables.column_notes import Ignored
from archsmith.data.tables.columns import Column
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.data.tables.load import load

NUMBERS = (Column("p", "number"), Column("q", "number"))


def rows(numbers: Any, targets: Any, classes: tuple[str, ...] = ("a", "b")) -> TableExamples:
    array = np.asarray(numbers, np.float32)
    return TableExamples(array, np.zeros((len(array), 0), np.int64), np.asarray(targets), classes, NUMBERS)


def splits(train: TableExamples, valid: TableExamples | None = None, test: TableExamples | None = None) -> TableSplits:
    own = rows([[100, 1], [101, 2]], [0, 1]) if valid is None else valid
    other = rows([[200, 1], [201, 2]], [0, 1]) if test is None else test
    return TableSplits(train, own, other, "t", columns=NUMBERS, ignored=(Ignored("z", "is empty"),))


GOOD = rows([[i, i % 3] for i in range(20)], [i // 3 % 2 for i in range(20)])


def test_clean_splits_have_nothing_to_report() -> None:
    found = check(splits(GOOD))
    assert (found.duplicates, found.contradictions, found.leaks) == (0, 0, {"valid": 0, "test": 0})
    assert found.n_examples == {"train": 20, "valid": 2, "test": 2}
    assert found.counts["train"] == (11, 9)
    assert found.warnings == (
        "There are only 20 rows to learn from, 2 to choose by and 2 to measure by, so scores depend much on chance.",
    )


def test_repeated_rows_are_counted_once_each() -> None:
    train = rows([[1, 1], [1, 1], [1, 1], [2, 2]], [0, 0, 0, 1])
    assert check(splits(train)).duplicates == 2


def test_the_same_values_with_another_target_contradict() -> None:
    train = rows([[1, np.nan], [1, np.nan], [1, np.nan], [2, 2]], [0, 0, 1, 1])
    found = check(splits(train))
    assert (found.duplicates, found.contradictions) == (1, 1)
    assert any("1 training row has another class than a row that reads the same" in text for text in found.warnings)


def test_rows_in_several_splits_are_counted_and_said() -> None:
    both = rows([[1, 1], [50, 5]], [1, 0])  # as in training, and with another target
    train = rows([[1, 1], [50, 5], [2, 2]], [1, 1, 0])
    found = check(splits(train, valid=both, test=both))
    assert found.leaks == {"valid": 1, "test": 2}
    assert any("1 of 2 validation rows is in the training split too" in text for text in found.warnings)


def test_fingerprints_do_not_tell_zeros_and_gaps_apart_by_their_bits() -> None:
    gap = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    first, second = fingerprints(np.array([[0.0, np.nan], [-0.0, gap]], np.float32), np.zeros((2, 0), np.int64))
    assert first == second


def test_fingerprints_of_different_rows_differ() -> None:
    values = np.stack(np.meshgrid(np.arange(300), np.arange(300)), -1).reshape(-1, 2)
    assert len(np.unique(fingerprints(values.astype(np.float32), np.zeros((len(values), 0), np.int64)))) == len(values)
    assert len(np.unique(fingerprints(np.zeros((len(values), 0), np.float32), values))) == len(values)


def streets(*more: tuple[str, str, str]) -> dict[str, list[Any]]:
    """120 rows that differ, half of them in a rare text only, and ``more`` of street, label and split."""
    label, split = ["a", "b"] * 60, ["train"] * 80 + ["valid"] * 20 + ["test"] * 20
    rare = [place % 4 > 1 for place in range(120)]
    table = {
        "street": [f"Weg {place}" if alone else "Hauptstraße" for place, alone in enumerate(rare)],
        "rooms": [3 if alone else 10 + place for place, alone in enumerate(rare)],
        "label": label,
        "split": split,
    }
    for street, label, split in more:
        for name, value in zip(table, (street, 3, label, split), strict=True):
            table[name].append(value)
    return table


@pytest.mark.parametrize("as_frame", [False, True])
def test_rows_with_other_rare_texts_are_other_rows(tmp_path: Path, as_frame: bool) -> None:
    pandas = pytest.importorskip("pandas")
    table = streets()
    found = load(pandas.DataFrame(table) if as_frame else table, tmp_path, seed=0, target="label").findings
    assert any("Rare values are taken together in 'street'" in note for note in found.notes)
    assert (found.duplicates, found.leaks, found.contradictions) == (0, {"valid": 0, "test": 0}, 0)


@pytest.mark.parametrize("named", [True, False])
def test_rows_that_differ_in_unused_columns_are_not_called_the_same_without_more(tmp_path: Path, named: bool) -> None:
    n = 60
    table = {
        "name": [f"name {row}" if named else "x" for row in range(n)],
        "size": [row % 3 for row in range(n)],
        "label": [("a", "b")[row % 7 == 0] for row in range(n)],
    }
    said = load(table, tmp_path, seed=0, target="label").findings.warnings
    repeats = next(text for text in said if "another one of the same split" in text)
    test = next(text for text in said if "test rows are in the" in text)
    other = next(text for text in said if "another class" in text)
    assert repeats.endswith("the same split in all columns that are used." if named else "the same split.")
    assert ("split too, as far as the columns that are used tell. Scores" in test) == named
    assert other.endswith("reads the same in all columns that are used." if named else "reads the same.")


def test_rows_with_the_same_rare_text_are_found_in_every_split(tmp_path: Path) -> None:
    again = (("Weg 86", "a", "valid"), (" Weg 86 ", "a", "test"), ("Weg 2", "a", "test"), ("Weg 3", "a", "train"))
    gaps = (("", "a", "train"), ("NA", "a", "train"))
    found = load(streets(*again, *gaps), tmp_path, seed=0, target="label").findings
    # "Weg 3" had the label b in training; rows without a street are alike
    assert (found.duplicates, found.leaks, found.contradictions) == (2, {"valid": 0, "test": 2}, 1)


def test_uneven_and_single_classes() -> None:
    train = rows([[i, i] for i in range(30)], [0] * 29 + [1])
    warnings = check(splits(train)).warnings
    assert any(
        "29 training rows of 'a', 1 of 'b'; with --balance every class counts alike" in text for text in warnings
    )
    assert any("has a single training row" in text for text in warnings)


@pytest.mark.parametrize(
    ("column", "targets", "found"),
    [
        ([5, 5, 7, 7], [0, 0, 1, 1], ["p"]),
        ([5, 6, 7, 7], [0, 0, 1, 1], []),
        ([5, 5, 5, 7], [0, 0, 1, 1], []),
        ([1, 2, 3, 5], [1.0, 4.0, 9.0, 25.0], ["p"]),
        ([1, 2, 3, 5], [-1.0, -2.0, -3.0, -5.0], ["p"]),
        ([1, 1, 3, 5], [1.0, 2.0, 3.0, 5.0], []),
        ([1, 2, 3, 5], [1.0, 9.0, 4.0, 25.0], []),
    ],
)
def test_columns_that_say_the_target(column: list[int], targets: list[Any], found: list[str]) -> None:
    table = rows([[value, i % 2 if i < 3 else 9] for i, value in enumerate(column)], targets)
    assert target_columns(table) == found


def test_regression_targets_are_described() -> None:
    train = rows([[i, 0] for i in range(5)], [3.0, 1.0, 2.0, 9.0, 5.0], ())
    found = check(splits(train, *[rows([[90, 1]], [1.5], ())] * 2))
    assert found.target is not None
    assert (found.target["min"], found.target["median"], found.target["max"]) == (1.0, 3.0, 9.0)
    assert "regression target 'value'" in found.lines()[0]


def test_lines_say_what_is_there() -> None:
    assert check(splits(GOOD)).lines()[:2] == [
        "t: 2 classes, rows of 2 numbers",
        "20 to learn from (training), 2 to choose by (validation), 2 for one test at the end (test); for training "
        "11 a, 9 b",
    ]


def test_round_trip_through_json() -> None:
    found = check(splits(GOOD), n_bytes=7, warnings=["First."])
    assert found.warnings[0] == "First."
    assert Findings.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert found.to_dict()["kind"] == "table"


@pytest.mark.parametrize(
    "bad",
    [
        splits(rows([[1, 1], [2, 2]], [0, 0])),
        splits(GOOD, valid=rows(np.zeros((0, 2)), np.zeros(0, np.int64))),
        splits(rows([[1, 1], [2, 2]], [0.5, 0.5], ())),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(bad: TableSplits) -> None:
    with pytest.raises(DataError):
        check(bad)


def test_values_that_never_repeat_say_nothing_in_other_words() -> None:
    assert target_columns(rows([[1, 0], [2, 0], [3, 0]], [0, 1, 2], ("a", "b", "c"))) == []
