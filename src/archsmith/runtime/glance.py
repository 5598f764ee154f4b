"""A study in a line, for lists of studies: of the command line, and of the app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsmith.core.wording import metric_name, number
from archsmith.runtime.study_view import UNREADABLE, StudyView
from archsmith.runtime.workspace import StudySummary


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
        "data": (view.job.fit.get("settings") or {}).get("data"),
        "metric": metric,
        "score": result.test if result is not None else best.metrics.get(metric) if best is not None else None,
        "tested": result is not None,
        "bundle": None if result is None else result.data.get("model_dir"),
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
    """What tells the study from others: its bundle (seen from its own folder, if it lies there, or from here) or, for a
    search, what was searched; or why it cannot be read.
    """
    if row["state"] == UNREADABLE:
        return str(row["reason"])
    if row["bundle"] is not None:
        bundle = Path(str(row["bundle"]))
        near = (place for place in (Path(row["folder"]).resolve(), Path.cwd()) if bundle.is_relative_to(place))
        return str(next((bundle.relative_to(place) for place in near), bundle))
    if row["data"]:
        return f"from {row['data']}, nothing exported yet"
    told = [f"{kind} {row[kind]}" for kind in ("space", "strategy") if row[kind]]
    return f"search alone: {', '.join(told)}" if told else None
