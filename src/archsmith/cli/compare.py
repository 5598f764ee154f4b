"""``archsmith compare``: compare strategies on one benchmark with equal budgets and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

SLUG = 60  # most characters of a comparison's default name


def compare(
    bench: Annotated[
        str,
        typer.Option(
            help="Benchmark: digits, digits-cells, fashion-14, fashion-14-cells, nas-bench-201, fcnet, or the file of "
            "a table."
        ),
    ],
    strategies: Annotated[
        str, typer.Option(help="Names of strategies, with commas. label=name compares two settings of one strategy.")
    ] = ("random,evolution,local"),
    seconds: Annotated[
        str | None, typer.Option(help="Budget of each run: 90s, 20m or 3h. Benchmarks count simulated time.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Budget of each run: number of trials.  [default: 100, unless --seconds]")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Number of runs of each strategy.")] = 20,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of the first run; the next runs have the next numbers.")
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Number of runs at the same time, each in its own process.")] = 2,
    reference: Annotated[
        str | None, typer.Option(help="Strategy that the others are compared with.  [default: random, else the first]")
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Count the trials until this score is reached.  [default: the reference's median]"),
    ] = None,
    report: Annotated[
        str | None, typer.Option(help="Metric that the incumbents are compared by.  [default: the benchmark's own]")
    ] = None,
    bench_file: Annotated[
        str | None, typer.Option(help="File of nas-bench-201 or fcnet. Give it once; it is remembered.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the benchmark: cifar10, cifar100; for fcnet protein_structure, ….")
    ] = None,
    noisy: Annotated[
        bool, typer.Option("--noisy", help="A trial gets the score of one recorded training, not the mean of all.")
    ] = False,
    maximize: Annotated[
        list[str] | None, typer.Option(help="Metric to maximise; may be repeated.  [default: the benchmark's own]")
    ] = None,
    minimize: Annotated[
        list[str] | None,
        typer.Option(help="Metric to minimise; may be repeated. Two objectives are compared by hyper-volume."),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="Hard limit on a metric, such as 'params<=1000000'; may be repeated.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Setting, such as strategy.evolution.population=10 or evaluator.epochs=200; may be repeated."
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the page and its figures.  [default: the comparison's own]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the comparison.  [default: made from the benchmark and all settings]")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Folder of the comparisons.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Compare search strategies on one benchmark, with equal budgets and seeds.

    If it was stopped, the same command goes on. More --runs add to the finished ones.
    """
    from pathlib import Path

    from archsmith import catalog
    from archsmith.analysis.comparison.compare import compare as compared_of
    from archsmith.analysis.comparison.page import write_comparison
    from archsmith.cli import benches
    from archsmith.cli.output import emit, to_stderr
    from archsmith.cli.search import objectives_and_limits
    from archsmith.core.budget import parse_seconds
    from archsmith.core.errors import UsageError
    from archsmith.runtime.comparison import Comparison, Plan
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace).path
    given = catalog.parse_settings(settings or [])
    unknown = [kind for kind in given if kind not in ("strategy", "evaluator")]
    if unknown:
        raise UsageError(
            f"There is no setting --set {unknown[0]}.… here.", "Settings begin with strategy.NAME or evaluator."
        )
    chosen = _strategies(strategies, given.get("strategy", {}))
    if reference is not None and reference not in chosen:
        raise UsageError(
            f"The reference {reference!r} is not among the strategies.", f"Name one of {', '.join(chosen)}."
        )
    objectives, limits = objectives_and_limits(maximize or [], minimize or [], limit or [])
    asked = [*(each.metric for each in objectives), *(each.metric for each in limits), *([report] if report else [])]
    found = benches.find(bench, bench_file, dataset, noisy, asked, place)
    evaluator: Any = catalog.build(
        catalog.get("evaluator", found.evaluator), {**found.settings, **given.get("evaluator", {})}
    )
    plan = Plan.of(
        evaluator.problem(objectives or None, limits),
        evaluator,
        chosen,
        runs=runs,
        seconds=None if seconds is None else parse_seconds(seconds),
        trials=trials if trials or seconds else 100,
        seed=seed,
        judged_by=report,
        title=found.title,
    )
    benches.remember(bench, found, place)
    folder = place / "comparisons" / (_checked(name) if name else f"{_slug(found.title)}-{plan.key}")
    comparison = Comparison(folder, plan)
    if not comparison.missing():
        to_stderr(
            "All runs were finished before, so nothing was run. If a strategy's code has changed, give another "
            "--name or --seed."
        )
    _run(comparison, workers)
    compared = compared_of(plan, comparison.runs(), reference=reference, target=target)
    files, missing = write_comparison(compared, plan, Path(out) if out is not None else folder)
    to_stderr(*missing)
    if json:
        emit(
            {
                "comparison": str(folder),
                "files": [str(file) for file in files],
                "verdict": compared.verdict,
                **compared.to_dict(),
            }
        )
    else:
        _show(compared, files)


