"""``archsmith search``: search any space with any strategy and any evaluator.

Unlike ``archsmith fit`` it trains no final network and writes no bundle.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archsmith.cli.display import Display
    from archsmith.cli.opened import OpenStudy
    from archsmith.core.errors import ArchsmithError
    from archsmith.core.events import Event
    from archsmith.core.history import History

TOY_SPACE, TOY = "toy_flat", "toy"  # the defaults: a first try that needs no data
SLOW_SHARE = 0.5  # of the trials that were forecast is what a slow machine came to
BY_SETTINGS = ("memory", "timeout", "nan", "diverged", "dead_end")  # failures for which a hint tells to change settings
COMPARISONS = {"<=": "upper", ">=": "lower"}


def search(
    context: typer.Context,
    space: Annotated[
        str | None,
        typer.Option(help="Search space: a name, or module:Class.  [default: the evaluator's own, else a toy space]"),
    ] = None,
    strategy: Annotated[str, typer.Option(help="Search strategy: a name, or module:Class.")] = "random",
    evaluator: Annotated[
        str | None, typer.Option(help="Evaluator: a name, or module:Class.  [default: the benchmark's, else a toy]")
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            help="Benchmark: digits, digits-cells, fashion-14, fashion-14-cells, nas-bench-201, fcnet, or the file of "
            "a table."
        ),
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
    data: Annotated[
        str | None,
        typer.Option(
            help="Pictures or a table to train on, as for `archsmith fit`. The default evaluator is then training."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="With --data: the column to predict.  [default: found by its name or place]")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="With --data: classification or regression.  [default: what the targets look like]"),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="With --data: column of a table to learn without; may be repeated.")
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="With --data: rare classes count as much as common ones.")
    ] = False,
    image_column: Annotated[
        str | None, typer.Option(help="With --data: column of a table that holds the pictures or their paths.")
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=1, help="With --data: pixels of a side of the pictures.  [default: from their own sizes]"),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="With --data: most epochs of a trial.  [default: 4]")] = None,
    maximize: Annotated[
        list[str] | None,
        typer.Option(
            help="Metric to maximise; may be repeated.  [default: the evaluator's first metric, maximised or minimised "
            "as its name says]"
        ),
    ] = None,
    minimize: Annotated[
        list[str] | None,
        typer.Option(
            help="Metric to minimise; may be repeated. Several objectives together give a front; those to maximise "
            "come first."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="Hard limit on a metric, such as 'params<=1000000'; may be repeated.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Budget: number of trials.  [default: 100, unless --time]")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Budget of time: 90s, 20m or 1h30m. Benchmarks count simulated time.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting, such as strategy.population=50 or space.…; may be repeated."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of trials that run at the same time.")] = 1,
    name: Annotated[
        str | None, typer.Option(help="Name of the study, the first part of its id.  [default: search]")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Search a space for good architectures, with any strategy and evaluator.

    A space is what can be chosen from. A strategy proposes the next architecture (one choice from it), and an evaluator
    scores it: that is a trial. Every trial is logged in a study: see `archsmith studies`.
    """
    from archsmith import catalog
    from archsmith.cli import benches
    from archsmith.cli.datasets import forecast_trials, problem_on
    from archsmith.cli.output import to_stderr
    from archsmith.core.budget import DEFAULT_TRIALS, Budget, parse_seconds, without_unit
    from archsmith.core.errors import ArchsmithError, UsageError
    from archsmith.runtime.comparison import refuse_endless
    from archsmith.runtime.workspace import Workspace

    given = catalog.parse_settings(settings or [])
    unknown = [kind for kind in given if kind not in ("space", "strategy", "evaluator")]
    if unknown:
        raise UsageError(
            f"There is no setting --set {unknown[0]}.… here.", "Settings begin with space, strategy or evaluator."
        )
    place = Workspace(workspace)
    if name is not None:
        place.refuse_taken(name)
    objectives, limits = objectives_and_limits(maximize or [], minimize or [], limit or [])
    chosen = evaluator or TOY
    if bench is not None:
        if evaluator is not None:
            raise UsageError("--bench and --evaluator exclude each other.", "Give one of them.")
        found = benches.find(
            bench,
            bench_file,
            dataset,
            noisy,
            [each.metric for each in (*objectives, *limits)],
            place.path,
            given.get("evaluator", {}),
        )
        chosen, given["evaluator"] = found.evaluator, {**found.settings, **given.get("evaluator", {})}
    elif bench_file is not None or dataset is not None or noisy:
        raise UsageError("--bench-file, --dataset and --noisy need a benchmark.", "Name one with --bench.")
    columns = {"target": target, "ignore": ignore, "image": image_column}
    asked = {**columns, "task": task, "balance": balance, "side": side}
    reading: dict[str, Any] = {name: value for name, value in asked.items() if value}
    with contextlib.redirect_stdout(sys.stderr):  # what anybody's code prints while it is built
        if data is not None:
            if bench is not None:
                raise UsageError("--bench and --data exclude each other.", "Give one of them.")
            problem, built = problem_on(
                data,
                space,
                evaluator,
                given,
                objectives,
                limits,
                epochs,
                root=place.path / "data",
                seed=seed,
                **reading,
            )
        elif epochs is not None or reading:
            raise UsageError(
                "Options such as --epochs and --target need data to train on.", "Name the data with --data."
            )
        else:
            problem, built = problem_of(chosen, space, given, objectives, limits)
        to_stderr(*without_unit(time))
        budget = Budget(
            seconds=None if time is None else parse_seconds(time), trials=trials if trials or time else DEFAULT_TRIALS
        )
        refuse_endless(budget, problem, built, bench or chosen)
        if bench is not None:
            benches.remember(bench, found, place.path)
        built_strategy = _build("strategy", strategy, given)
        expected = None
        if data is not None:
            from archsmith.automl.opening import CARRYING_ON

            own_epochs = strategy in CARRYING_ON
            expected = forecast_trials(built, problem, budget, seed, workers=workers, own_epochs=own_epochs)
    store = place.create(name or "search", only=name is not None)
    named = {
        "bench": bench,
        "bench-file": bench_file,
        "dataset": dataset,
        "noisy": noisy,
        "data": data,
        "target": target,
        "task": task,
        "ignore": ignore,
        "balance": balance,
        "image-column": image_column,
        "side": side,
        "epochs": epochs,
        "space": space,
        "strategy": strategy,
        "evaluator": evaluator,
    }
    goals = {"maximize": maximize, "minimize": minimize, "limit": limit}
    parts: dict[str, Any] = {**named, **goals, "trials": budget.trials, "time": time, "seed": seed, "set": settings}
    command = command_line("search", {**parts, "workers": workers if workers > 1 else None})
    try:
        told: dict[str, Any] = {"json": json, "command": command, "expected": expected, "debug": bool(context.obj)}
        _run(problem, built_strategy, built, budget, seed, store, workers, **told)
    except ArchsmithError:
        if next(store.read(), None) is None:
            store.discard()  # the search was refused before its first event
        raise


