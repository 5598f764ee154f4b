"""Records: what the events of a study's log say, as typed objects. One class a kind of event.

``record(event)`` reads the data of an event; ``to_data()`` is what is written. A field that is unknown here is passed
over, and a field that an older version did not write gets its default, so that old and slightly newer logs can be read.

The data of the first event carry a format number (absent: 1). ``upgraded`` brings older data to the present format, and
refuses those of a later one. Every reader of a first event goes through it, by ``record`` or by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from archsmith.core.architecture import Scalar
from archsmith.core.errors import ArchsmithError, StudyError
from archsmith.core.events import Event
from archsmith.core.trial import Outcome, Status

STARTED, FINISHED = "started", "finished"  # states of a phase
# what a problem was before its parts were written down
PLAIN_PROBLEM: Mapping[str, Any] = {"objectives": [["score", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}

# -- the format of the log ---------------------------------------------------------------------------------------------

Data = dict[str, Any]


def _from_1_to_2(data: Data) -> Data:
    """Versions up to 0.1 knew pictures only: augmentation was a part of the recipe, and what the checks found was
    called a report.
    """
    _part_augmentation(data.get("evaluator"))
    fit = data.get("fit")
    if isinstance(fit, dict) and "report" in fit:
        fit["findings"] = fit.pop("report")
    return data


OLD_AUGMENTATION = {"shift": 0.04, "flip": False, "cutout": 0.0}  # and the defaults


def _part_augmentation(spec: Any) -> None:
    """In every evaluator of ``spec`` that trains: augmentation apart from the recipe, and the task that of the data."""
    if isinstance(spec, dict):
        args = spec.get("args")
        recipe = args.get("recipe") if isinstance(args, dict) else None
        if (
            isinstance(args, dict)
            and isinstance(recipe, dict)
            and isinstance(recipe.get("args"), dict)
            and "task" in args
        ):
            was = {name: recipe["args"].pop(name, default) for name, default in OLD_AUGMENTATION.items()}
            args["augmentation"] = {name: was[name] for name in was if was[name] != OLD_AUGMENTATION[name]}
            args["task"] = None
            recipe["args"].setdefault("optimizer", "sgd")
        for inner in spec.values():
            _part_augmentation(inner)


# UPGRADES[i] takes the data of a first event from format i + 1 to format i + 2. It may change what it is given, which
# is a copy. Any key may be missing: ``extended`` events and the plans of comparisons go through the same functions.
UPGRADES: tuple[Callable[[Data], Data], ...] = (_from_1_to_2,)
FORMAT = len(UPGRADES) + 1


def upgraded(data: Mapping[str, Any]) -> Data:
    """The data of a first event in the present format. Raises StudyError for those of a later one."""
    written = data.get("format", 1)
    if not isinstance(written, int) or written > FORMAT:
        raise StudyError(
            f"This study was written by a later version of archsmith (format {written}, known: {FORMAT}).",
            "Upgrade archsmith to open it.",
        )
    now = _copied(data)
    for upgrade in UPGRADES[max(written, 1) - 1 :]:
        now = upgrade(now)
    return {**now, "format": FORMAT}


def _copied(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _copied(value) for name, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list | tuple) else data


# -- the kinds that Search writes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StudyRecord:
    """``study``: what the study is. Always the first event.

    space, strategy, evaluator: specs as in ``archsmith.catalog``; ``evaluator`` is empty where nobody wrote one down.
    problem: ``Problem.to_dict()``.
    seed: where all randomness comes from.
    forecast_trials: how many trials the budget is expected to allow; None when unknown.
    fit: settings, plan, speed, task and checks of the main job; empty for a plain search.
    command: the command line that began it; None when there was none.
    format: of the data as they were written. The other fields are in the present format.
    more: what the person who began the study added.
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

    def to_data(self) -> Data:
        data = {name: getattr(self, name) for name in _STUDY_FIELDS}
        return {
            **data,
            "format": FORMAT,
            **({"fit": self.fit} if self.fit else {}),
            **({"command": self.command} if self.command else {}),
            **self.more,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        now = upgraded(data)
        known = (*_STUDY_FIELDS, "fit", "command", "format")
        return cls(
            space=_mapping(now, "space"),
            problem={**PLAIN_PROBLEM, **_mapping(now, "problem")},
            strategy=_mapping(now, "strategy"),
            evaluator=_mapping(now, "evaluator"),
            seed=int(now.get("seed") or 0),
            forecast_trials=_maybe(now, "forecast_trials"),
            fit=_mapping(now, "fit"),
            command=now.get("command"),
            format=data.get("format", 1),
            more={name: value for name, value in now.items() if name not in known},
        )


_STUDY_FIELDS = ("space", "problem", "strategy", "evaluator", "seed", "forecast_trials")


@dataclass(frozen=True)
class Opened:
    """``opened``: a process took the lease, at the beginning and on every resume.

    pid, host: the process.
    seconds, trials: limits on the whole study, None when there is none.
    """

    kind: ClassVar[str] = "opened"
    pid: int | None = None
    host: str = ""
    seconds: float | None = None
    trials: int | None = None

    def to_data(self) -> Data:
        return {"pid": self.pid, "host": self.host, "budget": [self.seconds, self.trials]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        seconds, trials = data.get("budget") or (None, None)
        return cls(
            data.get("pid"),
            data.get("host") or "",
            None if seconds is None else float(seconds),
            None if trials is None else int(trials),
        )


@dataclass(frozen=True)
class Preparing:
    """``preparing``: how far the evaluator's prepare phase is.

    step: what counts there, epochs as a rule.
    metrics: numbers and short texts.
    """

    kind: ClassVar[str] = "preparing"
    step: float
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"step": self.step, "metrics": dict(self.metrics)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(float(data["step"]), _mapping(data, "metrics"))


@dataclass(frozen=True)
class Prepared:
    """``prepared``: the evaluator's prepare phase is complete.

    seconds: what it took in this opening.
    notes: what the evaluator says of its end.
    """

    kind: ClassVar[str] = "prepared"
    seconds: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"seconds": self.seconds, "notes": dict(self.notes)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(float(data.get("seconds") or 0.0), _mapping(data, "notes"))


@dataclass(frozen=True, slots=True)
class ProposedTrial:
    """One proposal as it was logged.

    id: counts from 0 within the study.
    architecture: decision path -> answer.
    fidelity: None where it was not written down.
    parents: ids of trials.
    notes: of the strategy.
    """

    id: int
    architecture: Mapping[str, Scalar]
    fidelity: float | None = None
    parents: tuple[int, ...] = ()
    notes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposed:
    """``proposed``: one answer of the strategy; a batch of trials is one event."""

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
                    row["architecture"],
                    row.get("fidelity"),
                    tuple(row.get("parents") or ()),
                    row.get("notes") or {},
                )
                for row in data["trials"]
            )
        )


