from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report.regression import errors_of
from archsmith.analysis.report.summary import summary_of
from archsmith.analysis.study import read_study


@pytest.mark.parametrize(("off", "r2"), [(0.01, "0.9999995"), (1.0, "0.995"), (0.0, "1.000")])
def test_a_score_that_is_not_perfect_does_not_look_as_if_it_were(make: Any, off: float, r2: str) -> None:
    study, truth = make(classes=(), metric="r2", n=300), np.linspace(0, 48, 300)
    wrong = off * np.where(np.arange(300) % 2, 1, -1)
    np.savez(study / "final" / "predictions.npz", test=truth + wrong, test_labels=truth)
    found = errors_of(read_study(study))
    assert found is not None and dict(found.table)["R² (1 is perfect; predicting the mean gives 0)"] == r2
    assert f"R² is {r2}: 1 is perfect" in summary_of(read_study(study)).detail


def test_predictions_that_lean_to_one_side_and_to_the_middle(make: Any) -> None:
    study = make(classes=(), metric="r2", n=300)
    truth = np.linspace(0, 100, 300)
    np.savez(
        study / "final" / "predictions.npz", test=(50 + 0.5 * (truth - 50) + 10).astype(np.float32), test_labels=truth
    )
    found = errors_of(read_study(study))
    assert found is not None
    assert "On average a prediction is 10 too high." in found.lead and "large targets come out too low" in found.lead
