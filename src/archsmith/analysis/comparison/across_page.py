"""Several benchmarks as files: one HTML page, the picture of ranks, all numbers as JSON and all runs as CSV; and the
files of each benchmark in a folder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from archsmith.analysis import pages
from archsmith.analysis.comparison import curves, ranks
from archsmith.analysis.comparison.across import Across
from archsmith.analysis.comparison.compared import Compared, effect_size, probability
from archsmith.analysis.comparison.page import runs_table, write_comparison, written
from archsmith.runtime.comparison import Plan
from archsmith.version import VERSION

Each = Mapping[str, tuple[Compared, Plan]]  # by the folder of its files


def write_across(across: Across, each: Each, folder: Path | str) -> tuple[list[Path], list[str]]:
    """Write ``results.json``, ``runs.csv``, ``ranks.svg`` and ``report.html`` into ``folder``, and the files of each
    benchmark beneath it. Returns and raises what ``write_comparison`` does; only files of ``folder`` itself are named.
    """
    numbers = {
        **across.to_dict(),
        "benchmarks": [{"folder": name, **compared.to_dict()} for name, (compared, _) in each.items()],
    }
    files, missing = written(
        Path(folder),
        {
            "results.json": lambda: json.dumps(numbers, allow_nan=False).encode(),
            "runs.csv": lambda: runs_table([compared for compared, _ in each.values()]).encode(),
            "ranks.svg": lambda: ranks.picture(across).encode(),
            "report.html": lambda: render(across, each).encode(),
        },
    )
    for name, (compared, plan) in each.items():
        _, lost = write_comparison(compared, plan, Path(folder) / name)
        missing += [line for line in lost if line not in missing]
    return files, missing


def render(across: Across, each: Each) -> str:
    """The page as text. Raises MissingExtraError without jinja2."""
    environment = pages.environment("The page of a comparison")
    environment.filters.update(p=probability, effect=effect_size)
    page = environment.get_template("comparison/across.html").render(
        across=across,
        each=[
            {
                "folder": name,
                "compared": compared,
                "chart": pages.safe(curves.chart(compared)),
                "means": curves.means(compared, each=True),
                "intervals": curves.intervals(compared),
            }
            for name, (compared, _) in each.items()
        ],
        chart=pages.safe(ranks.chart(across)),
        style=pages.safe(pages.style_sheet("comparison/page.css") + curves.page_style()),
        colour=lambda label: curves.colour_class(across, label),
        dashed=lambda label: curves.is_dashed(across, label),
        written=pages.now(),
        version=VERSION,
    )
    return str(page)
