"""What the first page shows: studies, data sets and models in a line each, and what is about to begin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsmith.analysis.wording import score
from archsmith.app.datasets import SAMPLE, STATES, DataSet
from archsmith.app.form import in_the_page
from archsmith.app.house import House
from archsmith.app.inspector import DIGITS
from archsmith.app.job import GONE, Job
from archsmith.app.model_facts import ModelSummary
from archsmith.core.wording import amount, metric_name, size, visible
from archsmith.runtime.study_view import DONE, INTERRUPTED, PAUSED, RUNNING, UNREADABLE

PAGE = 25  # studies on one page
MOST_DATA, MOST_MODELS = 12, 12
LONGEST = 80  # characters of a name
MINUTE, HOUR, DAY = 60, 3600, 86_400
SAMPLE_SECONDS = 120


@dataclass(frozen=True)
class StudyLine:
    """A study. ``score``, ``data``, ``age``: in words. ``words``: why it ended before its time; empty otherwise."""

    id: str
    state: str
    score: str
    data: str
    trials: int
    age: str
    words: str = ""


@dataclass(frozen=True)
class Line:
    """A data set or a model: ``id``, ``name``, and what there is to say of it."""

    id: str
    name: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Beginning:
    """A search whose data are being read, or that failed at it. ``words``: what there is to say of it."""

    id: str
    running: bool
    words: str


@dataclass(frozen=True)
class Overview:
    """The first page. ``n_studies``, ``n_data``, ``n_models``: how many there are in all."""

    studies: tuple[StudyLine, ...] = ()
    n_studies: int = 0
    data: tuple[Line, ...] = ()
    n_data: int = 0
    models: tuple[Line, ...] = ()
    n_models: int = 0
    beginnings: tuple[Beginning, ...] = field(default=())

    @property
    def first(self) -> bool:
        """Has nobody done anything here yet?"""
        return not (self.n_studies or self.n_data or self.beginnings)


def overview(house: House, offset: int = 0) -> Overview:
    """What there is now; of the studies, one page from the place ``offset`` on."""
    now, jobs = time.time(), house.jobs.all()
    newest = {job.study: job for job in reversed(jobs)}
    studies, models = house.studies.list(), house.models.list()
    data = [each for each in house.data.list() if each.origin != SAMPLE]
    targets = {str(row["study"]): str(row.get("target") or "") for row in studies}
    return Overview(
        tuple(_study(row, newest.get(row["study"]), now) for row in studies[offset : offset + PAGE]),
        len(studies),
        tuple(_data(each, now) for each in data[:MOST_DATA]),
        len(data),
        tuple(_model(each, targets.get(str(each.id), "")) for each in models[:MOST_MODELS]),
        len(models),
        tuple(
            Beginning(job.id, job.running, beginning_words(job) if job.running else failed_words(job))
            for job in jobs
            if job.beginning and now - job.started < DAY
        ),
    )


def begin_sample(house: House) -> str:
    """Begin a study of the sample that takes two minutes; the id of its job."""
    return house.begin({"data": DIGITS, "seconds": float(SAMPLE_SECONDS)})


def beginning_words(job: Job) -> str:
    """Of a job that has no study yet: what it reads, and for how long."""
    target = f", to predict {short(job.target)!r}" if job.target else ""
    seconds = amount(int(max(0.0, time.time() - job.started)), "second")
    return (
        f"{short(job.data)}{target}: the data are being read, and the machine is measured on them, for {seconds} so "
        "far. That counts towards the time of the study."
    )


def failed_words(job: Job) -> str:
    """Of a job that ended before it had a study."""
    return f"No study of {short(job.data)!r} could begin. {in_the_page(job.last_words)}"


def _study(row: Mapping[str, Any], job: Job | None, now: float) -> StudyLine:
    id, state = str(row["study"]), str(row["state"])
    words = str(row.get("reason") or "") if state == UNREADABLE else ""
    if job is not None and state not in (DONE, RUNNING, UNREADABLE, PAUSED):  # a person ended a paused one
        gone = GONE if state == INTERRUPTED else ""
        words = job.words_of_end(float(row.get("changed") or 0.0)) or gone
    return StudyLine(
        id,
        state,
        _score(row),
        ", ".join(filter(None, (short(Path(str(row.get("data") or "")).name), short(row.get("target") or "")))),
        int(row.get("n_finished") or 0),
        ago(now - float(row.get("changed") or now)),
        short(words, 300),
    )


def _score(row: Mapping[str, Any]) -> str:
    if row.get("score") is None:
        return ""
    metric, tested = str(row["metric"]), " on the test split" * bool(row["tested"])
    return f"{metric_name(metric)} {score(metric, float(row['score']))}{tested}"


def _data(found: DataSet, now: float) -> Line:
    n_bytes = "" if found.size is None else size(found.size)
    facts = (STATES.get(found.state, str(found.state)), n_bytes, ago(now - found.added))
    return Line(str(found.id), short(found.name), tuple(filter(None, facts)))


def _model(found: ModelSummary, target: str) -> Line:
    params = "" if found.params is None else amount(found.params, "parameter")
    usable = "" if found.usable else "its bundle is not whole"
    predicts = f"predicts {short(target)}" if target else ""
    return Line(
        str(found.id),
        short(found.name),
        tuple(filter(None, (predicts, short(found.told), params, usable, f"study {short(found.id)}"))),
    )


def short(text: str, most: int = LONGEST) -> str:
    """``text`` for a page: nothing in it acts, and it is not too long."""
    plain = visible(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def ago(seconds: float) -> str:
    """``just now``, ``5 minutes ago``, ``3 days ago``."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            return f"{amount(int(seconds // unit), name)} ago"
    return "just now"