def resume_search(
    study: OpenStudy, time: str | None, trials: str | None, workers: int, *, json: bool, debug: bool = False
) -> None:
    """Go on with a study that ``search`` (or a Search in Python) began. ``time`` and ``trials`` are limits on the whole
    study, see ``Standing.limits``.
    """
    from archsmith import catalog
    from archsmith.core.errors import UsageError
    from archsmith.runtime.comparison import refuse_endless
    from archsmith.runtime.extension import Standing
    from archsmith.runtime.study_view import read_view

    with contextlib.redirect_stdout(sys.stderr):  # what anybody's code prints while it is built
        strategy = catalog.from_spec(study.began.strategy, "strategy")
        evaluator = catalog.from_spec(study.began.evaluator, "evaluator")
        problem = study.problem()
    standing = Standing.of(read_view(study.store.folder), simulated=evaluator.simulated)
    budget = standing.limits(time, trials)
    if budget.seconds is None and budget.trials is None:
        raise UsageError("This study has no budget.", "Give one with --time or --trials.")
    standing.refuse_idle(budget)
    with contextlib.redirect_stdout(sys.stderr):
        refuse_endless(budget, problem, evaluator, study.id)
    told: dict[str, Any] = {"json": json, "debug": debug, "goes_on": standing.told(budget)}
    _run(problem, strategy, evaluator, budget, study.began.seed, study.store, workers, **told)


