"""One search of a comparison, in whatever process."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core import budget as reasons
from archsmith.core.budget import Budget
from archsmith.core.errors import LeaseError, StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.failures import most_frequent, screened
from archsmith.core.history import History
from archsmith.core.protocols import Strategy
from archsmith.runtime.comparison.following import Follower, Judge
from archsmith.runtime.comparison.plan import Plan, parts
from archsmith.runtime.comparison.runs import RESULT, Run, write_json
from archsmith.runtime.search import Search, seconds_spent
from archsmith.runtime.sqlite import SqliteStore

PATIENCE = 20.0  # seconds that a run waits for a process of a killed comparison to let go of it
TICK = 0.5


def run(plan: Mapping[str, Any], label: str, seed: int, folder: str) -> float:
    """Search once, or go on with a search that was cut short, and write ``result.json``. Returns the seconds that this
    took.
    """
    began = time.perf_counter()
    problem, evaluator = parts(plan)
    strategy: Strategy = catalog.from_spec(plan["strategies"][label], "strategy")
    store = SqliteStore(folder)
    follower = Follower(strategy, Judge(problem, evaluator, plan["judged_by"], Plan.from_dict(plan).maximize))

    def observe(event: Event) -> None:
        if event.kind == "finished":
            follower.look(search.history)

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
                follower.look_back(store, problem)
            result = search.run()
            # through the writer: a reader that comes later would leave its own files behind
            wall_seconds = seconds_spent(store.read())
        if result.reason in (reasons.REQUESTED, reasons.INTERRUPTED):
            raise StudyError(f"The run {label}-{seed} was asked to stop.", "The same command goes on with it.")
        why = most_frequent(result.history.finished)
        found = Run(
            label,
            seed,
            len(result.history.finished),
            0 if why is None else why.n_failed,
            follower.seconds,
            wall_seconds,
            result.reason,
            *follower.ended(result.history),
            error=None if why is None else why.text,
            proposals=digest(result.history),
            n_error=None if why is None else len(why.trials),
            n_screened=sum(map(screened, result.history.finished)),
            simulated=bool(evaluator.simulated),
        )
    except UsageError as error:
        error.message = f"Run {label}-{seed}: {error.message}"
        raise
    finally:
        store.close()
    write_json(Path(folder) / RESULT, found.to_dict())
    return time.perf_counter() - began


def digest(history: History) -> str:
    """16 hexadecimal digits that name the sequence of proposals of ``history``."""
    rows = [[list(trial.architecture.items()), trial.fidelity] for trial in history.trials]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


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
