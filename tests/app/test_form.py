"""The form of a study: fields from the one description of options, and sentences for what is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from archsmith.app import form
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import UsageError

FIELDS = [
    {"name": "population", "kind": "int", "default": None, "help": "P, 2 or more."},
    {"name": "start", "kind": "bool", "default": True, "help": "whether."},
    {"name": "scale.filters", "kind": "int", "default": 24, "help": "F."},
    {"name": "scale.dropout", "kind": "float", "default": 0.0, "help": "share."},
    {"name": "rungs", "kind": "list", "default": None, "help": "numbers."},
]
FACTS: dict[str, Any] = {
    "kind": "image",
    "task": "classification",
    "space": "pictures",
    "metrics": ["accuracy"],
    "balanced_metrics": ["balanced_accuracy"],
    "spaces": [
        {"name": "pictures", "summary": "S.", "fields": []},
        {"name": "nasnet", "summary": "N.", "fields": FIELDS},
    ],
    "strategies": [
        {"name": "graph_gp", "summary": "G.", "fields": []},
        {"name": "evolution", "summary": "E.", "fields": FIELDS},
    ],
}


def read(**values: str) -> form.Order:
    return form.read({name.replace("__", "."): value for name, value in values.items()}, FACTS)


def test_every_option_of_a_job_has_a_place_or_is_left_out_on_purpose() -> None:
    known = {entry.name for entry in dataclasses.fields(FitSettings) if "help" in entry.metadata}
    of_tables = form.advanced({**FACTS, "kind": "table"})
    assert known == {*form.FIRST, *form.advanced(FACTS), *of_tables, *form.LEFT_OUT}


def test_fields_take_their_words_from_the_settings() -> None:
    (field,) = form.fields(["workers"], FACTS)
    assert field.help == FitSettings.__dataclass_fields__["workers"].metadata["help"]
    assert (field.kind, field.default) == ("int", "1")


def test_options_of_pictures_are_not_asked_of_tables() -> None:
    assert "side" in form.advanced(FACTS)
    assert "side" not in form.advanced({**FACTS, "kind": "table"})


def test_columns_to_learn_without_stand_between_commas() -> None:
    table = {**FACTS, "kind": "table"}
    assert form.read({"ignore": " Name, 2 ,"}, table).options["ignore"] == ["Name", "2"]
    assert "ignore" not in form.read({"ignore": " "}, table).options
    assert "ignore" not in form.read({"ignore": "Name"}, FACTS).options  # of pictures


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("Nam", "No column 'Nam' is there to ignore. Did you mean 'Name'?"),
        ("Name, Foo", "No column 'Foo' is there to ignore. What can be left out: 'Name', 'age'."),
        ("price", "The column 'price' is the target"),
        ("Name", ""),
    ],
)
def test_a_column_that_is_not_there_is_named_at_its_field(names: str, sentence: str) -> None:
    table = {**FACTS, "kind": "table", "headings": ["Name", "age", "price"], "target": "price"}
    assert form.read({"ignore": names}, table).wrong.get("ignore", "").startswith(sentence)
    assert ("ignore" in form.read({"ignore": names}, table).wrong) is bool(sentence)


def test_an_empty_form_asks_for_the_defaults() -> None:
    assert read() == form.Order({"seconds": 600.0}, {})


def test_what_is_as_it_came_is_left_out() -> None:
    assert read(
        space="pictures", strategy="graph_gp", workers="1", seed="0", device="auto", pretrained="yes"
    ).options == {"seconds": 600.0}


def test_a_check_box_that_was_emptied_is_read_from_a_whole_form() -> None:
    assert read(complete="1").options["pretrained"] is False
    assert "pretrained" not in read().options


def test_a_time_of_ones_own_is_read() -> None:
    assert read(budget="own", seconds="1h30m").options["seconds"] == 5400.0
    assert read(budget="120").options["seconds"] == 120.0


def test_trials_alone_may_be_the_budget() -> None:
    assert read(budget="none", trials="12", seconds="soon") == form.Order({"seconds": None, "trials": 12}, {})


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"budget": "none"}, "trials", "say how many trials"),
        ({"budget": "none", "trials": "0"}, "trials", "at least 1"),
        ({"budget": "own", "seconds": "soon"}, "seconds", "not a length of time"),
        ({"budget": "own", "seconds": ""}, "seconds", "Say how long"),
        ({"budget": "own", "seconds": "3s"}, "seconds", "too short"),
        ({"trials": "0"}, "trials", "at least 1"),
        ({"trials": "1.5"}, "trials", "no whole number"),
        ({"workers": "9" * 30}, "workers", "too large"),
        ({"trials": "2,5"}, "trials", "no whole number"),
        ({"trials": "1,00"}, "trials", "no whole number"),
        ({"trials": "1_000"}, "trials", "no whole number"),
        ({"memory_mb": "2,5"}, "memory_mb", "like 2.5 or 1,000"),
        ({"memory_mb": "1_0"}, "memory_mb", "no number"),
        ({"budget": "own", "seconds": "99999h"}, "seconds", "up to 30 days"),
        ({"workers": "5000"}, "workers", "too many"),
        ({"memory_mb": "nan"}, "memory_mb", "no number"),
        ({"memory_mb": "-1"}, "memory_mb", "is -1"),
        ({"disk_mb": "much"}, "disk_mb", "no number"),
        ({"device": "abacus"}, "device", "none of the choices"),
        ({"strategy": "os:system"}, "strategy", "none of the choices"),
        ({"space": "os:system"}, "space", "none of the choices"),
        ({"name": "x" * 3000}, "name", "too long"),
        ({"strategy": "evolution", "strategy.evolution.population": "x"}, "strategy.evolution.population", "no whole"),
    ],
)
def test_a_sentence_stands_beside_its_field(values: dict[str, str], field: str, said: str) -> None:
    wrong = form.read(values, FACTS).wrong
    assert list(wrong) == [field]
    assert said in wrong[field]


def test_commas_stand_between_thousands() -> None:
    assert read(trials="1,000", memory_mb="2,000.5").options == {"seconds": 600.0, "trials": 1000, "memory_mb": 2000.5}


def test_a_time_without_a_unit_says_how_it_was_read() -> None:
    assert "taken as 90 seconds" in read(budget="own", seconds="90").notes[0]
    assert read(budget="own", seconds="90s").notes == read(budget="120").notes == ()


REAL = {
    **FACTS,
    "inputs": [{"name": "image", "kind": "image", "shape": [3, 8, 8]}],
    "findings": {"n_classes": 3},
    "strategies": [{"name": "graph_gp", "summary": "", "fields": [FIELDS[0] | {"name": "n_start"}]}],
    "spaces": [
        {"name": "nasnet", "summary": "", "fields": [{**FIELDS[0], "name": "blocks", "default": 5}, *FIELDS[2:4]]}
    ],
}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"strategy.graph_gp.n_start": "0"}, {"strategy.graph_gp.n_start": "It cannot be 0. Give 2 or more."}),
        ({"strategy.graph_gp.n_start": "2"}, {}),
        ({"space": "nasnet", "space.nasnet.blocks": "3"}, {}),
    ],
)
def test_spaces_and_strategies_look_at_their_own_fields(values: dict[str, str], said: dict[str, str]) -> None:
    assert form.read(values, REAL).wrong == said


def test_a_space_refuses_its_fields_beside_them() -> None:
    wrong = form.read({"space": "nasnet", "space.nasnet.blocks": "0", "trials": "x"}, REAL).wrong
    assert set(wrong) == {"space.nasnet.blocks", "trials"}
    wrong = form.read({"space": "nasnet", "space.nasnet.scale.filters": "0"}, REAL).wrong
    assert list(wrong) == ["space.nasnet.scale.filters"]


def test_all_wrong_fields_are_told_at_once() -> None:
    assert set(read(trials="0", memory_mb="x", budget="own").wrong) == {"trials", "memory_mb", "seconds"}


def test_places_and_code_are_not_taken_from_a_form() -> None:
    taken = {"out": "/etc", "workspace": "/", "pretrained_weights": "/root", "data": "/etc/passwd", "resume": "yes"}
    assert form.read(taken, FACTS).options == {"seconds": 600.0}


def test_only_the_fields_of_the_chosen_strategy_count() -> None:
    given = {"strategy.evolution.population": "9", "strategy.evolution.rungs": "1, 2.5"}
    assert "settings" not in form.read(given, FACTS).options
    found = form.read({**given, "strategy": "evolution"}, FACTS).options
    assert found["settings"] == {"strategy": {"population": 9, "rungs": [1.0, 2.5]}}


def test_an_object_within_a_space_is_given_whole() -> None:
    found = form.read({"space": "nasnet", "space.nasnet.scale.dropout": "0.1"}, FACTS).options
    assert found["settings"] == {"space": {"scale": {"dropout": 0.1, "filters": 24}}}


def test_the_goal_may_count_every_class_alike() -> None:
    assert [value for value, _ in form.goals(FACTS)] == ["", "yes"]
    assert read(balance="yes").options["balance"] is True
    assert len(form.goals({**FACTS, "balanced_metrics": []})) == 1


def test_options_that_do_not_go_together_are_told() -> None:
    facts = {**FACTS, "strategies": [*FACTS["strategies"], {"name": "enas", "summary": "", "fields": []}]}
    wrong = form.read({"strategy": "enas", "weights": "own"}, facts).wrong
    assert "needs shared weights" in wrong["strategy"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("RegularizedEvolution has population=1.", "strategy.evolution.population"),
        ("RegularizedEvolution has no setting 'population'.", "strategy.evolution.population"),
        ("RegularizedEvolution.population cannot be 'x'.", "strategy.evolution.population"),
        ("The setting workers is 0.", "workers"),
        ("The disk is full.", ""),
    ],
)
def test_an_error_of_the_job_finds_its_field(said: str, field: str) -> None:
    options = {"strategy": "evolution", "workers": 3, "settings": {"strategy": {"population": 1}}}
    assert form.placed(UsageError(said), options) == field


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Say which with --target (target= in Python).", "Choose it under “What is learnt”."),
        (
            "Choose another target (another column with --target).",
            "Choose another target (another column under “What is learnt”).",
        ),
        (
            "They tell little, so leave them out with --ignore.",
            "They tell little, so leave them out under “Columns to learn without”.",
        ),
        (
            "The target is the last column, 'x'; name another one with --target.",
            "The target is the last column, 'x'; choose another one under “What is learnt”.",
        ),
        ("or say --task regression to learn them", "or choose “regression” as the task to learn them"),
        (
            "To predict classes, leave out --task regression.",
            "To predict classes, choose “classification” as the task.",
        ),
        ("Give --time 3m.", "Set time 3m."),
    ],
)
def test_sentences_of_the_command_line_speak_of_the_page(said: str, words: str) -> None:
    assert form.in_the_page(said) == words
