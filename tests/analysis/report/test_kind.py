from __future__ import annotations

from typing import Any

from archsmith.analysis.report.kind import is_regression, kind_of, target_name, words_of
from archsmith.analysis.study import read_study


def test_the_kind_is_that_of_the_first_input(make: Any) -> None:
    study = read_study(make(kind="table"))
    assert kind_of(study) == "table" and words_of(study).amount(1, "test").endswith("test row")


def test_numbers_and_categories_are_those_of_a_table(make: Any) -> None:
    assert kind_of(read_study(make(kind="numbers"))) == kind_of(read_study(make(kind="categories"))) == "table"


def test_the_kind_in_the_log_comes_first(make: Any) -> None:
    study = read_study(make(kind="numbers"))
    study.began["fit"]["kind"] = "text"
    assert kind_of(study) == "text"


def test_jobs_that_do_not_name_their_kind_were_about_images(make: Any) -> None:
    assert kind_of(read_study(make())) == "image"


def test_a_search_without_data_has_examples(searched: Any) -> None:
    study = read_study(searched([(0.5, {})]))
    assert kind_of(study) == "" and words_of(study).many == "examples"


def test_a_regression_is_known_by_its_predictions_or_its_data(make: Any) -> None:
    assert is_regression(read_study(make(classes=(), metric="r2")))
    assert is_regression(read_study(make(classes=(), metric="r2", predictions=False)))
    assert not is_regression(read_study(make()))


def test_the_target_has_the_name_of_the_task(make: Any) -> None:
    assert target_name(read_study(make(kind="table", classes=(), metric="r2"))) == "target"
    assert target_name(read_study(make())) == "value"
