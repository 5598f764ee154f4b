"""``archsmith fit``: the main job, from a data set to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archsmith.automl.settings import FitSettings
    from archsmith.cli.studies import OpenStudy

DEFAULT_TIME = "20m"


def fit(
    data: Annotated[str, typer.Argument(help="'digits' (the shipped sample), a folder of class folders, IDX files or their folder, or an .npz.")],
    time: Annotated[str | None, typer.Option("--time", help="Budget of the whole job as 90s, 20m or 1h30m.  [default: 20m, unless --trials]")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Budget in trials of the search.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder for the bundle; the study keeps one in any case.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Folder of the studies, ~/.archsmith when left out.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the study; made from the data when left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where all randomness comes from.")] = 0,
    space: Annotated[str, typer.Option(help="Search space: a name of `archsmith catalog space`, or module:Class.")] = "conv_stages",
    strategy: Annotated[str, typer.Option(help="Search strategy: a name of `archsmith catalog strategy`, or module:Class.")] = "evolution",
    settings: Annotated[list[str] | None, typer.Option("--set", help="One setting, as strategy.population=50; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many trials run at once.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest unfinished study of these data, or the one of --name.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output at the end.")] = False,
) -> None:
    """Search and train a network for DATA, and write a bundle.

    The best network is trained in full and tested once. Ctrl-C once finishes with the best so far; twice stops now, and --resume
    goes on from there.
    """
    from archsmith import catalog
    from archsmith.automl.settings import FitSettings
    from archsmith.core.budget import parse_seconds

    seconds = None if time is None else parse_seconds(time)
    if resume:
        from archsmith.automl.prepare import latest_unfinished
        from archsmith.runtime.workspace import Workspace

        resume_fit(name or latest_unfinished(Workspace(workspace), data), seconds, trials, out, workspace, json=json)
        return
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
            settings=catalog.parse_settings(settings or []),
            workers=workers,
            name=name,
        ),
        json=json,
    )


def resume_fit(name: str, seconds: float | None, trials: int | None, out: str | None, workspace: str | None, *, json: bool) -> None:
    """Go on with a job; limits that are not given stay as they were."""
    import dataclasses

    from archsmith.automl.settings import FitSettings
    from archsmith.cli.studies import open_study
    from archsmith.core.errors import StudyError

    study = open_study(name, workspace)
    if "fit" not in study.began:
        raise StudyError(f"The study {study.id} was not begun by fit.", f"Go on with it by: archsmith studies resume {study.id}")
    began = FitSettings.from_dict(study.began["fit"]["settings"])
    given: dict[str, Any] = {key: value for key, value in (("seconds", seconds), ("trials", trials), ("out", out)) if value is not None}
    run(dataclasses.replace(began, **given, workspace=workspace, name=study.id, resume=True), json=json, before=study)


def run(settings: FitSettings, *, json: bool, before: OpenStudy | None = None) -> None:
    """Run the main job under a display, and print how it ended. ``before`` is the study that goes on."""
    from archsmith.automl.job import fit as run_job
    from archsmith.cli.display import Display
    from archsmith.cli.interrupts import INTERRUPTED, Interrupts
    from archsmith.cli.output import emit, to_stderr
    from archsmith.cli.progress import Progress

    progress = Progress(settings.seconds, settings.trials)
    for event in before.store.read() if before is not None else ():
        progress.apply(event)
    display = Display(f"archsmith fit {settings.data}", progress=progress)
    try:
        with display, Interrupts(lambda: display.note("Finishing with the best so far. Ctrl-C again stops at once.")) as interrupts:
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
    from archsmith.cli.output import duration, number, say, show

    rows = result["rows"]
    say("")
    show(
        ("network", "valid", "test", "parameters", "multiply-adds", "seconds", ""),
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
            for row in rows
        ],
    )
    say("")
    if result["test"] is not None:
        say(f"Test accuracy {number(result['test'])}, measured once on pictures that nothing was chosen by; validation {number(result['valid'])}.")
    elif result["valid"] is not None:
        say(f"Validation accuracy {number(result['valid'])}; there was no test split.")
    if result["params"] is not None:
        say(f"The network has {result['params']:,} parameters and takes {result['macs']:,} multiply-adds a picture.")
    budget = f" of {duration(result['budget_seconds'])}" if result["budget_seconds"] else ""
    say(f"{result['n_trials']} trials, {duration(result['seconds'])}{budget}; stopped because: {result['stop_reason']}. Study {result['study']}.")
    say(f"Bundle: {result['model_dir']}", f"Next:   archsmith predict {result['model_dir']} IMAGE...")
