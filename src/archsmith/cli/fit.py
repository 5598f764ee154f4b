"""``archsmith fit``: the main command, from a data set to a bundle."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsmith.automl.settings import DEFAULT_SECONDS, FitSettings
from archsmith.cli.options import given_options, with_options

if TYPE_CHECKING:
    from archsmith.cli.opened import OpenStudy


@with_options(FitSettings)
def fit(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            help="'digits' (the shipped sample), a CSV or Parquet table, a folder or zip of class folders, IDX files "
            "or an .npz file."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Setting, such as recipe.weight_decay=0.01; may be repeated.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the newest unfinished study of these data, or with the study --name."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Use the exact terms: names in the log, all metrics, multiply-adds.")
    ] = False,
    **options: Any,
) -> None:
    """Search and train a network for DATA, and write a bundle and a report.

    The best network is trained in full and tested once. Ctrl-C once finishes with the best network so far (the
    incumbent). Ctrl-C twice stops now, and --resume goes on later.
    """
    from archsmith import catalog
    from archsmith.cli.output import to_stderr
    from archsmith.core.budget import parse_seconds, parse_trials, without_unit

    time, trials = options.pop("seconds"), options.pop("trials")
    if resume:
        given = {**given_options(context), "settings": catalog.parse_settings(settings or [])}
        study = _to_resume(given, options["name"], options["workspace"])
        if study is not None:
            where = {name: options[name] for name in ("out", "replace", "workspace")}
            resume_fit(study, time, trials, **where, json=json, verbose=verbose)
            return
    to_stderr(*without_unit(time))
    seconds = None if time is None else parse_seconds(time)
    most = None if trials is None else parse_trials(trials)
    if seconds is None and most is None:
        seconds = DEFAULT_SECONDS
    chosen = FitSettings(data, seconds=seconds, trials=most, settings=catalog.parse_settings(settings or []), **options)
    run(chosen, json=json, verbose=verbose)


def _to_resume(given: Mapping[str, Any], name: str | None, workspace: str | None) -> str | None:
    """The study for ``--resume``; None: there is none of these data. Raises UsageError where it is not the one that was
    asked for by the settings that were ``given``.
    """
    from archsmith.automl.opening import job_view, known, latest_unfinished
    from archsmith.automl.same_study import refuse_another
    from archsmith.cli.output import to_stderr
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace)
    study = latest_unfinished(place, given) if name is None else known(place, name)
    if study is None:
        which = f"named {name!r}" if name is not None else "that learns this from these data"
        to_stderr(f"There is no study {which} to go on with. A new one starts.")
    else:
        refuse_another(job_view(place.resolve(study)).job.fit, given)
    return study


def resume_fit(
    name: str,
    time: str | None,
    trials: str | None,
    *,
    out: str | None,
    replace: bool,
    workspace: str | None,
    json: bool,
    verbose: bool = False,
) -> None:
    """Go on with a job. ``time`` and ``trials`` are limits on the whole study, see ``Standing.limits``. ``replace``:
    also the bundle of another study in ``out``.
    """
    import dataclasses

    from archsmith.automl.opening import job_view, settings_in
    from archsmith.cli.opened import open_study
    from archsmith.cli.output import to_stderr
    from archsmith.core.budget import without_unit
    from archsmith.runtime.extension import Standing

    to_stderr(*without_unit(time))
    study = open_study(name, workspace)
    view = job_view(study.store.folder)
    standing, before = Standing.of(view), settings_in(view)
    limits = standing.limits(time, trials)
    standing.refuse_idle(limits)
    given: dict[str, Any] = {"seconds": limits.seconds, "trials": limits.trials, "out": out or before.out}
    run(
        dataclasses.replace(before, **given, workspace=workspace, replace=replace, name=study.id, resume=True),
        json=json,
        verbose=verbose,
        before=study,
    )


def run(settings: FitSettings, *, json: bool, verbose: bool = False, before: OpenStudy | None = None) -> None:
    """Run the job with a display, and print its result. ``before``: the study to go on with; None: a new one."""
    from archsmith.automl.job import fit as run_job
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import Interrupted, Interrupts
    from archsmith.cli.output import emit, to_stderr
    from archsmith.runtime.progress import Progress
    from archsmith.runtime.resuming import resume_command
    from archsmith.runtime.workspace import called

    folders: list[Path] = [] if before is None else [before.store.folder]  # of the study
    progress = Progress(settings.seconds, settings.trials, exact=verbose)
    for event in before.store.read() if before is not None else ():
        progress.apply(event)
    display = Display(f"archsmith fit {settings.data or '(data in memory)'}", progress=progress)
    finishing = "Finishing with the best network so far. Ctrl-C again stops at once."
    try:
        # standard output is for results, whatever a library prints
        with display, contextlib.redirect_stdout(sys.stderr), Interrupts(lambda: display.note(finishing)) as interrupts:
            result = run_job(settings, observer=display, finish=interrupts, on_study=folders.append).to_dict()
    except KeyboardInterrupt:
        began = progress.view.began
        if began is None or not folders:
            raise Interrupted("Stopped, before there was a study to go on with.") from None
        command = resume_command(called(folders[0]), began.to_data())
        raise Interrupted("Stopped.", f"Go on with: {command}") from None
    if json:
        emit(result)
    else:
        summarize(result, verbose=verbose)
    if result.get("not_copied"):
        to_stderr(
            f"The bundle could not be copied to {settings.out!r}. {result['not_copied']}",
            f"Copy it from where it is: {result['model_dir']}",
        )
        raise typer.Exit(1)


def summarize(result: dict[str, Any], *, verbose: bool = False) -> None:
    """Print the result for people: what was trained, how good the exported network is, where it lies, and the next
    command.
    """
    from archsmith.cli.output import say
    from archsmith.core.time_told import about_time

    _show_rows(result, verbose=verbose)
    say("", *_told(result, verbose=verbose))
    say(*filter(None, [about_time(result)]))
    shows = " The report shows all of this in pictures." if result["report"] else ""
    say("", f"The bundle is the exported network, ready for use.{shows}")
    say(f"Bundle: {result['model_dir']}")
    if result["report"]:
        say(f"Report: {result['report']}")
    say(f"Study:  {result['study']}", f"Next:   archsmith predict {shlex.quote(result['model_dir'])} FILE...")


def _show_rows(result: dict[str, Any], *, verbose: bool) -> None:
    """The table of what was trained. Exact names and multiply-adds are for those who ask for them."""
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name, network_name, remark, sentence_case

    say("", f"{sentence_case(metric_name(result['metric']))} of what was trained:")
    columns: list[Any] = ["network", "validation", "test", "parameters", "multiply-adds", "epochs", "seconds", ""]
    rows = [
        [
            row["name"] if verbose else network_name(row["name"]),
            row["valid"],
            row["test"],
            row["params"],
            row["macs"],
            float(f"{row['epochs']:.3g}") if row["epochs"] else None,
            round(row["seconds"], 1) if row["seconds"] else None,
            remark(row),
        ]
        for row in result["rows"]
    ]
    hidden = [] if verbose else [columns.index("multiply-adds")]
    head, *cells = ([cell for i, cell in enumerate(row) if i not in hidden] for row in (columns, *rows))
    show(head, cells)


def _told(result: dict[str, Any], *, verbose: bool) -> list[str]:
    """How good the exported network is, why it is this one, and how the search went."""
    from archsmith.core.targets import metric_meaning, worse_than_the_mean
    from archsmith.core.wording import amount, clock, metric_name, number, sentence_case, times

    name, reads = metric_name(result["metric"]), result["test_reads"]
    meaning = f" ({metric_meaning(result['metric'])})" if metric_meaning(result["metric"]) else ""
    others = "".join(
        f", {metric_name(metric)} {number(value)}"
        for metric, value in result["metrics"]["test"].items()
        if metric != result["metric"] and verbose
    )
    again = ", because the study went on after that" if reads > 1 else ""
    budget = f" of {clock(result['budget_seconds'])}" if result["budget_seconds"] else ""
    fits = ", of what fits into the time" if any(row.get("enough_seconds") for row in result["rows"]) else ""
    return [
        f"{sentence_case(name)}{meaning} of the exported network: test {number(result['test'])}{others}; validation "
        f"{number(result['valid'])}.",
        *worse_than_the_mean(result["metrics"]["test"].get("r2")),
        f"The test split was measured {times(reads)}{again}. The validation split alone decides what is "
        f"exported{fits}.",
        f"The network has {amount(result['params'], 'parameter')}, the numbers that it learnt, and needs "
        f"{amount(result['macs'], 'multiply-add' if verbose else 'multiplication')} for one example. "
        "An epoch is one pass through the training split.",
        result["why"],
        f"The job took {clock(result['seconds'])}{budget}. {_searched(result)}",
    ]


def _searched(result: dict[str, Any]) -> str:
    """How many trials the search had, or why there was none."""
    from archsmith.core.wording import amount, end_of_search, reason_in_words, sentence_case

    trials = result["n_trials"]
    if not trials:
        return f"{sentence_case(end_of_search(result['stop_reason'], trials))}."
    networks = result.get("n_networks") or trials
    of = "" if networks == trials else f" of {amount(networks, 'network')}"
    return f"The search had {amount(trials, 'trial')}{of} and ended because {reason_in_words(result['stop_reason'])}."
