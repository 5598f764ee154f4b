"""What a person asks of the main job, and what the job answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.errors import UsageError


@dataclass(frozen=True)
class FitSettings:
    """One job. ``data`` is anything that ``archsmith.data.readers.read`` takes; ``seconds`` and ``trials`` are limits (at least one of them).

    ``space`` and ``strategy`` are catalogue names, ``settings`` their fields (``{"strategy": {"population": 50}}``). ``out`` is where a copy of the bundle
    goes; the study keeps its own. ``resume`` goes on with the study ``name`` (the latest unfinished one of these data when None).
    """

    data: Any
    seconds: float | None = 1200.0
    trials: int | None = None
    out: str | None = None
    workspace: str | None = None
    seed: int = 0
    space: str = "conv_stages"
    strategy: str = "evolution"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workers: int = 1
    resume: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.trials is None:
            raise UsageError("There is no limit on time or trials.", "Give --time, --trials or both.")
        if self.seconds is not None and self.seconds < 20:
            raise UsageError(f"{self.seconds:g} s are too short for a search, a final training and an export.", "Give at least 20s.")
        unknown = sorted(set(self.settings) - {"space", "strategy", "recipe"})
        if unknown:
            raise UsageError(f"There are no settings of {unknown[0]!r}.", "Settings begin with space., strategy. or recipe.")

    def to_dict(self) -> dict[str, Any]:
        """Everything but in-memory data, as JSON."""
        data = dataclasses.asdict(dataclasses.replace(self, data=None))
        return {**data, "data": self.data if isinstance(self.data, str) else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FitSettings:
        return cls(**data)


@dataclass(frozen=True)
class Row:
    """One honest row: a network trained in full. Accuracies in [0, 1]; ``error`` says why there is none."""

    name: str
    valid: float | None = None
    valid_log_loss: float | None = None
    test: float | None = None
    params: int | None = None
    macs: int | None = None
    seconds: float = 0.0
    epochs: float = 0.0
    exported: bool = False
    trial: int | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class FitResult:
    """What came of a job. ``valid`` and ``test`` are the exported network's accuracies; ``rows`` the fixed, linear and best searched networks."""

    study: str
    stop_reason: str
    seconds: float
    budget_seconds: float | None
    n_trials: int
    n_failed: int
    n_from_mutation: int
    valid: float | None
    test: float | None
    rows: tuple[Row, ...]
    architecture: Mapping[str, Any]
    params: int | None
    macs: int | None
    model_dir: str
    test_reads: int
    max_difference: float | None

    def to_dict(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "rows": [row.to_dict() for row in self.rows], "architecture": dict(self.architecture)}
