"""What the log of a study tells of its main job: what was asked for, what its phases ended with, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.job_records import Extended, PhaseRecord, ResultRecord
from archsmith.core.records import Opened, Record, StudyRecord

VOID_AFTER_MORE_TIME = ("search", "ready", "test", "export")  # phases that an extended job repeats
LIMITS = ("seconds", "trials")  # what an extension changes in the settings
READ, LINEAR, SEARCH, CHOOSE, TEST = "read", "linear", "search", "choose", "test"  # names of phases
TRAIN = "train "  # the beginning of such a name


@dataclass
class JobView:
    """The main job of a study; empty for a plain search.

    fit: what it wrote into the first event: settings, plan, speed, task, checks of the data, ….
    extensions: larger budgets that it was given, oldest first.
    results: what phases ended with, by name, without those that an extension made void, see ``drop_void``.
    test_reads: how often the test split was read.
    lead_before: ``lead`` as the openings before the latest one left it.
    result: what the job ended with at last; None before.
    ended: has it a result that no extension made void?
    """

    fit: Mapping[str, Any] = field(default_factory=dict)
    extensions: list[Extended] = field(default_factory=list)
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    test_reads: int = 0
    lead_before: float = 0.0
    result: ResultRecord | None = None
    ended: bool = False

    def take(self, read: Record | None) -> None:
        """Fold one event in."""
        if isinstance(read, StudyRecord):
            self.fit = read.fit
        elif isinstance(read, Opened):
            self.lead_before = self.lead
        elif isinstance(read, PhaseRecord) and read.ended:
            self.results[read.name] = read.result
            self.test_reads += read.name == TEST and bool(read.result.get("read", True))
        elif isinstance(read, Extended):
            self.extensions.append(read)
            self.ended = False
            drop_void(self.results)
        elif isinstance(read, ResultRecord):
            self.result, self.ended = read, True
            self.test_reads = max(self.test_reads, read.test_reads)

    @property
    def lead(self) -> float:
        """Seconds that the job's clock ran before the study was opened, over all openings: programs were starting, and
        data were being read.
        """
        return float(self.results.get(READ, {}).get("lead") or 0.0)

    @property
    def settings(self) -> dict[str, Any]:
        """As the last extension left them."""
        latest = self.extensions[-1].settings if self.extensions else {}
        return {**(self.fit.get("settings") or {}), **{name: latest[name] for name in LIMITS if name in latest}}

    @property
    def plan(self) -> Mapping[str, Any]:
        """How the clock is divided, as the last extension left it."""
        return self.extensions[-1].plan if self.extensions else self.fit.get("plan") or {}

    @property
    def speed(self) -> Mapping[str, Any]:
        """What was measured on this machine, as the last extension left it."""
        return self.extensions[-1].speed if self.extensions else self.fit.get("speed") or {}

    @property
    def stopped_by(self) -> str | None:
        """Why the search of the last result ended; None before a result."""
        return self.result.stop_reason if self.result is not None else None

    def rows(self, metric: str) -> list[dict[str, Any]]:
        """The networks trained in full, and baselines. A job without a result has those whose training is over, with
        ``metric`` as their score; they have no test score yet.
        """
        if self.result is not None:
            return [dict(row) for row in self.result.rows]
        return [
            {"name": name.removeprefix(TRAIN), "valid": result.get(metric), **result}
            for name, result in self.results.items()
            if name.startswith(TRAIN) or name == LINEAR or metric in result
        ]

    def to_dict(self) -> dict[str, Any] | None:
        """As JSON data; None for a plain search."""
        if not self.fit:
            return None
        return {
            "task": self.fit.get("task"),
            "settings": self.settings,
            "plan": dict(self.plan),
            "speed": dict(self.speed),
            "extensions": [extended.to_data() for extended in self.extensions],
            "results": {name: dict(result) for name, result in self.results.items()},
            "test_reads": self.test_reads,
            "result": None if self.result is None else self.result.to_data(),
            "ended": self.ended,
        }


def drop_void(results: dict[str, Any]) -> None:
    """Leave in ``results``, by name of the phase, what still holds with more time: no phase that is repeated, and no
    training that failed, which is not always tried again.
    """
    for name, result in list(results.items()):
        if name in VOID_AFTER_MORE_TIME or (name.startswith(TRAIN) and "error" in result):
            del results[name]
