"""``archsmith fit``: the main job, from a data set to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archsmith.automl.settings import FitSettings
    from archsmith.cli.opened import OpenStudy

DEFAULT_TIME = "20m"


def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="'digits' (the shipped sample), a folder or zip of class folders, a CSV or Parquet table, IDX files, "
            "an .npz."
        ),
    ],
    time: Annotated[
        str | None,
        typer.Option("--time", help="Budget of the whole job as 90s, 20m or 1h30m.  [default: 20m, unless --trials]"),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Budget in trials of the search.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder for the bundle; the study keeps one in any case.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Folder of the studies, ~/.archsmith when left out.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the study; made from the data when left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where all randomness comes from.")] = 0,
    space: Annotated[
        str, typer.Option(help="Search space: a name of `archsmith catalog space`, or module:Class.")
    ] = "conv_stages",
    strategy: Annotated[
        str, typer.Option(help="Search strategy: a name of `archsmith catalog strategy`, or module:Class.")
    ] = "graph_gp",
    weights: Annotated[
        str,
        typer.Option(
            help="Where trials have their weights from: own (each is trained), inherited, shared, or auto (the plan "
            "decides)."
        ),
    ] = "auto",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, as strategy.population=50; may be repeated.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many trials run at once.")] = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the newest unfinished study of these data, or the one of --name."),
    ] = False,
    kind: Annotated[
        str, typer.Option(help="What is predicted: classes, number, or auto (what the labels look like).")
    ] = "auto",
    image: Annotated[
        str | None, typer.Option("--image-column", help="Column of a table that holds the pictures or their paths.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target-column", help="Column of a table that holds what is predicted.")
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(help="Pixels of a side that pictures are brought to; from their own sizes when left out."),
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Rare classes count as much as common ones.")] = False,
    device: Annotated[str, typer.Option(help="Where networks are trained: auto, cpu, cuda or mps.")] = "auto",
    memory: Annotated[
        float | None,
        typer.Option("--memory-mb", help="Most memory of one training, in megabytes; what is free when left out."),
    ] = None,
    disk: Annotated[
        float | None, typer.Option("--disk-mb", help="Most disk that trials keep, in megabytes.  [default: 2000]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output at the end.")] = False,
) -> None:
    """Search and train a network for DATA, and write a bundle and a report.

    The best network is trained in full and tested once. Ctrl-C once finishes with the best so far; twice stops now, and
    --resume goes on from there.
    """
    from archsmith import catalog
    from archsmith.automl.settings import FitSettings
    from archsmith.core.budget import parse_seconds

    if resume:
        study = _to_resume(data, name, workspace)
        if study is not None:
            resume_fit(study, time, trials, out, workspace, json=json)
            return
    seconds = None if time is None else parse_seconds(time)
    run(
        FitSettings(
            data=data,
            seconds=parse_seconds(DEFAULT_TIME) if seconds is None and trials is None else seconds,
            trials=trials,
            out=out,
            workspace=workspace,
            seed=seed,
            space=space,
            strategy=strategy,
            weights=weights,
            settings=catalog.parse_settings(settings or []),
            workers=workers,
            name=name,
            kind=kind,
            image=image,
            target=target,
            side=side,
            balance=balance,
            device=device,
            memory_mb=memory,
            disk_mb=disk,
        ),
        json=json,
    )


def _to_resume(data: str, name: str | None, workspace: str | None) -> str | None:
    """The study that ``--resume`` goes on with; None when there is none of these data yet."""
    from archsmith.automl.prepare import known, latest_unfinished
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

    from archsmith.automl.prepare import standing_of
    from archsmith.cli.opened import open_study
    from archsmith.runtime.search import parse_budget

    study = open_study(name, workspace)
    standing = standing_of(study.store)
    seconds = None if time is None else parse_budget(time, study.store)
    given: dict[str, Any] = {
        key: value for key, value in (("seconds", seconds), ("trials", trials), ("out", out)) if value is not None
    }
    if (
        standing.ended
        and standing.stopped_by in ("seconds", "trials")
        and standing.stopped_by not in given
        and given.keys() & {"seconds", "trials"}
    ):
        given[standing.stopped_by] = None  # the limit that ended it gives way to the new one
    run(
        dataclasses.replace(standing.settings, **given, workspace=workspace, name=study.id, resume=True),
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
