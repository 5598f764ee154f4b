"""Every search method compared with random search on the package's tables: the figures on the documentation pages of
the methods.

    python benchmarks/methods.py --runs 20 --pictures docs/images/methods

Runs of all strategies are paired by their seeds and use default settings. What a strategy draws before it sees results
(its first weights) comes from the seed of the run, too. A trial gets the score of one recorded training, drawn with its
seed. A search is measured by the accuracy of its incumbent, as the mean over all recorded trainings at the
highest fidelity. *Regret*: how many points the mean over runs is below the best of the table.

* ``digits`` and ``digits-cells``, 100 trials: all strategies of the catalogue with one objective and full trials
  (``progressive`` on cells only; like every table they grow by decisions).
* ``fashion-14`` and ``fashion-14-cells``, 100 trials: ``graph_gp`` and the strategies of ``benchmarks/tables.py``.
* Short trials: strategies that use them, and others, with the same budget of simulated seconds: that of 100 average
  trainings. A table counts every trial from its first epoch, even one that a real evaluator would continue.
* Two objectives, accuracy and multiply-adds: hyper-volume of the front after 100 trials.

*Better, worse, ties*: pairs with random search. *p*: Wilcoxon's signed-rank test, two-sided; *corrected* after Holm for
the tests of one table. *Drawn*: number of trials with random architectures. *Clock*: seconds of a run, with its log.
Logs are kept below ``benchmarks/results``. A stopped run goes on; a finished one is not repeated.
"""

from __future__ import annotations

import argparse
import bisect
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import jobs
import numpy as np
import record

from archsmith import catalog
from archsmith.analysis.axes import Axis
from archsmith.analysis.charts import NARROW, Ends, Line, plot
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import VOLUME, Compared, probability
from archsmith.analysis.comparison.curves import by_itself, small_axes, small_picture
from archsmith.core.problem import Objective
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.comparison import RUNS, Comparison, Plan, Run
from archsmith.runtime.sqlite import SqliteStore

TRIALS = 100
SHARES = (0.25, 0.5, 1.0)  # shares of the budget after which regrets are shown
FEW = ("random", "evolution", "local", "graph_gp")
SHORT = ("halving", "hyperband", "asha")
# With full trials. enas needs shared weights, and race trainings that go on, which tables do not have.
LEFT_OUT = (*SHORT, "enas", "race")
CELLS = "digits-cells"
AGAINST = ("better, worse, ties", "p", "corrected")  # pairs with random search
TWO = (Objective("accuracy"), Objective("macs", maximize=False))


@dataclass(frozen=True)
class Bench:
    """One comparison.

    ``table``: name of the table.
    ``strategies``: names of the strategies.
    ``pictures``: strategies that are drawn.
    ``short``: True: trials at all fidelities, and a budget of seconds.
    ``two``: True: two objectives.
    """

    table: str
    strategies: tuple[str, ...]
    pictures: tuple[str, ...] = ()
    short: bool = False
    two: bool = False

    @property
    def evaluator(self) -> TableEvaluator:
        return TableEvaluator(self.table, noisy=True)

    @property
    def title(self) -> str:
        return f"{self.table}{', short trials' if self.short else ', two objectives' if self.two else ''}"

    def plan(self, runs: int) -> Plan:
        evaluator = self.evaluator
        seconds = float(round(TRIALS * evaluator.table.seconds[:, -1].mean())) if self.short else None
        strategies = {name: catalog.get("strategy", name)() for name in self.strategies}
        problem = evaluator.problem(TWO if self.two else None)
        return Plan.of(
            problem,
            evaluator,
            strategies,
            runs=runs,
            seconds=seconds,
            trials=None if self.short else TRIALS,
            title=self.title,
        )


def benches() -> list[Bench]:
    found = []
    for table in ("digits", "digits-cells"):
        names = [
            name
            for name in catalog.TABLE["strategy"]
            if name not in LEFT_OUT and (name != "progressive" or table == CELLS)
        ]
        found.append(Bench(table, tuple(names), tuple(name for name in names if name != "nsga2")))
    found += [Bench(table, FEW) for table in ("fashion-14", "fashion-14-cells")]
    found += [
        Bench(table, ("random", "evolution", "graph_gp", *SHORT), SHORT, short=True)
        for table in ("digits", "digits-cells")
    ]
    return found + [Bench(table, ("random", "nsga2"), ("nsga2",), two=True) for table in ("digits", "digits-cells")]


