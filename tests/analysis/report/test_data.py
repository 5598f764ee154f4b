from __future__ import annotations

from typing import Any

import pytest

from archsmith.analysis.report.data import data_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_the_data_in_a_sentence(make: Any) -> None:
    checks = {"counts": {"train": [100, 10, 50]}, "warnings": ["The classes are uneven."]}
    found = data_of(read_study(make(checks=checks)))
    assert found is not None
    text = found.lead.replace(NB, " ")
    assert "“cat” has 100 training pictures, “dog” has 10." in text and "1 thing that you should know" in text


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([3, 1, 2], "The classes are uneven: “cat” has 3 training pictures, “dog” has 1."),
        ([5, 2, 5], ""),
        ([50, 20, 50], ""),
        ([10, 10, 9], "Every class has about the same share."),
    ],
)
def test_a_ratio_of_classes_tells_nothing_of_rare_ones(make: Any, counts: list[int], said: str) -> None:
    found = data_of(read_study(make(checks={"counts": {"train": counts}})))
    assert found is not None
    text = found.lead.replace(NB, " ")
    assert said in text and "rare" not in text and ("uneven" in text) == ("uneven" in said)


def test_a_regression_says_what_is_predicted(make: Any) -> None:
    found = data_of(read_study(make(classes=(), metric="r2", n=50)))
    assert found is not None
    assert "each with a regression target (value)" in found.lead and len(found.targets) == 50 and not found.counts


def test_all_skipped_examples_are_counted_though_few_are_named(make: Any) -> None:
    found = data_of(read_study(make(checks={"skipped": [["row 3", "it is empty"]], "n_skipped": 70})))
    assert found is not None and found.n_skipped == 70 and len(found.skipped) == 1
    found = data_of(read_study(make(checks={"skipped": [["a.png", "it is empty"]]})))
    assert found is not None and found.n_skipped == 1


def test_without_the_stored_data_the_log_says_how_many_there_are(make: Any) -> None:
    found = data_of(read_study(make(data=None)))
    assert found is not None
    assert [(split.name, split.n) for split in found.splits] == [("training", 120), ("validation", 120), ("test", 120)]


def test_how_often_the_test_split_was_measured_stands_with_it(make: Any) -> None:
    for reads, told in ((1, "Measured once, at the end."), (2, "Measured twice, at the end.")):
        found = data_of(read_study(make(test_reads=reads)))
        assert found is not None and found.splits[-1].purpose.startswith(told)
    found = data_of(read_study(make(finished=False)))
    assert found is not None and found.splits[-1].purpose.startswith("Kept for one measurement at the end.")
