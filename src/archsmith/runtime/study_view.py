"""All that the log of a study tells: the one fold over its events. Terminal, notebook, report, job and command line
read it, each in its own words; ``to_dict`` is the same as JSON.

``StudyView.apply(event)`` takes one event more, at a cost that does not grow with the log. ``read_view(folder)`` folds
what a study has logged so far. Nothing here imports the study's space, strategy or evaluator: a study can be looked at
where those are gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archsmith.core import budget as reasons
from archsmith.core.errors import ArchsmithError, StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.files import no_such_folder
from archsmith.core.front import Front
from archsmith.core.history import History
from archsmith.core.job_records import Epoch, Extended, Note, PhaseRecord, ProgressRecord, ResultRecord
from archsmith.core.problem import Problem
from archsmith.core.records import (
    DAMAGES,
    PAUSE,
    PLAIN_PROBLEM,
    STOP,
    Closed,
    Command,
    Finished,
    Opened,
    Prepared,
    Preparing,
    Proposed,
    Record,
    Reported,
    StudyRecord,
    damaged,
    record,
)
from archsmith.core.space import Choose, Space
from archsmith.core.trial import Status, Trial
from archsmith.runtime.curves import Preparation, Training, as_lists
from archsmith.runtime.job_view import CHOOSE, SEARCH, TRAIN, JobView
from archsmith.runtime.openings import Openings
from archsmith.runtime.phases import Phases
from archsmith.runtime.sqlite import FILE, SqliteStore

WORK = "work"  # the fidelity of a pool
RACE = "race"  # the strategy that decides by forecasts
SEVERAL = "--workers"  # of the command of a search, where trials ran at once
STATES = ("new", "running", "finished", "interrupted", "failed", "unreadable", "paused")
NEW, RUNNING, DONE, INTERRUPTED, FAILED, UNREADABLE, PAUSED = STATES
CUT_SHORT = (reasons.INTERRUPTED, reasons.FAILED)  # reasons of a loop that has not come to its end
# A trial out of a table claims more time than passed, even if all workers had been busy throughout.
CLAIMED_FACTOR, CLAIMED_SECONDS = 1.5, 5.0


class StudyView:
    """The state of a study after some events.

    id: of the study, empty when it has none yet.
    folder: where its files lie; None for a study in memory.
    began: its first event; None before.
    history: its trials with their learning curves.
    openings: who worked on it, when, and how long: its clock.
    job: what it tells of the main job.
    phases: the stretches of the main job.
    preparation: of the evaluator.
    trainings: final trainings by name of network, those of the latest round that has any.
    notes: sentences for people.
    commands: what a person, here or through another process, asked for.
    asked_to_stop: does a wish hold to finish with what there is? It holds until the study is ended at once (a person
        took it back) or given more; that of a search alone no longer than its process.
    taken_back: how often such a wish was taken back, so that what it cut short goes on.
    reason: why the loop of the latest opening ended; None while it runs and where it was killed.
    error: what ended it, where that was an error; None otherwise.
    n_failed: how many trials failed.
    improved: ids of trials that were the best of their fidelity when they finished, of a pool the best of all; with
        several objectives, those that then were a new point of the front.
    finished_at: trial id -> when it finished, as ``clock`` said.
    most_pending: how many trials were pending at the same time, at most; at least 1.
    writer: is a process writing to it now? Not a matter of the log; whoever knows sets it.
    why_unreadable: a sentence; None for a study that can be read.
    """

    def __init__(self, id: str = "", folder: Path | None = None, *, since: float | None = None) -> None:
        """``since``: Unix time at which this process began to work on the study, for a view that watches it. What is
        said between then and the opening of the study belongs to that opening.
        """
        self.id = id
        self.folder = folder
        self.since = since
        self.began: StudyRecord | None = None
        self.history = History(_problem(PLAIN_PROBLEM))
        self.openings = Openings()
        self.job = JobView()
        self.phases = Phases()
        self.preparation = Preparation()
        self.trainings: dict[str, Training] = {}
        self.notes: list[str] = []
        self.commands: list[Command] = []
        self.asked_to_stop = False
        self.taken_back = 0
        self.reason: str | None = None
        self.error: str | None = None
        self.n_failed = 0
        self.improved: set[int] = set()
        self.finished_at: dict[int, float] = {}
        self.most_pending = 1
        self.writer = False
        self.why_unreadable: str | None = None
        self.started = 0.0  # time of the first event, Unix seconds
        self.changed = 0.0  # time of the latest event
        self._paused = False  # did somebody ask for that last?
        self._trained_in = 0  # the round of the trainings
        self._result_opening = 0  # how many openings there were when the result came
        self._leader: Trial | None = None  # of a pool
        self._last: Record | None = None  # what the latest event said
        self._left_open = False  # did trials come last, and no end of a loop?
        self._claimed = 0.0  # seconds of all outcomes

    # -- what readers ask ----------------------------------------------------------------------------------------------

    @property
    def problem(self) -> Problem:
        """What is searched for. Its space is None: a reader needs no space."""
        return self.history.problem

    @property
    def metric(self) -> str:
        """What networks are compared by."""
        said = self.job.result.metric if self.job.result is not None else None
        return said or self.problem.objectives[0].metric

    @property
    def ended(self) -> bool:
        """Has the study come to its end? A job ends with a result, which an extension makes void; a search when its
        loop is closed.
        """
        if self.job.fit:
            return self.job.ended
        return isinstance(self._last, Closed) and self._last.reason not in CUT_SHORT

    @property
    def complete(self) -> bool:
        """Has everything been written down that comes after the result of a job, its bundle and its report?"""
        return self.ended and isinstance(self._last, Closed) and self._last.reason not in CUT_SHORT

    @property
    def claimed(self) -> float:
        """Seconds that all trials say they took."""
        return self._claimed

    @property
    def done_now(self) -> bool:
        """Has the job come to a result within the latest opening?"""
        return self.job.result is not None and self._result_opening == len(self.openings.all)

    @property
    def until(self) -> float:
        """Until when somebody worked on it, as far as it is known: its latest event or, of a process that was killed,
        the last sign of life.
        """
        return max(self.changed, self.openings.now.last if self.openings.now is not None else 0.0)

    @property
    def state(self) -> str:
        """One of ``STATES``. ``paused`` (somebody asked for it), ``interrupted``, ``failed`` and ``finished`` ones can
        be resumed.
        """
        if self.why_unreadable is not None:
            return UNREADABLE
        if self.writer:
            return RUNNING
        if self.began is None:
            return NEW
        if self.ended:
            return DONE
        if isinstance(self._last, Closed) and self._last.reason == reasons.FAILED:
            return FAILED
        return PAUSED if self._paused else INTERRUPTED

    @property
    def by_hand(self) -> bool:
        """Did a program ask and tell the latest trials by hand, as far as one sees? It left the study in order, and no
        loop came to an end. To open the study since then, and look at it, changes nothing.
        """
        now = self.openings.now
        if self.writer or now is None or now.killed or self.began is None or self.began.command or self.job.fit:
            return False
        return self._left_open

    @property
    def at_once(self) -> bool:
        """Did trials of a search run at the same time, as its command may have asked for? Then it is chance which of
        them ended first. A later opening, or a program, may have had more workers than the command says.
        """
        command = "" if self.began is None else self.began.command or ""
        return self.most_pending > 1 or SEVERAL in command.split()

    @property
    def limits_changed(self) -> bool:
        """Were there trials under other limits than those of the beginning?"""
        first, *later = self.openings.all or (None,)
        counted = (first, *(each for each in later if each.proposed))
        return len({(each.by.seconds, each.by.trials) for each in counted if each}) > 1

    @property
    def n_finished(self) -> int:
        return len(self.history.finished)

    @property
    def pooled(self) -> bool:
        """Are trials stretches of trainings that go on? Then all of their scores compare, whatever work they had."""
        return self.problem.fidelity.name == WORK

    @property
    def raced(self) -> bool:
        """Do forecasts of a race decide whose training in the pool goes on? Else the strategy goes by scores."""
        return self.pooled and self.began is not None and self.began.strategy.get("type") == RACE

    @property
    def best(self) -> Trial | None:
        """The best trial: of a pool among all of them, else at the highest fidelity that has one."""
        return self._leader if self.pooled else self.history.best()

    @property
    def chosen(self) -> str | None:
        """The row of a job that was chosen to be exported; None before that, where a search or a training has begun
        since, and where the search goes on, since a wish to finish was taken back.
        """
        if self.job.results.get(SEARCH, {}).get("reason") == reasons.REQUESTED and not self.asked_to_stop:
            return None
        names = [each.name for each in self.phases.all if each.name.startswith((SEARCH, TRAIN, CHOOSE))]
        name = self.job.results.get(CHOOSE, {}).get("network")
        return str(name) if name and names[-1:] == [CHOOSE] else None

    @property
    def round(self) -> int:
        """How often it was given more, or a wish to finish it early was taken back: its search goes on, and other
        networks may be trained to the end, under the same names.
        """
        return len(self.job.extensions) + self.taken_back

    @property
    def representative(self) -> Trial | None:
        """The trial to look at first: the best one; with several objectives the knee of the front, where it has one."""
        return self.best if self.pooled else self.history.representative()

    def best_of(self, trials: Iterable[Trial]) -> Trial | None:
        """The best one of some of its trials, by the rule of ``best``; the first one of equals."""
        good = (trial for trial in trials if trial.ok)
        return min(good, key=lambda t: (0.0 if self.pooled else -t.fidelity, t.loss), default=None)

    def ranking(self) -> list[Trial]:
        """Trials within the limits, the best one first: of a pool the best one of each training, else those at the
        highest fidelity.
        """
        if not self.pooled:
            return self.history.ranking()
        best: dict[str, Trial] = {}
        for trial in sorted((t for t in self.history.finished if t.ok), key=lambda trial: (trial.loss, trial.id)):
            best.setdefault(trial.architecture.key, trial)
        return list(best.values())

    @property
    def front(self) -> Front | None:
        """What a search for several objectives has found; None with one."""
        return self.history.front() if len(self.problem.objectives) > 1 else None

    @property
    def simulated(self) -> bool:
        """Do the trials come out of a table? Older logs do not say so, but there they claim more time than passed."""
        if self.began is not None and self.began.simulated is not None:
            return self.began.simulated
        return self._claimed > CLAIMED_FACTOR * self.most_pending * self.openings.seconds + CLAIMED_SECONDS

    @property
    def seconds(self) -> float:
        """On the study's clock: wall time over all openings, or the time that trials of a table claim."""
        return self._claimed if self.simulated else self.openings.seconds

    @property
    def spent(self) -> float:
        """Seconds that the limit of the study counts. The clock of a job began before the study was opened, when its
        program began to read the data.
        """
        return self.seconds if self.simulated else self.clock

    @property
    def clock(self) -> float:
        """Seconds of wall time that were spent, also of a study whose trials come out of a table."""
        return self.openings.seconds + self.job.lead

    def ends(self) -> dict[int, float]:
        """Trial id -> when it finished, on the clock of ``spent``."""
        if not self.simulated:
            return dict(self.finished_at)
        ends, passed = {}, 0.0
        for trial in self.history.finished:
            passed += trial.outcome.seconds if trial.outcome is not None else 0.0
            ends[trial.id] = passed
        return ends

    @property
    def errors(self) -> list[str]:
        """What went wrong, a sentence each: trials and phases that failed, and what makes the study unreadable."""
        unreadable = [self.why_unreadable] if self.why_unreadable is not None else []
        trials = [
            f"trial {trial.id}: {trial.outcome.error or 'failed'}"
            for trial in self.history.finished
            if trial.outcome is not None and trial.outcome.status is Status.FAILED
        ]
        return [*unreadable, *(f"{p.name}: {p.result['error']}" for p in self.phases.all if p.failed), *trials]

    # -- the fold ------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Fold one event in. Raises StudyError for one that is damaged, or that does not fit the ones before it."""
        read = record(event)
        try:
            self._take(read, event.time or time.time())
        except DAMAGES as error:
            raise damaged(event, error) from error
        except StudyError:
            raise
        except ArchsmithError as error:
            raise damaged(event, error) from error

    def _take(self, read: Record | None, now: float) -> None:
        if isinstance(read, Opened):
            self.openings.see(read.left, now)
            before = self.openings.now
            self._left_open = self._left_open and before is not None and not before.killed
        else:
            self._left_open = isinstance(read, Proposed | Finished)
        if isinstance(read, Opened):
            self.phases.cut(self.until, self.since)
            self.preparation.cut()
            self.reason = self.error = None
        elif isinstance(read, Closed):
            self.reason, self.error = read.reason, read.error
        self._wish(read)
        if isinstance(read, Opened | Command):
            self._paused = isinstance(read, Command) and read.name == PAUSE
        self.openings.take(read, now)
        self.started = self.started or now
        self.changed = max(self.changed, now)
        self._last = read
        self.job.take(read)
        if isinstance(read, StudyRecord):
            self.began, self.history = read, History(_problem(read.problem))
            self.history.take(read)
        elif isinstance(read, Proposed | Reported):
            self.history.take(read)
            self.most_pending = max(self.most_pending, len(self.history.pending))
        elif isinstance(read, Finished):
            self._finish(read)
        elif isinstance(read, Preparing | Prepared):
            self._prepare(read, now)
        elif isinstance(read, PhaseRecord):
            self._begin(read)
            self.phases.take(read, now, self.clock)
        elif isinstance(read, ProgressRecord | Epoch):
            self.phases.step(read)
            if isinstance(read, Epoch):
                self.trainings.setdefault(read.network, Training(read.network)).take(read)
        elif isinstance(read, Note):
            self.notes.append(read.text)
        elif isinstance(read, Command):
            self.commands.append(read)
        elif isinstance(read, ResultRecord):
            self._result_opening = len(self.openings.all)

    def _wish(self, read: Record | None) -> None:
        """Does a person want it to finish with what there is, after this record?"""
        if isinstance(read, Command) and read.name == STOP:
            self.asked_to_stop = True
        elif isinstance(read, Extended) or (isinstance(read, Opened) and not self.job.fit):
            self.asked_to_stop = False
        elif (isinstance(read, Command) and read.name == PAUSE) or (
            isinstance(read, Closed) and read.reason == reasons.INTERRUPTED
        ):
            self.taken_back += self.asked_to_stop
            self.asked_to_stop = False

    def _begin(self, read: PhaseRecord) -> None:
        """The first final training of a round: those before it are not told any more, since names now mean others."""
        if read.name.startswith(TRAIN) and not read.ended and self._trained_in != self.round:
            self.trainings.clear()
            self._trained_in = self.round

    def _prepare(self, read: Preparing | Prepared, now: float) -> None:
        if isinstance(read, Preparing):
            self.preparation.take(read, now)
            self.phases.step(read)
        else:
            self.history.take(read)
            self.preparation.end(read, self.clock)
            self.phases.step(None)

    def _finish(self, read: Finished) -> None:
        trial = self.history.trials[read.trial]
        self.history.take(read)
        if self.pooled:
            improved = trial.ok and (self._leader is None or trial.loss < self._leader.loss)
            self._leader = trial if improved else self._leader
        else:
            improved = self.history.improved_by(trial, trial.fidelity)
        if improved:
            self.improved.add(trial.id)
        self.finished_at[trial.id] = self.clock
        self._claimed += read.outcome.seconds
        self.n_failed += trial.losses is None
        if (phase := self.phases.running) is not None:
            phase.n_trials += 1

    # -- as data -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything above as JSON data."""
        began = self.began or StudyRecord()
        return {
            "id": self.id,
            "folder": None if self.folder is None else str(self.folder),
            "state": self.state,
            "why": self.why_unreadable or self.reason,
            "format": began.format,
            "space": began.space,
            "problem": began.problem,
            "strategy": began.strategy,
            "evaluator": began.evaluator,
            "seed": began.seed,
            "command": began.command,
            "metric": self.metric,
            "forecast_trials": self.history.forecast_trials,
            "started": self.started,
            "changed": self.changed,
            "seconds": self.seconds,
            "spent": self.spent,
            "simulated": self.simulated,
            "openings": [
                {**opening.by.to_data(), "started": opening.started, "last": opening.last, "reason": opening.reason}
                for opening in self.openings.all
            ],
            "job": self.job.to_dict(),
            "phases": [phase.to_dict() for phase in self.phases.all],
            "preparation": self.preparation.to_dict(),
            "trials": [_trial_data(trial, self.finished_at.get(trial.id)) for trial in self.history.trials],
            "improved": sorted(self.improved),
            "best": None if self.best is None else self.best.id,
            "front": None if self.front is None else self.front.to_dict(),
            "n_finished": self.n_finished,
            "n_failed": self.n_failed,
            "n_pending": len(self.history.pending),
            "trainings": {
                name: {"epochs": training.epochs, "curve": as_lists(training.curve)}
                for name, training in self.trainings.items()
            },
            "notes": list(self.notes),
            "commands": [command.to_data() for command in self.commands],
            "rows": self.job.rows(self.metric),
            "errors": self.errors,
        }


