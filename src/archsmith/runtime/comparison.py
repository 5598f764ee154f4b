"""Runs a comparison: the same problem, budget and seeds for several strategies, each (strategy, seed) a study of its
own, spread over processes.

``<folder>/comparison.json`` holds the plan, ``<folder>/runs/<strategy>-<seed>/`` the log of a run (``events.sqlite``)
and, once it has ended, ``result.json``. Killed at any moment, the same comparison goes on: finished runs are read, a
run that was cut short resumes from its log.

What a run is judged by. A search sees what its trials return (the noisy score of a short training, say); it is judged
by the *true* score of the architecture that it answers with. That is ``evaluator.standing(architecture, metric)`` where
the evaluator knows its whole table, by the metric that ``evaluator.judged_by(metric)`` names, else what the trial
returned. The answer is ``strategy.answer(history)`` where the strategy has an opinion, else the best by what was seen;
with several objectives it is the whole front.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core import budget as reasons
from archsmith.core.budget import Budget
from archsmith.core.errors import LeaseError, StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.files import write_text
from archsmith.core.history import History
from archsmith.core.metrics import more_is_better
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, Strategy
from archsmith.core.seeds import derive, generator
from archsmith.core.trial import Outcome, Trial
from archsmith.core.wording import clock
from archsmith.runtime.processes import numeric_threads
from archsmith.runtime.search import Search, seconds_spent
from archsmith.runtime.sqlite import SqliteStore

FORMAT = 1
PLAN, RESULT, RUNS = "comparison.json", "result.json", "runs"
LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
MOST_OBJECTIVES = 2  # hyper-volumes of more are not computed
ASK_AGAIN = 1.1  # a strategy is asked for its answer whenever the trials have grown by this factor
PATIENCE = 20.0  # seconds that a run waits for a process of a killed comparison to let go of it
TICK = 0.5

Observer = Callable[[Event], None]
Values = tuple[float, ...]  # one for each objective


@dataclass(frozen=True)
class Plan:
    """What is compared, as JSON data.

    ``space``, ``evaluator`` and ``strategies`` (label -> spec) are specs as in ``archsmith.catalog``, ``problem`` is
    ``Problem.to_dict()``. ``seconds`` and ``trials`` limit each run (None: no such limit), run k of ``runs`` has the
    study seed ``seed`` + k. ``judged_by``: for each objective the metric that an answer is judged by. ``title`` is what
    people call the problem.
    """

    title: str
    space: Mapping[str, Any]
    evaluator: Mapping[str, Any]
    problem: Mapping[str, Any]
    strategies: Mapping[str, Mapping[str, Any]]
    judged_by: tuple[str, ...]
    runs: int
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise UsageError(
                f"A comparison cannot have {self.runs} runs.",
                "Give 1 or more of each strategy; 6 are the least that can be tested.",
            )
        if self.seconds is None and self.trials is None:
            raise UsageError("A comparison needs a budget for each run.", "Give seconds or trials.")
        Budget(self.seconds, self.trials)
        if not self.strategies:
            raise UsageError("There is no strategy to compare.", "Name some: random,evolution,local.")
        for label in self.strategies:
            if not LABEL.fullmatch(label):
                raise UsageError(
                    f"A strategy cannot be called {label!r}.", "Use letters, digits, dots, dashes and underscores."
                )
        n = len(self.problem["objectives"])
        if n > MOST_OBJECTIVES:
            raise UsageError(f"A comparison takes one objective or two, not {n}.", "Make the others limits.")
        if len(self.judged_by) != n:
            raise UsageError(f"There are {n} objectives and {len(self.judged_by)} metrics to judge by.")

    @classmethod
    def of(
        cls,
        problem: Problem,
        evaluator: Evaluator,
        strategies: Mapping[str, Strategy],
        *,
        runs: int,
        seconds: float | None = None,
        trials: int | None = None,
        seed: int = 0,
        judged_by: str | None = None,
        title: str | None = None,
    ) -> Plan:
        """The plan of comparing ``strategies`` (label -> strategy). ``judged_by``: the metric instead of the first
        objective.
        """
        defaults = [judged_by_of(evaluator, objective.metric) for objective in problem.objectives]
        metrics = [judged_by or defaults[0], *defaults[1:]]
        unknown = [metric for metric in (*metrics, *problem.metrics) if metric not in evaluator.metrics]
        if unknown:
            raise UsageError(
                f"{type(evaluator).__name__} has no metric {unknown[0]!r} to search for or to judge by.",
                f"It has: {', '.join(evaluator.metrics)}.",
            )
        plan = cls(
            title or type(evaluator).__name__.removesuffix("Evaluator"),
            catalog.to_spec(problem.space),
            catalog.to_spec(evaluator),
            problem.to_dict(),
            {label: catalog.to_spec(strategy) for label, strategy in strategies.items()},
            tuple(metrics),
            runs,
            seconds,
            trials,
            seed,
        )
        return cls.from_dict(json.loads(json.dumps(plan.to_dict())))  # as it will be read again

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        fields = {name: value for name, value in data.items() if name != "format"}
        return cls(**{**fields, "judged_by": tuple(fields["judged_by"])})

    @property
    def maximize(self) -> tuple[bool, ...]:
        """For each metric of ``judged_by``."""
        return tuple(
            _maximize(metric, *each[:2])
            for metric, each in zip(self.judged_by, self.problem["objectives"], strict=True)
        )

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that name everything but the number of runs."""
        data = {name: value for name, value in self.to_dict().items() if name != "runs"}
        return f"{derive(0, json.dumps(data, sort_keys=True)):016x}"[:8]


