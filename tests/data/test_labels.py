from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError, UsageError
from archsmith.data.images.array_pictures import Arrays
from archsmith.data.images.source import Source, all_training
from archsmith.data.labels import as_labels, target


def source(labels: Any, names: tuple[str, ...] | None = None, split: Any = None) -> Source:
    marks = as_labels(labels)
    images = np.zeros((len(marks), 4, 4, 1), np.uint8)
    return Source(
        Arrays(images, 1.0),
        marks,
        all_training(len(marks)) if split is None else np.array(split, np.int8),
        "made",
        names,
    )


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1, 1], "i"),
        ([True, False], "i"),
        (["a", "bc"], "U"),
        ([b"a", b"b"], "U"),
        (np.array(["a", "b"], object), "U"),
        (np.array([1, 2], object), "i"),
        (np.array([1, 2.5], object), "f"),
        (np.array([[1], [2]]), "i"),
        ([0.5, 2], "f"),
    ],
)
def test_labels_of_many_types(labels: Any, kind: str) -> None:
    assert as_labels(labels).dtype.kind == kind


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.eye(3), "one label for each"),
        (np.array([1, None, 2], object), "Row 1 has no label"),
        ([0.5, 1.5, np.nan], "Row 2"),
        ([0.5, np.inf], "Row 1"),
        (np.array([1, "a"], object), "different types"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
    ],
)
def test_bad_labels_are_one_sentence(labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_labels(labels)


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        ([3, 1, 3], "auto", ("1", "3")),
        (["b", "a"], "auto", ("a", "b")),
        ([True, False], "auto", ("0", "1")),
        ([1.0, 2.0], "auto", ("1", "2")),
        ([1.0, 2.0], "classification", ("1", "2")),
        ([1.5, 2.0], "auto", ()),
        (np.arange(21.0), "auto", ()),
        ([1, 2], "regression", ()),
        (["1.5", " 2"], "regression", ()),
    ],
)
def test_what_labels_mean(labels: Any, kind: str, classes: tuple[str, ...]) -> None:
    found = target(source(labels), kind)
    assert found.classes == classes
    assert found.is_regression == (not classes)


def test_a_guess_that_may_be_wrong_is_told() -> None:
    assert "--task regression" in target(source([1.0, 2.0, 1.0])).notes[0]
    assert "--task regression" in target(source(np.arange(500))).warnings[0]
    assert target(source(np.arange(500) % 150)).warnings == ()


def test_class_names_replace_whole_numbers() -> None:
    assert target(source([2, 0, 2], ("zero", "one", "two"))).classes == ("zero", "two")
    assert target(source([2, 0, 2], ("zero", "one"))).classes == ("0", "2")


def test_folders_named_by_a_number_can_be_predicted() -> None:
    found = target(source([0, 1, 1], ("1.5", "30")), "regression")
    assert found.labels.tolist() == [1.5, 30.0, 30.0]


@pytest.mark.parametrize(
    ("made", "kind", "words"),
    [
        (source([0.5, 1.5]), "classification", "fractions"),
        (source(["a", "1"]), "regression", "'a', which is not a number"),
        (source([2, 2, 2]), "regression", "nothing to learn"),
        (source([1, 1]), "auto", "only one class, '1'"),
        (source([0, 1, 2], None, [0, 0, 2]), "auto", "test split has the class '2'"),
        (source([0, 1, 5], None, [0, 0, 1]), "auto", "valid split has the class '5'"),
        (source([0, 1], ("same", "same")), "auto", "called 'same'"),
        (source([1e300, 2.0]), "regression", "other units"),
    ],
)
def test_what_cannot_be_learnt_is_one_sentence(made: Source, kind: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        target(made, kind)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="'numbers'"):
        target(source([0, 1]), "numbers")


def test_names_of_classes_that_act_are_taken_written_out() -> None:
    found = target(source([0, 1, 2], ("\x1b[31mred", "two\nlines", "\udcff")))
    assert found.classes == ("\\x1b[31mred", "two\\nlines", "\\xff")
    (note,) = found.notes
    assert "\\x1b[31mred" in note and note.isprintable()


@pytest.mark.parametrize(
    ("names", "said"), [(["Cat", "cat"], True), (["new york", "New  York"], True), (["a", "b"], False)]
)
def test_classes_that_differ_by_their_case_or_blanks_are_told(names: list[str], said: bool) -> None:
    found = target(source(np.array(names * 10)))
    assert any("are two classes" in warning for warning in found.warnings) is said


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (np.arange(50.0), True),
        (np.arange(50.0)[::-1] * 7, True),
        (np.random.default_rng(0).permutation(50) + 1000.0, True),
        (np.arange(50.0) + 0.5, False),
        (np.random.default_rng(0).permutation(50) * 37.0, False),
        (np.arange(50.0) // 2, False),
    ],
)
def test_a_target_that_counts_the_examples_is_told(numbers: Any, said: bool) -> None:
    found = target(source(numbers), "regression")
    assert any("like a count of the" in warning for warning in found.warnings) is said
    # y of a pair (X, y) is no column
    assert any(text.endswith("another target (another column with --target).") for text in found.warnings) is said
