"""``archsmith fit``: the main command, from a data set to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsmith.automl.settings import DEFAULT_SECONDS, FitSettings
from archsmith.cli.options import with_options

if TYPE_CHECKING:
    from archsmith.cli.opened import OpenStudy

OVER_SHARE, OVER_SECONDS = 0.05, 5.0  # how far beyond its budget a job on a quiet machine may end
EARLY_SHARE = 0.25  # of what a job took is what is left where it counts as early


@with_options(FitSettings)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="'digits' (the shipped sample), a CSV or Parquet table, a folder or zip of class folders, IDX files "
            "or an .npz file."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Setting, such as strategy.population=50; may be repeated.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the newest unfinished study of these data, or with the study --name."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
    **options: Any,
) -> None:
    """Search and train a network for DATA, and write a bundle and a report.

    The best network is trained in full and tested once. Ctrl-C once finishes with the incumbent, the best network so
    far. Ctrl-C twice stops now, and --resume goes on later.
    """
    from archsmith import catalog
    from archsmith.core.budget import parse_seconds

    time, trials = options.pop("seconds"), options["trials"]
    if resume:
        study = _to_resume(data, options["name"], options["workspace"])
        if study is not None:
            resume_fit(study, time, trials, options["out"], options["workspace"], json=json)
            return
    seconds = None if time is None else parse_seconds(time)
    if seconds is None and trials is None:
        seconds = DEFAULT_SECONDS
    run(FitSettings(data, seconds=seconds, settings=catalog.parse_settings(settings or []), **options), json=json)


def _to_resume(data: str, name: str | None, workspace: str | None) -> str | None:
    """The study for ``--resume``; None: there is none of these data."""
    from archsmith.automl.opening import known, latest_unfinished
    from archsmith.cli.output import to_stderr
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace)
    study = latest_unfinished(place, data) if name is None else known(place, name)
    if study is None:
        to_stderr("There is no unfinished study of these data. A new one starts.")
    return study


def resume_fit(
    name: str, time: str | None, trials: int | None, out: str | None, workspace: str | None, *, json: bool
) -> None:
    """Go on with a job. Limits that are not given stay as they were. A ``time`` like ``+20m`` is added to the time that
    is already spent.
    """
    import dataclasses

    from archsmith.automl.opening import job_view, settings_in
    from archsmith.cli.opened import open_study
    from archsmith.runtime.search import parse_budget

    study = open_study(name, workspace)
    view = job_view(study.store.folder)
    seconds = None if time is None else parse_budget(time, study.store)
    given: dict[str, Any] = {
        key: value for key, value in (("seconds", seconds), ("trials", trials), ("out", out)) if value is not None
    }
    if (
        view.ended
        and view.job.stopped_by in ("seconds", "trials")
        and view.job.stopped_by not in given
        and given.keys() & {"seconds", "trials"}
    ):
        given[view.job.stopped_by] = None  # the new limit replaces the one that ended the job
    run(
        dataclasses.replace(settings_in(view), **given, workspace=workspace, name=study.id, resume=True),
        json=json,
        before=study,
    )


def run(settings: FitSettings, *, json: bool, before: OpenStudy | None = None) -> None:
    """Run the job with a display, and print its result. ``before``: the study to go on with; None: a new one."""
    from archsmith.automl.job import fit as run_job
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import INTERRUPTED, Interrupts
    from archsmith.cli.output import emit, to_stderr
    from archsmith.runtime.progress import Progress

    progress = Progress(settings.seconds, settings.trials)
    for event in before.store.read() if before is not None else ():
        progress.apply(event)
    display = Display(f"archsmith fit {settings.data}", progress=progress)
    try:
        with (
            display,
            Interrupts(lambda: display.note("Finishing with the incumbent. Ctrl-C again stops at once.")) as interrupts,
        ):
            result = run_job(settings, observer=display, finish=interrupts).to_dict()
    except KeyboardInterrupt:
        place = "" if settings.workspace is None else f" --workspace {settings.workspace}"
        to_stderr(f"Stopped. Go on with: archsmith studies resume last{place}")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        emit(result)
    else:
        summarize(result)


def summarize(result: dict[str, Any]) -> None:
    """Print the result for people: the baselines, the network, its folder, and the next command."""
    from archsmith.cli.output import say, show
    from archsmith.core.budget import SECONDS, SETTLED
    from archsmith.core.wording import amount, clock, metric_name, number, reason_in_words

    metric = metric_name(result["metric"])
    say("", f"{metric[0].upper()}{metric[1:]} of what was trained:")
    show(
        ("network", "valid", "test", "parameters", "mult-adds", "epochs", "seconds", ""),
        [
            (
                row["name"],
                row["valid"],
                row["test"],
                row["params"],
                row["macs"],
                float(f"{row['epochs']:.3g}") if row["epochs"] else None,
                round(row["seconds"], 1),
                row["error"] or _ended(row),
            )
            for row in result["rows"]
        ],
    )
    say("")
    others = ", ".join(
        f"{metric_name(name)} {number(value)}"
        for name, value in result["metrics"]["test"].items()
        if name != result["metric"]
    )
    say(
        f"Test {metric} {number(result['test'])} ({others}), measured once on the test split; "
        f"validation {number(result['valid'])}."
    )
    say(f"The network has {result['params']:,} parameters and takes {result['macs']:,} multiply-adds for one example.")
    say(result["why"])
    budget = f" of {clock(result['budget_seconds'])}" if result["budget_seconds"] else ""
    say(
        f"{amount(result['n_trials'], 'trial')}, {clock(result['seconds'])}{budget}; the search ended because "
        f"{reason_in_words(result['stop_reason'])}. "
        f"Study {result['study']}."
    )
    over = result["seconds"] - (result["budget_seconds"] or result["seconds"])
    if over > OVER_SHARE * result["seconds"] + OVER_SECONDS:
        say(
            f"That is {clock(over)} more than the budget: the machine was slower than at the start, most often because "
            "other programs ran."
        )
    if over < -EARLY_SHARE * result["seconds"] and result["stop_reason"] in (SECONDS, SETTLED):
        say("It ended before its time was over: more training of these networks promised nothing.")
    say(f"Bundle: {result['model_dir']}")
    if result["report"]:
        say(f"Report: {result['report']}")
    say(f"Next:   archsmith predict {result['model_dir']} FILE...")


def _ended(row: dict[str, Any]) -> str:
    if row["exported"]:
        return "exported"
    return "stopped early" if row["stopped"] else ""
