"""Comparisons of strategies that ``archsmith compare`` has made in the workspace: which there are, and what they say.

``results.json`` of a comparison holds what was found; one that is not finished has its plan and the runs so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from archsmith.analysis.comparison import curves, ranks
from archsmith.analysis.comparison.across import Across
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import Compared, effect_size, metric_name, probability
from archsmith.analysis.wording import NB, amount, duration, sentence_case
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.files import file_stamp, json_value, reading, small_text
from archsmith.runtime.comparison import RESULT, RUNS, Plan, read_plan
from archsmith.runtime.comparison.looks import read_looks
from archsmith.runtime.comparison.runs import read_run
from archsmith.server.refusals import Refusal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RESULTS, REPORT, TABLE = "results.json", "report.html", "runs.csv"
FILES = {REPORT: "text/html", TABLE: "text/csv", RESULTS: "application/json"}  # what may be taken
LARGEST = 32 * 2**20  # bytes of such a file
MOST = 500  # comparisons that are listed
MOST_RUNS = 2000  # that are read to judge an unfinished one
DAMAGED = "What this comparison found cannot be read"


@dataclass(frozen=True)
class Key:
    """What a line of the chart is. ``number``: of its colour, 0 for the reference. ``dashed``: is it dashed?"""

    name: str
    number: int
    dashed: bool


@dataclass(frozen=True)
class Table:
    """Numbers as text. ``title``, ``lead``: what they are. ``columns``: of ``rows``; the first one holds names."""

    title: str
    lead: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Listed:
    """One comparison at a glance.

    ``name``: of its folder. ``title``: what it is on. ``strategies``: labels. ``n_done``, ``n_runs``: of all
    strategies; 0 where several benchmarks lie in folders of their own. ``headline``: the verdict in half a line; what
    is missing where there is none. ``finished``: is there a verdict? ``changed``: in Unix seconds.
    """

    name: str
    title: str
    strategies: tuple[str, ...]
    n_done: int
    n_runs: int
    headline: str
    finished: bool
    changed: float


@dataclass(frozen=True)
class Shown:
    """A whole comparison. ``verdict``: a few sentences. ``notes``: what one must know before believing it. ``chart``:
    SVG of this project, in two sizes. ``keys``: its lines. ``files``: what may be taken.
    """

    listed: Listed
    verdict: str
    notes: tuple[str, ...]
    chart: str
    chart_note: str
    keys: tuple[Key, ...]
    tables: tuple[Table, ...]
    files: tuple[str, ...]


class Comparisons:
    """Those in ``folder``, which need not be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> list[Listed]:
        """The one that changed last first; one that cannot be read says so."""
        found = [_listed(folder) for folder in self._folders()]
        return sorted(found, key=lambda one: (one.changed, one.name), reverse=True)[:MOST]

    def get(self, name: str) -> Shown:
        """Raises Refusal for one that is not there, DataError for one that is damaged."""
        folder = self._place(name)
        found = _found(folder) or _judged(folder)
        files = tuple(file for file in FILES if (folder / file).is_file())
        if found is None:
            return Shown(_listed(folder), "", (), "", "", (), (), files)
        with reading(DAMAGED, "Repeat the command: what has run is kept."):
            if isinstance(found, Across):
                return _of_several(_listed(folder), found, files)
            return _of_one(_listed(folder), found, files)

    def file(self, name: str, file: str) -> tuple[bytes, str]:
        """Content and media type of one of ``FILES``. Raises Refusal."""
        path = self._place(name) / file
        if file not in FILES or not path.is_file() or path.stat().st_size > LARGEST:
            raise Refusal(404, "no_file", f"There is no file {file[:40]!r} of this comparison.")
        return path.read_bytes(), FILES[file]

    def _place(self, name: str) -> Path:
        folder = self.folder / name
        if NAME.fullmatch(name) is None or not _is_comparison(folder):
            raise Refusal(404, "no_comparison", f"There is no comparison {name[:100]!r}.", "See /comparisons.")
        return folder

    def _folders(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if NAME.fullmatch(path.name) and _is_comparison(path))


def _is_comparison(folder: Path) -> bool:
    return (folder / "comparison.json").is_file() or (folder / RESULTS).is_file()


def _listed(folder: Path) -> Listed:
    """Reads what is needed for one line; a damaged one is told as such."""
    changed = max((path.stat().st_mtime for path in folder.glob("*.json")), default=0.0)
    try:
        found, plan = _found(folder), read_plan(folder)
    except (ArchsmithError, OSError) as error:
        return Listed(folder.name, folder.name, (), 0, 0, str(error), False, changed)
    n_done, n_runs = _progress(folder, plan)
    if isinstance(found, Across):
        title = f"{amount(len(found.titles), 'benchmark')}: {', '.join(found.titles)}"
        return Listed(folder.name, title, found.labels, 0, 0, _first_sentence(found.verdict), True, changed)
    if found is not None:
        return Listed(folder.name, found.title, found.labels, n_done, n_runs, found.headline, True, changed)
    assert plan is not None
    missing = f"{n_done:,} of {amount(n_runs, 'run')} have finished; the same command goes on"
    text = f"All {amount(n_runs, 'run')} have finished" if n_done >= n_runs else missing
    return Listed(folder.name, plan.title, tuple(plan.strategies), n_done, n_runs, text, False, changed)


