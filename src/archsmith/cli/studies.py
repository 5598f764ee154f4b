"""``archsmith studies list|show|resume|stop|remove``: list, inspect, resume, stop and remove studies."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archsmith.core.trial import Trial
    from archsmith.runtime.study_view import StudyView

BEST = 10  # trials that are shown unless a person says otherwise

app = typer.Typer(help="List, show, resume, stop and remove studies.", no_args_is_help=True)

Where = Annotated[
    str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Use the exact terms, and show every decision.")]
Which = Annotated[str, typer.Argument(help="Study: its id, the beginning of its id, its folder, or 'last'.")]


@app.command("list")
def list_studies(
    workspace: Where = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of studies to show.")] = 50,
    json: Json = False,
) -> None:
    """List studies. The one that changed last comes first."""
    from archsmith.automl.glance import IN_STUDY, at_a_glance, score_in_words, what
    from archsmith.cli.output import emit, say, show
    from archsmith.runtime.study_view import try_view
    from archsmith.runtime.workspace import Workspace

    place = Workspace(workspace)
    found = place.list()
    rows = [at_a_glance(summary, try_view(summary.folder)) for summary in found[:limit]]
    if json:
        emit(rows)
    elif not rows:
        say(f"There are no studies in {place.path}. Start one with: archsmith fit DATA")
    else:
        show(
            ("study", "state", "trials", "score", "bundle or search"),
            [(row["study"], row["state"], row["n_finished"], score_in_words(row), what(row)) for row in rows],
            whole=4,
        )
        if any(what(row) == IN_STUDY for row in rows):
            say("", "Where the bundle in a study lies: archsmith studies show STUDY")
        if len(found) > limit:
            say("", f"{len(found) - limit} older ones are not shown: --limit {len(found)}")


@app.command("show")
def show_study(
    study: Which = "last",
    workspace: Where = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Number of best trials to show.  [default: 10; of a front, up to 20]"),
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Show the state and the best trials of a study; of several objectives, the front. Of a search alone, and with
    --verbose, also the best architecture.
    """
    from archsmith.automl.plan import SHARED
    from archsmith.cli.fronts import show_front
    from archsmith.cli.output import emit, say, show
    from archsmith.core.budget import FAILURES, INTERRUPTED, REQUESTED, UNPREPARED
    from archsmith.core.failures import without_answer
    from archsmith.core.problem import Fidelity
    from archsmith.core.wording import amount, spec_in_words
    from archsmith.runtime.resuming import BY_PROGRAM, how_to_go_on, more_after
    from archsmith.runtime.study_view import FAILED, PAUSED, read_view
    from archsmith.runtime.study_view import INTERRUPTED as CUT_OFF
    from archsmith.runtime.workspace import Workspace, called

    view = read_view(Workspace(workspace).resolve(study))
    report = describe(view, limit or BEST)
    if json:
        emit(report)
        return
    why = f" ({_why_ended(view)})" if report["reason"] not in (None, INTERRUPTED, FAILED) else ""
    failed = "".join(f", {count}" for count in without_answer(view.history.finished))
    pending = f", and {report['n_pending']} not finished" if report["n_pending"] else ""
    say(f"{view.id}: {report['state']}{why}, {amount(report['n_finished'], 'trial')}{failed}{pending}")
    which = view.id if view.folder is None else called(view.folder)
    goes_on = view.reason in (REQUESTED, FAILURES, UNPREPARED) and not view.job.fit  # a job then has its network
    if report["state"] in (CUT_OFF, FAILED, PAUSED) or goes_on:
        began = view.began.to_data() if view.began else {}
        most = None if view.openings.now is None else view.openings.now.by.trials
        spent = most is not None and view.n_finished >= most
        more = more_after(view.reason, spent=spent) if goes_on else ()
        say("", BY_PROGRAM if view.by_hand else how_to_go_on(which, began, *more))
    if report["error"]:
        say("", report["error"])
    if report["nothing"]:
        say("", report["nothing"])
    if report["command"] and not view.job.fit:
        by_clock = not view.simulated and any(each.by.seconds is not None for each in view.openings.all)
        same = "settings" if view.at_once or by_clock else "search"  # chance decides the rest
        again = "Its limits changed later. It began with" if view.limits_changed else f"The same {same} again"
        say("", f"{again}: {report['command']}")
    if verbose:
        parts = ("space", "strategy", "evaluator", "seed", "fidelity")
        say("")
        show(("", ""), [(part, spec_in_words(report[part])) for part in parts])
    if report["networks"]:
        say("")
        _tell_networks(report, verbose=verbose)
    if report["front"]:
        say("")
        show_front(view.history, limit)
    elif report["trials"]:
        say("")
        job, shared = bool(view.job.fit), view.job.plan.get("weights") == SHARED
        whole = shared or view.problem.fidelity == Fidelity()
        _tell_trials(report, str(which), job=job, whole=whole, shared=shared, verbose=verbose)


