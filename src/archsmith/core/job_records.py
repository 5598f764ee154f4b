"""Records of the events that the main job writes: phases, progress, notes, learning curves and its result.

See ``core.records``, which reads them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from archsmith.core.log_format import FORMAT, Data, mapping_in, number_in, upgraded

STARTED, FINISHED = "started", "finished"  # states of a phase


@dataclass(frozen=True)
class PhaseRecord:
    """``phase``: a phase of the job begins or ends.

    ``name``: ``read``, ``search``, ``train fixed``, ….
    ``state``: ``started`` or ``finished``.
    ``detail``: what it is about; at its end, the result in words.
    ``exact``: of a phase that begins: the same in exact terms.
    ``forecast_seconds``: of a phase that begins; None without a forecast.
    ``seconds``: of a phase that ends; None where it was not written down.
    ``result``: of a phase that ends. ``error`` in it says why the phase failed.
    ``trial``: of a phase that begins: the trial whose training goes on; None where there is none.
    """

    kind: ClassVar[str] = "phase"
    name: str = "work"
    state: str = STARTED
    detail: str = ""
    forecast_seconds: float | None = None
    seconds: float | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    exact: str = ""
    trial: int | None = None

    @property
    def ended(self) -> bool:
        return self.state == FINISHED

    def to_data(self) -> Data:
        head = {"name": self.name, "state": self.state}
        if not self.ended:
            exact = {"exact": self.exact} if self.exact else {}
            trial = {} if self.trial is None else {"trial": self.trial}
            return {**head, "detail": self.detail, **exact, **trial, "forecast_seconds": self.forecast_seconds}
        said = {"detail": self.detail} if self.detail else {}
        return {**head, **said, "seconds": self.seconds, "result": dict(self.result)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            str(data.get("name") or "work"),
            FINISHED if data.get("state") == FINISHED else STARTED,
            str(data.get("detail") or ""),
            number_in(data, "forecast_seconds"),
            number_in(data, "seconds"),
            mapping_in(data, "result"),
            str(data.get("exact") or ""),
            None if data.get("trial") is None else int(data["trial"]),
        )


@dataclass(frozen=True)
class ProgressRecord:
    """``progress``: how far something is. It is shown and never logged.

    ``what``: a key word or a sentence.
    ``done``: how much is done.
    ``total``: how much there is to do; None when unknown.
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
    """``note``: a message.

    ``text``: a sentence for people.
    ``exact``: a sentence with what it leaves out, in exact terms; empty where that is nothing.
    """

    kind: ClassVar[str] = "note"
    text: str = ""
    exact: str = ""

    def to_data(self) -> Data:
        return {"text": self.text, **({"exact": self.exact} if self.exact else {})}

    def told(self, *, exact: bool) -> str:
        """The sentence, with what it leaves out if ``exact``."""
        return f"{self.text} {self.exact}" if exact and self.exact else self.text

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data.get("text") or ""), str(data.get("exact") or ""))


@dataclass(frozen=True)
class Epoch:
    """``epoch``: one point of the learning curve of a final training.

    ``network``: its name.
    ``epoch``: how far the training is.
    ``epochs``: of the whole training.
    ``metrics``: losses, and scores where they were measured.
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
        return cls(str(data["network"]), epoch, float(data.get("epochs") or epoch), mapping_in(data, "metrics"))


@dataclass(frozen=True)
class Extended:
    """``extended``: the job was given a larger budget.

    ``settings``: from now on, in the present format.
    ``plan``: from now on, in the present format.
    ``speed``: from now on, in the present format.
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
        return cls(mapping_in(now, "settings"), mapping_in(now, "plan"), mapping_in(now, "speed"))


@dataclass(frozen=True)
class ResultRecord:
    """``result``: the result of the main job.

    ``metric``: by which networks are compared.
    ``valid``: score of the exported network on the validation split.
    ``test``: score of the exported network on the test split.
    ``rows``: the networks that were trained in full.
    ``stop_reason``: why the search ended.
    ``seconds``: on the job's clock.
    ``test_reads``: how often the test split was read.
    ``data``: everything that was written, these fields included.
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
            number_in(data, "valid"),
            number_in(data, "test"),
            tuple(data.get("rows") or ()),
            data.get("stop_reason"),
            float(data.get("seconds") or 0.0),
            int(data.get("test_reads") or 0),
            data,
        )