@dataclass(frozen=True)
class Reported:
    """``reported``: an intermediate score of a trial, one point of its learning curve.

    trial: its id.
    step: what the evaluator counts, epochs as a rule.
    metrics: name -> value.
    """

    kind: ClassVar[str] = "reported"
    trial: int
    step: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"trial": self.trial, "step": self.step, "metrics": dict(self.metrics)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["trial"], data["step"], _mapping(data, "metrics"))


@dataclass(frozen=True)
class Finished:
    """``finished``: what came of a trial, well or not."""

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
            said.get("metrics") or {},
            said.get("seconds") or 0.0,
            said.get("error"),
            said.get("error_kind"),
            said.get("notes") or {},
        )
        return cls(data["trial"], outcome)


@dataclass(frozen=True)
class Command:
    """``command``: something that another process asked for; ``stop`` is the only name so far."""

    kind: ClassVar[str] = "command"
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"name": self.name, "args": dict(self.args)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data["name"]), _mapping(data, "args"))


@dataclass(frozen=True)
class Closed:
    """``closed``: the loop ended.

    reason: one of those in ``archsmith.core.budget``.
    seconds: on the study's clock, over all openings; None where it was not written down.
    """

    kind: ClassVar[str] = "closed"
    reason: str = "done"
    seconds: float | None = None

    def to_data(self) -> Data:
        return {"reason": self.reason, "seconds": self.seconds}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data.get("reason") or "done"), _maybe(data, "seconds"))


# -- the kinds that the main job writes --------------------------------------------------------------------------------


