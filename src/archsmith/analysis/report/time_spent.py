"""Where the time of a job went, phase by phase, and how well that was forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archsmith.analysis import charts
from archsmith.analysis.charts import Bar, both
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, duration, phase_name
from archsmith.core.time_told import BETWEEN, about_time

SHOWN = 0.05  # seconds that a phase takes at least, or it is left out
LATE_SECONDS = 0.5  # from here on a job took too long
LEAST_BETWEEN = 1.0  # seconds that belong to no phase and are shown
OFF_SHARE, OFF_SECONDS = 0.2, 2.0  # a forecast further off than both is told

Row = tuple[str, float, float | None]  # phase, seconds, seconds that were forecast


@dataclass(frozen=True)
class TimeSpent:
    """Where the time went.

    lead: the whole in a few sentences
    rows: (phase, seconds, forecast seconds or None)
    """

    lead: str
    rows: tuple[Row, ...]

    @property
    def foreseen(self) -> bool:
        """Has a row a forecast?"""
        return any(forecast is not None for *_, forecast in self.rows)


def time_spent_of(study: Study) -> TimeSpent | None:
    """None of a study without phases."""
    rows: list[Row] = [
        # the forecasts of a plan say nothing of what was done with more time than it had
        (phase_name(each.name), each.seconds, None if study.view.job.extensions else each.forecast_seconds)
        for each in study.phases.values()
    ]
    start = ((study.result or {}).get("phases") or {}).get("start")
    if start is not None and study.view.ended:
        rows.insert(0, (phase_name("start"), float(start["seconds"]), None))
    shown = tuple(row for row in rows if row[1] >= SHOWN or row[2])
    between = study.spent - math.fsum(row[1] for row in rows)
    if shown and between >= LEAST_BETWEEN:
        shown += ((BETWEEN, between, None),)
    return TimeSpent(_lead(study, shown), shown) if shown else None


def _lead(study: Study, rows: Sequence[Row]) -> str:
    budget = (study.fit.get("settings") or {}).get("seconds")
    total = study.spent
    done, late = study.view.ended, ""
    said = study.result if done else None
    why = "" if said is None else about_time({**said, "seconds": total, "budget_seconds": budget}, duration)
    verb = "took" if study.view.complete else "had taken" if done else "has taken"
    text = f"The job {verb} {duration(total, exact=True)}"
    if budget:
        beyond = total - budget
        late = f", {duration(beyond, exact=True)} too long" if beyond > LATE_SECONDS else ""
        text += f" of the {duration(budget, exact=True)} that it was given{'' if 'budget' in why else late}"
    text += "" if study.view.complete or not done else ", when this report was written"
    text += f".{why and ' '}{why}" if budget else f"; {_unlimited(study)} had no limit on time.{why and ' '}{why}"
    name, most, _ = max(rows, key=lambda row: row[1])
    part = "Most of it" if most > total / 2 else "The largest part"
    text += f" {part} went into {name} ({duration(most)})."
    if not done:
        return text
    expected = (study.fit.get("plan") or {}).get("forecast_trials")
    text += _forecasts(rows, late=bool(late))
    if expected and budget and not study.view.job.extensions:
        tried = f"{len(study.history.finished):,}"
        text += f" The forecast was about {amount(round(expected), 'trial')}; {tried} came to an end."
    return text


def _unlimited(study: Study) -> str:
    """What had no limit on time, of a job that has none: an extension by trials takes an earlier one away."""
    job = study.view.job
    settings = (job.fit.get("settings") or {}, *(extended.settings for extended in job.extensions))
    return "its last part" if any(each.get("seconds") for each in settings) else "it"


def _forecasts(rows: Sequence[Row], late: bool) -> str:
    told = [(abs(spent - forecast), name, spent, forecast) for name, spent, forecast in rows if forecast]
    off = [each for each in told if each[0] > OFF_SHARE * each[3] and each[0] > OFF_SECONDS]
    if off:
        _, name, spent, forecast = max(off)
        return f" The forecast was furthest off for {name}: {duration(forecast)} expected, {duration(spent)} spent."
    return "" if late or not told else " All phases with a forecast took about as long as that."


def drawings(study: Study, facts: TimeSpent) -> dict[str, str]:
    """Seconds of each phase, with a mark where they were forecast."""
    rows = [Bar(name, seconds, duration(seconds), forecast) for name, seconds, forecast in facts.rows]
    title = f"time spent in each phase{', and its forecast' if facts.foreseen else ''}"
    return {"spent": both(lambda size: charts.bars(size, rows, title))}


SECTION = Section("time", "Where the time went", time_spent_of, drawings)