@dataclass(frozen=True)
class Step:
    """From the ``n``-th finished trial on, after ``seconds`` of trials, this stands: the values of the answer, or of
    all members of the front.
    """

    n: int
    seconds: float
    points: tuple[Values, ...]


@dataclass(frozen=True)
class Run:
    """What came of one search. ``curve``: its answers over time; ``tried``: the best architecture tried so far, whether
    the search recognised it or not (one objective only); both by the metrics of the plan. ``seconds`` of trials
    (simulated for tables), ``wall_seconds`` of clock. ``answer``: trial and architecture (one objective only);
    ``reason`` why it ended; ``error`` what the first trial that failed said.
    """

    strategy: str
    seed: int
    n_trials: int
    n_failed: int
    seconds: float
    wall_seconds: float
    reason: str
    curve: tuple[Step, ...]
    tried: tuple[Step, ...]
    answer: Mapping[str, Any] | None = None
    error: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        def steps(rows: Any) -> tuple[Step, ...]:
            return tuple(Step(n, seconds, tuple(tuple(point) for point in points)) for n, seconds, points in rows)

        return cls(**{**data, "curve": steps(data["curve"]), "tried": steps(data["tried"])})

    def to_dict(self) -> dict[str, Any]:
        def rows(steps: Sequence[Step]) -> list[Any]:
            return [[step.n, step.seconds, step.points] for step in steps]

        return {**asdict(self), "curve": rows(self.curve), "tried": rows(self.tried)}


