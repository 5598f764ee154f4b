"""What a person asks of a job: checked when it is said, and read again from old logs."""

import dataclasses
import json

import numpy as np
import pytest

from archsmith.automl.settings import DEFAULT_SECONDS, FitSettings
from archsmith.core.errors import UsageError


def test_nothing_but_the_data_has_to_be_said():
    settings = FitSettings("photos")
    assert (settings.seconds, settings.trials, settings.task, settings.modality) == (
        DEFAULT_SECONDS,
        None,
        "auto",
        "auto",
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seconds": None}, "no limit"),
        ({"seconds": 3.0}, "too short"),
        ({"task": "number"}, "classification, regression"),
        ({"task": "regression", "balance": True}, "Only classes"),
        ({"memory_mb": 0.0}, "memory_mb"),
        ({"disk_mb": float("nan")}, "disk_mb"),
        ({"memory_mb": float("inf")}, "memory_mb is inf. Give a number that is finite."),
        ({"seconds": float("nan")}, "finite"),
        ({"weights": "borrowed"}, "inherited"),
        ({"strategy": "enas", "weights": "own"}, "shared weights"),
        ({"settings": {"optimizer": {}}}, "no settings of 'optimizer'"),
        ({"settings": {"recipe": 5}}, "Give a mapping"),
        ({"settings": 5}, "Give a mapping"),
        ({"side": "32"}, "side is '32', of the type str. Give a whole number."),
        ({"side": 8.5}, "Give a whole number"),
        ({"trials": True}, "Give a whole number"),
        ({"trials": 0}, "at least 1"),
        ({"seed": 10**400}, "far too large"),
        ({"memory_mb": "1"}, "Give a number"),
        ({"name": 5}, "Give a text"),
        ({"balance": 1}, "True or False"),
        ({"ignore": "Name"}, "Give a list of names"),
        ({"ignore": (1,)}, "Give a list of names"),
    ],
)
def test_what_makes_no_sense_is_refused(values, words):
    with pytest.raises(UsageError) as caught:
        FitSettings("digits", **values)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_settings_survive_json():
    settings = FitSettings(
        "rows.csv", None, 5, seed=3, modality="table", target="price", settings={"recipe": {"epochs": 3}}, workers=2
    )
    settings = dataclasses.replace(settings, ignore=["a", "b"])
    assert FitSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_data_in_memory_are_not_written_down():
    settings = FitSettings(([[1.0]], [0]))
    assert settings.to_dict()["data"] is None
    assert FitSettings.from_dict(settings.to_dict()) == dataclasses.replace(settings, data=None)


@pytest.mark.parametrize(("kind", "task"), [("number", "regression"), ("classes", "classification"), ("auto", "auto")])
def test_the_kind_of_version_0_1_is_the_task_of_today(kind, task):
    assert FitSettings.from_dict({"data": "d", "seconds": 60.0, "kind": kind}).task == task


def test_settings_of_another_version_are_passed_over():
    assert FitSettings.from_dict({"data": "d", "seconds": 60.0, "of_tomorrow": 1}) == FitSettings("d", 60.0)


def test_numbers_of_numpy_become_plain_ones():
    settings = FitSettings("photos", side=np.int64(8), memory_mb=np.float32(2))
    assert type(settings.side) is int and type(settings.memory_mb) is float
    json.dumps(settings.to_dict())
