"""``archsmith fit``: the main job, from a data set to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsmith.automl.settings import DEFAULT_SECONDS, FitSettings
from archsmith.cli.options import with_options

if TYPE_CHECKING:
    from archsmith.cli.opened import OpenStudy


@with_options(FitSettings)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="'digits' (the shipped sample), a folder or zip of class folders, a CSV or Parquet table, IDX files, "
            "an .npz."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, as strategy.population=50; may be repeated.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the newest unfinished study of these data, or the one of --name."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output at the end.")] = False,
    **options: Any,
) -> None:
    """Search and train a network for DATA, and write a bundle and a report.

    The best network is trained in full and tested once. Ctrl-C once finishes with the best so far; twice stops now, and
    --resume goes on from there.
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
    """The study that ``--resume`` goes on with; None when there is none of these data yet."""
    from archsmith.automl.opening import known, latest_unfinished
    from archsmith.cli.output import to_stderr
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace)
    study = latest_unfinished(place, data) if name is None else known(place, name)
    if study is None:
        to_stderr("There is no study of these data to go on with; starting one.")
    return study


def resume_fit(
    name: str, time: str | None, trials: int | None, out: str | None, workspace: str | None, *, json: bool
) -> None:
    """Go on with a job; limits that are not given stay as they were. ``time`` as ``+20m`` is that much more than what
    is spent.
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
        given[view.job.stopped_by] = None  # the limit that ended it gives way to the new one
    run(
        dataclasses.replace(settings_in(view), **given, workspace=workspace, name=study.id, resume=True),
        json=json,
        before=study,
    )


def run(settings: FitSettings, *, json: bool, before: OpenStudy | None = None) -> None:
    """Run the main job under a display, and print how it ended. ``before`` is the study that goes on."""
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
            Interrupts(
                lambda: display.note("Finishing with the best so far. Ctrl-C again stops at once.")
            ) as interrupts,
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
    """How the job ended, for people: the honest rows, the network, where it lies and what to do next."""
    from archsmith.cli.output import say, show
    from archsmith.core.wording import clock, metric_name, number

    metric = metric_name(result["metric"])
    say("", f"{metric[0].upper()}{metric[1:]} of the networks that were trained in full:")
    show(
        ("network", "valid", "test", "parameters", "mult-adds", "seconds", ""),
        [
            (
                row["name"],
                row["valid"],
                row["test"],
                row["params"],
                row["macs"],
                round(row["seconds"], 1),
                row["error"] or ("exported" if row["exported"] else ""),
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
        f"Test {metric} {number(result['test'])} ({others}), measured once on pictures that nothing was chosen by; "
        f"validation {number(result['valid'])}."
    )
    say(f"The network has {result['params']:,} parameters and takes {result['macs']:,} multiply-adds a picture.")
    budget = f" of {clock(result['budget_seconds'])}" if result["budget_seconds"] else ""
    say(
        f"{result['n_trials']} trials, {clock(result['seconds'])}{budget}; stopped because: {result['stop_reason']}. "
        f"Study {result['study']}."
    )
    say(f"Bundle: {result['model_dir']}")
    if result["report"]:
        say(f"Report: {result['report']}")
    say(f"Next:   archsmith predict {result['model_dir']} IMAGE...")
