from __future__ import annotations

import re
from typing import Any

import pytest

from archsmith.analysis.report.final_training import SECTION, Curve, _lead, curves_of, drawings
from archsmith.analysis.report.kind import EXAMPLES
from archsmith.analysis.report.page import render
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB
from archsmith.runtime.curves import Training


def test_the_exported_network_comes_first(make: Any) -> None:
    found = curves_of(read_study(make()))
    assert found is not None and [curve.name for curve in found.curves] == ["searched", "fixed"]
    text = found.lead.replace(NB, " ")
    assert "to epoch 8 the searched network went from 71 % to 78 % on the validation split." in text
    assert "The last quarter brought 2 points." in text


def test_a_curve_is_told_from_its_first_point_on(make: Any) -> None:
    """A training that goes on from a trial has its first score behind the epochs of the trial."""
    curve = Curve("searched", ((30.0, 0.71), (60.0, 0.74), (100.0, 0.78)), (), True)
    text = _lead(read_study(make()), curve, EXAMPLES).replace(NB, " ")
    assert text.startswith("From epoch 30 to epoch 100 the searched network went from 71 % to 78 % on the validation")


def test_a_curve_that_comes_back_did_not_stay(make: Any) -> None:
    study = read_study(make())
    back = Curve("searched", ((0.0, 0.865), (40.0, 0.846), (78.0, 0.865)), (), True)
    assert "began and ended at 86.5" in _lead(study, back, EXAMPLES).replace(NB, " ")
    flat = Curve("searched", ((0.0, 0.865), (40.0, 0.865), (78.0, 0.865)), (), True)
    assert "stayed at 86.5" in _lead(study, flat, EXAMPLES).replace(NB, " ")


def test_what_is_exported_of_a_training_that_was_better_before_is_told(make: Any) -> None:
    study = read_study(make())
    assert study.exported is not None and study.exported["epochs"] == 8
    for end, told in ((8.0, False), (66.7, True)):
        curve = Curve("searched", ((0.0, 0.7), (7.0, 0.83), (end, 0.75)), (), True)
        text = _lead(study, curve, EXAMPLES).replace(NB, " ")
        assert ("What is exported is its state after 8 epochs." in text) == told


def test_scores_and_losses_are_drawn(make: Any) -> None:
    study = read_study(make())
    found = curves_of(study)
    assert found is not None and set(drawings(study, found)) == {"scores", "losses"}


def test_a_legend_has_the_lines_that_are_drawn_and_no_others(make: Any) -> None:
    study = read_study(make())
    points = [(float(epoch), {"accuracy": 0.7, "train_loss": 1.0}) for epoch in (1, 2)]
    study.view.trainings["tuned"] = Training("tuned", curve=points)
    study.view.trainings["runner_up"] = Training("runner_up", curve=points)
    study.view.trainings["runner_up.1"] = Training("runner_up.1", curve=[points[0], (2.0, {"train_loss": 0.9})])
    scores, losses = re.findall(r'<ul class="legend">.*?</ul>', render(study, [SECTION]))
    assert scores.count("<li>") == 4 and "network of the search (2)" not in scores
    assert losses.count("<li>") == 5 and "network of the search (2)" in losses
    lines = re.findall(r'<path class="line [^>]*>', losses)
    assert len(set(lines)) == len(lines) == 5


def test_a_search_has_no_final_training(searched: Any) -> None:
    assert curves_of(read_study(searched([(0.5, {})]))) is None


def test_less_than_an_epoch_says_nothing_of_longer_training(make: Any) -> None:
    curve = Curve("fixed", ((0.02, 0.1), (0.04, 0.1), (0.05, 0.1)), (), True)
    text = _lead(read_study(make()), curve, EXAMPLES)
    assert "hardly trained" in text and "last quarter" not in text


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (0.75, "brought 5 points"),
        (0.70, "brought next to nothing"),
        (0.65, "It had reached 70 % before the last quarter"),
    ],
)
def test_what_the_last_quarter_brought(make: Any, last: float, said: str) -> None:
    curve = Curve("searched", ((1, 0.6), (6, 0.7), (8, last)), (), True)
    text = _lead(read_study(make()), curve, EXAMPLES)
    assert said in text.replace(NB, " ")
