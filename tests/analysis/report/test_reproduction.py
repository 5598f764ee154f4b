from __future__ import annotations

import dataclasses
from typing import Any

from archsmith.analysis.report.reproduction import reproduction_of
from archsmith.analysis.study import read_study


def test_the_command_and_what_decided_the_study(make: Any) -> None:
    report = reproduction_of(read_study(make()))
    assert (
        " ".join(report.command) == "archsmith fit blots --time 60s --space conv_stages --strategy evolution --seed 7"
    )
    assert "The test split was measured once. Networks were compared on the validation split only." in report.lead
    assert ("seed", "7") in report.facts and report.bundle == "models/blots"


def test_names_in_the_command_are_quoted(make: Any) -> None:
    study = read_study(make())
    study.began.pop("command", None)
    study.view.job.fit = {**study.fit, "settings": {**study.fit["settings"], "data": "my data/a b.csv"}}
    found = reproduction_of(study)
    assert found is not None and " ".join(found.command).startswith("archsmith fit 'my data/a b.csv' ")


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