@app.command("resume")
def resume(
    context: typer.Context,
    study: Which = "last",
    time: Annotated[
        str | None,
        typer.Option("--time", help="Time budget of the whole study; +20m is 20 minutes more than it had."),
    ] = None,
    trials: Annotated[
        str | None, typer.Option(help="Number of trials of the whole study; +10 is 10 more than it had.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Number of trials at the same time. A study of `archsmith fit` keeps its own number."),
    ] = 1,
    out: Annotated[
        str | None, typer.Option(help="Of a study of `archsmith fit`: another folder for the bundle.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Of a study of `archsmith fit`: as there, for the bundle of another study."),
    ] = False,
    workspace: Where = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Of a study of `archsmith fit`: as there.")] = False,
    json: Json = False,
) -> None:
    """Go on with a study that was stopped or killed. One whose budget is spent needs a larger one."""
    from archsmith.cli.opened import open_study
    from archsmith.core.errors import UsageError
    from archsmith.runtime.workspace import Workspace

    opened = open_study(study, workspace)
    if opened.began.fit:
        from archsmith.cli.fit import resume_fit

        folder = opened.store.folder
        if folder.parent.resolve() != Workspace(workspace).studies.resolve():  # it was named by its folder
            workspace = str(folder.absolute().parents[1])
        where: dict[str, Any] = {"out": out, "replace": replace, "workspace": workspace}
        resume_fit(opened.id, time, trials, **where, json=json, verbose=verbose)
    else:
        if out is not None or replace:
            raise UsageError(
                f"{opened.id} is a search alone, which writes no bundle.", "Leave --out and --replace out."
            )
        from archsmith.cli.output import to_stderr
        from archsmith.cli.search import resume_search
        from archsmith.core.budget import without_unit

        to_stderr(*without_unit(time))
        resume_search(opened, time, trials, workers, json=json, debug=bool(context.obj))


@app.command("stop")
def stop(
    study: Which = "last",
    now: Annotated[bool, typer.Option("--now", help="End at once, without a result; to be resumed later.")] = False,
    workspace: Where = None,
    json: Json = False,
) -> None:
    """Ask a running study to finish with the best network so far (the incumbent)."""
    from archsmith.cli.opened import open_study
    from archsmith.cli.output import emit, say
    from archsmith.core.records import PAUSE, STOP
    from archsmith.runtime.resuming import how_to_go_on
    from archsmith.runtime.workspace import called

    opened = open_study(study, workspace)
    running = opened.store.holder is not None
    if running:
        opened.store.command(PAUSE if now else STOP)
    if json:
        emit({"study": opened.id, "running": running, "asked": running})
    elif not running:
        say(f"{opened.id} is not running.")
    elif now:
        which = called(opened.store.folder)
        say(f"Asked {opened.id} to end at once. {how_to_go_on(which, opened.began.to_data())}")
    else:
        say(f"Asked {opened.id} to finish.")


