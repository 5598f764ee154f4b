"""The leaderboard of a study: what was trained in full and the baselines, beside the networks of the search, all by
their score on the validation split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from archsmith.analysis.report.baselines import Trained, baselines_of
from archsmith.analysis.report.noted import finite
from archsmith.analysis.study import Study
from archsmith.analysis.wording import duration, rounded
from archsmith.app.entrants import Entrant, entrant
from archsmith.app.groups import Group, field_of, groups_of, ordered
from archsmith.app.plain import Plain
from archsmith.core.wording import metric_name, network_name, visible
from archsmith.runtime.study_view import StudyView

OF_THE_SEARCH = ("searched", "runner_up", "unfinished", "earlier", "earlier_fixed")  # rows that are no baselines
MOST_TRIALS = 20  # networks of the search that are listed


class Standing(Plain):
    """One row. Numbers are texts as people read them; empty where nothing is known."""

    place: int = Field(description="From 1, by the score; of several objectives the front comes first.")
    name: str
    about: str = Field(description="What it is, or what became of it.")
    baseline: bool = Field(description="Does it need no search?")
    trial: int | None = Field(description="The trial to look at; null for a baseline.")
    exported: bool = Field(description="Is it what the bundle holds?")
    value: float | None = Field(description="Its score of the metric: of a job, on the validation split.")
    valid: str = Field(description="The same in words.")
    test: str = Field(description="Its score on the test split.")
    params: str
    macs: str
    learnt: str = Field(description="How long it was trained.")
    seconds: str = Field(description="What its training took.")
    error: str = Field(description="Why it has no score.")


class Standings(Plain):
    """A leaderboard, the best one first; of several objectives the front first."""

    lead: str = Field(description="What it comes to, in a few sentences.")
    metric_name: str
    tested: bool = Field(description="Has any row a score on the test split?")
    rows: list[Standing]
    n_more: int = Field(description="Networks of the search that are not listed.")


def standings(view: StudyView) -> Standings:
    """The leaderboard of a study."""
    groups = groups_of(view)
    field = field_of(view)
    rows = _full(view, groups)
    known = {trial for row, of in rows if (trial := of) is not None}
    searched = [group for group in ordered(view, groups) if group.latest.ok]
    if view.front is not None:
        searched.sort(key=lambda group: group.latest.architecture.key not in field.best)
    others = [group for group in searched if not known & {trial.id for trial in group.trials}]
    rows += [(_of_entrant(entrant(field, group)), None) for group in others[:MOST_TRIALS]]
    sign = -1.0 if view.problem.objectives[0].maximize else 1.0
    placed = sorted(
        (row for row, _ in rows), key=lambda row: (row.value is None, sign * (row.value or 0.0), not row.exported)
    )
    if len(view.problem.objectives) > 1:
        placed = [row for row, _ in rows]  # several objectives have an order of their own: the front comes first
    lead = baselines_of(_study(view))
    return Standings(
        lead="" if lead is None else lead.lead,
        metric_name=metric_name(view.metric),
        tested=any(row.test for row in placed),
        rows=[row.model_copy(update={"place": place}) for place, row in enumerate(placed, start=1)],
        n_more=max(0, len(others) - MOST_TRIALS),
    )


def _study(view: StudyView) -> Study:
    return Study(view, view.folder or Path(), view.writer)


def _full(view: StudyView, groups: Sequence[Group]) -> list[tuple[Standing, int | None]]:
    """The networks trained in full and the baselines, each with the trial that it goes back to."""
    found = baselines_of(_study(view))
    if found is None:
        return []
    first = {trial.id: group.trials[0].id for group in groups for trial in group.trials}
    return [
        (_of_row(told, str(row.get("name")), finite(row.get("valid")), trial, first), trial)
        for told, row in zip(found.rows, _study(view).rows, strict=True)
        for trial in [_trial(row.get("trial"), view)]
    ]


def _trial(said: object, view: StudyView) -> int | None:
    return said if isinstance(said, int) and 0 <= said < len(view.history) else None


def _of_row(told: Trained, name: str, value: float | None, trial: int | None, first: Mapping[int, int]) -> Standing:
    """``first``: trial -> the one that its network has its number from, here as in the list of networks."""
    row_kind = name.partition(".")[0]
    return Standing(
        place=0,
        name=visible(told.name if trial is None else f"{network_name(name)} (trial {first[trial]})"),
        about=visible(told.what),
        baseline=trial is None and row_kind not in OF_THE_SEARCH,
        trial=trial,
        exported=told.exported,
        value=value,
        valid="" if value is None else told.valid,
        test="" if told.test == "–" else told.test,
        params=told.params,
        macs=told.macs,
        learnt=told.epochs,
        seconds=told.seconds,
        error=visible(told.error)[:400],
    )


def _of_entrant(found: Entrant) -> Standing:
    return Standing(
        place=0,
        name=found.name,
        about=found.why or found.doing,
        baseline=False,
        trial=found.trial,
        exported=False,
        value=found.score,
        valid=found.score_words,
        test="",
        params=rounded(found.params) if found.params else "–",
        macs=rounded(found.macs) if found.macs else "–",
        learnt=found.learnt,
        seconds=duration(found.seconds),
        error="",
    )
