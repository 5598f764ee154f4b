"""Events: the rows of the append-only log that is the only truth about a study.

What an event says depends on its kind; ``archsmith.core.records`` has one class for each kind:

- ``study``: what the study is; always event 0
- ``opened``: a process took the lease, at the beginning and on every resume
- ``preparing``, ``prepared``: how far the evaluator's prepare phase is, and its end
- ``proposed``: one answer of the strategy, which may hold several trials
- ``reported``: an intermediate score of a trial
- ``finished``: what came of a trial
- ``command``: something that a person asked for, here or through another process (``stop`` or ``pause``)
- ``closed``: the loop ended, and why
- ``phase``, ``note``, ``epoch``, ``extended``, ``result``: of the main job
- ``progress``: of the main job too; it is shown and never logged

Any other kind is kept, and passed over by readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the log.

    kind: what sort of event it is.
    data: JSON data, as its kind has them.
    index: counts from 0 within the study; given by the store.
    time: Unix time in seconds; given by the store.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    index: int = -1
    time: float = 0.0
