from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsmith.analysis.study import Predictions, Study
from archsmith.app.house import House
from archsmith.app.thresholds import thresholds_of
from archsmith.runtime.study_view import StudyView
from archsmith.server.refusals import Refusal


def study_of(outputs: list[list[float]], labels: list[int]) -> Study:
    test = Predictions(np.array(outputs, np.float32), np.array(labels), np.arange(len(labels)))
    return Study(StudyView("s", Path("s")), Path("s"), test=test)


STUDY = study_of([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]], [0, 1, 1, 1])


def test_of_one_class_what_has_its_probability_is_accepted() -> None:
    found = thresholds_of(STUDY, 0)
    assert (found.name, found.n, found.n_sought) == ("class 0", 4, 1)
    at = {point.threshold: point for point in found.points}
    assert (at[0.0].n_accepted, at[0.0].precision, at[0.0].recall) == (4, 0.25, 1.0)
    assert (at[0.6].n_accepted, at[0.6].precision, at[0.6].recall) == (2, 0.5, 1.0)
    assert at[0.6].f1 == pytest.approx(2 / 3)
    assert (at[0.95].n_accepted, at[0.95].precision, at[0.95].recall) == (0, None, 0.0)


def test_of_all_classes_the_surest_one_counts() -> None:
    at = {point.threshold: point for point in thresholds_of(STUDY, None).points}
    assert (at[0.5].accepted, at[0.5].precision, at[0.5].recall) == (1.0, 0.75, 0.75)
    assert (at[0.7].accepted, at[0.7].precision, at[0.7].recall) == (0.75, 1.0, 0.75)


def test_a_higher_threshold_never_accepts_more(homes: dict[str, tuple[House, str]]) -> None:
    house, id = homes["rows"]
    for label in (None, 0, 1, 2):
        points = thresholds_of(house.models.study(id), label).points
        assert [point.threshold for point in points] == [i / 100 for i in range(101)]
        accepted = [point.n_accepted for point in points]
        assert accepted == sorted(accepted, reverse=True)


def test_a_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        thresholds_of(STUDY, 2)
    assert refused.value.status == 404


def test_a_number_has_no_thresholds(homes: dict[str, tuple[House, str]]) -> None:
    house, id = homes["numbers"]
    with pytest.raises(Refusal) as refused:
        thresholds_of(house.models.study(id), None)
    assert refused.value.status == 409
