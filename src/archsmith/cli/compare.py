"""``archsmith compare``: compare strategies on one benchmark or several, or on a problem of one's own, with equal
budgets and seeds.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

SLUG = 60  # most characters of a comparison's default name


def compare(
    bench: Annotated[
        list[str] | None,
        typer.Option(
            help="Benchmark: digits, digits-cells, fashion-14, fashion-14-cells, nas-bench-201, fcnet, or the file of "
            "a table. May be repeated; nas-bench-201:cifar100 names a data set, too."
        ),
    ] = None,
    evaluator: Annotated[
        str | None, typer.Option(help="Evaluator instead of a benchmark: a name, or module:Class.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="With --evaluator: search space, a name or module:Class.  [default: the evaluator's own]"),
    ] = None,
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
            "--set",
            help="Setting, such as strategy.evolution.population=10, evaluator.epochs=200 or space.…; may be repeated.",
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
    """Compare search strategies on benchmarks, or on a problem of your own, with equal budgets and seeds.

    A strategy proposes architectures, an evaluator scores each of them (a trial), and the best one so far is the
    incumbent. If it was stopped, the same command goes on. More --runs add to the finished ones.
    """
    from archsmith import catalog
    from archsmith.cli import benches
    from archsmith.cli.search import objectives_and_limits
    from archsmith.core.budget import DEFAULT_TRIALS, parse_seconds
    from archsmith.core.errors import UsageError
    from archsmith.runtime.comparison import Comparison, Plan
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace).path
    named = _named(strategies)
    for pair in settings or []:
        _refuse_bare(pair, named)
    given = catalog.parse_settings(settings or [], labels=named)
    unknown = [kind for kind in given if kind not in ("strategy", "evaluator", "space")]
    if unknown:
        raise UsageError(
            f"There is no setting --set {unknown[0]}.… here.", "Settings begin with strategy.NAME, evaluator or space."
        )
    with contextlib.redirect_stdout(sys.stderr):  # what anybody's code prints while it is built
        chosen = _strategies(named, given.get("strategy", {}))
    if reference is not None and reference not in chosen:
        raise UsageError(
            f"The reference {reference!r} is not among the strategies.", f"Name one of {', '.join(chosen)}."
        )
    if target is not None and not math.isfinite(target):
        raise UsageError(f"--target cannot be {target}.", "Give a score, such as 0.9.")
    goals = objectives_and_limits(maximize or [], minimize or [], limit or [])
    if report is not None and len(goals[0]) > 1:
        raise UsageError("Two objectives are compared by hyper-volume, so --report says nothing.", "Leave it out.")
    if not bench:
        if bench_file is not None or dataset is not None or noisy:
            raise UsageError("--bench-file, --dataset and --noisy need a benchmark.", "Name one with --bench.")
        with contextlib.redirect_stdout(sys.stderr):  # what anybody's code prints while it is built
            cases = [_own(evaluator, space, given, goals)]
    else:
        if evaluator is not None or space is not None or "space" in given:
            raise UsageError(
                "A benchmark has its own space and evaluator.", "Give --bench, or --evaluator and --space, not both."
            )
        if target is not None and len(bench) > 1:
            raise UsageError("A --target is a score on one benchmark.", "Leave it out, or name one benchmark.")
        cases = _benches(bench, bench_file, dataset, noisy, report, given, goals, place)
    if len(cases) > 1 and len(chosen) < 2:
        raise UsageError(
            "Several benchmarks rank strategies, and there is only one.",
            "Name more with --strategies random,evolution.",
        )
    plans = [
        Plan.of(
            case.problem,
            case.evaluator,
            chosen,
            runs=runs,
            seconds=None if seconds is None else parse_seconds(seconds),
            trials=trials if trials or seconds else DEFAULT_TRIALS,
            seed=seed,
            judged_by=report,
            title=case.title,
        )
        for case in cases
    ]
    if target is not None:
        _refuse_target(target, plans[0], cases[0])
    for case in cases:
        if case.bench is not None:  # it has been read without errors
            benches.remember(*case.bench, place)
    folder, folders = _folders(plans, name)
    with contextlib.redirect_stdout(sys.stderr):
        # All of them before the first run, so that mistakes show early.
        comparisons = [Comparison(place / "comparisons" / each, of) for each, of in zip(folders, plans, strict=True)]
    _run(comparisons, workers)
    _tell(comparisons, reference, target, place / "comparisons" / folder, None if out is None else Path(out), json=json)


@dataclass(frozen=True)
class _Case:
    """What strategies are compared on.

    ``title``: what people call it.
    ``bench``: the name that a person gave and the benchmark; None where there is none.
    """

    title: str
    problem: Any
    evaluator: Any
    bench: tuple[str, Any] | None = None


def _benches(
    names: Sequence[str],
    file: str | None,
    dataset: str | None,
    noisy: bool,
    report: str | None,
    given: Mapping[str, Any],
    goals: tuple[Any, Any],
    place: Path,
) -> list[_Case]:
    from archsmith import catalog
    from archsmith.cli import benches
    from archsmith.core.errors import UsageError
    from archsmith.runtime.arguments import problem_of

    objectives, limits = goals
    asked = [*(each.metric for each in (*objectives, *limits)), *([report] if report else [])]
    benches.refuse_shared(names, file, dataset)
    own = given.get("evaluator", {})
    every = [(name, benches.find(name, file, dataset, noisy, asked, place, own)) for name in names]
    titles = [found.title for _, found in every]
    cases: list[_Case] = []
    for i, (name, found) in enumerate(every):
        if any(found == other for _, other in every[:i]):
            raise UsageError(f"The benchmark {found.title} is named twice.", "Name it once.")
        settings = {**found.settings, **own}
        evaluator: Any = catalog.build(catalog.get("evaluator", found.evaluator), settings)
        title = found.title if titles.count(found.title) == 1 else f"{found.title} ({name})"  # files of one name
        cases.append(_Case(title, problem_of(evaluator, objectives, limits), evaluator, (name, found)))
    return cases


def _own(evaluator: str | None, space: str | None, given: Mapping[str, Any], goals: tuple[Any, Any]) -> _Case:
    from archsmith import catalog
    from archsmith.cli.search import problem_of
    from archsmith.core.errors import UsageError

    if evaluator is None:
        raise UsageError(
            "There is nothing to compare the strategies on.",
            "Name a benchmark, such as --bench digits, or an evaluator with --evaluator.",
        )
    problem, built = problem_of(evaluator, space, given, *goals)
    names = [catalog.short_name(type(each)).rpartition(":")[2] for each in (built, problem.space)]
    return _Case(f"{names[0]} on {names[1]}", problem, built)


def _refuse_target(target: float, plan: Any, case: _Case) -> None:
    """Raises UsageError for a target that is known beforehand to be out of reach: a benchmark knows its best score."""
    from archsmith.analysis.comparison.compare import refuse_target
    from archsmith.analysis.comparison.compared import VOLUME
    from archsmith.core.seeds import generator

    if len(plan.judged_by) > 1:
        refuse_target(target, VOLUME, 1.0)
    elif plan.tabled:
        any_of_it = case.problem.space.sample(generator(plan.seed, "target"))
        place = case.evaluator.standing(any_of_it, plan.judged_by[0], maximize=True)
        if place is not None:
            refuse_target(target, plan.judged_by[0], place.best)


def _folders(plans: Sequence[Any], name: str | None) -> tuple[str, list[str]]:
    """The name of the folder of the results, and that of each comparison. Several comparisons lie in folders of their
    own, as if each had been done alone, so that what was done alone is not repeated.
    """
    from archsmith.core.seeds import derive

    checked = None if name is None else _checked(name)
    if len(plans) == 1:
        alone = checked or f"{slug(plans[0].title)}-{plans[0].key}"
        return alone, [alone]
    each = [f"{slug(plan.title)}-{plan.key}" for plan in plans]
    if checked:
        each = [f"{checked}-{one}" for one in slugs([plan.title for plan in plans])]
    key = f"{derive(0, ' '.join(sorted(plan.key for plan in plans))):016x}"[:8]
    return checked or f"{len(plans)}-benchmarks-{key}", each


def _tell(
    comparisons: Sequence[Any],
    reference: str | None,
    target: float | None,
    folder: Path,
    out: Path | None,
    *,
    json: bool,
) -> None:
    """Write and show what the runs say."""
    from archsmith.analysis.comparison.across import across
    from archsmith.analysis.comparison.across_page import write_across
    from archsmith.analysis.comparison.compare import compare as compared_of
    from archsmith.analysis.comparison.page import write_comparison
    from archsmith.cli.compared import show, show_across
    from archsmith.cli.output import emit, to_stderr

    each = [
        compared_of(one.plan, one.runs(), reference=reference, target=target, looks=one.looks()) for one in comparisons
    ]
    data: dict[str, Any] = {"comparison": str(folder)}
    if len(each) == 1:
        files, missing = write_comparison(each[0], comparisons[0].plan, out or folder)
        data |= {"files": list(map(str, files)), "verdict": each[0].verdict, **each[0].to_dict()}
    else:
        found = across(each)
        names = slugs([one.title for one in each])
        parts = {name: (one, of.plan) for name, one, of in zip(names, each, comparisons, strict=True)}
        files, missing = write_across(found, parts, out or folder)
        data |= {"files": list(map(str, files)), "verdict": found.verdict, **found.to_dict()}
        data["benchmarks"] = [
            {"comparison": str(of.folder), "verdict": one.verdict, **one.to_dict()}
            for one, of in zip(each, comparisons, strict=True)
        ]
    for one, of in zip(each, comparisons, strict=True):
        of.looked(one.n_runs)
    to_stderr(*missing)
    if json:
        emit(data)
    elif len(each) == 1:
        show(each[0], files)
    else:
        show_across(found, each, files)


def _named(text: str) -> dict[str, str]:
    """The names of strategies by label, from a text like ``random,small=evolution``. Raises UsageError."""
    from archsmith.core.errors import UsageError

    named: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        label, equals, name = word.partition("=")
        name = name if equals else label
        label = label if equals else name.rpartition(":")[2]
        if label in named:
            raise UsageError(f"Two strategies are called {label!r}.", f"Give one another label: {label},other={name}.")
        named[label] = name
    return named


def _refuse_bare(pair: str, named: Mapping[str, str]) -> None:
    """Raises UsageError for ``population=3``, which does not say whose setting it is."""
    from archsmith.core.errors import UsageError

    field, equals, _ = pair.partition("=")
    if equals and field.strip() and "." not in field:
        raise UsageError(f"{pair!r} is not a setting.", _whose(field.strip(), pair, named))


def _whose(field: str, pair: str, named: Mapping[str, str]) -> str:
    """How ``pair`` is written for the strategies that have such a ``field``; else for any of them."""
    from archsmith import catalog

    having = [label for label, name in named.items() if catalog.has_setting(catalog.get("strategy", name), field)]
    if having:
        return f"Say whose it is: {' or '.join(f'strategy.{label}.{pair}' for label in having)}."
    return f"Say whose it is, such as strategy.{next(iter(named), 'NAME')}.{pair}; no strategy here has {field!r}."


def _strategies(named: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Strategies by label, with the settings of each label. Raises UsageError."""
    from archsmith import catalog
    from archsmith.core.errors import UsageError

    unknown = [label for label in given if label not in named]
    if unknown:
        value = given[unknown[0]]
        labels = " or ".join(f"strategy.{label}.…" for label in named)
        raise UsageError(
            f"--set strategy.{unknown[0]} names no strategy of this comparison.",
            f"Begin with {labels or 'strategy.NAME.…'}."
            if isinstance(value, dict)
            else _whose(unknown[0], f"{unknown[0]}={value}", named),
        )
    chosen: dict[str, Any] = {}
    for label, name in named.items():
        own = given.get(label, {})
        if not isinstance(own, dict):
            raise UsageError(
                f"--set strategy.{label} names no setting.", f"Name a setting of the strategy: strategy.{label}.…."
            )
        chosen[label] = catalog.build(catalog.get("strategy", name), own)
    return chosen


