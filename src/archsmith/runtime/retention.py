"""Which trial folders stay on disk: those of the best trials, of the latest ones, and of those that a longer trial may
go on from, under a cap in megabytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from archsmith.core.fields import check_from_0, checked
from archsmith.core.history import History
from archsmith.core.trial import Trial


@checked
@dataclass(frozen=True)
class Retention:
    """Which trials keep their folders; pending ones and their parents always do.

    Besides the best and the latest, those stay that may still be promoted: below full fidelity, of an architecture
    without a longer trial.

    top: how many of the best by the first objective; with several objectives the front stays, too.
    last: how many of the latest.
    max_mb: what all of them may hold together, in 10⁶ bytes. The best and the latest come first.
    """

    top: int = 5
    last: int = 5
    max_mb: float = 2000.0

    def __post_init__(self) -> None:
        check_from_0("Retention", top=self.top, last=self.last, max_mb=self.max_mb)

    def apply(self, folder: Path, history: History) -> None:
        """Delete the folders of other trials. Cheap when no trial keeps files."""
        if not folder.is_dir():
            return
        best = history.ranking()[: self.top]
        if self.top and len(history.problem.objectives) > 1:
            first = history.representative()
            best = [*([first] if first else []), *best, *history.front()]
        latest = history.finished[: -self.last - 1 : -1]
        spent = 0.0
        kept = {str(trial) for one in history.pending.values() for trial in (one.id, *one.parents)}
        wanted = [*best[:1], *latest[:1], *best, *latest, *_promotable(history)]
        for trial in dict.fromkeys(each.id for each in wanted):
            spent += sum(file.stat().st_size for file in (folder / str(trial)).rglob("*") if file.is_file()) / 1e6
            if spent > self.max_mb:
                break
            kept.add(str(trial))
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _promotable(history: History) -> list[Trial]:
    """The trials that a longer one may go on from. In turn the best of the highest fidelity, and the latest: what is
    promoted next may be either, as the strategy has it.
    """
    found = [
        trial
        for trial in reversed(history.finished)
        if trial.losses is not None
        and trial.fidelity < history.problem.fidelity.maximum
        and all(other.fidelity <= trial.fidelity for other in history.of(trial.architecture))
    ]
    best = sorted(found, key=lambda trial: (-trial.fidelity, not trial.feasible, trial.loss))
    return list(chain.from_iterable(zip(best, found, strict=True)))
