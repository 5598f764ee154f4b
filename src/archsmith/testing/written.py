"""A study that is written instead of searched: thousands of trials in seconds, with the real store and records. Readers
of logs are tried on it, and measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from archsmith.core.architecture import Scalar
from archsmith.core.events import Event
from archsmith.core.job_records import FINISHED, Note, PhaseRecord
from archsmith.core.records import Closed, Finished, Opened, Proposed, ProposedTrial, Reported, StudyRecord
from archsmith.core.seeds import generator
from archsmith.core.trial import Outcome, Status
from archsmith.runtime.sqlite import SqliteStore

FAMILIES = ("stages", "resnet", "mlp", "strips", "mixer", "attention")
AT_ONCE = 200  # trials of one transaction
FIRST_WORK = 1.0
FAILED = 0.02  # of all trials
POOL = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["work", FIRST_WORK, 200.0]}
TRADE = {"objectives": [["accuracy", True], ["params", False]], "constraints": [], "fidelity": ["epochs", 1.0, 1.0]}
JOB: Mapping[str, Any] = {
    "settings": {"data": "digits", "seconds": 3600.0, "seed": 0},
    "plan": {"budget_seconds": 3600.0},
    "kind": "image",
    "findings": {"name": "digits"},
}


class WrittenStudy:
    """A study in ``folder`` that this process writes, as the search of a job does: ``with WrittenStudy(folder) as log:
    log.trials(5000)``. While it is open, it is in the state ``running``.

    ``folder``: where it lies.
    ``several``: is it a search alone, for two objectives, instead of the pool of a job?
    """

    def __init__(self, folder: Path | str, seed: int = 0, *, several: bool = False) -> None:
        self._several = several
        self._rng = generator(seed, "written")
        self.folder = Path(folder)
        self._store = SqliteStore(folder)
        self._n = 0
        self._pool: list[tuple[dict[str, Any], float, float, int]] = []  # decisions, quality, work, latest trial
        self._store.acquire()
        self.write(
            StudyRecord(
                space={"type": "pictures", "args": {}},
                problem=TRADE if several else POOL,
                strategy={"type": "nsga2" if several else "race", "args": {}},
                evaluator={"type": "training", "args": {}},
                fit={} if several else JOB,
            ),
            Opened(1, "here", None if several else 3600.0),
        )
        if not several:
            self.write(
                Note("digits: 10 classes, grey pictures of 8 x 8"),
                PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.9, "params": 650, "epochs": 20.0}),
                PhaseRecord("search", detail="networks of many kinds are tried"),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._store.close()

    def write(self, *records: Any) -> None:
        """Log records, as ``core.records`` has them."""
        self._store.append([Event(each.kind, each.to_data()) for each in records])

    def trials(self, n: int) -> None:
        """Log ``n`` more trials, all of them finished."""
        while n > 0:
            some = min(n, AT_ONCE)
            self.write(*(each for _ in range(some) for each in self._trial()))
            n -= some

    def begin(self) -> int:
        """Log a trial that is still going on; returns its number."""
        decisions, _, work, parent = self._next()
        self.write(self._proposed(decisions, work, parent))
        self._n += 1
        return self._n - 1

    def close(self, reason: str = "trials") -> None:
        """Log that the loop ended."""
        self.write(Closed(reason))

    def _next(self) -> tuple[dict[str, Any], float, float, int | None]:
        """Decisions, how good such a network is at its end, the work of its next trial, and the trial it goes on from.
        Every other trial of a pool carries one of the best on.
        """
        if self._pool and not self._several and self._rng.random() < 0.5:
            i = min(self._rng.integers(len(self._pool), size=3).tolist(), key=lambda i: -self._pool[i][1])
            decisions, quality, work, latest = self._pool.pop(i)
            return decisions, quality, min(200.0, 2 * work), latest
        family = FAMILIES[int(self._rng.integers(len(FAMILIES)))]
        decisions = {"family": family, "width": int(self._rng.integers(8, 512)), "number": self._n}
        return decisions, float(self._rng.beta(8, 2)), FIRST_WORK, None

    def _proposed(self, decisions: dict[str, Any], work: float, parent: int | None) -> Proposed:
        made = "sample" if parent is None else "carry_on"
        notes: dict[str, Scalar] = {"operator": made, **({} if parent is None else {"forecast": 0.1, "sd": 0.02})}
        parents = () if parent is None else (parent,)
        return Proposed((ProposedTrial(self._n, decisions, work, parents, notes),))

    def _trial(self) -> Iterator[Any]:
        decisions, quality, work, parent = self._next()
        yield self._proposed(decisions, work, parent)
        trial, self._n = self._n, self._n + 1
        if self._rng.random() < FAILED:
            yield Finished(trial, Outcome(Status.FAILED, {}, 0.0005, "Out of memory.", "memory"))
            return
        for step in (0.5 * work, 0.75 * work):
            yield Reported(trial, step, {"accuracy": self._score(quality, step), "train_loss": 1.0 / step})
        params = float(decisions["width"] * 1000 + len(decisions["family"]))
        metrics = {"accuracy": self._score(quality, work), "params": params, "macs": 40 * params}
        yield Finished(trial, Outcome.success(metrics, 0.0005, {"epochs": work}))
        self._pool.append((decisions, quality, work, trial))

    def _score(self, quality: float, work: float) -> float:
        """A learning curve: the error falls as a power of the work."""
        return 1 - (1 - 0.9 * quality) * math.pow(1 + work, -0.35) - 0.002 * float(self._rng.random())