def _checked(name: str) -> str:
    import re

    from archsmith.core.errors import UsageError

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise UsageError(
            f"A comparison cannot be named {name!r}.", "Use letters, digits, dots, dashes and underscores."
        )
    return name


def slug(title: str) -> str:
    """A title as the name of a folder."""
    import re

    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:SLUG].strip("-") or "comparison"


def slugs(titles: Sequence[str]) -> list[str]:
    """Titles as names of folders; equal ones are numbered."""
    found: list[str] = []
    for title in titles:
        name = slug(title)
        numbered = (f"{name}-{n}" for n in itertools.count(2))
        while name in found:
            name = next(numbered)
        found.append(name)
    return found


def _run(comparisons: Sequence[Any], workers: int) -> None:
    """Do what is missing, one comparison after the other. Leaves with exit code 130 when it was stopped."""
    from archsmith.cli.interrupts import Interrupted
    from archsmith.cli.output import to_stderr

    if not any(comparison.missing() for comparison in comparisons):
        to_stderr(
            "All runs were finished before, so nothing was run. If a strategy's code has changed, give another "
            "--name or --seed."
        )
    if not all(_complete(comparison, workers) for comparison in comparisons):
        total = sum(one.plan.runs * len(one.plan.strategies) for one in comparisons)
        there = total - sum(len(one.missing()) for one in comparisons)
        raise Interrupted(f"Stopped. {there:,} of {total:,} runs are there and kept.", "The same command goes on.")


def _complete(comparison: Any, workers: int) -> bool:
    """Do what is missing. False when it was stopped."""
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import Interrupts

    display = Display(f"archsmith compare {comparison.folder.name}")
    interrupts = Interrupts(lambda: display.note("Stopping after the current runs. Ctrl-C again stops at once."))
    try:
        with display, contextlib.redirect_stdout(sys.stderr), interrupts:
            return bool(comparison.run(workers, display, interrupts))
    except KeyboardInterrupt:
        return False