class Comparison:
    """A comparison in ``folder``, which is made when there is none.

    Raises UsageError when the folder belongs to another one, and what its parts raise when they do not go together.
    Only ``runs`` may differ from what it began with: more are added, fewer are looked at.
    """

    def __init__(self, folder: Path | str, plan: Plan) -> None:
        self.folder = Path(folder)
        self.plan = plan
        before = read_plan(self.folder)
        if before is not None:
            _refuse_another(self.folder, before, plan)
        if self.missing():
            self._rehearse()  # before the name is taken
        if before is None or before.runs < plan.runs:
            _write(self.folder / PLAN, plan.to_dict())

    def run(
        self, workers: int = 1, observer: Observer = lambda event: None, finish: Callable[[], bool] = lambda: False
    ) -> bool:
        """Do what is missing, in ``workers`` processes (in this one when 1). Returns whether all runs are there now.

        ``observer`` sees ``phase`` and ``progress`` events; when ``finish()`` says so no further run is begun. An error
        of a run ends the comparison; what had finished stays.
        """
        missing = self.missing()
        if not missing:
            return True
        watch = _Watch(self.plan, missing, min(workers, len(missing)), observer)
        if workers == 1 or len(missing) == 1:
            for label, seed in missing:
                if finish():
                    break
                watch.done(label, run(self.plan.to_dict(), label, seed, str(self._place(label, seed))))
        else:
            with _pool(min(workers, len(missing))) as pool:
                with numeric_threads(1):  # a worker is born at the first jobs
                    futures = {
                        pool.submit(run, self.plan.to_dict(), label, seed, str(self._place(label, seed))): label
                        for label, seed in missing
                    }
                waiting = set(futures)
                while waiting:
                    if finish():
                        waiting = {future for future in waiting if not future.cancel()}
                    ready, waiting = concurrent.futures.wait(waiting, TICK, concurrent.futures.FIRST_COMPLETED)
                    for future in ready:
                        watch.done(futures[future], future.result())
        watch.end()
        return not self.missing()

    def missing(self) -> list[tuple[str, int]]:
        """(label, seed) of the runs that are not finished: first one of each strategy, so that mistakes show early,
        then strategy by strategy, so that a process keeps what it has learnt of a space.
        """
        todo = {
            label: [seed for seed in self._seeds if not (self._place(label, seed) / RESULT).exists()]
            for label in self.plan.strategies
        }
        first = [(label, seeds[0]) for label, seeds in todo.items() if seeds]
        return first + [(label, seed) for label, seeds in todo.items() for seed in seeds[1:]]

    def runs(self) -> list[Run]:
        """The runs that are finished, by strategy and seed."""
        found = []
        for label in self.plan.strategies:
            for seed in self._seeds:
                with suppress(FileNotFoundError):
                    found.append(_read_run(self._place(label, seed) / RESULT))
        return found

    @property
    def _seeds(self) -> range:
        return range(self.plan.seed, self.plan.seed + self.plan.runs)

    def _place(self, label: str, seed: int) -> Path:
        return self.folder / RUNS / f"{label}-{seed}"

    def _rehearse(self) -> None:
        """Build everything once in this process, where mistakes are told best, ask each strategy for its first trial,
        and refuse a budget that no trial would use up.
        """
        problem, evaluator = _parts(*_texts(self.plan.to_dict()))
        for spec in self.plan.strategies.values():
            catalog.from_spec(spec, "strategy").ask(History(problem), 1, generator(0, "rehearsal"))
        refuse_endless(Budget(self.plan.seconds, self.plan.trials), problem, evaluator, self.plan.title)


def read_plan(folder: Path) -> Plan | None:
    """The plan of the comparison in ``folder``, None when there is none. Raises StudyError when it cannot be read."""
    try:
        data = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder / PLAN} cannot be read: {error}.", "Choose another name.") from error
    if not isinstance(data, dict) or data.get("format", 0) > FORMAT:
        raise StudyError(
            f"{folder / PLAN} was written by a newer version of Archsmith, or is no comparison.", "Choose another name."
        )
    return Plan.from_dict(data)


def refuse_endless(budget: Budget, problem: Problem, evaluator: Evaluator, title: str) -> None:
    """Raises UsageError where ``budget`` is of seconds alone and none of 20 random trials of what people call ``title``
    charges any.
    """
    if budget.seconds is None or budget.trials is not None or not evaluator.simulated:
        return
    rng = generator(0, "rehearsal")
    if not any(_seconds(evaluator, problem, rng) > 0 for _ in range(20)):
        raise UsageError(
            f"Trials of {title} cost no simulated time, so a budget of seconds would never end.",
            "Give a budget of trials.",
        )