@app.command("remove")
def remove(
    studies: Annotated[list[str], typer.Argument(help="Studies: the id of each, the beginning of its id, or 'last'.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: Where = None,
    json: Json = False,
) -> None:
    """Remove studies for good, after a question: log, trials and report. A bundle that lies elsewhere stays."""
    from archsmith.automl.leaving import leaving
    from archsmith.cli.output import emit, say, to_stderr
    from archsmith.core.errors import LeaseError, UsageError
    from archsmith.runtime import removing
    from archsmith.runtime.lease import holder
    from archsmith.runtime.workspace import Workspace, called

    place = Workspace(workspace)
    folders = list(dict.fromkeys(place.resolve(study) for study in studies))
    for folder in folders:
        if folder.absolute().parent != place.studies.absolute():
            raise UsageError(f"The study {folder} lies outside of {place.path}.", "Name its place with --workspace.")
        if holder(folder) is not None:
            which = shlex.quote(str(called(folder)))
            raise LeaseError(f"{folder.name} is running.", f"End it first: archsmith studies stop {which} --now")
    found = [leaving(folder) for folder in folders]
    if not yes:
        to_stderr(*(f"{each.id}: {each.words}" for each in found))
        if not _agreed("Remove it?" if len(found) == 1 else f"Remove these {len(found)} studies?"):
            to_stderr("Nothing was removed.")
            return
    for folder in folders:
        removing.remove(folder)
        if not json:
            say(f"Removed {folder.name}.")
    if json:
        emit(
            [{"study": each.id, "n_bytes": each.n_bytes, "kept": each.bundle if each.kept else None} for each in found]
        )


def describe(view: StudyView, limit: int | None = None) -> dict[str, Any]:
    """State, counts and the best ``limit`` trials of a study, as plain data; of several objectives the front, too. The
    space's module is not needed.
    """
    from archsmith.automl.glance import bundle_of, report_of
    from archsmith.cli.fronts import front_data

    began = view.began
    assert began is not None
    return {
        "study": view.id,
        "folder": str(view.folder),
        "state": view.state,
        "reason": view.reason,
        "space": began.space,
        "strategy": began.strategy,
        "evaluator": began.evaluator,
        "seed": began.seed,
        "command": began.command,
        "error": view.error,
        "nothing": _nothing(view),
        "metric": view.problem.objectives[0].metric,
        "fidelity": view.problem.fidelity.name,
        "n_finished": view.n_finished,
        "n_failed": view.n_failed,
        "n_pending": len(view.history.pending),
        "networks": view.job.rows(view.metric),
        "why": (view.job.result.data.get("why") or None) if view.job.result is not None else None,
        "bundle": bundle_of(view),
        "report": report_of(view),
        "trials": [_trial(trial) for trial in view.ranking()[:limit]],
        **front_data(view.history),
    }


def _agreed(question: str) -> bool:
    """Did a person say yes? Raises UsageError where nobody can be asked."""
    from archsmith.core.errors import UsageError

    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    said = sys.stdin.readline()
    if not said:
        sys.stderr.write("\n")
        raise UsageError("Nobody answered, so nothing was removed.", "Answer beforehand with --yes.")
    return said.strip().lower() in ("y", "yes")


def _why_ended(view: StudyView) -> str:
    """Why the loop of a study ended, in words; of a job that is only its search."""
    from archsmith.core.wording import end_of_search, reason_in_words

    reason, n_trials = view.reason or "", view.n_finished
    return end_of_search(reason, n_trials) if view.job.fit else reason_in_words(reason)


def _nothing(view: StudyView) -> str | None:
    """Why no trial could be the answer of a search, what may help, and where a traceback lies; None where one can, or
    where none is finished.
    """
    from archsmith.core.failures import most_frequent, nothing_found

    finished = view.history.finished
    if not finished or any(trial.ok for trial in finished):
        return None
    reason, text = most_frequent(finished), nothing_found(view.history)
    if reason is None or any(trial.losses is not None for trial in finished):
        return text
    folders = [] if view.folder is None else [view.folder / "trials" / str(trial.id) for trial in reason.trials]
    kept = next((folder / "error.txt" for folder in folders if (folder / "error.txt").exists()), None)
    return f"{text} {reason.hint}{f' The traceback is in {kept}.' if kept else ''}"


def _tell_networks(report: Mapping[str, Any], *, verbose: bool) -> None:
    """Print what a job trained, and what it wrote."""
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name, network_name, remark, sentence_case

    rows = [
        (
            row["name"] if verbose else network_name(row["name"]),
            row.get("valid"),
            row.get("test"),
            float(f"{row['epochs']:.3g}") if row.get("epochs") else None,
            remark(row),
        )
        for row in report["networks"]
    ]
    columns = ("network", "validation", "test", "epochs", "")
    show(columns, rows, f"{sentence_case(metric_name(report['metric']))} of what was trained")
    places = [(what, report[what.lower()]) for what in ("Bundle", "Report")]
    told = [*filter(None, [report["why"]]), *(f"{what}: {place}" for what, place in places if place)]
    if told:
        say("", *told)


def _tell_trials(report: Mapping[str, Any], which: str, *, job: bool, whole: bool, shared: bool, verbose: bool) -> None:
    """Print the best trials, and every decision of the best one to those who know the space. ``which``: what commands
    call the study. ``whole``: no trial has a fidelity of its own. ``shared``: trials of a job are scored with shared
    weights.
    """
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name, number
    from archsmith.runtime.study_view import WORK

    metric, best, fidelity = report["metric"], report["trials"][0], str(report["fidelity"])
    pooled = fidelity == WORK  # then a trial is told by its own epochs: work is of use to the race alone
    resource = "epochs" if pooled else fidelity.replace("_", " ")
    told = pooled or not whole
    columns = ["trial", "from trial", *([resource] if told else []), metric_name(metric), "seconds"]
    rows = [
        [
            trial["id"],
            ", ".join(map(str, trial["parents"])),
            *([trial["epochs"] if pooled else trial["fidelity"]] if told else []),
            trial["metrics"].get(metric),
            None if trial["seconds"] is None else round(trial["seconds"], 2),
        ]
        for trial in report["trials"]
    ]
    if pooled and verbose:
        columns.append(fidelity)
        rows = [[*row, trial["fidelity"]] for row, trial in zip(rows, report["trials"], strict=True)]
    show(columns, rows, "Best trials")
    if shared:
        say("A trial scores a network with the shared weights.")
    elif job:
        say("A trial is a short training that compares networks. Epochs are passes through the training split so far.")
    if job and not verbose:
        more = f"archsmith studies show {shlex.quote(which)} --verbose"
        say(f"Every decision behind trial {best['id']}: {more}")
        return
    say("", f"Best architecture (trial {best['id']}, {metric_name(metric)} {number(best['metrics'][metric])}):")
    show(("decision", "option"), [(path, str(option)) for path, option in best["architecture"].items()])


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "parents": list(trial.parents),
        "fidelity": trial.fidelity,
        "epochs": trial.outcome_notes.get("epochs"),
        "metrics": dict(trial.metrics),
        "seconds": trial.outcome.seconds if trial.outcome is not None else None,
        "architecture": dict(trial.architecture),
    }
