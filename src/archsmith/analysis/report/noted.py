"""What a strategy noted with each of its proposals, as numbers."""

from __future__ import annotations

import math
from typing import Any

from archsmith.core.trial import Trial

ENOUGH = 8  # trials with notes, from which on there is something to see


def finite(value: Any) -> float | None:
    """``value`` as a number; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def noted(trial: Trial, name: str) -> float | None:
    """What the trial's proposal noted under ``name``; None for what is no number."""
    return finite(trial.notes.get(name))
