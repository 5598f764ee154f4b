from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report.calibration import Calibration, _lead, calibration_of, drawings, terms
from archsmith.analysis.report.kind import EXAMPLES
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB
from archsmith.core.metrics import ReliabilityBin


def test_overconfidence_is_named(make: Any) -> None:
    study = make(n=1200)
    labels = np.arange(1200) % 3
    table = np.full((1200, 3), 0.01, np.float32)
    table[np.arange(1200), np.where(np.arange(1200) % 4 == 0, (labels + 1) % 3, labels)] = 0.98
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=labels)
    found = calibration_of(read_study(study))
    assert found is not None
    assert found.lead.replace(NB, " ") == (
        "On average the network is 98 % sure of its prediction and right 75 % of the time. Level by level, the two are "
        "23 points apart: it is too sure. Take its probabilities as a rough guide."
    )


def test_levels_that_are_not_drawn_are_told() -> None:
    whole, few = (ReliabilityBin(0.5, 0.6, n, 0.55, 0.5) for n in (9, 3))
    assert Calibration("", (whole,), (), 0.0, None).not_drawn("rows") == ""
    told = Calibration("", (whole, few), (), 0.0, None).not_drawn("rows")
    assert told == "Levels of confidence with fewer than 5 rows are not drawn."


def test_a_temperature_of_1_changes_nothing_and_the_words_allow_for_it() -> None:
    (explained,) = (text for _, text in terms(Calibration("", (), (), 0.0, None), EXAMPLES))
    assert "probabilities may be made sharper or softer" in explained and "a little" not in explained


def test_gaps_that_even_out_are_said_to_go_both_ways() -> None:
    assert "some of its probabilities are too high and others too low" in _lead(0.8, 0.8, 0.2, None, 100, EXAMPLES)


@pytest.mark.parametrize(("error", "before"), [(0.019, 0.014), (0.014, 0.019), (0.099, 0.093), (0.093, 0.099)])
def test_calibration_is_told_in_the_numbers_that_are_shown(error: float, before: float) -> None:
    """Whichever way the gap went, no sentence praises what another one takes back."""
    text = _lead(0.8, 0.8, error, before, 1000, EXAMPLES).replace(NB, " ")
    assert f"{100 * error:.1f} points apart" in text and f"it would be {100 * before:.1f} points" in text
    assert "mean what they say" not in text and "brought" not in text
    assert "would be" not in _lead(0.8, 0.8, error, error + 0.001, 1000, EXAMPLES)


def test_levels_of_confidence_with_few_examples_are_not_drawn(make: Any) -> None:
    study = make(n=1200)
    sure = np.full(1200, 0.98)
    sure[:3] = 0.4  # three of 1,200 pictures
    labels = np.zeros(1200, np.int64)
    table = np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1).astype(np.float32)
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=labels)
    read = read_study(study)
    found = calibration_of(read)
    assert found is not None and drawings(read, found) == {}  # one level alone is no picture
    table[:600] = (0.8, 0.1, 0.1)
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=labels)
    read = read_study(study)
    found = calibration_of(read)
    assert found is not None
    svg = drawings(read, found)["confidence"]
    assert "80 %" in svg and ">40 %<" not in svg and ">20 %<" not in svg  # the scale fits what is drawn
