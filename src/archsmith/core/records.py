"""Records: the events of a study's log as typed objects. There is one class for each kind of event.

``record(event)`` reads the data of an event, and ``to_data()`` returns the data to write. An unknown field is passed
over, and a field that an older version did not write gets its default. So logs of older and slightly newer versions can
be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from archsmith.core.architecture import Scalar
from archsmith.core.errors import ArchsmithError, StudyError
from archsmith.core.events import Event
from archsmith.core.job_records import Epoch, Extended, Note, PhaseRecord, ProgressRecord, ResultRecord
from archsmith.core.log_format import FORMAT, Data, mapping_in, number_in, numbers_in, text_in, upgraded
from archsmith.core.trial import Outcome, Status

# the problem of a study that did not write it down
PLAIN_PROBLEM: Mapping[str, Any] = {"objectives": [["score", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}

# -- the kinds that Search writes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StudyRecord:
    """``study``: what the study is. Always the first event.

    ``space``: its spec, see ``archsmith.catalog``.
    ``problem``: ``Problem.to_dict()``.
    ``strategy``: its spec.
    ``evaluator``: its spec; empty where it was not written down.
    ``seed``: where all randomness comes from.
    ``forecast_trials``: how many trials the budget is expected to allow; None when unknown.
    ``fit``: settings, plan, speed, task and findings of the main job; empty for a plain search.
    ``command``: the command line that began the study; None when there was none.
    ``format``: of the data as they were written. The other fields are in the present format.
    ``more``: what the person who began the study added.
    ``repeatable``: does an architecture get the same score whatever the seed? False when unknown.
    ``simulated``: do trials say themselves how long they took, as out of a table? None when unknown.
    """

    kind: ClassVar[str] = "study"
    space: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=lambda: dict(PLAIN_PROBLEM))
    strategy: Mapping[str, Any] = field(default_factory=dict)
    evaluator: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    forecast_trials: float | None = None
    fit: Mapping[str, Any] = field(default_factory=dict)
    command: str | None = None
    format: int = FORMAT
    more: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = False
    simulated: bool | None = None

    def to_data(self) -> Data:
        data = {name: getattr(self, name) for name in _STUDY_FIELDS}
        return {
            **data,
            "format": FORMAT,
            **({"repeatable": True} if self.repeatable else {}),
            **({} if self.simulated is None else {"simulated": self.simulated}),
            **({"fit": self.fit} if self.fit else {}),
            **({"command": self.command} if self.command else {}),
            **self.more,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        now = upgraded(data)
        known = (*_STUDY_FIELDS, "repeatable", "simulated", "fit", "command", "format")
        return cls(
            space=mapping_in(now, "space"),
            problem={**PLAIN_PROBLEM, **mapping_in(now, "problem")},
            strategy=mapping_in(now, "strategy"),
            evaluator=mapping_in(now, "evaluator"),
            seed=int(now.get("seed") or 0),
            forecast_trials=number_in(now, "forecast_trials"),
            repeatable=now.get("repeatable") is True,
            simulated=said if isinstance(said := now.get("simulated"), bool) else None,
            fit=_of_job(mapping_in(now, "fit")),
            command=now.get("command"),
            format=data.get("format", 1),
            more={name: value for name, value in now.items() if name not in known},
        )


def _of_job(fit: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a job wrote. Raises TypeError where a part is of another type than its readers expect."""
    for name in ("settings", "plan", "speed", "task", "findings"):
        mapping_in(fit, name)
    return fit


_STUDY_FIELDS = ("space", "problem", "strategy", "evaluator", "seed", "forecast_trials")


@dataclass(frozen=True)
class Opened:
    """``opened``: a process took the lease, at the beginning and at every resume.

    ``pid``: of the process.
    ``host``: where the process runs.
    ``seconds``: limit of the whole study; None: no limit.
    ``trials``: limit of the whole study; None: no limit.
    ``work``: that all trainings of a pool may take; None: not known.
    ``left``: when the process before it gave its last sign of life, in Unix seconds, where it was killed; else None.
    """

    kind: ClassVar[str] = "opened"
    pid: int | None = None
    host: str = ""
    seconds: float | None = None
    trials: int | None = None
    work: float | None = None
    left: float | None = None

    def to_data(self) -> Data:
        work = [] if self.work is None else [self.work]
        left = {} if self.left is None else {"left": self.left}
        return {"pid": self.pid, "host": self.host, "budget": [self.seconds, self.trials, *work], **left}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        seconds, trials, work = (*(data.get("budget") or (None, None)), None)[:3]
        return cls(
            data.get("pid"),
            data.get("host") or "",
            None if seconds is None else float(seconds),
            None if trials is None else int(trials),
            None if work is None else float(work),
            number_in(data, "left"),
        )


@dataclass(frozen=True)
class Preparing:
    """``preparing``: how far the evaluator's prepare phase is.

    ``step``: how far, mostly in epochs.
    ``metrics``: numbers and short texts.
    """

    kind: ClassVar[str] = "preparing"
    step: float
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"step": self.step, "metrics": dict(self.metrics)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(float(data["step"]), mapping_in(data, "metrics"))


