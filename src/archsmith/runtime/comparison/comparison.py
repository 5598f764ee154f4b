"""A comparison in a folder: what is missing of it, and doing that."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from archsmith import catalog
from archsmith.core.budget import Budget
from archsmith.core.history import History
from archsmith.core.protocols import asked
from archsmith.core.seeds import generator
from archsmith.runtime.arguments import check_strategy
from archsmith.runtime.comparison.looks import Look, add_look, read_looks
from archsmith.runtime.comparison.one_run import run
from archsmith.runtime.comparison.plan import PLAN, Plan, parts, read_plan, refuse_another, refuse_endless
from archsmith.runtime.comparison.runs import RESULT, RUNS, Run, read_run, write_json
from archsmith.runtime.comparison.watching import Observer, Watch
from archsmith.runtime.comparison.workers import pool
from archsmith.runtime.spawning import spawning

TICK = 0.5  # seconds between two looks at the workers


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
            refuse_another(self.folder, before, plan)
        if self.missing():
            self._rehearse()  # before the name is taken
        if before is None or before.runs < plan.runs:
            write_json(self.folder / PLAN, plan.to_dict())

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
        n_workers = min(workers, len(missing))
        watch = Watch(self.plan, missing, n_workers, observer)
        if workers == 1 or len(missing) == 1:
            for label, seed in missing:
                if finish():
                    break
                watch.done(label, run(self.plan.to_dict(), label, seed, str(self._place(label, seed))))
        else:
            todo, running = iter(missing), dict[concurrent.futures.Future[float], str]()
            with pool(n_workers, catalog.admitted(self.plan.to_dict())) as executor:
                while True:
                    # One at a time for each worker: what waits in its queue could not be taken back.
                    free = 0 if finish() else n_workers - len(running)
                    with spawning(1):  # a worker is born at the first jobs
                        for label, seed in islice(todo, free):
                            place = str(self._place(label, seed))
                            running[executor.submit(run, self.plan.to_dict(), label, seed, place)] = label
                    if not running:
                        break
                    ready, _ = concurrent.futures.wait(running, TICK, concurrent.futures.FIRST_COMPLETED)
                    for future in ready:
                        watch.done(running.pop(future), future.result())
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
                    found.append(read_run(self._place(label, seed) / RESULT))
        return found

    def looks(self) -> tuple[Look, ...]:
        """When results were shown, and with how many runs."""
        return read_looks(self.folder)

    def looked(self, runs: int) -> None:
        """To be called where results of ``runs`` runs of each strategy are shown to a person."""
        add_look(self.folder, runs)

    @property
    def _seeds(self) -> range:
        return range(self.plan.seed, self.plan.seed + self.plan.runs)

    def _place(self, label: str, seed: int) -> Path:
        return self.folder / RUNS / f"{label}-{seed}"

    def _rehearse(self) -> None:
        """Build everything once in this process, where mistakes are told best, ask each strategy for its first trial,
        and refuse a budget that no trial would use up.
        """
        problem, evaluator = parts(self.plan.to_dict())
        for spec in self.plan.strategies.values():
            strategy = catalog.from_spec(spec, "strategy")
            check_strategy(strategy)
            asked(strategy, History(problem), 1, generator(0, "rehearsal"))
        refuse_endless(Budget(self.plan.seconds, self.plan.trials), problem, evaluator, self.plan.title)
