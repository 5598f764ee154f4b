"""The clock and the phases of a job: what is logged of them, and what earlier openings logged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from archsmith.automl.opening import Job
from archsmith.core.budget import REQUESTED
from archsmith.core.job_records import Note, PhaseRecord
from archsmith.runtime.job_view import drop_void
from archsmith.runtime.search import Search
from archsmith.runtime.study_view import StudyView


class Phases:
    """One opening of a job's study, as a sequence of phases.

    ``results``: what finished phases of this and earlier openings came to, by name.
    ``test_reads``: how often the test split was looked at.
    ``was_extended``: was the study given more?
    ``round``: see ``StudyView.round``.
    ``spent``: seconds of each phase over all openings; ``start`` is what comes before the
        data are read.
    """

    def __init__(self, job: Job, search: Search) -> None:
        self.job = job
        self.search = search
        view = StudyView()
        self._given = 0  # how often the study was given more
        self._forecasts = dict[tuple[str, int], float]()  # seconds by phase, and how often more was given before
        for event in job.store.read():
            view.apply(event)
            self._given = len(view.job.extensions)
            if event.kind == PhaseRecord.kind and view.phases.running is not None:
                self._expect(view.phases.running.name, view.phases.running.forecast_seconds)
        self.results: dict[str, dict[str, Any]] = {name: dict(found) for name, found in view.job.results.items()}
        self.test_reads = view.job.test_reads
        self.round = view.round
        if not view.asked_to_stop and self.results.get("search", {}).get("reason") == REQUESTED:
            for name in ("search", "ready"):  # the wish that ended the search was taken back
                self.results.pop(name, None)
        names = {phase.name for phase in view.phases.all}
        self.spent = {name: view.phases.seconds_of(name, view.changed) for name in names}
        self._lead = 0.0  # seconds of this opening before the study was opened: reading and measuring

    def forget_what_more_time_changes(self) -> None:
        self.round += 1
        self._given += 1
        drop_void(self.results)

    # The log

    @contextmanager
    def phase(
        self,
        name: str,
        detail: str = "",
        forecast: float | None = None,
        *,
        exact: str = "",
        trial: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Log a phase around the block; what the block puts into the dict is its result. ``exact``: what it is about in
        exact terms, where ``detail`` is in plain words. ``trial``: whose training goes on.
        """
        begins = PhaseRecord(name, detail=detail, forecast_seconds=forecast, exact=exact, trial=trial)
        self.search.log("phase", begins.to_data())
        self._expect(name, forecast)
        began, result = time.time(), dict[str, Any]()
        yield result
        self.results[name] = result
        seconds = time.time() - began
        self.spent[name] = self.spent.get(name, 0.0) + seconds
        self._finished(name, seconds, result)

    def _expect(self, name: str, forecast: float | None) -> None:
        """A phase that begins again with more time is expected to take that, too; one that only goes on is not. What
        was cut short by a wish to finish has its whole time once that is taken back.
        """
        if forecast:
            key = name, self._given
            self._forecasts[key] = max(forecast, self._forecasts.get(key, 0.0))

    @property
    def was_extended(self) -> bool:
        return self._given > 0

    def _finished(self, name: str, seconds: float, result: Mapping[str, Any]) -> None:
        self.search.log("phase", {"name": name, "state": "finished", "seconds": seconds, "result": dict(result)})

    def say(self, *lines: str | Note) -> None:
        for line in lines:
            note = line if isinstance(line, Note) else Note(line)
            self.search.log(note.kind, note.to_data())

    def told(self) -> dict[str, dict[str, float]]:
        """Seconds that each phase took, and what was expected of it, if anything was."""
        expected = dict[str, float]()
        for (name, _), seconds in self._forecasts.items():
            expected[name] = expected.get(name, 0.0) + seconds
        return {
            name: {
                "seconds": round(seconds, 2),
                **({"expected": round(expected[name], 2)} if name in expected else {}),
            }
            for name, seconds in self.spent.items()
        }

    # The clock

    def start_clock(self) -> None:
        """The job's clock begins with its program, which is before the study is opened. That lead is logged, for later
        openings.
        """
        before = self.results.get("read", {}).get("lead", 0.0)
        self._lead = time.time() - self.job.started + before
        self.spent["read"] = self.spent.get("read", 0.0) + self.job.read_seconds
        self.spent["start"] = max(0.0, self._lead - self.spent["read"])
        self.results["read"] = {"lead": self._lead}
        self._finished("read", self.job.read_seconds, self.results["read"])

    @property
    def seconds(self) -> float:
        """On the study's clock, which began with the program."""
        return self.search.seconds + self._lead

    def until(self, end: float | None) -> float | None:
        """Seconds of the search's own clock until ``end`` on the study's."""
        return None if end is None else max(1.0, end - self._lead)

    def left(self, end: float | None) -> float | None:
        """Seconds from now until ``end`` on the study's clock."""
        return None if end is None else max(0.0, end - self.seconds)

    def final_end(self) -> float | None:
        """When the last training must end; sooner when the person asked to finish."""
        end = self.job.plan.final_end
        if self.asked_to_finish():
            soon = self.seconds + max(10.0, 0.25 * self.seconds)
            return soon if end is None else min(end, soon)
        return end

    def asked_to_finish(self) -> bool:
        """By Ctrl-C, or by another process."""
        self.search.look_for_commands()
        return self.search.asked_to_stop