def _run(
    problem: Any,
    strategy: Any,
    evaluator: Any,
    budget: Any,
    seed: int,
    store: Any,
    workers: int,
    *,
    json: bool,
    command: str = "",
    expected: float | None = None,
    debug: bool = False,
    goes_on: str = "",
) -> None:
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import Interrupted, Interrupts
    from archsmith.cli.output import emit, to_stderr
    from archsmith.core.budget import REQUESTED
    from archsmith.core.failures import never_returned
    from archsmith.core.wording import direction
    from archsmith.runtime.processes import ProcessExecutor
    from archsmith.runtime.progress import Progress
    from archsmith.runtime.search import Search
    from archsmith.runtime.serial import SerialExecutor

    progress = Progress(None if evaluator.simulated else budget.seconds, budget.trials)
    for event in store.read():
        progress.apply(event)
    display = Display(f"archsmith search {store.folder.name}", progress=progress, workers=workers)
    info = {"command": command} if command else {}

    def silent(trial: int) -> None:
        how = "again" if loop.asked_to_stop else "twice"
        display.note(
            f"Trial {trial} does not answer. An evaluator should call context.check(). Ctrl-C {how} ends at once."
        )

    def finish() -> None:
        display.note("Stopping. Unfinished trials run again on resume. Ctrl-C again stops at once.")
        loop.request_stop()

    interrupts = Interrupts(finish)
    serial = SerialExecutor()
    serial.on_silence = silent
    loop = Search(
        problem,
        strategy,
        evaluator,
        budget=budget,
        seed=seed,
        store=store,
        executor=ProcessExecutor(workers) if workers > 1 else serial,
        forecast_trials=expected,
        observer=_telling_tracebacks(display, store.folder) if debug else display,
        finish=interrupts,
        info=info,
    )

    try:
        # standard output is for results, whatever anybody's code prints
        with display, contextlib.redirect_stdout(sys.stderr), interrupts, loop:
            if goes_on:  # nothing is said of a study that another process is writing to
                display.note(goes_on)
            goals = " and ".join(direction(each.metric, each.maximize) for each in problem.objectives)
            display.note(f"Searching for {goals}.")
            result = loop.run()
    except KeyboardInterrupt:
        raise Interrupted("Stopped.", _how_to_go_on(store.folder)) from None
    report = {**_report(store.folder.name, result, problem, evaluator), "forecast_trials": expected}
    # strategies plan by the number of trials where nothing was measured
    if json:
        emit({**report, "forecast_trials": result.history.forecast_trials})
    else:
        _summarize(report, result.history)
    to_stderr(*never_returned(evaluator.metrics, result.history))
    if result.best is None and result.reason != REQUESTED:
        raise _nothing(result, store.folder, budget.trials)


def slowness(report: Mapping[str, Any]) -> str:
    """What to say of a search that was slower than its forecast; empty where it was not. What it was, nobody knows."""
    from archsmith.core.budget import SECONDS

    expected, tried = report["forecast_trials"], report["n_trials"]
    if expected is None or report["stop_reason"] != SECONDS or tried >= SLOW_SHARE * (expected - 1):
        return ""
    return (
        f"There was time for about {expected:.0f} trials by the forecast. Networks may have been larger than the one "
        "that was timed, or the machine slower, as it is while other programs run or workers share it."
    )


