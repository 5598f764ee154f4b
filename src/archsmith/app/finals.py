"""What became of networks after the search: those that have a last training, and the one that is exported."""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.analysis.report.noted import finite
from archsmith.core.budget import REQUESTED
from archsmith.core.wording import sentence_case, the_network
from archsmith.runtime.job_view import TRAIN
from archsmith.runtime.study_view import RUNNING, StudyView

NEXT = "Its last training comes next."
LATER = "Its last training comes when the study goes on."
NOW = "This is its last training."
OVER = "Its last training is over. What is exported is not chosen yet."
SEARCH = "search"  # the phase of a job in which trials run
CUT = "Its last training was cut off; it goes on when the study does."
FAILED = "last training failed"
LESS = ("earlier", "earlier_fixed")  # names of rows that came of less time


@dataclass(frozen=True)
class Fate:
    """What became of one network.

    why: in a sentence.
    doing: the same in a word or two.
    valid: its score on the validation split at its end; None before.
    epochs: that it was trained for then.
    """

    why: str
    doing: str = "chosen"
    valid: float | None = None
    epochs: float | None = None


def searched(view: StudyView) -> bool:
    """Is the search of a job over for good? It goes on where the study was given more, and where a wish to finish that
    ended it was taken back.
    """
    found, phase = view.job.results.get(SEARCH), view.phases.running
    if found is None or (phase is not None and phase.name == SEARCH):
        return False
    return found.get("reason") != REQUESTED or view.asked_to_stop


def fates(view: StudyView) -> dict[int, Fate]:
    """By trial, of those that were chosen for a last training."""
    return _at_the_end(view) if view.job.ended else _on_the_way(view)


def _on_the_way(view: StudyView) -> dict[int, Fate]:
    """Of a job that has no result yet. What was trained before its search goes on is in the race again."""
    told: dict[int, Fate] = {}
    if not searched(view):
        return told
    results, running = view.job.results, view.state == RUNNING
    for trial in (results.get("ready") or {}).get("trials", {}).values():
        if isinstance(trial, int):
            told[trial] = Fate(NEXT if running else LATER)
    told |= _failed(view)
    for name, result in results.items():
        trial, epochs = result.get("trial"), finite(result.get("epochs"))
        if name.startswith(TRAIN) and isinstance(trial, int):
            why = _over(view, name.removeprefix(TRAIN))
            told[trial] = Fate(why, "had its last training", finite(result.get(view.metric)), epochs)
    phase = view.phases.running
    if phase is not None and phase.trial is not None:
        told[phase.trial] = Fate(NOW, "training") if running else Fate(CUT)
    return told


def _over(view: StudyView, name: str) -> str:
    """Of a last training that is over, in a job without a result."""
    if view.chosen is None:
        return OVER
    if view.chosen == name:
        return "Its last training is over, and it is chosen to be exported."
    return f"Its last training is over. {sentence_case(the_network(view.chosen))} is chosen to be exported."


def _at_the_end(view: StudyView) -> dict[int, Fate]:
    told: dict[int, Fate] = {}
    rows = view.job.result.rows if view.job.result is not None else ()
    most = next((finite(row.get("valid")) for row in rows if row.get("exported")), None)
    for row in rows:
        trial, name = row.get("trial"), str(row.get("name"))
        kind, valid, epochs = name.partition(".")[0], finite(row.get("valid")), finite(row.get("epochs"))
        if not isinstance(trial, int):
            continue
        if row.get("exported"):
            told[trial] = Fate(_exported(kind, name, stopped=bool(row.get("stopped"))), "exported", valid, epochs)
        elif not row.get("stopped") and kind not in (*LESS, "unfinished"):
            tied = valid is not None and valid == most
            other = "one with the same score was exported" if tied else "another network was better in the end"
            why = f"It had a last training, too; {other}."
            told.setdefault(trial, Fate(why, "had its last training", valid, epochs))
    return {**_failed(view), **told}


def _failed(view: StudyView) -> dict[int, Fate]:
    """Of those whose last training failed. They have no score of it."""
    return {
        phase.trial: Fate(f"Its last training failed: {phase.result['error']}", FAILED)
        for phase in view.phases.all
        if phase.failed and phase.name.startswith(TRAIN) and phase.trial is not None
    }


def _exported(kind: str, name: str, *, stopped: bool) -> str:
    if kind in LESS:
        return "What it had come to before the study went on was best, so that was exported."
    if stopped or kind == "unfinished":
        return "It was exported as the search left it."
    return f"It had its last training and was exported as {the_network(name)}."