def _refuse_another(folder: Path, before: Plan, now: Plan) -> None:
    began, wanted = before.to_dict(), now.to_dict()
    for part in ("title", "evaluator", "space", "problem", "judged_by", "seconds", "trials", "seed", "strategies"):
        if began[part] != wanted[part]:
            raise UsageError(
                f"The comparison {folder.name!r} began with another {part.replace('_', ' ')}: {_short(began[part])}, "
                f"now {_short(wanted[part])}.",
                "Repeat it as it was (only runs may change), or give this one another name.",
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _maximize(metric: str, objective: str, maximize: bool) -> bool:
    """Whether more of ``metric`` is better: as with the ``objective`` of the search, unless its name says otherwise."""
    more = more_is_better(metric)
    return maximize if more is None or more == more_is_better(objective) else more


def judged_by_of(evaluator: Evaluator, metric: str) -> str:
    """The metric that the answer of a search for ``metric`` is judged by."""
    judged_by = getattr(evaluator, "judged_by", None)
    return str(judged_by(metric)) if judged_by is not None else metric


def _seconds(evaluator: Evaluator, problem: Problem, rng: Any) -> float:
    """What a random trial would charge."""
    try:
        outcome = evaluator.evaluate(problem.space.sample(rng), problem.fidelity.maximum, Context(0, 0))
    except Exception:
        return 0.0  # a failed trial charges next to nothing
    return outcome.seconds if isinstance(outcome, Outcome) else 0.0


def _write(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    try:
        write_text(path, json.dumps(data, allow_nan=False))
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror}.", "Choose another workspace.") from error


def _read_run(path: Path) -> Run:
    try:
        return Run.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(
            f"{path} is damaged: {error}.", "Delete it; the run is then read from its log again."
        ) from error


class _Watch:
    """Tells an observer how far a comparison is, and when it will be ready: every strategy at its own pace."""

    def __init__(self, plan: Plan, missing: Sequence[tuple[str, int]], workers: int, observer: Observer) -> None:
        self._observer, self._workers = observer, workers
        self._total = len(plan.strategies) * plan.runs
        self._n_done = self._total - len(missing)
        self._left = {label: sum(each == label for each, _ in missing) for label in plan.strategies}
        self._paces: dict[str, list[float]] = {label: [] for label in plan.strategies}
        detail = f"{self._n_done:,} of {self._total:,} are there" if self._n_done else ""
        observer(Event("phase", {"name": "runs", "state": "started", "detail": detail}))

    def done(self, label: str, seconds: float) -> None:
        """A run of ``label`` ended; it kept its process busy for ``seconds``."""
        self._n_done += 1
        self._left[label] -= 1
        self._paces[label].append(seconds)
        known = [pace for paces in self._paces.values() for pace in paces]
        # The first run of a process builds what later ones find in its caches.
        each = {
            name: sorted(paces)[len(paces) // 2] if paces else sum(known) / len(known)
            for name, paces in self._paces.items()
        }
        left = sum(each[name] * n for name, n in self._left.items()) / self._workers
        rest = f", about {clock(left)} left" if self._n_done < self._total else ""
        self._observer(
            Event(
                "progress", {"what": f"{self._n_done:,} of {self._total:,}, last {label}{rest}", "done": self._n_done}
            )
        )

    def end(self) -> None:
        self._observer(
            Event(
                "phase",
                {"name": "runs", "state": "finished", "detail": f"{self._n_done:,} of {self._total:,} are there"},
            )
        )


# Below: processes


@contextmanager
def _pool(workers: int) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """Spawned worker processes. When the block is left by an error, they are killed: what they were at goes on from its
    log another time.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "A worker process asked for workers of its own while it loaded the main script.",
            'Put the comparison under: if __name__ == "__main__":',
        )
    others = set(multiprocessing.active_children())
    pool = concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool
        pool.shutdown(wait=True)
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        pool.shutdown(wait=True)
        if isinstance(error, BrokenProcessPool):
            raise StudyError(
                "A worker process of the comparison died.", "Run it again: finished runs are kept, the others go on."
            ) from error
        raise


def _begin() -> None:
    """The beginning of a worker process."""
    # Ctrl-C reaches the whole terminal; what it means is the parent's business
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """A killed parent tells its workers nothing, and they would wait for work for ever."""
    wait([sentinel])
    os._exit(1)


# Below: one run, in whatever process


def run(plan: Mapping[str, Any], label: str, seed: int, folder: str) -> float:
    """Search once, or go on with a search that was cut short, and write ``result.json``. Returns the seconds that this
    took.
    """
    began = time.perf_counter()
    problem, evaluator = _parts(*_texts(plan))
    strategy: Strategy = catalog.from_spec(plan["strategies"][label], "strategy")
    store = SqliteStore(folder)
    record = _Record(strategy, _Judge(problem, evaluator, plan["judged_by"], Plan.from_dict(plan).maximize))

    def observe(event: Event) -> None:
        if event.kind == "finished":
            record.look(search.history)

    search = Search(
        problem,
        strategy,
        evaluator,
        budget=Budget(plan["seconds"], plan["trials"]),
        seed=seed,
        store=store,
        observer=observe,
    )
    try:
        with _open(search):
            if search.history.finished:
                record.look_back(store, problem)
            result = search.run()
            # through the writer: a reader that comes later would leave its own files behind
            wall_seconds = seconds_spent(store.read())
        if result.reason in (reasons.REQUESTED, reasons.INTERRUPTED):
            raise StudyError(f"The run {label}-{seed} was asked to stop.", "The same command goes on with it.")
        seconds = record.seconds if evaluator.simulated else result.seconds
        found = Run(
            label,
            seed,
            len(result.history.finished),
            sum(trial.losses is None for trial in result.history.finished),
            seconds,
            wall_seconds,
            result.reason,
            *record.ended(result.history),
            error=next(
                (trial.outcome.error for trial in result.history.finished if trial.outcome and trial.outcome.error),
                None,
            ),
        )
    finally:
        store.close()
    _write(Path(folder) / RESULT, found.to_dict())
    return time.perf_counter() - began


@contextmanager
def _open(search: Search) -> Iterator[None]:
    """The study open for writing; a worker whose parent was killed may hold it for another moment."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            search.__enter__()
            break
        except LeaseError:
            if time.monotonic() > until:
                raise
            time.sleep(TICK)
    try:
        yield
    finally:
        search.__exit__(None, None, None)


def _texts(plan: Mapping[str, Any]) -> tuple[str, str, str]:
    return json.dumps(plan["space"]), json.dumps(plan["evaluator"]), json.dumps(plan["problem"])


@lru_cache(maxsize=4)
def _parts(space: str, evaluator: str, problem: str) -> tuple[Problem, Evaluator]:
    """Built once a process, so that tables and what strategies know of a space are kept from run to run."""
    return Problem.from_dict(catalog.from_spec(json.loads(space), "space"), json.loads(problem)), catalog.from_spec(
        json.loads(evaluator), "evaluator"
    )


@dataclass(frozen=True)
class _Judge:
    """Says what an architecture is worth: the values of ``metrics``, one for each objective; None when that is not
    known. ``maximize``: their directions.
    """

    problem: Problem
    evaluator: Evaluator
    metrics: Sequence[str]
    maximize: Sequence[bool]

    def __call__(self, trial: Trial) -> Values | None:
        standing = getattr(self.evaluator, "standing", None)
        values: list[float] = []
        for metric, maximize in zip(self.metrics, self.maximize, strict=True):
            place = None if standing is None else standing(trial.architecture, metric, maximize=maximize)
            value = trial.metrics.get(metric) if place is None else float(place.score)
            if value is None:
                return None
            values.append(value)
        return tuple(values)


class _Record:
    """Follows a search trial by trial: what it would answer, and the best that it has tried."""

    def __init__(self, strategy: Strategy, judge: _Judge) -> None:
        self.seconds = 0.0
        self._judge = judge
        self._several = len(judge.metrics) > 1
        self._maximize = judge.maximize[0]
        self._opinion: Callable[[History], Trial | None] | None = (
            None if self._several else getattr(strategy, "answer", None)
        )
        self._n = self._asked = 0
        self._answer: tuple[Trial, ...] = ()
        self._curve: list[Step] = []
        self._tried: list[Step] = []

    def look(self, history: History) -> None:
        """To be called after every trial that finished."""
        trial = history.finished[-1]
        self._n, self.seconds = len(history.finished), self.seconds + (trial.outcome.seconds if trial.outcome else 0.0)
        if trial.ok and not self._several:
            values = self._judge(trial)
            if values is not None and (not self._tried or self._better(values, self._tried[-1].points[0])):
                self._tried.append(Step(self._n, self.seconds, (values,)))
        # Fronts and opinions cost more the longer the history is, so they are asked for at ever larger steps.
        if (self._opinion is None and not self._several) or self._n >= ASK_AGAIN * self._asked:
            self._take(history)

    def look_back(self, store: SqliteStore, problem: Problem) -> None:
        """The same for all that an earlier opening has finished."""
        history = History(problem)
        for event in store.read():
            history.apply(event)
            if event.kind == "finished":
                self.look(history)

    def ended(self, history: History) -> tuple[tuple[Step, ...], tuple[Step, ...], Mapping[str, Any] | None]:
        """The curve, the best tried, and the answer."""
        if self._n:
            self._take(history)
        answer = None
        if self._answer and not self._several:
            trial = self._answer[0]
            answer = {"trial": trial.id, "metrics": dict(trial.metrics), "architecture": dict(trial.architecture)}
        return tuple(self._curve), tuple(self._tried), answer

    def _take(self, history: History) -> None:
        """Note the answer as it stands now, if it is another one."""
        self._asked = self._n
        best = (self._opinion(history) if self._opinion is not None else None) or history.best()
        answer = tuple(history.front()) if self._several else () if best is None else (best,)
        if [trial.id for trial in answer] == [trial.id for trial in self._answer]:
            return
        self._answer = answer
        points = tuple(values for trial in answer if (values := self._judge(trial)) is not None)
        if points:
            self._curve.append(Step(self._n, self.seconds, points))

    def _better(self, a: Values, b: Values) -> bool:
        return a[0] > b[0] if self._maximize else a[0] < b[0]
