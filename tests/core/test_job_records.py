"""Events that the main job writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archsmith.core import log_format
from archsmith.core.events import Event
from archsmith.core.job_records import Epoch, Extended, Note, PhaseRecord, ResultRecord
from archsmith.core.records import record


def test_a_result_keeps_what_readers_do_not_know_by_name() -> None:
    read = record(Event("result", {"metric": "accuracy", "valid": 0.5, "rows": [{"name": "fixed"}], "macs": 3}))
    assert isinstance(read, ResultRecord)
    assert (read.metric, read.valid, read.test, read.rows[0]["name"]) == ("accuracy", 0.5, None, "fixed")
    assert read.to_data()["macs"] == 3


def test_an_extension_goes_through_the_same_upgrades(monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(data: dict[str, Any]) -> dict[str, Any]:
        data["fit"]["settings"] = {"seconds": data["fit"]["settings"]["time"]}
        return data

    monkeypatch.setattr(log_format, "UPGRADES", (renamed,))
    old = record(Event("extended", {"settings": {"time": 60.0}}))
    assert isinstance(old, Extended) and old.settings == {"seconds": 60.0}
    assert record(Event("extended", json.loads(json.dumps(old.to_data())))) == old


def test_a_phase_that_begins_has_a_forecast_and_one_that_ends_a_result() -> None:
    began = PhaseRecord("search", "started", "random", 30.0).to_data()
    ended = PhaseRecord("search", "finished", seconds=29.0, result={"n_trials": 3}).to_data()
    assert began == {"name": "search", "state": "started", "detail": "random", "forecast_seconds": 30.0}
    assert ended == {"name": "search", "state": "finished", "seconds": 29.0, "result": {"n_trials": 3}}


def test_exact_terms_stand_beside_plain_words_where_they_say_more() -> None:
    note, phase = Note("It runs.", "In float32."), PhaseRecord("linear", detail="a simple model", exact="regression")
    assert (note.told(exact=False), note.told(exact=True)) == ("It runs.", "It runs. In float32.")
    for said in (note, phase, Note("It runs.")):
        assert record(Event(said.kind, json.loads(json.dumps(said.to_data())))) == said
    assert Note("It runs.").to_data() == {"text": "It runs."}


def test_an_epoch_of_an_older_version_is_the_last_one() -> None:
    assert Epoch.from_data({"network": "fixed", "epoch": 3}).epochs == 3.0
