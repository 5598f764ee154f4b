from __future__ import annotations

import numpy as np

from archsmith.analysis.report import figures


def test_a_histogram_says_what_it_counts() -> None:
    svg = figures.histogram(np.arange(100.0), "price", "rows", "how often prices occur")
    assert "rows" in svg and "price" in svg and "pictures" not in svg


def test_equal_values_are_no_picture() -> None:
    assert figures.histogram([3.0] * 10, "price", "rows", "how often prices occur") == ""


def test_losses_that_differ_much_have_a_logarithmic_scale() -> None:
    alike, unlike = (((1.0, first), (2.0, 0.5), (3.0, 0.1)) for first in (1.0, 30.0))
    assert "log scale" not in figures.losses_over_epochs([alike], ["fixed"])
    assert "log scale" in figures.losses_over_epochs([unlike], ["fixed"])


def test_of_many_classes_the_ends_are_shown() -> None:
    svg = figures.counts([(f"class{i}", i + 1) for i in range(100)], "training rows of each class")
    assert "class0:" in svg and "class99:" in svg and "class50:" not in svg


def test_a_scale_for_shares_ends_at_one() -> None:
    assert figures.score_axis([0.9, 1.0], "accuracy", "accuracy").high <= 1.003
    assert figures.score_axis([0.9, 1.0], "loss", "loss").high > 1.003


def test_the_ends_of_a_histogram_say_that_they_hold_what_lies_beyond() -> None:
    middle = np.linspace(0.0, 1000.0, 1000)
    both = figures.histogram([-5e6, *middle, 5e6], "price", "rows", "how often prices occur")
    assert "below " in both and " or more: " in both and "price (open ends)" in both
    one = figures.histogram([*middle, *[5e6] * 2], "price", "rows", "how often prices occur")
    assert " or more: " in one and "price (one open end)" in one
    none = figures.histogram(middle, "price", "rows", "how often prices occur")
    assert "below " not in none and " or more" not in none and "open end" not in none


def test_every_network_of_a_job_has_a_line_of_its_own() -> None:
    names = ["searched", "fixed", "tuned", "runner_up", "runner_up.1", "runner_up.2"]
    assert len({figures.network_style(name) for name in names}) == len(names)