def read_view(folder: Path | str) -> StudyView:
    """What the study in ``folder`` has logged so far. Raises StudyError when it cannot be read or has no beginning."""
    folder = Path(folder)
    store = SqliteStore(folder)
    view = StudyView(folder.resolve().name, folder)
    try:
        view.writer, left = store.holder is not None, store.last_seen
        for event in store.read():
            if view.began is None and event.kind != StudyRecord.kind:
                raise StudyError(f"The study {view.id} has no first event.", "Start it again, or delete its folder.")
            view.apply(event)
        view.openings.see(left, time.time())
        if view.began is None:
            raise StudyError(
                f"The study {view.id} has nothing in its log yet."
                if store.exists
                else no_such_folder(folder, "study", FILE)
            )
    finally:
        store.close()
    return view


def try_view(folder: Path | str) -> StudyView:
    """The same, but never raises: a study that cannot be read is in the state ``unreadable`` and says why."""
    try:
        return read_view(folder)
    except Exception as error:  # whatever is wrong with one study, nobody else is to be stopped by it
        view = StudyView(Path(folder).resolve().name, Path(folder))
        view.why_unreadable = str(error) if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {error}"
        return view


def _problem(data: Mapping[str, Any]) -> Problem:
    """Without its space, which is not needed to rank trials and may not be importable here."""
    objectives = [each for each in data["objectives"] if each]
    return Problem.from_dict(_Unread(), {**data, "objectives": objectives or [["score", True]]})


class _Unread(Space):
    """Stands for the space of a study."""

    def decide(self, choose: Choose) -> None:
        raise UsageError("The space of this study was not read.")


def _trial_data(trial: Trial, finished_at: float | None) -> dict[str, Any]:
    return {
        "id": trial.id,
        "status": trial.status.value,
        "architecture": dict(trial.architecture),
        "fidelity": trial.fidelity,
        "parents": list(trial.parents),
        "notes": dict(trial.notes),
        "metrics": dict(trial.metrics),
        "feasible": trial.feasible,
        "seconds": None if trial.outcome is None else trial.outcome.seconds,
        "error": None if trial.outcome is None else trial.outcome.error,
        "curve": as_lists(trial.curve),
        "finished_at": finished_at,
    }
