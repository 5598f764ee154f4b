"""Proposals, outcomes and trials: what a strategy asks for, what a worker returns, and the two together."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from archsmith.core import markup
from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import ArchsmithError, EvaluationError, UsageError, told
from archsmith.core.fields import fitting, said
from archsmith.core.kept import KeptList


class Status(StrEnum):
    PENDING = "pending"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Proposal:
    """What a strategy wants evaluated.

    ``architecture``: a point of the problem's space.
    ``fidelity``: the resource of the trial; None: the problem's maximum.
    ``parents``: ids of the trials that it came from.
    ``notes``: JSON scalars for the log.
    """

    architecture: Architecture
    fidelity: float | None = None
    parents: tuple[int, ...] = ()
    notes: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.architecture) is not Architecture and isinstance(self.architecture, Mapping):
            object.__setattr__(self, "architecture", Architecture(self.architecture))
        if type(self.architecture) is Architecture and self.fidelity is None and not self.parents and not self.notes:
            return  # the most frequent kind, and there are many
        given = {name: getattr(self, name) for name in ("architecture", "fidelity", "parents", "notes")}
        fitted = fitting(Proposal, given)
        for name in ("fidelity", "parents"):  # numbers of numpy as those of Python, which can be logged
            object.__setattr__(self, name, fitted[name])


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    ``status``: OK or FAILED.
    ``metrics``: finite numbers by name; empty for a failure.
    ``seconds``: what the trial took, or simulated ones for benchmark tables.
    ``error``: one sentence about the failure.
    ``error_kind``: as in EvaluationError.
    ``notes``: JSON scalars for the log.
    """

    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    error_kind: str | None = None
    notes: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.status) is not Status:
            if self.status not in [*Status]:
                raise UsageError(
                    f"The status of an outcome {said(self.status)}.",
                    "Write Outcome.success(metrics) or Outcome.failure(error).",
                )
            object.__setattr__(self, "status", Status(self.status))
        if not isinstance(self.metrics, Mapping):
            raise UsageError(f"The metrics of an outcome {said(self.metrics)}.", 'Write them like {"accuracy": 0.9}.')

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    @classmethod
    def success(
        cls, metrics: Mapping[str, float], seconds: float = 0.0, notes: Mapping[str, Scalar] | None = None
    ) -> Outcome:
        """Raises EvaluationError when a metric is not a finite number (kind ``nan``: NaN is never a score), and where
        ``seconds`` is below 0.
        """
        if isinstance(seconds, numbers.Real) and seconds < 0:
            raise EvaluationError(f"An outcome cannot have taken {seconds:g} seconds.", "Give 0 or more.")
        for name, value in metrics.items() if isinstance(metrics, Mapping) else ():
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
                raise EvaluationError(
                    f"The metric {name!r} came out as {value!r}.", "An evaluator returns finite numbers.", kind="nan"
                )
        outcome = cls(Status.OK, metrics, seconds, notes=notes or {})
        return replace(outcome, metrics={name: float(value) for name, value in metrics.items()})

    @classmethod
    def failure(cls, error: BaseException, seconds: float = 0.0) -> Outcome:
        kind = "memory" if isinstance(error, MemoryError) else "exception"
        if isinstance(error, EvaluationError):
            kind = error.kind
        text = str(error) if isinstance(error, ArchsmithError) else told(error)
        return cls(Status.FAILED, {}, seconds, " ".join(text.split())[:500], kind)

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": self.status.value,
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "error": self.error,
            "error_kind": self.error_kind,
            "notes": dict(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        return cls(
            Status(data["status"]), data["metrics"], data["seconds"], data["error"], data["error_kind"], data["notes"]
        )


@dataclass(slots=True, repr=False)
class Trial:
    """One evaluation of one proposal.

    ``id``: its number in the study, from 0.
    ``architecture``, ``fidelity``, ``parents``, ``notes``: as proposed.
    ``outcome``: None while it is pending.
    ``losses``: one for each objective; None unless it finished well.
    ``feasible``: whether it keeps all constraints.
    ``curve``: what was reported on the way, as (step, metrics).
    """

    id: int
    architecture: Architecture
    fidelity: float
    parents: tuple[int, ...] = ()
    notes: Mapping[str, Scalar] = field(default_factory=dict)
    outcome: Outcome | None = None
    losses: tuple[float, ...] | None = None
    feasible: bool = True
    curve: list[tuple[float, Mapping[str, float]]] = field(default_factory=lambda: KeptList(name="trial.curve"))

    @property
    def status(self) -> Status:
        return Status.PENDING if self.outcome is None else self.outcome.status

    @property
    def ok(self) -> bool:
        """Finished well and within the problem's constraints."""
        return self.losses is not None and self.feasible

    @property
    def loss(self) -> float:
        """The first objective's loss; infinite for a trial that failed or breaks a constraint, which thus is worst."""
        return self.losses[0] if self.losses is not None and self.feasible else math.inf

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.outcome.metrics if self.outcome else {}

    @property
    def outcome_notes(self) -> Mapping[str, Scalar]:
        """What its evaluation noted; empty before its end."""
        return self.outcome.notes if self.outcome else {}

    @property
    def _state(self) -> str:
        return self.status.value if self.ok or self.losses is None else "outside the limits"

    def __repr__(self) -> str:
        scores = "".join(f", {name} {markup.text(value)}" for name, value in self.metrics.items())
        parents = f", from {', '.join(map(str, self.parents))}" if self.parents else ""
        return f"Trial({self.id}, {self._state}{scores}, fidelity {self.fidelity:g}{parents})"

    def _repr_html_(self) -> str:
        facts: list[tuple[str, object]] = [
            ("status", self._state),
            *self.metrics.items(),
            ("fidelity", self.fidelity),
        ]
        if self.parents:
            facts.append(("parents", ", ".join(map(str, self.parents))))
        if self.outcome is not None:
            facts.append(("seconds", round(self.outcome.seconds, 2)))
            if self.outcome.error:
                facts.append(("error", self.outcome.error))
        return markup.table(facts, caption=f"Trial {self.id}") + self.architecture._repr_html_()


def is_changed(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Was its network made from others of ``trials``, rather than that its training goes on from one?"""
    if not trial.parents:
        return False
    parent = trial.parents[0]
    return not (0 <= parent < len(trials) and trials[parent].architecture == trial.architecture)


def goes_on(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Does its training go on from that of another one of ``trials``? Not where that one's files were gone."""
    return bool(trial.parents) and not is_changed(trial, trials) and not trial.outcome_notes.get("parent_lost")


def came_from(trial: Trial, trials: Sequence[Trial]) -> str:
    """Which of ``trials`` the training of one goes on from or, where that is another network, which ones it was made
    from: ``goes on from trial 3``. Empty where there is none.
    """
    if not trial.parents:
        return ""
    made = is_changed(trial, trials)
    if not (made or goes_on(trial, trials)):
        return f"begins anew, without what trial {trial.parents[0]} had learnt"
    ids = [*dict.fromkeys(trial.parents)] if made else [trial.parents[0]]
    return f"{'made' if made else 'goes on'} from trial{'' if len(ids) == 1 else 's'} {' and '.join(map(str, ids))}"
