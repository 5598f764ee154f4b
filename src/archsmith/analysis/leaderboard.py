"""The leaderboard of a study: networks trained in full first, then the trials of its search, each as one row of plain
data.

It looks the same in a terminal, in a notebook and in the report, and becomes a data frame on request.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from archsmith.core import markup
from archsmith.core.errors import MissingExtraError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Trial

Row = dict[str, Any]

COLUMNS = ("kind", "name", "valid", "test", "params", "macs", "seconds", "epochs", "exported", "trial", "error")
SHOWN = 20  # rows that a terminal and a notebook show


class Leaderboard(Sequence[Row]):
    """Rows as dicts, best first within each kind; every row has the same keys, None where something is not known.

    ``kind`` is ``final`` (trained in full) or ``trial`` (a short training of the search; its score does not compare
    with a final one); ``metric`` says what ``valid`` and ``test`` are.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], metric: str = "accuracy") -> None:
        self._rows = [dict(row) for row in rows]
        self.metric = metric

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Leaderboard: ...

    def __getitem__(self, index: int | slice) -> Row | Leaderboard:
        return Leaderboard(self._rows[index], self.metric) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, list | Leaderboard) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # rows can be changed

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of which any row has a value, in the order of the first row that has them."""
        names = dict.fromkeys(name for row in self._rows for name in row)
        return tuple(name for name in names if any(row.get(name) is not None for row in self._rows))

    def to_frame(self) -> Any:
        """All rows as a pandas ``DataFrame``. Raises MissingExtraError without pandas."""
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("pandas", "train", "A data frame") from error
        names = dict.fromkeys(name for row in self._rows for name in row)
        return pandas.DataFrame(self._rows, columns=list(names) or None)

    def __repr__(self) -> str:
        if not self._rows:
            return "Leaderboard (no rows yet)"
        columns = self.columns
        table = [columns, *([cell(name, row.get(name)) for name in columns] for row in self._rows[:SHOWN])]
        widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
        right = [name not in ("kind", "name", "error") for name in columns]
        lines = [
            "  ".join(
                text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in table
        ]
        return "\n".join([f"Leaderboard ({self.metric})", *lines, *self._more()])

    def _repr_html_(self) -> str:
        columns = self.columns
        rows = [
            [cell(name, row.get(name)) if name in ("exported", "error", "trial") else row.get(name) for name in columns]
            for row in self._rows[:SHOWN]
        ]
        more = "".join(f"<p>{html.escape(line)}</p>" for line in self._more())
        return markup.table(rows, columns, f"Leaderboard ({self.metric})") + more

    def _more(self) -> list[str]:
        left = len(self) - SHOWN
        return [f"… and {left:,} more"] if left > 0 else []


@checked
def leaderboard(
    finals: Iterable[Mapping[str, Any]], history: History | None = None, limit: int | None = None
) -> Leaderboard:
    """``finals`` are the rows of a FitResult as dicts; ``history`` gives the trials, at most ``limit`` of them:
    those that ended with a score within the limits, at the highest fidelity (the longest training) that has one, see
    ``History.ranking``. Networks that failed come last.
    """
    objective = history.problem.objectives[0] if history is not None else None
    sign = 1.0 if objective is None or objective.maximize else -1.0
    scored = [_filled("final", row) for row in finals]
    scored.sort(key=lambda row: (row["valid"] is None, -sign * (row["valid"] or 0.0)))
    trials = (
        []
        if history is None or objective is None
        else [_of_trial(trial, objective.metric) for trial in history.ranking()[:limit]]
    )
    return Leaderboard([*scored, *trials], "accuracy" if objective is None else objective.metric)


def _filled(kind: str, row: Mapping[str, Any]) -> Row:
    known = {**row, "kind": kind, "epochs": row.get("epochs") or None}  # trees are not trained in epochs
    return {name: known.get(name) for name in COLUMNS}


def _of_trial(trial: Trial, metric: str) -> Row:
    outcome, metrics = trial.outcome, trial.metrics
    known = {
        "name": f"trial {trial.id}",
        "valid": metrics.get(metric),
        "params": _whole(metrics.get("params")),
        "macs": _whole(metrics.get("macs")),
        "seconds": outcome.seconds if outcome else None,
        "epochs": outcome.notes.get("epochs") if outcome else None,
        "trial": trial.id,
    }
    return _filled("trial", known)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def cell(name: str, value: object) -> str:
    """One value of a leaderboard as text."""
    if name in ("exported", "error") and not value:
        return ""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if name == "trial" else f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if name in ("seconds", "epochs") else f"{value:.4f}"
    return " ".join(str(value).split())
