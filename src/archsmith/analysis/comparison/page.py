"""A comparison as files: one HTML page that needs nothing else, its curves as SVG and PNG, all numbers as JSON, and its
runs as CSV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archsmith.analysis import pages, wording
from archsmith.analysis.comparison import curves
from archsmith.analysis.comparison.compared import VOLUME, Compared, effect_size, metric_name, probability
from archsmith.analysis.comparison.statistics import EXACT
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.core.files import write_bytes
from archsmith.core.wording import number, visible
from archsmith.runtime.comparison import Plan
from archsmith.version import VERSION


def write_comparison(compared: Compared, plan: Plan, folder: Path | str) -> tuple[list[Path], list[str]]:
    """Write ``results.json``, ``runs.csv``, ``curves.svg``, ``report.html`` and ``curves.png`` into ``folder``. Returns
    the files, and a sentence for each that an optional package would be needed for. Raises UsageError where nothing can
    be written.
    """
    numbers = {"plan": plan.to_dict(), **compared.to_dict()}
    return written(
        Path(folder),
        {
            "results.json": lambda: json.dumps(numbers, allow_nan=False).encode(),
            "runs.csv": lambda: runs_table([compared]).encode(),
            "curves.svg": lambda: curves.picture(compared).encode(),
            "report.html": lambda: render(compared, plan).encode(),
            "curves.png": lambda: curves.photograph(compared),
        },
    )


def written(folder: Path, makers: Mapping[str, Callable[[], bytes]]) -> tuple[list[Path], list[str]]:
    """Write a file for each of ``makers``. Returns and raises what ``write_comparison`` does."""
    files: list[Path] = []
    missing: list[str] = []
    try:
        for name, make in makers.items():
            try:
                write_bytes(folder / name, make())
                files.append(folder / name)
            except MissingExtraError as error:
                missing.append(f"{name} was not written: {error}")
    except OSError as error:
        raise UsageError(
            f"The comparison cannot be written to {str(folder)!r} ({error.strerror}).",
            "Choose another folder with --out.",
        ) from error
    return files, missing


def runs_table(comparisons: Sequence[Compared]) -> str:
    """One line of CSV for each run, the seconds of its trials and of the clock apart."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(
        ("benchmark", "strategy", "seed", "metric", "value", "trials", "failed", "seconds", "clock_seconds", "ended")
    )
    for compared in comparisons:
        # A spreadsheet may run a cell that begins with one of these.
        title = f"'{compared.title}" if compared.title.startswith(("=", "+", "-", "@")) else compared.title
        for run in compared.finals:
            value = "" if run.value is None else run.value
            counts = (run.trials, run.failed, run.seconds, round(run.wall_seconds, 3), run.reason)
            writer.writerow((visible(title), run.label, run.seed, compared.metric, value, *counts))
    return lines.getvalue()


def render(compared: Compared, plan: Plan) -> str:
    """The page as text. Raises MissingExtraError without jinja2."""
    environment = pages.environment("The page of a comparison")
    environment.filters.update(clock=_clock, p=probability, effect=effect_size, name=metric_name)
    page = environment.get_template("comparison/page.html").render(
        compared=compared,
        plan=plan,
        facts=facts(compared, plan),
        settings={label: _settings(spec) for label, spec in plan.strategies.items()},
        chart=pages.safe(curves.chart(compared)),
        style=pages.safe(pages.style_sheet("comparison/page.css") + curves.page_style()),
        colour=lambda label: curves.colour_class(compared, label),
        dashed=lambda label: curves.is_dashed(compared, label),
        counted=lambda label: curves.counted(compared, label),
        means=curves.means(compared),
        intervals=curves.intervals(compared),
        exact=EXACT,
        volume=compared.metric == VOLUME,
        written=pages.now(),
        version=VERSION,
    )
    return str(page)


def facts(compared: Compared, plan: Plan) -> list[tuple[str, str]]:
    """What was compared, in words."""
    objectives = [
        f"{metric_name(str(name))} ({'highest' if maximize else 'lowest'} wins)"
        for name, maximize in plan.problem["objectives"]
    ]
    limits = [
        " ".join(
            [
                metric_name(str(name)),
                *([f"≤ {number(upper)}"] if upper is not None else []),
                *([f"≥ {number(lower)}"] if lower is not None else []),
            ]
        )
        for name, upper, lower in plan.problem["constraints"]
    ]
    kind = "simulated " if compared.simulated else ""
    budget = [
        *([f"{plan.seconds:,.0f} {kind}seconds"] if plan.seconds else []),
        *([wording.amount(plan.trials, "trial")] if plan.trials else []),
    ]
    judged = wording.listing([metric_name(metric) for metric in plan.judged_by])
    rows = [
        ("problem", plan.title),
        ("searched for", wording.listing(objectives)),
        ("judged by", f"{judged} of the {compared.answer} at the end"),
        ("budget of a run", " and ".join(budget)),
        ("runs", f"{compared.n_runs} of each strategy, {_seeds(sorted({run.seed for run in compared.finals}))}"),
        ("reference", compared.reference),
    ]
    return [*rows, *([("limits", wording.listing(limits))] if limits else [])]


def _seeds(seeds: Sequence[int]) -> str:
    """``seeds 0 to 19``, ``seeds 0 to 3 and 5``: those that every strategy has run."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    told = wording.listing([str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts])
    return f"seed{'s' if len(seeds) > 1 else ''} {told}"


def _clock(seconds: float) -> str:
    """Runs on tables take hundredths of a second."""
    return wording.duration(seconds) if seconds >= 10 else f"{seconds:.2g}{wording.NB}s"


def _settings(spec: Any) -> str:
    told = ", ".join(
        f"{name} {'–' if value is None else value}"
        for name, value in spec["args"].items()
        if not isinstance(value, dict)
    )
    return f"{spec['type']}: {told}" if told else str(spec["type"])