def _nothing(result: Any, folder: Path, trials: int | None) -> ArchsmithError:
    """What to say of a search without an answer: the most frequent reason, and what to do. ``trials``: its limit."""
    from archsmith.core.budget import EXHAUSTED
    from archsmith.core.errors import ArchsmithError
    from archsmith.core.failures import most_frequent, nothing_found
    from archsmith.runtime.resuming import AFRESH, more_after

    over, finished = result.reason == EXHAUSTED, result.history.finished
    more = more_after(result.reason, spent=trials is not None and len(finished) >= trials)
    on = AFRESH if over else _how_to_go_on(folder, *more)
    reason = most_frequent(finished)
    afresh = "" if over else "The space and the settings of the evaluator can be changed in a new search only. "
    if over and not result.history.trials:
        return ArchsmithError("The strategy proposed nothing, so there was no trial.", "Choose another --strategy.")
    if any(trial.losses is not None for trial in finished):
        hint = f"Widen the limits or the space{'' if over else ', or give it more'}. {on}"
    elif reason is None and finished:
        hint = f"Let the cascade keep more of them. {afresh}{on}"
    elif reason is None:
        hint = f"Give it more time. {on}"
    else:
        kept = (folder / "trials" / str(trial.id) / "error.txt" for trial in reason.trials)
        traceback = next((f" The traceback is in {file}." for file in kept if file.exists()), "")
        hint = f"{reason.hint}{traceback} {afresh if reason.kind in BY_SETTINGS else ''}{on}"
    return ArchsmithError(nothing_found(result.history), hint)


def _how_to_go_on(folder: Path, *more: str) -> str:
    """How to go on with the search in ``folder``, in a sentence."""
    from archsmith.runtime.resuming import how_to_go_on
    from archsmith.runtime.sqlite import SqliteStore

    first = next(iter(SqliteStore(folder).read()), None)
    return how_to_go_on(folder, {} if first is None else first.data, *more)


def _telling_tracebacks(display: Display, folder: Path) -> Callable[[Event], None]:
    """``display``, and with it the traceback of each trial that failed."""

    def observe(event: Event) -> None:
        display(event)
        file = folder / "trials" / str(event.data.get("trial")) / "error.txt"
        if event.kind == "finished" and file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                display.note(line)

    return observe


def command_line(name: str, options: Mapping[str, Any]) -> str:
    """The command ``archsmith name`` with its options. None, False and empty lists are left out; a list repeats its
    option.
    """
    words = ["archsmith", name]
    for option, value in options.items():
        for each in value if isinstance(value, list) else [] if value is None or value is False else [value]:
            words += [f"--{option}"] if each is True else [f"--{option}", str(each)]
    return shlex.join(words)


def _report(study: str, result: Any, problem: Any, evaluator: Any) -> dict[str, Any]:
    import dataclasses

    from archsmith.cli.fronts import front_data
    from archsmith.runtime.comparison import judged_by_of

    history, best, objective = result.history, result.best, problem.objectives[0]
    place, judged_by = None, judged_by_of(evaluator, objective.metric)
    if best is not None and hasattr(evaluator, "standing"):
        place = evaluator.standing(best.architecture, judged_by, maximize=objective.maximize)
    return {
        "study": study,
        "stop_reason": result.reason,
        "seconds": result.seconds,
        "simulated": bool(evaluator.simulated),
        "n_trials": len(history.finished),
        "n_failed": sum(trial.losses is None for trial in history.finished),
        "metric": objective.metric,
        "best": None
        if best is None
        else {
            "trial": best.id,
            "fidelity": best.fidelity,
            "metrics": dict(best.metrics),
            "architecture": dict(best.architecture),
        },
        "standing": None if place is None else {"metric": judged_by, **dataclasses.asdict(place)},
        **front_data(history),
    }


