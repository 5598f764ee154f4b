from __future__ import annotations

from typing import Any

import numpy as np

from archsmith.analysis.report.calibration import calibration_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_overconfidence_is_named(make: Any) -> None:
    study = make(n=1200)
    labels = np.arange(1200) % 3
    table = np.full((1200, 3), 0.01, np.float32)
    table[np.arange(1200), np.where(np.arange(1200) % 4 == 0, (labels + 1) % 3, labels)] = 0.98
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=labels)
    found = calibration_of(read_study(study))
    assert found is not None
    assert found.lead.replace(NB, " ") == (
        "On average the network is 98 % sure of its prediction and right 75 % of the time. It is too sure. Take its "
        "probabilities as a rough guide."
    )
