"""How far a comparison is, told to an observer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archsmith.core.events import Event
from archsmith.core.wording import clock
from archsmith.runtime.comparison.plan import Plan

Observer = Callable[[Event], None]


class Watch:
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
        """To be called behind the last run, also where it was stopped: then nothing is told."""
        if self._n_done < self._total:
            return
        self._observer(
            Event(
                "phase",
                {"name": "runs", "state": "finished", "detail": f"{self._n_done:,} of {self._total:,} are there"},
            )
        )
