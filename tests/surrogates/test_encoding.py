"""Sketches as arrays: distances counted by hand, and columns that never move."""

from __future__ import annotations

import numpy as np

from archsmith.core.sketch import Sketch
from archsmith.surrogates.encoding import Encoding, hamming, number_distance, path_distance

SAMPLE = (
    Sketch({"op": "conv", "depth": 1}, {"size": 1.0, "constant": 5.0}, {"conv": 1}),
    Sketch({"op": "pool", "depth": 2}, {"size": 3.0, "constant": 5.0}, {"pool": 4, "conv": 1}),
)


def test_distances() -> None:
    encoding = Encoding(SAMPLE)
    rows = encoding.rows(SAMPLE)
    assert hamming(rows, rows).tolist() == [[0, 2], [2, 0]]
    assert path_distance(rows, rows).tolist() == [[0, 4], [4, 0]]  # square roots of counts: (1, 0) and (1, 2)
    # one and minus one standard deviation; the constant is left out
    assert number_distance(rows, rows).tolist() == [[0, 4], [4, 0]]


def test_a_decision_that_only_one_has_counts_as_a_difference() -> None:
    a, b = Sketch({"op": "conv", "filters": 8}), Sketch({"op": "conv"})
    rows = Encoding((a, b)).rows((a, b))
    assert hamming(rows, rows)[0, 1] == 1


def test_answers_of_another_type_are_other_answers() -> None:
    a, b = Sketch({"x": 1}), Sketch({"x": True})
    rows = Encoding((a, b)).rows((a, b))
    assert hamming(rows, rows)[0, 1] == 1


def test_what_was_not_learnt_still_counts() -> None:
    encoding = Encoding(SAMPLE)
    known = encoding.rows(SAMPLE)
    stranger = encoding.rows([Sketch({"op": "dil", "depth": 1, "more": 7}, {"size": 2.0}, {"conv": 1, "dil": 2})])
    assert hamming(known, stranger)[:, 0].tolist() == [2, 3]
    assert path_distance(known, stranger)[0, 0] == 2


def test_learning_leaves_old_columns_where_they_were() -> None:
    encoding = Encoding(SAMPLE)
    before = encoding.rows(SAMPLE)
    encoding.learn([Sketch({"op": "dil", "new": 1}, {}, {"dil": 1})])
    after = encoding.rows(SAMPLE)
    assert after.answers.shape[1] > before.answers.shape[1]
    np.testing.assert_array_equal(after.answers[:, : before.answers.shape[1]], before.answers)
    np.testing.assert_array_equal(hamming(before, after), hamming(after, after))


def test_plain_decisions_have_no_paths() -> None:
    encoding = Encoding([Sketch({"x": "a"}), Sketch({"x": "b"})])
    assert not encoding.has_paths and encoding.n_numbers == 0
    rows = encoding.rows([Sketch({"x": "a"}), Sketch({"x": "b"})])
    assert path_distance(rows, rows).tolist() == [[0, 0], [0, 0]] == number_distance(rows, rows).tolist()
    assert rows.matrix.shape == (2, 2)
