from __future__ import annotations

import sys

import pytest

from archsmith.analysis.leaderboard import SHOWN, Leaderboard, leaderboard
from archsmith.core.architecture import Architecture
from archsmith.core.errors import MissingExtraError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Objective, Problem
from archsmith.testing.toys import Flat

FINALS = [
    {"name": "linear", "valid": 0.8, "test": 0.79, "params": 7850, "seconds": 2.0, "exported": False},
    {"name": "fixed", "valid": None, "error": "Out of memory."},
    {"name": "searched", "valid": 0.95, "test": 0.94, "params": 61_234, "seconds": 50.0, "exported": True, "trial": 1},
]


def history(scores: list[float], maximize: bool = True) -> History:
    made = History(Problem(Flat(), (Objective("accuracy", maximize),)))
    for i, score in enumerate(scores):
        row = {"id": i, "architecture": dict(Architecture({"depth": i})), "fidelity": 1.0, "parents": [], "notes": {}}
        made.apply(Event("proposed", {"trials": [row]}))
        metrics = {"accuracy": score, "params": 1000.0 + i}
        outcome = {
            "status": "ok",
            "metrics": metrics,
            "seconds": 1.5,
            "error": None,
            "error_kind": None,
            "notes": {"epochs": 2.0},
        }
        made.apply(Event("finished", {"trial": i, "outcome": outcome}))
    return made


def test_networks_trained_in_full_come_first_and_the_best_leads() -> None:
    rows = leaderboard(FINALS, history([0.5, 0.9, 0.7]))
    assert [row["name"] for row in rows] == ["searched", "linear", "fixed", "trial 1", "trial 2", "trial 0"]
    assert [row["kind"] for row in rows] == ["final"] * 3 + ["trial"] * 3


def test_every_row_has_the_same_keys() -> None:
    assert len({tuple(row) for row in leaderboard(FINALS, history([0.5]))}) == 1


def test_a_minimised_objective_ranks_the_smallest_first() -> None:
    rows = leaderboard([], history([0.5, 0.9, 0.7], maximize=False))
    assert [row["trial"] for row in rows] == [0, 2, 1]


def test_limit_keeps_the_best_trials() -> None:
    assert [row["trial"] for row in leaderboard([], history([0.5, 0.9, 0.7]), limit=2)] == [1, 2]


def test_it_behaves_like_a_list() -> None:
    rows = leaderboard(FINALS)
    assert len(rows) == 3 and rows[0]["name"] == "searched" and len(rows[1:]) == 2 and isinstance(rows[1:], Leaderboard)
    assert rows == list(rows)


def test_text_is_aligned_and_names_the_metric() -> None:
    lines = repr(leaderboard(FINALS, history([0.5]))).splitlines()
    assert lines[0] == "Leaderboard (accuracy)"
    start = lines[1].index("name")
    assert [line[start:].split()[0] for line in lines[2:]] == ["searched", "linear", "fixed", "trial"]
    assert "61,234" in lines[2] and "0.9500" in lines[2]


def test_without_rows_it_says_so() -> None:
    assert repr(leaderboard([])) == "Leaderboard (no rows yet)"
    assert "<table" in leaderboard([])._repr_html_()


def test_html_escapes_what_comes_from_outside() -> None:
    text = Leaderboard([{"name": "<script>alert(1)</script>", "valid": 0.5}], "<b>")._repr_html_()
    assert "<script>" not in text and "&lt;script&gt;" in text and "<b>" not in text


def test_a_long_one_is_cut_and_says_by_how_much() -> None:
    rows = leaderboard([], history([i / 100 for i in range(SHOWN + 5)]))
    assert "… and 5 more" in repr(rows) and "… and 5 more" in rows._repr_html_()
    assert len(rows) == SHOWN + 5


def test_it_becomes_a_data_frame() -> None:
    pytest.importorskip("pandas")
    frame = leaderboard(FINALS, history([0.5])).to_frame()
    assert list(frame["name"]) == ["searched", "linear", "fixed", "trial 0"]


def test_without_pandas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="archsmith\\[train\\]"):
        leaderboard(FINALS).to_frame()


def test_what_is_not_trained_in_epochs_has_none() -> None:
    (trees,) = leaderboard([{"name": "boosted", "valid": 0.9, "epochs": 0.0}])
    assert trees["epochs"] is None
