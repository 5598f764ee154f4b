"""A study in a line, for lists of studies: of the command line, and of the app. And where what it wrote lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsmith.bundle.folder import author
from archsmith.core.errors import ArchsmithError
from archsmith.core.files import small_text, write_text
from archsmith.core.wording import metric_name, number
from archsmith.runtime.study_view import UNREADABLE, StudyView
from archsmith.runtime.workspace import StudySummary

IN_STUDY = "in the study"  # where a bundle lies that was not put elsewhere
COPIES, MOST_COPIES, MOST_BYTES = "copies.txt", 10, 1 << 16  # the file with places of copies


def at_a_glance(summary: StudySummary, view: StudyView) -> dict[str, Any]:
    """A study in a line. ``score`` is that of the exported network on the test split, for a job that came to its end,
    and otherwise that of the best trial.
    """
    began, result = summary.began, view.job.result
    best, metric = view.best, view.metric
    return {
        "study": summary.id,
        "state": summary.state,
        "reason": summary.reason,
        "n_finished": summary.n_finished,
        "space": None if began is None else began.space.get("type"),
        "strategy": None if began is None else began.strategy.get("type"),
        "job": bool(view.job.fit),
        "data": (view.job.fit.get("settings") or {}).get("data"),
        "target": (view.job.fit.get("settings") or {}).get("target"),
        "metric": metric,
        "score": result.test if result is not None else best.metrics.get(metric) if best is not None else None,
        "tested": result is not None,
        "bundle": bundle_of(view),
        "started": summary.started,
        "changed": summary.changed,
        "folder": str(summary.folder),
    }


def score_in_words(row: Mapping[str, Any]) -> str | None:
    """Of a row of ``at_a_glance``; None where there is none."""
    if row["score"] is None:
        return None
    return f"{metric_name(row['metric'])} {number(row['score'])}{' (test)' if row['tested'] else ''}"


def what(row: Mapping[str, Any]) -> str | None:
    """What tells the study from others: its bundle, seen from here, or that it lies in the study alone; for a search,
    what was searched; or why it cannot be read.
    """
    if row["state"] == UNREADABLE:
        return str(row["reason"])
    if row["bundle"] is not None:
        bundle = Path(str(row["bundle"]))
        if bundle.is_relative_to(Path(row["folder"]).resolve()):
            return IN_STUDY
        return str(bundle.relative_to(Path.cwd()) if bundle.is_relative_to(Path.cwd()) else bundle)
    if row["job"]:
        came = "whose bundle is gone" if row["tested"] else "nothing exported yet"
        return f"from {row['data'] or 'data in memory'}, {came}"
    told = [f"{kind} {row[kind]}" for kind in ("space", "strategy") if row[kind]]
    return f"search alone: {', '.join(told)}" if told else None


def bundle_of(view: StudyView) -> str | None:
    """Where the bundle of a job lies: where it was put, or exported to from Python, unless that is gone or another
    study's by now; else in its own folder. None where there is none.
    """
    if view.job.result is None or view.folder is None:
        return None
    own = view.folder.resolve() / "final" / "bundle"
    said = view.job.result.data.get("model_dir")
    put = [place for place in (said, *_credited(view.folder)) if place and Path(place) != own]
    places = [*put, own]
    return next((str(place) for place in places if place and author(place) == view.id), None)


def credit(study: Path, bundle: Path) -> None:
    """Keep in the folder of a study that its bundle was copied to ``bundle``. The latest copies are known."""
    known = [place for place in _credited(study) if place != str(bundle)]
    write_text(study / "final" / COPIES, "\n".join([str(bundle), *known][:MOST_COPIES]) + "\n")


def _credited(study: Path) -> list[str]:
    """Where the bundle of a study was copied to, the latest place first."""
    try:
        return small_text(study / "final" / COPIES, MOST_BYTES).split("\n")[:MOST_COPIES]
    except (ArchsmithError, OSError, ValueError):
        return []


def report_of(view: StudyView) -> str | None:
    """Where the report of a job lies, also in a workspace that was moved; None where there is none."""
    said = view.job.result.data.get("report") if view.job.result is not None else None
    if not said or view.folder is None:
        return None
    own = view.folder.resolve() / "final" / Path(said).name
    return str(own) if own.exists() else None
