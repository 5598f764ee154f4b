"""What a person gives on a resume is what the study was begun with, or is refused in one sentence with both values."""

import dataclasses

import pytest

from archsmith.automl.same_study import given_in, is_of, refuse_another
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import UsageError
from archsmith.core.task import Input, classification

BEGUN = FitSettings(
    "cars.csv", 30.0, target="Origin", ignore=("Name",), seed=3, settings={"recipe": {"epochs": 5}}, strategy="random"
)
TASK = classification((Input("numbers", "numbers", (2,)),), ("a", "b"))
FIT = {"settings": BEGUN.to_dict(), "kind": "table", "task": TASK.to_dict(), "plan": {"weights": "own"}}


@pytest.mark.parametrize(
    ("given", "sentence", "option"),
    [
        ({"target": "species"}, "This study learns 'Origin', not 'species'.", "--target"),
        ({"data": "nothere.csv"}, "This study learns from 'cars.csv', not from 'nothere.csv'.", "studies resume"),
        ({"seed": 0}, "This study was begun with --seed 3, not 0.", "--seed"),
        ({"strategy": "evolution"}, "This study was begun with --strategy random, not evolution.", "--strategy"),
        ({"space": "conv_stages"}, "This study was begun with --space tabular, not conv_stages.", "--space"),
        ({"task": "regression"}, "This study was begun with --task classification, not regression.", "--task"),
        ({"modality": "image"}, "This study was begun with --modality table, not image.", "--modality"),
        ({"weights": "shared"}, "This study was begun with --weights own, not shared.", "--weights"),
        ({"ignore": ["Origin"]}, "This study was begun with --ignore 'Name', not with --ignore 'Origin'.", "--ignore"),
        ({"image": "file"}, "This study was begun without --image-column, not with file.", "--image-column"),
        ({"workers": 4}, "This study was begun with --workers 1, not 4.", "--workers"),
        ({"memory_mb": 99.0}, "This study was begun without --memory-mb, not with 99.0.", "--memory-mb"),
        ({"balance": True}, "This study was begun without --balance, not with --balance.", "--balance"),
        ({"pretrained": False}, "This study was begun with --pretrained, not without --pretrained.", "--pretrained"),
        (
            {"settings": {"recipe": {"epochs": 9}}},
            "This study was begun with --set recipe.epochs=5, not recipe.epochs=9.",
            "--set",
        ),
        (
            {"settings": {"strategy": {"population": 9}}},
            "This study was begun without --set strategy.population=9.",
            "--set",
        ),
    ],
)
def test_another_value_is_refused(given, sentence, option):
    with pytest.raises(UsageError) as caught:
        refuse_another(FIT, given)
    assert caught.value.message == sentence and option in caught.value.hint


@pytest.mark.parametrize(
    "given",
    [
        {},
        given_in(BEGUN),
        {"data": "./cars.csv", "target": "Origin", "ignore": ["Name"], "seed": 3, "task": "classification"},
        {"task": "auto", "modality": "table", "space": "tabular", "weights": "own", "settings": {}},
        {"seconds": 5.0, "trials": 9, "out": "there", "name": "other"},
    ],
)
def test_the_same_values_and_other_limits_go_on(given):
    refuse_another(FIT, given)


def test_a_target_that_was_found_in_the_data_is_compared_too():
    fit = {**FIT, "settings": dataclasses.replace(BEGUN, target=None).to_dict(), "target": "island"}
    refuse_another(fit, {"target": "island"})
    with pytest.raises(UsageError, match="learns 'island', not 'species'"):
        refuse_another(fit, {"target": "species"})


def test_data_in_memory_are_not_those_of_a_file():
    fit = {**FIT, "settings": dataclasses.replace(BEGUN, data=None).to_dict()}
    refuse_another(fit, {"data": ([1], [2])})
    with pytest.raises(UsageError, match="from data in memory, not from 'cars.csv'"):
        refuse_another(fit, {"data": "cars.csv"})


def test_a_study_is_found_by_what_it_learns_and_not_by_how():
    assert is_of(FIT, {"data": "cars.csv"}) and is_of(FIT, {"data": "cars.csv", "target": "Origin", "seed": 9})
    assert not is_of(FIT, {"data": "cars.csv", "target": "Cylinders"})
    assert not is_of(FIT, {"data": "cars.csv", "task": "regression"})
    assert not is_of(FIT, {"data": "cars.csv", "ignore": ["Origin"]})
    assert not is_of(FIT, {"data": "others.csv"})
    assert not is_of({}, {"data": "cars.csv"})


def test_in_python_what_differs_from_the_default_was_given():
    assert given_in(FitSettings("cars.csv", resume=True, name="a")) == {"data": "cars.csv", "resume": True, "name": "a"}
