"""Which trial folders stay on disk: those of the best trials and of the latest ones, under a cap in megabytes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from archsmith.core.fields import check_from_0, checked
from archsmith.core.history import History


@checked
@dataclass(frozen=True)
class Retention:
    """Which trials keep their folders; pending ones always do.

    top: how many of the best.
    last: how many of the latest.
    max_mb: what the folders of both may hold together, in 10⁶ bytes.
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
        best = [trial.id for trial in history.ranking()[: self.top]]
        latest = [trial.id for trial in history.finished[: -self.last - 1 : -1]]
        spent, kept = 0.0, {str(trial) for trial in history.pending}
        for trial in dict.fromkeys([*best[:1], *latest[:1], *best, *latest]):
            spent += sum(file.stat().st_size for file in (folder / str(trial)).rglob("*") if file.is_file()) / 1e6
            if spent > self.max_mb:
                break
            kept.add(str(trial))
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
