"""What a person asks of the main job, and what the job answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.automl.plan import AUTO, SHARED, WEIGHTS
from archsmith.core.errors import UsageError
from archsmith.core.wording import number

ENAS = "enas"  # the strategy that asks for what a controller derived
SHORTEST = 20.0  # seconds that reading, one short training, a test and a verified export take on small data


@dataclass(frozen=True)
class FitSettings:
    """One job. ``data`` is anything that ``archsmith.data.images.read.read`` takes; ``seconds`` and ``trials`` are limits
    (at least one of them).

    ``image`` and ``target`` name the columns of a table; ``kind`` is ``classes``, ``number`` or ``auto`` (what the
    labels look like); ``side`` the pixels that pictures are brought to (None: from their sizes); ``balance`` makes rare
    classes count as much as common ones.

    ``space`` and ``strategy`` are catalogue names, ``settings`` their fields (``{"strategy": {"population": 50}}``).
    ``weights`` says where trials have their weights from: ``own`` (each is trained from scratch), ``inherited`` (a
    child begins with its parent's), ``shared`` (looked up in one bank, which is trained first) or ``auto`` (the plan
    decides). The strategy ``enas`` shares weights, and lets a controller choose what they are trained on.

    ``device`` is ``auto``, ``cpu``, ``cuda`` or ``mps``; ``memory_mb`` and ``disk_mb`` are limits on what trainings
    hold and trials keep (10⁶ bytes; None: what is free here, and 2000).

    ``out`` is where a copy of the bundle goes; the study keeps its own. ``resume`` goes on with the study ``name`` (the
    latest unfinished one of these data when None).
    """

    data: Any
    seconds: float | None = 1200.0
    trials: int | None = None
    out: str | None = None
    workspace: str | None = None
    seed: int = 0
    space: str = "conv_stages"
    strategy: str = "graph_gp"
    weights: str = AUTO
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workers: int = 1
    resume: bool = False
    name: str | None = None
    kind: str = "auto"
    image: str | None = None
    target: str | None = None
    side: int | None = None
    balance: bool = False
    device: str = "auto"
    memory_mb: float | None = None
    disk_mb: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.trials is None:
            raise UsageError("There is no limit on time or trials.", "Give --time, --trials or both.")
        if self.seconds is not None and self.seconds < SHORTEST:
            raise UsageError(
                f"{self.seconds:g} s are too short for a search, a final training and an export.",
                f"Give at least {SHORTEST:.0f}s.",
            )
        if self.kind not in ("auto", "classes", "number"):
            raise UsageError(f"The kind of target is {self.kind!r}.", "It is auto, classes or number.")
        if self.balance and self.kind == "number":
            raise UsageError("Only classes can be balanced.", "Leave balance out for numbers.")
        for name in ("memory_mb", "disk_mb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"The limit {name} is {value}.", "Give megabytes, or leave it out.")
        if self.weights not in (AUTO, *WEIGHTS):
            raise UsageError(
                f"The weights of trials are {self.weights!r}.", f"They are one of {', '.join((AUTO, *WEIGHTS))}."
            )
        if self.strategy == ENAS and self.weights not in (AUTO, SHARED):
            raise UsageError(
                f"The strategy {ENAS!r} needs shared weights, not {self.weights!r}.",
                "Leave --weights out, or take another strategy.",
            )
        unknown = sorted(set(self.settings) - {"space", "strategy", "recipe", SHARED})
        if unknown:
            raise UsageError(
                f"There are no settings of {unknown[0]!r}.", "Settings begin with space., strategy., recipe. or shared."
            )

    def to_dict(self) -> dict[str, Any]:
        """Everything but in-memory data, as JSON."""
        data = dataclasses.asdict(dataclasses.replace(self, data=None))
        return {**data, "data": self.data if isinstance(self.data, str) else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FitSettings:
        return cls(**data)


@dataclass(frozen=True)
class Row:
    """One honest row: a network trained in full. ``valid`` and ``test`` are the main metric; ``error`` says why there
    is none.

    ``valid_metrics`` and ``test_metrics`` hold all metrics by name (accuracies in [0, 1], log loss in nats, errors in
    the target's own units).
    """

    name: str
    valid: float | None = None
    test: float | None = None
    valid_metrics: Mapping[str, float] = field(default_factory=dict)
    test_metrics: Mapping[str, float] = field(default_factory=dict)
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
    """What came of a job. ``valid`` and ``test`` are the exported network's ``metric``; ``rows`` the fixed, linear and
    best searched networks.

    ``temperature`` divides the exported network's logits; ``forecast`` holds what was said beforehand of ``trials``,
    ``seconds`` by phase.
    """

    study: str
    stop_reason: str
    seconds: float
    budget_seconds: float | None
    n_trials: int
    n_failed: int
    n_from_mutation: int
    metric: str
    valid: float | None
    test: float | None
    metrics: Mapping[str, Mapping[str, float]]
    rows: tuple[Row, ...]
    architecture: Mapping[str, Any]
    params: int | None
    macs: int | None
    model_dir: str
    report: str | None
    test_reads: int
    max_difference: float | None
    temperature: float = 1.0
    forecast: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            **dataclasses.asdict(self),
            "rows": [row.to_dict() for row in self.rows],
            "architecture": dict(self.architecture),
        }

    def __repr__(self) -> str:
        scores = "".join(
            f", {part} {number(value)}"
            for part, value in (("valid", self.valid), ("test", self.test))
            if value is not None
        )
        return f"FitResult({self.study}, {self.metric}{scores}, {self.stop_reason})"

    def _repr_html_(self) -> str:
        from archsmith.automl.card import card

        return card(self.study, self)
