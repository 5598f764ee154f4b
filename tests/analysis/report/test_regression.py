from __future__ import annotations

from typing import Any

import numpy as np

from archsmith.analysis.report.regression import errors_of
from archsmith.analysis.study import read_study


def test_predictions_that_lean_to_one_side_and_to_the_middle(make: Any) -> None:
    study = make(classes=(), metric="r2", n=300)
    truth = np.linspace(0, 100, 300)
    np.savez(
        study / "final" / "predictions.npz", test=(50 + 0.5 * (truth - 50) + 10).astype(np.float32), test_labels=truth
    )
    found = errors_of(read_study(study))
    assert found is not None
    assert "On average a prediction is 10 too high." in found.lead and "large targets come out too low" in found.lead