def drawn(study: Path) -> int:
    """Number of a study's trials with random architectures."""
    proposed = (row for event in SqliteStore(study).read() if event.kind == "proposed" for row in event.data["trials"])
    return sum(row["notes"].get("operator") == "sample" for row in proposed)


def table_of(bench: Bench, comparison: Comparison, compared: Compared) -> str:
    """The result of one comparison as a Markdown table."""
    plan = comparison.plan
    volume = compared.metric == VOLUME
    limit = plan.seconds or plan.trials or 0
    best = 100 * float(np.nanmax(bench.evaluator.table.finals("accuracy")))
    tests, curves = {test.label: test for test in compared.tests}, {curve.label: curve for curve in compared.curves}

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}" if volume else f"{100 * value:.2f}"

    def reached(label: str, share: float) -> str:
        """Regret or hyper-volume; a dash if not every run had an incumbent yet."""
        curve = curves[label]
        at = bisect.bisect_right(curve.x, share * limit) - 1
        return "–" if at < 0 else shown(curve.mean[at]) if volume else f"{best - 100 * curve.mean[at]:.2f}"

    unit = "s" if bench.short else "trials"
    cells = [
        [
            "strategy",
            *(f"{share * limit:g} {unit}" for share in SHARES),
            "mean ± sd",
            "median",
            *AGAINST,
            "trials",
            "drawn",
            "clock",
        ]
    ]
    for row in compared.rows:
        test = tests.get(row.label)
        pairs = (
            ["–"] * 3
            if test is None
            else [f"{test.better}, {test.worse}, {test.ties}", probability(test.p), probability(test.p_holm)]
        )
        at_the_end = [f"{shown(row.mean)} ± {shown(row.sd)}", shown(row.median)]
        studies = [comparison.folder / RUNS / f"{row.label}-{seed}" for seed in range(plan.seed, plan.seed + plan.runs)]
        costs = [f"{row.trials:.0f}", f"{statistics.fmean(map(drawn, studies)):.0f}", f"{row.wall_seconds:.2f}"]
        cells.append([row.label, *(reached(row.label, share) for share in SHARES), *at_the_end, *pairs, *costs])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    what = "hyper-volume" if volume else f"regret in points below {best:.2f} %"
    return "\n".join([f"{bench.title}: {limit:g} {unit}, {compared.n_runs} runs; {what}", *lines, *compared.notes])


def luck(compared: Compared, runs: list[Run]) -> str:
    """Draw random search alone: the incumbent of each run, and their mean."""
    x, y, _ = small_axes(compared)
    own = [run.curve for run in runs if run.strategy == compared.reference]
    mean = next(curve for curve in compared.curves if curve.label == compared.reference)
    each = [[(step.n, step.points[0][0]) for step in curve] + [(x.high, curve[-1].points[0][0])] for curve in own]
    lines = [Line(seen(line, y), "faint", steps=True) for line in each]
    average = Line(seen(list(zip(mean.x, mean.mean, strict=True)), y), "s0")
    ends = Ends([(mean.mean[-1], f"mean of {len(own)}", "s0")])
    return by_itself(plot(NARROW, x, y, [*lines, average, ends], f"{len(own)} runs of random search"))


def seen(points: list[tuple[float, float]], y: Axis) -> list[tuple[float, float]]:
    """The part of a line inside the figure; lower values after that are moved to its edge."""
    first = next((i for i, (_, value) in enumerate(points) if value >= y.low), len(points))
    return [(at, max(y.low, value)) for at, value in points[first:]]


def draw(bench: Bench, compared: Compared, runs: list[Run], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    named = replace(compared, title=bench.table)
    for name in bench.pictures:
        svg = luck(named, runs) if name == compared.reference else small_picture(named, name)
        (folder / f"{name}-{bench.table}.svg").write_text(svg, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pictures", type=Path, help="folder for the figures")
    options = parser.parse_args()
    for bench in benches():
        began = time.perf_counter()
        plan = bench.plan(options.runs)
        comparison = Comparison(
            jobs.RESULTS / "methods" / f"{bench.title.replace(', ', '-').replace(' ', '-')}-{plan.key}", plan
        )
        comparison.run(options.workers)
        runs = comparison.runs()
        compared = compare(plan, runs)
        print(f"{table_of(bench, comparison, compared)}\n({time.perf_counter() - began:.0f} s)\n", flush=True)
        if options.pictures is not None:
            draw(bench, compared, runs, options.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