def _summarize(report: Mapping[str, Any], history: History) -> None:
    from archsmith.cli.fronts import show_front
    from archsmith.cli.output import say, show
    from archsmith.core.failures import without_answer
    from archsmith.core.wording import amount, measure, metric_name, number, reason_in_words

    badly = ", ".join(without_answer(history.finished))
    failed = f" ({badly})" if badly else ""
    why = reason_in_words(report["stop_reason"])
    of = " of simulated time" if report["simulated"] else ""
    say(f"{amount(report['n_trials'], 'trial')}{failed} in {report['seconds']:.1f} s{of}; it ended because {why}.")
    slow = slowness(report)
    if slow:
        say(slow)
    say(f"Study {report['study']}")
    best = report["best"]
    if best is None:
        return
    if report["front"]:
        show_front(history)
        return
    fidelity = history.problem.fidelity
    partial = fidelity.minimum < fidelity.maximum
    at = f" at {measure(best['fidelity'], fidelity.name)}" if partial else ""
    say(
        f"Best: trial {best['trial']}{at}, "
        + ", ".join(f"{metric_name(name)} {number(value)}" for name, value in best["metrics"].items()),
        "",
    )
    place = report["standing"]
    if place is not None:
        behind = abs(place["best"] - place["score"])
        rank = f"Rank {place['rank']:,} of {place['n']:,} in the table by {metric_name(place['metric'])}"
        full = f" at {measure(fidelity.maximum, fidelity.name)}" if partial else ""
        say(f"{rank}: {number(place['score'])} on average{full}, {number(behind)} worse than the best.", "")
    show(("decision", "option"), [(path, str(option)) for path, option in best["architecture"].items()])


def _build(kind: str, name: str, given: Mapping[str, Mapping[str, Any]]) -> Any:
    from archsmith import catalog
    from archsmith.runtime import arguments

    built = catalog.build(catalog.get(kind, name), given.get(kind, {}))
    check = {"space": arguments.check_space, "evaluator": arguments.check_evaluator}.get(kind, arguments.check_strategy)
    check(built)
    return built


def problem_of(
    evaluator: str, space: str | None, given: Any, objectives: tuple[Any, ...], constraints: tuple[Any, ...]
) -> tuple[Any, Any]:
    """The problem and the evaluator that the options describe. An evaluator may have a problem of its own, of which
    ``space`` replaces the space.
    """
    import dataclasses

    from archsmith import catalog
    from archsmith.core.errors import UsageError
    from archsmith.core.problem import Problem
    from archsmith.core.protocols import default_objectives
    from archsmith.runtime import arguments

    cls = catalog.get("evaluator", evaluator)
    if space is None and hasattr(cls, "problem"):
        built = _build("evaluator", evaluator, given)
        own = arguments.problem_of(built, objectives, constraints)
        if own is not None and given.get("space"):
            raise UsageError(
                f"The evaluator {evaluator!r} brings its own space, so --set space.… has no effect.",
                "Leave it out, or name the space with --space.",
            )
        if own is not None:  # one around an evaluator that brings none has none
            return own, built
    chosen = _build("space", space or TOY_SPACE, given)
    wants_space = dataclasses.is_dataclass(cls) and "space" in {field.name for field in dataclasses.fields(cls)}
    settings = given.get("evaluator", {})
    built = catalog.build(cls, {**({"space": catalog.to_spec(chosen)} if wants_space else {}), **settings})
    arguments.check_evaluator(built)
    own = arguments.problem_of(built, objectives, constraints)
    if own is not None:
        return dataclasses.replace(own, space=chosen), built
    return Problem(chosen, objectives or default_objectives(built), constraints), built


def objectives_and_limits(
    maximize: list[str], minimize: list[str], limits: list[str]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Objectives and limits from ``--maximize``, ``--minimize`` and ``--limit``. Raises UsageError."""
    from archsmith.core.problem import Objective, check_limits

    objectives = (
        *(Objective(metric, maximize=True) for metric in maximize),
        *(Objective(metric, maximize=False) for metric in minimize),
    )
    constraints = tuple(_constraint(text) for text in limits)
    check_limits(constraints)
    return objectives, constraints


def _constraint(text: str) -> Any:
    from archsmith.core.errors import UsageError
    from archsmith.core.problem import Constraint

    for sign, bound in COMPARISONS.items():
        metric, found, value = text.partition(sign)
        if found:
            try:
                return Constraint(metric.strip(), **{bound: float(value)})
            except ValueError:
                break
    raise UsageError(f"{text!r} is not a valid limit.", "Write it like 'params<=1000000' or 'accuracy>=0.9'.")
