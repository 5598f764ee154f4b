"""What came of the searches of a comparison, and how that is kept: one ``result.json`` a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archsmith.core.errors import StudyError
from archsmith.core.files import json_value, reason, small_text, write_text

RESULT, RUNS = "result.json", "runs"
LARGEST = 2**28  # bytes of a result; a step of a front takes some dozens

Values = tuple[float, ...]  # one for each objective


@dataclass(frozen=True)
class Step:
    """From the ``n``-th finished trial on, after ``seconds`` of trials, this stands: the values of the answer, or of
    all members of the front.
    """

    n: int
    seconds: float
    points: tuple[Values, ...]


@dataclass(frozen=True)
class Run:
    """What came of one search.

    strategy: its label.
    seed: of the study.
    n_trials, n_failed: finished trials, and those of them that failed. What a cascade screened out did not, except in
        runs of earlier versions.
    seconds: of trials; simulated for tables.
    wall_seconds: of wall clock.
    reason: why it ended.
    curve: what it recommended over time, by the metrics of the plan.
    tried: the best architecture tried so far, whether the search recognised it or not; with one objective only.
    answer: the trial and the architecture that it recommends; with one objective only.
    error: what most of the trials that failed said.
    n_error: how many trials failed for that; None in runs of earlier versions.
    proposals: a digest of all proposals in their order; None in runs of earlier versions. Two runs with the same one
        are one search, told twice.
    n_screened: how many trials a cascade screened out; 0 in runs of earlier versions.
    simulated: are the seconds those that a table claims? None in runs of earlier versions.
    """

    strategy: str
    seed: int
    n_trials: int
    n_failed: int
    seconds: float
    wall_seconds: float
    reason: str
    curve: tuple[Step, ...]
    tried: tuple[Step, ...]
    answer: Mapping[str, Any] | None = None
    error: str | None = None
    proposals: str | None = None
    n_error: int | None = None
    n_screened: int = 0
    simulated: bool | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        def steps(rows: Any) -> tuple[Step, ...]:
            return tuple(Step(n, seconds, tuple(tuple(point) for point in points)) for n, seconds, points in rows)

        return cls(**{**data, "curve": steps(data["curve"]), "tried": steps(data["tried"])})

    def to_dict(self) -> dict[str, Any]:
        def rows(steps: Sequence[Step]) -> list[Any]:
            return [[step.n, step.seconds, step.points] for step in steps]

        return {**asdict(self), "curve": rows(self.curve), "tried": rows(self.tried)}


def read_run(path: Path) -> Run:
    try:
        return Run.from_dict(json_value(small_text(path, LARGEST)))
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(
            f"{path} is damaged: {reason(error)}.", "Delete it; the run is then read from its log again."
        ) from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    try:
        write_text(path, json.dumps(data, allow_nan=False))
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror}.", "Choose another workspace.") from error
