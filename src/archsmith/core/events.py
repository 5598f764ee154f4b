"""Events: the rows of the append-only log that is the only truth about a study.

Kinds and their data:

- ``study``    {space, problem, strategy, evaluator, seed, version, …}: always event 0
- ``opened``   {pid, host, budget}: a process took the lease (also on resume)
- ``preparing`` {step, metrics}: how far the evaluator's prepare phase is; metrics are numbers and short texts
- ``prepared`` {seconds, notes}: the evaluator's prepare phase is complete
- ``proposed`` {trials: [{id, architecture, fidelity, parents, notes}], notes}: one answer of the strategy is ONE event
- ``reported`` {trial, step, metrics}: an intermediate score
- ``finished`` {trial, outcome}: a worker's answer
- ``command``  {name, args}: something that another process asked for (``stop``)
- ``closed``   {reason, seconds}: the loop ended; reasons are in archsmith.core.budget
- anything else is kept and ignored by the history (``phase`` and ``result`` of the main job, for instance)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the log. ``index`` counts from 0 within the study, ``time`` is Unix time in seconds; both are given by
    the store.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    index: int = -1
    time: float = 0.0
