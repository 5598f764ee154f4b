from __future__ import annotations

from pathlib import Path

import pytest

from archsmith.automl.glance import IN_STUDY, at_a_glance, bundle_of, credit, score_in_words, what
from archsmith.core.events import Event
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.study_view import try_view
from archsmith.runtime.workspace import Workspace

FIT = {"settings": {"data": "blots", "seconds": 60.0}}
STUDY = {
    "problem": {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 1]},
    "space": {"type": "a"},
    "strategy": {"type": "b"},
}


def glance(place: Path, *events: Event) -> dict[str, object]:
    store = SqliteStore(place / "studies" / "s")
    store.acquire()
    store.append(events)
    store.close()
    (summary,) = Workspace(place).list()
    return at_a_glance(summary, try_view(summary.folder))


def test_a_search_is_told_by_what_was_searched_and_its_best_trial(tmp_path: Path) -> None:
    row = glance(
        tmp_path,
        Event("study", STUDY),
        Event("proposed", {"trials": [{"id": 0, "architecture": {"x": 1}, "fidelity": 1.0}]}),
        Event("finished", {"trial": 0, "outcome": {"status": "ok", "metrics": {"accuracy": 0.75}, "seconds": 1.0}}),
    )
    assert (row["state"], row["n_finished"], row["score"], row["tested"]) == ("interrupted", 1, 0.75, False)
    assert score_in_words(row) == "accuracy 0.75"
    assert what(row) == "search alone: space a, strategy b"


def test_a_job_is_told_by_its_bundle_and_its_test_score(tmp_path: Path) -> None:
    result = {"metric": "accuracy", "test": 0.5, "model_dir": str(tmp_path / "studies" / "s" / "final" / "bundle")}
    row = glance(tmp_path, Event("study", {**STUDY, "fit": FIT}), Event("result", result))
    assert score_in_words(row) == "accuracy 0.5 (test)"
    assert what(row) == "from blots, whose bundle is gone"
    assert what({**row, "bundle": result["model_dir"]}) == IN_STUDY
    assert what({**row, "bundle": str(tmp_path / "mine")}) == str(tmp_path / "mine")


def test_a_job_without_a_result_is_told_by_its_data(tmp_path: Path) -> None:
    row = glance(tmp_path, Event("study", {**STUDY, "fit": FIT}))
    assert score_in_words(row) is None
    assert what(row) == "from blots, nothing exported yet"


def test_a_job_on_data_in_memory_is_no_search_alone(tmp_path: Path) -> None:
    row = glance(tmp_path, Event("study", {**STUDY, "fit": {"settings": {"data": None, "seconds": 60.0}}}))
    assert what(row) == "from data in memory, nothing exported yet"


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    row = glance(tmp_path, Event("study", {"format": 10**6}))
    assert row["state"] == "unreadable"
    assert "later version" in str(what(row))


def test_a_copy_from_python_is_credited_while_it_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, copy = tmp_path / "studies" / "s", tmp_path / "mine"
    (study / "final").mkdir(parents=True)
    written = {str(study / "final" / "bundle"), str(copy)}
    monkeypatch.setattr("archsmith.automl.glance.author", lambda place: "s" if str(place) in written else None)
    result = {"metric": "accuracy", "test": 0.5, "model_dir": str(study / "final" / "bundle")}
    credit(study, tmp_path / "older")
    credit(study, copy)
    row = glance(tmp_path, Event("study", {**STUDY, "fit": FIT}), Event("result", result))
    assert row["bundle"] == str(copy)
    written.remove(str(copy))
    assert bundle_of(try_view(study)) == str(study / "final" / "bundle")
