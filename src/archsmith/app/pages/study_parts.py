"""The parts of the page of a study: its head with clock and phases, the network that is looked at, the leaderboard, and
the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from nicegui.element import Element

from archsmith.analysis.wording import duration, rounded
from archsmith.app.entrants import title_of
from archsmith.app.pages.frame import Words, box, sheet
from archsmith.app.pages.rows import Column, Row, Rows, reveal
from archsmith.app.standings import Standing, Standings
from archsmith.app.study_facts import PhaseFacts, StudyFacts
from archsmith.app.trial_facts import TrialFacts
from archsmith.core.errors import ArchsmithError
from archsmith.core.wording import amount, clock, sentence_case
from archsmith.server.refusals import Refusal

MARKS = {"done": "✓ done", "running": "▸ now", "failed": "✗ failed", "cut": "– cut off"}


class Facts:
    """A list of (name, value), of which those that change are sent."""

    def __init__(self) -> None:
        self._list = box("dl", "facts")
        self._shown: list[tuple[str, str]] = []
        self._values: list[Words] = []

    def show(self, facts: list[tuple[str, str]]) -> None:
        """Fill it."""
        if [name for name, _ in facts] != [name for name, _ in self._shown]:
            self._list.clear()
            with self._list:
                self._values = [self._fact(name, value) for name, value in facts]
        for words, (_, value) in zip(self._values, facts, strict=True):
            words.text = value
        self._shown = facts

    def _fact(self, name: str, value: str) -> Words:
        with box("div"):
            Words("dt", name)
            return Words("dd", value)


class Head:
    """State, clock and phases."""

    def __init__(self) -> None:
        self._before = ""
        with box("div", "row"):
            self._state = Words("strong", "", "state")
            self._says = Words("span", "", props='role="status"')
        self._why = Words("p", "", "why")
        self._predicts = Words("p", "")
        self._bar = box("progress", "clock", 'max="1" value="0" aria-label="Share of the budget that is spent"')
        self._facts = Facts()
        with box("details", "phases") as self._list:
            Words("summary", "Phases")
            self._phases = Rows(
                "Phases",
                [
                    Column("Phase"),
                    Column("State"),
                    Column("Time", True),
                    Column("Expected", True),
                    Column("What came of it"),
                ],
            )

    def show(self, facts: StudyFacts) -> None:
        """Fill it."""
        self._state.text = facts.state
        self._says.text = facts.says
        self._why.text = facts.why or ""
        reveal(self._why, bool(facts.why))
        self._predicts.text = f"Its networks predict {facts.predicts}." if facts.predicts else ""
        reveal(self._predicts, bool(facts.predicts))
        reveal(self._bar, facts.fraction is not None and facts.state == "running")
        share = f"{facts.fraction or 0:.3f}"
        if self._bar.props.get("value") != share:
            self._bar.props["value"] = share
        self._facts.show(_told(facts))
        self._phases.show([row for phase in facts.phases for row in _phase(phase)])
        reveal(self._list, bool(facts.phases))
        if facts.state != self._before:  # while it goes on people want to see how
            self._before = facts.state
            self._list.props("open") if facts.state == "running" else self._list.props(remove="open")


def _told(facts: StudyFacts) -> list[tuple[str, str]]:
    simulated, so_far = " (simulated)" if facts.simulated else "", " so far" if facts.state == "running" else ""
    by = f" by {facts.metric_name}" if len(facts.objectives) > 1 else ""
    told = [
        ("data", Path(facts.data or "").name),
        (f"best trial{by}{so_far}", facts.best.words if facts.best else ""),
        ("knee point, a good balance", facts.knee.words if facts.knee else ""),
        ("on the test split", facts.test or ""),
        ("exported", facts.exported or ""),
        ("spent", f"{clock(facts.elapsed_seconds)}{simulated}"),
        ("left", "" if facts.remaining_seconds is None else f"about {clock(facts.remaining_seconds)}"),
        ("budget", _budget(facts)),
        (facts.things, f"{facts.n_networks:,}" if facts.n_networks else ""),
        ("trials", _trials(facts) if facts.n_trials else ""),
    ]
    return [(name, value) for name, value in told if value]


def _budget(facts: StudyFacts) -> str:
    told = [] if facts.budget_seconds is None else [duration(facts.budget_seconds, exact=True)]
    return " or ".join([*told, *([] if facts.budget_trials is None else [amount(facts.budget_trials, "trial")])])


def _trials(facts: StudyFacts) -> str:
    failed = f", {facts.n_failed:,} failed" if facts.n_failed else ""
    expected = facts.forecast_trials
    of = f" of about {round(expected):,}" if expected and facts.state == "running" and expected > facts.n_trials else ""
    n_cut = facts.n_trials - facts.n_finished if facts.state != "running" else 0
    return f"{facts.n_finished:,}{of}{failed}{f' and {n_cut:,} that did not end' if n_cut else ''}"


def _phase(phase: PhaseFacts) -> list[Row]:
    """Its row; in front of it a row of its own where the study was opened again."""
    expected = "" if phase.forecast_seconds is None else clock(phase.forecast_seconds)
    texts = phase.name, MARKS[phase.state], clock(phase.seconds), expected, phase.text
    again = [Row((f"Run {phase.opening}", "", "", "", phase.why))] if phase.why else []
    return [*again, Row(texts, marked=phase.state == "running")]


class NetworkBox:
    """The network that is looked at: its drawing, what came of it, and its decisions.

    ``trials``: of which it is. ``drawn(name)``: draws one, in seconds, or raises.
    """

    def __init__(self, study: str, drawn: Callable[[str], object]) -> None:
        self._study = quote(study, safe="")
        self._drawn = drawn
        self._due: int | None = None  # the trial whose picture is missing
        self._shown: TrialFacts | None = None
        self.trials: frozenset[int] = frozenset()
        with sheet(kind="network") as self._sheet:
            reveal(self._sheet, False)  # until there is one
            self._name = Words("h2", "The network that is looked at", props='tabindex="-1"')
            self._how = Words("p", "", "faint")
            self._why = Words("p", "")
            with box("div", "columns"):
                with box("div"):
                    self._facts = Facts()
                    with box("details"):
                        Words("summary", "All decisions")
                        self._decisions = Rows("Decisions", [Column("Decision"), Column("Option")])
                with box("div"):
                    self._picture = box("img", "drawing", 'alt="" hidden')  # until it is there
                    self._undrawn = Words("p", "", "faint", 'aria-live="polite"')
                    self._link = Words("a", "Look at it closely", "button second")

    def show(self, found: TrialFacts) -> None:
        """Fill it."""
        if found == self._shown:
            return
        self._shown, one, trial = found, found.entrant, found.trial.trial
        reveal(self._sheet, True)
        self.trials = frozenset(one.trials)
        self._name.text = title_of(one.name, trial)
        self._how.text = f"{one.made}." if one.made else ""
        self._why.text = f"{one.doing.capitalize()}. {one.why}"
        self._facts.show(_measured(found))
        self._decisions.show([Row((name, option)) for name, option in found.decisions])
        link = f"/studies/{self._study}/networks/{trial}"
        if self._link.props.get("href") != link:
            self._link.props["href"] = link
            reveal(self._picture, False)
            self._undrawn.text = "It is being drawn …"
            self._due = trial

    async def draw(self) -> None:
        """The picture, if another one is due; where there is none, why."""
        trial, self._due = self._due, None
        if trial is None:
            return
        why = ""
        try:
            await asyncio.to_thread(self._drawn, str(trial))
        except (ArchsmithError, Refusal) as error:
            why = f"There is no drawing. {error.message}"
        if self._due is not None:  # another network is looked at by now
            return
        self._undrawn.text = why
        reveal(self._picture, not why)
        if not why:
            self._picture.props["src"] = f"/api/v1/studies/{self._study}/networks/{trial}.svg"
            self._picture.props["alt"] = f"Drawing of the network of trial {trial}"

    def go(self) -> None:
        """Bring it into sight, for whoever picked a network."""
        self._name.run_method("scrollIntoView", {"block": "nearest"})
        self._name.run_method("focus", {"preventScroll": True})


def _measured(found: TrialFacts) -> list[tuple[str, str]]:
    one = found.entrant
    told = [
        ("score", one.score_words),
        ("trained for", one.learnt),
        ("parameters", rounded(one.params) if one.params else ""),
        ("multiply-adds", rounded(one.macs) if one.macs else ""),
        ("for one example", f"{one.latency_ms:.3g} ms" if one.latency_ms else ""),
        ("its trials", ", ".join(map(str, one.trials))),
        ("origin", found.origin),
        ("took", duration(one.seconds)),
    ]
    return [(name, value) for name, value in told if value]


class Board:
    """The leaderboard."""

    def __init__(self, picked: Callable[[int], object]) -> None:
        with sheet("Leaderboard") as self._sheet:
            self._lead = Words("p", "")
            self._rows = Rows(
                "Leaderboard",
                [
                    Column("Network"),
                    Column("Validation", True),
                    Column("Test", True),
                    Column("Parameters", True),
                    Column("Multiply-adds", True),
                    Column("Trained for", True),
                    Column("Time", True),
                    Column("What it is"),
                ],
                picked,
                "board",
            )
            self._more = Words("p", "", "hint")

    def show(self, board: Standings) -> None:
        """Fill it. A search alone has no baselines, and its networks are listed already."""
        reveal(self._sheet, any(row.baseline or row.test for row in board.rows))
        self._lead.text = board.lead
        self._rows.show([_standing(row) for row in board.rows])
        self._more.text = f"{amount(board.n_more, 'network')} more of the search below these." if board.n_more else ""


def _standing(row: Standing) -> Row:
    about = sentence_case(row.error or row.about)
    if row.exported or row.baseline:
        about = f"{'Exported' if row.exported else 'Baseline'}. {about}"
    texts = (row.name, row.valid, row.test, row.params, row.macs, row.learnt, row.seconds, about)
    return Row(texts, row.trial, row.exported)


class Log:
    """What the study said, what went wrong, and how it is repeated."""

    def __init__(self) -> None:
        with sheet() as self._sheet:
            self._title = Words("h2", "Log")
            self._errors = box("ul", "failed")
            self._notes = box("ol", "notes")
            with box("details") as self._begun:
                Words("summary", "How it was begun, and how to repeat it")
                self._repeat = Words("p", "")
                self._command = Words("pre", "", props='tabindex="0" aria-label="Command"')
                self._setup = Rows("What decided it", [Column("What"), Column("Value")])
        self._told: tuple[list[str], list[str]] = ([], [])

    def show(self, facts: StudyFacts) -> None:
        """Fill it."""
        before, self._told = self._told, (facts.errors, facts.notes)
        for place, known, lines in zip((self._errors, self._notes), before, self._told, strict=True):
            _write(place, known, lines)
        self._repeat.text = facts.repeat
        self._command.text = facts.command or ""
        reveal(self._command, facts.command is not None)
        self._setup.show([Row(pair) for pair in facts.setup])
        begun = bool(facts.repeat or facts.command or facts.setup)
        reveal(self._title, bool(facts.errors or facts.notes))
        reveal(self._begun, begun)
        reveal(self._sheet, begun or bool(facts.errors or facts.notes))


def _write(place: Element, known: list[str], lines: list[str]) -> None:
    """Add what is new; write all anew where that is not at the end."""
    if lines[: len(known)] != known:
        place.clear()
        known = []
    with place:
        for line in lines[len(known) :]:
            Words("li", line)
    reveal(place, bool(lines))