@dataclass(frozen=True)
class Prepared:
    """``prepared``: the evaluator's prepare phase is complete.

    ``seconds``: how long it took in this opening.
    ``notes``: what the evaluator returned.
    """

    kind: ClassVar[str] = "prepared"
    seconds: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"seconds": self.seconds, "notes": dict(self.notes)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(float(data.get("seconds") or 0.0), mapping_in(data, "notes"))


@dataclass(frozen=True, slots=True)
class ProposedTrial:
    """One proposal as it was logged.

    ``id``: counts from 0 in the study.
    ``architecture``: decision path to value.
    ``fidelity``: None where it was not written down.
    ``parents``: ids of trials.
    ``notes``: of the strategy.
    """

    id: int
    architecture: Mapping[str, Scalar]
    fidelity: float | None = None
    parents: tuple[int, ...] = ()
    notes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposed:
    """``proposed``: what the strategy proposed in one call. A batch of trials is one event.

    ``trials``: of the batch.
    """

    kind: ClassVar[str] = "proposed"
    trials: tuple[ProposedTrial, ...]

    def to_data(self) -> Data:
        return {
            "trials": [
                {
                    "id": trial.id,
                    "architecture": dict(trial.architecture),
                    "fidelity": trial.fidelity,
                    "parents": list(trial.parents),
                    "notes": dict(trial.notes),
                }
                for trial in self.trials
            ]
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(
                ProposedTrial(
                    row["id"],
                    mapping_in(row, "architecture"),
                    number_in(row, "fidelity"),
                    tuple(map(int, row.get("parents") or ())),
                    mapping_in(row, "notes"),
                )
                for row in data["trials"]
            )
        )


@dataclass(frozen=True)
class Reported:
    """``reported``: an intermediate score of a trial, one point of its learning curve.

    ``trial``: its id.
    ``step``: what the evaluator counts, mostly epochs.
    ``metrics``: value by name.
    """

    kind: ClassVar[str] = "reported"
    trial: int
    step: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"trial": self.trial, "step": self.step, "metrics": dict(self.metrics)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        step = number_in(data, "step")
        if step is None:
            raise KeyError("step")
        return cls(int(data["trial"]), step, mapping_in(data, "metrics"))


@dataclass(frozen=True)
class Finished:
    """``finished``: the end of a trial, with success or not.

    ``trial``: its id.
    ``outcome``: its result.
    """

    kind: ClassVar[str] = "finished"
    trial: int
    outcome: Outcome

    def to_data(self) -> Data:
        return {"trial": self.trial, "outcome": self.outcome.to_dict()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        said = data["outcome"]
        outcome = Outcome(
            Status(said["status"]),
            numbers_in(said, "metrics"),
            number_in(said, "seconds") or 0.0,
            text_in(said, "error"),
            text_in(said, "error_kind"),
            mapping_in(said, "notes"),
        )
        return cls(int(data["trial"]), outcome)


STOP, PAUSE = "stop", "pause"  # names of commands


@dataclass(frozen=True)
class Command:
    """``command``: something that a person asked for, here or through another process.

    ``name``: ``stop`` (finish with the incumbent) or ``pause`` (end now, to be resumed); others are passed over.
    ``args``: of the command.
    """

    kind: ClassVar[str] = "command"
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"name": self.name, "args": dict(self.args)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data["name"]), mapping_in(data, "args"))


@dataclass(frozen=True)
class Closed:
    """``closed``: the loop ended.

    ``reason``: why, one of those in ``archsmith.core.budget``.
    ``seconds``: on the study's clock, over all openings; None where it was not written down.
    ``error``: the sentence of the error that ended it; None without one.
    """

    kind: ClassVar[str] = "closed"
    reason: str = "done"
    seconds: float | None = None
    error: str | None = None

    def to_data(self) -> Data:
        said = {} if self.error is None else {"error": self.error}
        return {"reason": self.reason, "seconds": self.seconds, **said}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data.get("reason") or "done"), number_in(data, "seconds"), text_in(data, "error"))


Record = (
    StudyRecord
    | Opened
    | Preparing
    | Prepared
    | Proposed
    | Reported
    | Finished
    | Command
    | Closed
    | PhaseRecord
    | ProgressRecord
    | Note
    | Epoch
    | Extended
    | ResultRecord
)
KINDS: Mapping[str, type[Record]] = {cls.kind: cls for cls in Record.__args__}

# the errors that damaged data may raise when they are read
DAMAGES = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def record(event: Event) -> Record | None:
    """The record of ``event``; None for an unknown kind. Raises StudyError for damaged data."""
    cls = KINDS.get(event.kind)
    if cls is None:
        return None
    try:
        return cls.from_data(event.data)
    except DAMAGES as error:
        raise damaged(event, error) from error


def beginning(first: Event | None, name: str = "") -> StudyRecord:
    """The record of the first event of the study ``name``. Raises StudyError when there is none that can be read."""
    read = None if first is None else record(first)
    if not isinstance(read, StudyRecord):
        raise StudyError(
            f"The study {name} has no first event." if name else "The study has no first event.",
            "Start it again, or delete its folder.",
        )
    return read


def damaged(event: Event, error: Exception) -> StudyError:
    """The error of an event that cannot be read, or that does not fit the ones before it."""
    why = error.message if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {error}"
    return StudyError(f"Event {event.index} of the study ({event.kind}) is damaged: {why}.", "Restore it from a copy.")
