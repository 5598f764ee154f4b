from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from archsmith.analysis.report.reproduction import BY_CHANCE, reproduction_of
from archsmith.analysis.study import read_study
from archsmith.core.events import Event
from archsmith.core.job_records import Extended
from archsmith.core.records import STOP, Command, Opened, Record
from archsmith.runtime.openings import Opening


def test_the_command_and_what_decided_the_study(make: Any) -> None:
    study = read_study(make())
    study.view.began = dataclasses.replace(study.record, command="archsmith fit blots --time 60s --seed 7")
    report = reproduction_of(study)
    assert " ".join(report.command) == "archsmith fit blots --time 60s --seed 7"
    assert "The test split was measured once. Networks were compared on the validation split only." in report.lead
    assert ("seed", "7") in report.facts and report.bundle == "models/blots"


def test_a_log_without_a_command_has_none(make: Any) -> None:
    """What could be told of the settings would leave out some of them."""
    assert reproduction_of(read_study(make(finished=False))).command == ()


REPEATS = "the same command repeats the same search"


@pytest.mark.parametrize(
    ("settings", "event", "said"),
    [
        ({}, None, REPEATS),
        ({"workers": 1}, None, REPEATS),
        ({"workers": 4}, None, BY_CHANCE),
        ({}, Command(STOP), "A person asked it to finish early, so another run may try more networks."),
        ({}, Extended({"trials": 40}), "a run that has the last ones from the start may try other networks."),
        ({"seconds": 60.0, "workers": 4}, Command(STOP), "The budget was time by the clock"),
    ],
)
def test_a_search_is_said_to_repeat_only_where_nothing_else_than_the_command_decided(
    make: Any, settings: dict[str, Any], event: Record | None, said: str
) -> None:
    study = read_study(make(seconds=None))
    study.view.began = dataclasses.replace(study.record, command="archsmith fit blots --trials 20 --seed 7")
    study.view.job.fit = {**study.view.job.fit, "settings": {"data": "blots", "trials": 20, **settings}}
    if event is not None:
        study.view.apply(Event(event.kind, event.to_data()))
    lead = reproduction_of(study).lead
    assert said in lead and (REPEATS in lead) == (said == REPEATS)


@pytest.mark.parametrize(
    ("trials", "proposed", "changed"),
    [((25,), 1, False), ((25, 25), 1, False), ((25, 28), 1, True), ((25, 28), 0, False)],
)
def test_the_command_of_a_search_with_other_limits_is_that_of_its_beginning(
    prepared: Any, trials: tuple[int, ...], proposed: int, changed: bool
) -> None:
    folder = prepared([], {}, [({"depth": 1}, {"accuracy": 0.5}, {})])
    openings = [Opening(Opened(1, "here", None, n), 0.0, 1.0, proposed=proposed) for n in trials]
    for command, alone in ((None, "."), ("archsmith search", ", so the command below repeats its beginning alone.")):
        study = read_study(folder)
        study.view.openings.all = openings
        study.view.began = dataclasses.replace(study.record, command=command)
        found = reproduction_of(study)
        assert found.changed == changed == found.lead.endswith(f" Its limits changed later{alone}")


def test_several_looks_at_the_test_split_are_told(make: Any) -> None:
    assert "measured twice" in reproduction_of(read_study(make(test_reads=2))).lead
    assert "The test split is not measured yet." in reproduction_of(read_study(make(finished=False))).lead


def test_the_strategy_of_a_job_is_what_its_command_takes(make: Any) -> None:
    study = read_study(make())
    study.view.job.fit = {**study.fit, "settings": {**study.fit["settings"], "strategy": "graph_gp"}}
    found = reproduction_of(study)
    assert found is not None and dict(found.facts)["strategy"] == "graph_gp" and "data folder" not in dict(found.facts)


def test_the_race_around_a_strategy_is_told_as_on_the_card(make: Any) -> None:
    study = read_study(make())
    raced = {"type": "race", "args": {"inner": {"type": "evolution"}}}
    study.view.began = dataclasses.replace(study.record, strategy=raced)
    assert dict(reproduction_of(study).facts)["strategy"] == "evolution, within a race"


def test_a_search_that_ever_had_several_workers_does_not_promise_the_same_again(searched: Any) -> None:
    study = read_study(searched([(0.5, {}), (0.6, {})]))
    assert "propose the same architectures again" in reproduction_of(study).lead
    rows = [{"id": id, "architecture": {"depth": id}, "fidelity": 1.0} for id in (2, 3)]
    study.view.apply(Event("proposed", {"trials": rows}))
    assert reproduction_of(study).lead.endswith(BY_CHANCE)


def test_versions_are_those_that_the_bundle_names_and_not_those_of_the_report(make: Any) -> None:
    study = read_study(make())
    assert "versions" not in dict(reproduction_of(study).facts)
    study.manifest = {"versions": {"archsmith": "0.0.1"}}
    assert dict(reproduction_of(study).facts)["versions"] == "archsmith 0.0.1"