@dataclass(frozen=True)
class PhaseRecord:
    """``phase``: a stretch of the work begins or ends.

    name: ``read``, ``search``, ``train fixed``, ….
    state: ``started`` or ``finished``.
    detail: what it is about or, at its end, what came of it.
    forecast_seconds: of a phase that begins; None when nobody guessed.
    seconds: of a phase that ends; None where it was not written down.
    result: of a phase that ends; ``error`` in it says why it failed.
    """

    kind: ClassVar[str] = "phase"
    name: str = "work"
    state: str = STARTED
    detail: str = ""
    forecast_seconds: float | None = None
    seconds: float | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state == FINISHED

    def to_data(self) -> Data:
        head = {"name": self.name, "state": self.state}
        if not self.ended:
            return {**head, "detail": self.detail, "forecast_seconds": self.forecast_seconds}
        said = {"detail": self.detail} if self.detail else {}
        return {**head, **said, "seconds": self.seconds, "result": dict(self.result)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            str(data.get("name") or "work"),
            FINISHED if data.get("state") == FINISHED else STARTED,
            str(data.get("detail") or ""),
            _maybe(data, "forecast_seconds"),
            _maybe(data, "seconds"),
            _mapping(data, "result"),
        )


@dataclass(frozen=True)
class ProgressRecord:
    """``progress``: how far something is. It is shown and never logged.

    what: a key word or a sentence.
    done, total: counts; ``total`` None where there is none.
    """

    kind: ClassVar[str] = "progress"
    what: str
    done: int = 0
    total: int | None = None

    def to_data(self) -> Data:
        return {"what": self.what, "done": self.done, "total": self.total}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data["what"]), int(data.get("done") or 0), data.get("total"))


@dataclass(frozen=True)
class Note:
    """``note``: a sentence for people."""

    kind: ClassVar[str] = "note"
    text: str = ""

    def to_data(self) -> Data:
        return {"text": self.text}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data.get("text") or ""))


@dataclass(frozen=True)
class Epoch:
    """``epoch``: one point of the learning curve of a final training.

    network: its name.
    epoch, epochs: how far it is, of how many.
    metrics: losses always, scores where they were measured.
    """

    kind: ClassVar[str] = "epoch"
    network: str
    epoch: float
    epochs: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"network": self.network, "epoch": self.epoch, "epochs": self.epochs, "metrics": dict(self.metrics)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        epoch = float(data["epoch"])
        return cls(str(data["network"]), epoch, float(data.get("epochs") or epoch), _mapping(data, "metrics"))


@dataclass(frozen=True)
class Extended:
    """``extended``: the job was given a larger budget.

    settings, plan, speed: as they are from now on, in the present format.
    """

    kind: ClassVar[str] = "extended"
    settings: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    speed: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        return {"format": FORMAT, "settings": self.settings, "plan": self.plan, "speed": self.speed}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        now = upgraded({"format": data.get("format", 1), "fit": data})["fit"]
        return cls(_mapping(now, "settings"), _mapping(now, "plan"), _mapping(now, "speed"))


@dataclass(frozen=True)
class ResultRecord:
    """``result``: what came of the main job.

    metric: what networks are compared by.
    valid, test: the exported network's score on the two splits.
    rows: the networks trained in full.
    stop_reason: why the search ended.
    seconds: on the job's clock.
    test_reads: how often the test split was read.
    data: everything that was written, these included.
    """

    kind: ClassVar[str] = "result"
    metric: str | None = None
    valid: float | None = None
    test: float | None = None
    rows: tuple[Mapping[str, Any], ...] = ()
    stop_reason: str | None = None
    seconds: float = 0.0
    test_reads: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> Data:
        named = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "data"}
        return {**self.data, **named, "rows": [dict(row) for row in self.rows]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            data.get("metric"),
            _maybe(data, "valid"),
            _maybe(data, "test"),
            tuple(data.get("rows") or ()),
            data.get("stop_reason"),
            float(data.get("seconds") or 0.0),
            int(data.get("test_reads") or 0),
            data,
        )


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

# what reading the data of a damaged event may raise
DAMAGES = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def record(event: Event) -> Record | None:
    """What ``event`` says; None for a kind that nobody here knows. Raises StudyError for damaged data."""
    cls = KINDS.get(event.kind)
    if cls is None:
        return None
    try:
        return cls.from_data(event.data)
    except DAMAGES as error:
        raise damaged(event, error) from error


def beginning(first: Event | None, name: str = "") -> StudyRecord:
    """What the first event of the study ``name`` says. Raises StudyError when there is none that can be read."""
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


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value


def _maybe(data: Mapping[str, Any], name: str) -> float | None:
    value = data.get(name)
    if value is not None and not isinstance(value, int | float):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value