def _strategies(text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Strategies by label, from a text like ``random,small=evolution`` and the settings of each label.

    Raises UsageError.
    """
    from archsmith import catalog
    from archsmith.core.errors import UsageError

    chosen: dict[str, Any] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        label, equals, name = word.partition("=")
        name = name if equals else label
        label = label if equals else name.rpartition(":")[2]
        if label in chosen:
            raise UsageError(f"Two strategies are called {label!r}.", f"Give one another label: {label},other={name}.")
        own = given.get(label, {})
        if not isinstance(own, dict):
            raise UsageError(
                f"--set strategy.{label} names no setting.", f"Name a setting of the strategy: strategy.{label}.…."
            )
        chosen[label] = catalog.build(catalog.get("strategy", name), own)
    unknown = [label for label in given if label not in chosen]
    if unknown:
        raise UsageError(
            f"--set strategy.{unknown[0]} names no strategy of this comparison.",
            f"Begin with strategy.{next(iter(chosen), 'NAME')}.….",
        )
    return chosen


def _checked(name: str) -> str:
    import re

    from archsmith.core.errors import UsageError

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise UsageError(
            f"A comparison cannot be named {name!r}.", "Use letters, digits, dots, dashes and underscores."
        )
    return name


def _slug(title: str) -> str:
    import re

    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:SLUG].strip("-") or "comparison"


def _run(comparison: Any, workers: int) -> None:
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import INTERRUPTED, Interrupts
    from archsmith.cli.output import to_stderr

    display = Display(f"archsmith compare {comparison.folder.name}")
    interrupts = Interrupts(lambda: display.note("Stopping after the current runs. Ctrl-C again stops at once."))
    complete = False
    try:
        with display, interrupts:
            complete = comparison.run(workers, display, interrupts)
    except KeyboardInterrupt:
        pass
    if not complete:
        to_stderr("Stopped. Finished runs are kept. The same command goes on.")
        raise typer.Exit(INTERRUPTED)


def _show(compared: Any, files: Any) -> None:
    from archsmith.analysis.comparison.compared import probability
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name

    say(compared.verdict, *compared.notes)
    metric = metric_name(compared.metric).capitalize()
    say("", f"{metric} of the incumbent at the end, {compared.n_runs} runs on {compared.title}:")
    columns = (
        "strategy",
        "mean ± sd",
        "median",
        "trials",
        "simulated seconds" if compared.simulated else "seconds",
        "clock seconds",
    )
    show(columns, [_numbers(compared, row) for row in compared.rows])
    if compared.tests:
        say("", f"Against {compared.reference}, run by run (Wilcoxon's signed-rank test; p corrected after Holm):")
        rows = [
            (
                test.label,
                test.better,
                test.worse,
                test.ties,
                compared.shown(test.difference),
                probability(test.p),
                probability(test.p_holm),
            )
            for test in compared.tests
        ]
        show(("strategy", "better", "worse", "ties", "median gain", "p", "p corrected"), rows)
        say(*(f"{test.label}: no test, {test.why}." for test in compared.tests if test.why))
    say("", f"Trials until {compared.shown(compared.target)} was reached:")
    if not compared.target_given:
        say(f"(This is the median of {compared.reference}: half of its runs reach it.)")
    reaches = [(reach.label, f"{reach.n_reached} of {reach.n_runs}", reach.trials) for reach in compared.reaches]
    show(("strategy", "reached by", "median trials"), reaches)
    if len(compared.rows) > 1:
        labels = [row.label for row in compared.rows]
        say("", "Share of the pairs of runs in which the strategy of the row ended better than that of the column:")
        show(
            ("", *labels),
            [(a, *("·" if a == b else f"{100 * compared.wins[a][b]:.0f} %" for b in labels)) for a in labels],
        )
    say("", *(str(file) for file in files))


def _numbers(compared: Any, row: Any) -> tuple[object, ...]:
    mean = compared.shown(row.mean) + ("" if row.sd is None else f" ± {compared.shown(row.sd)}")
    return row.label, mean, compared.shown(row.median), round(row.trials), round(row.seconds), f"{row.wall_seconds:.2f}"
