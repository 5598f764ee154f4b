"""The report of a study: one HTML file that needs nothing else, for a person who knows no neural networks.

``story`` folds the study into facts and sentences, ``figures`` draws them, the template beside this file sets them. The
file asks nobody for anything: style and pictures are inside, and a content security policy forbids the rest.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path
from typing import Any

from archsmith.analysis import figures, wording
from archsmith.analysis.story import Report, tell
from archsmith.analysis.study import read_study
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.graphs.graph import Graph
from archsmith.version import VERSION

TEMPLATES = Path(__file__).parent / "templates"


def write_report(study: Path | str, target: Path | str) -> Path:
    """Write the report of the study in the folder ``study`` to the file ``target``, whole or not at all, and return its
    path.

    Works for unfinished studies too. Raises StudyError without a log, UsageError where the file cannot be written,
    MissingExtraError without jinja2.
    """
    target = Path(target)
    if target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder.", "Name a file, as report.html.")
    page = render(tell(read_study(study)))
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise UsageError(
            f"The report cannot be written to {str(target)!r} ({error.strerror}).", "Choose another place."
        ) from error
    return target


def render(report: Report) -> str:
    """The page as text."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("jinja2", "train", "The report") from error
    # Every value is escaped; only what this package draws itself is marked as safe.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        share=wording.share,
        duration=wording.duration,
        rounded=wording.rounded,
        network=wording.network_name,
        number=wording.number,
        python=repr,
    )
    drawn = {name: Markup(svg) for name, svg in _charts(report).items()}
    cells = {
        name: [(title, Markup(svg)) for title, svg in figures.parts(graph, name)]
        for name, graph in _graphs(report).items()
    }
    return environment.get_template("report.html").render(
        report=report,
        study=report.study,
        charts=drawn,
        parts=cells,
        line_style=figures.line_style,
        level_style=figures.level_style,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        metric=wording.metric_name(report.study.metric),
        scored=wording.score,
        metric_name=wording.metric_name,
        # with two places: the best ones are close
        score=lambda value: wording.score(report.study.metric, value, 10_000),
        written=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        version=VERSION,
    )


def _graphs(report: Report) -> dict[str, Graph]:
    """The networks that are drawn, by the name of their drawing."""
    favourite = report.preparing.favourite if report.preparing is not None else None
    graphs = {"network": report.study.graph, "favourite": favourite.graph if favourite is not None else None}
    return {name: graph for name, graph in graphs.items() if graph is not None}


def _charts(report: Report) -> dict[str, str]:
    """Every chart that the study has facts for, by name."""
    study, answers, searching, beliefs = report.study, report.answers, report.searching, report.beliefs
    metric, validation = study.metric, bool(study.fit)
    preparing = report.preparing
    learning = preparing and preparing.learning
    drawn: dict[str, Any] = {
        "shared_losses": preparing and len(preparing.losses) > 1 and figures.shared_losses(preparing.losses),
        "rewards": preparing
        and learning
        and len(learning.rewards) > 1
        and figures.rewards(learning, preparing.measure),
        "learning_entropy": learning and len(learning.entropy) > 1 and figures.learning_entropy(learning),
        "progress": searching.progress and figures.progress(searching.progress, metric, validation),
        "sizes": searching.sizes and figures.sizes(searching.sizes, metric, validation),
        "policy": beliefs.policy and figures.policy(beliefs.policy),
        "entropy": beliefs.policy and beliefs.policy.entropy and figures.entropy(beliefs.policy),
        "forecasts": beliefs.forecasts
        and figures.forecasts(beliefs.forecasts, study.history.problem.objectives[0].metric, study.maximize),
        "curves": searching.curves and figures.curves(searching.curves, metric),
        "losses": searching.curves and figures.losses(searching.curves),
        "counts": report.material and report.material.counts and figures.counts(report.material.counts),
        "spread": report.material
        and report.material.values
        and figures.histogram(
            report.material.values,
            "the number to be predicted",
            "how often numbers of each size occur in the training part",
        ),
        "confidence": answers and answers.confidence and figures.confidence(answers.confidence),
        "numbers": answers and answers.numbers and figures.numbers(answers.numbers),
        "errors": answers
        and answers.numbers
        and figures.histogram(answers.numbers.errors, "predicted less true", "how often errors of each size occur"),
        "spent": report.spent and figures.spent(report.spent.rows),
        **{name: figures.network(graph, name) for name, graph in _graphs(report).items()},
    }
    return {name: svg for name, svg in drawn.items() if svg}