def _progress(folder: Path, plan: Plan | None) -> tuple[int, int]:
    if plan is None:
        return 0, 0
    return sum(1 for _ in (folder / RUNS).glob(f"*/{RESULT}")), plan.runs * len(plan.strategies)


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _found(folder: Path) -> Compared | Across | None:
    """None before there is a verdict. Raises DataError for what is damaged."""
    path = folder / RESULTS
    return _read(str(path), file_stamp(path)) if path.is_file() else None


def _judged(folder: Path) -> Compared | None:
    """What the runs so far say, where no verdict was written: several benchmarks have theirs elsewhere. None where no
    seed has been run by every strategy.
    """
    plan = read_plan(folder)
    if plan is None:
        return None
    places = sorted((folder / RUNS).glob(f"*/{RESULT}"))[:MOST_RUNS]
    try:
        return compare(plan, [read_run(place) for place in places], looks=read_looks(folder))
    except UsageError:
        return None


@lru_cache(maxsize=64)
def _read(path: str, stamp: str) -> Compared | Across:
    with reading(DAMAGED, "Repeat the command: what has run is kept."):
        data: dict[str, Any] = json_value(small_text(path, LARGEST))
        return TypeAdapter(Across if "benchmarks" in data else Compared).validate_python(data)


# One benchmark


def _of_one(listed: Listed, found: Compared, files: tuple[str, ...]) -> Shown:
    keys = tuple(_key(found, label) for label in found.labels)
    shades = f", shades 95{NB}% intervals of these means" if curves.intervals(found) else ""
    note = f"Lines are {curves.means(found, each=True)}{shades}. {'Higher' if found.maximize else 'Lower'} is better."
    tables = [_ends(found), *([_tests(found)] if found.tests else []), _reaches(found)]
    tables += [_wins(found)] if len(found.labels) > 1 else []
    return Shown(listed, found.verdict, found.notes, curves.chart(found), note, keys, tuple(tables), files)


def _key(found: Compared | Across, label: str) -> Key:
    return Key(label, int(curves.colour_class(found, label)[1:]), curves.is_dashed(found, label))


def _ends(found: Compared) -> Table:
    rows = tuple(
        (
            row.label,
            found.average(row),
            found.shown(row.median),
            found.ends(row),
            f"{row.trials:.0f}",
            duration(row.seconds),
        )
        for row in found.rows
    )
    what = "architecture that each run ends with, its incumbent"
    if found.answer == "front":
        what = "last front of each run"
    lead = f"{sentence_case(metric_name(found.metric))} of the {what}."
    seconds = "simulated" if found.simulated else "trials take"
    return Table("At the end", lead, ("strategy", "mean ± sd", "median", "worst – best", "trials", seconds), rows)


def _tests(found: Compared) -> Table:
    rows = tuple(
        (
            test.label,
            str(test.better),
            str(test.worse),
            str(test.ties),
            found.difference(test.difference),
            found.between(test.interval),
            effect_size(test.effect),
            probability(test.p_holm),
        )
        for test in found.tests
    )
    gain = f"gain, {found.unit}" if found.unit else "gain"
    lead = (
        "Runs with the same seed are pairs. Gain is the typical difference, above 0 when better. Effect is the share "
        "of pairs won less the share lost. Below 0.05, p says that chance does not explain it (Wilcoxon, Holm)."
    )
    columns = ("strategy", "better", "worse", "ties", gain, f"95{NB}% interval", "effect", "p")
    return Table(f"Against {found.reference}", lead, columns, rows)


def _reaches(found: Compared) -> Table:
    rows = tuple(
        (
            reach.label,
            f"{reach.n_reached} of {reach.n_runs}",
            "–" if reach.trials is None else f"{reach.trials:g}",
            duration(reach.seconds),
        )
        for reach in found.reaches
    )
    about = f"{found.about_target} " if found.about_target else ""
    lead = f"Until {found.shown(found.target)} was reached. {about}A dash: fewer than half of the runs got there."
    time = "median simulated time" if found.simulated else "median time of trials"
    return Table("How long it takes", lead, ("strategy", "reached by", "median trials", time), rows)


def _wins(found: Compared) -> Table:
    rows = tuple((a, *("·" if a == b else found.won(a, b) for b in found.labels)) for a in found.labels)
    lead = "The share of the pairs of runs in which the strategy of the row ended better than that of the column."
    return Table("Who beats whom", lead, ("strategy", *found.labels), rows)


# Several benchmarks


def _of_several(listed: Listed, found: Across, files: tuple[str, ...]) -> Shown:
    ranked = tuple((row.label, f"{row.mean:.2f}", *(f"{rank:.2f}" for rank in row.ranks)) for row in found.ranked)
    pairs = tuple(
        (
            f"{pair.first} – {pair.second}",
            pair.counts,
            effect_size(pair.effect),
            probability(pair.here.p_holm),
            probability(pair.elsewhere.p_holm),
        )
        for pair in found.pairs
    )
    tables = (
        Table("Mean ranks", "1 is best.", ("strategy", "all", *found.titles), ranked),
        Table(
            "Pairs",
            "Effect: the share of the runs that the first won less the share that it lost. Below 0.05, p says that "
            "chance does not explain it: on these benchmarks over runs, on others of this kind over benchmarks.",
            ("pair", "won, lost, tied", "effect", "p, these", "p, others"),
            pairs,
        ),
    )
    note = "Strategies by their mean rank, the best on the left. A bar joins what was not shown to differ."
    keys = tuple(_key(found, row.label) for row in found.ranked)
    return Shown(listed, found.verdict, found.notes, ranks.chart(found), note, keys, tables, files)
