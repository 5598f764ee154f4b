from __future__ import annotations

import shlex

import pytest

from archsmith.automl.command import command_of
from archsmith.automl.settings import FitSettings


def words_of(settings):
    return shlex.split(command_of(settings))


def test_what_is_at_its_default_is_left_out_of_the_command():
    assert command_of(FitSettings("digits")) == "archsmith fit digits --time 1200s --seed 0"


def test_the_command_says_every_choice_that_makes_a_difference():
    settings = FitSettings("rows.csv", None, 9, seed=3, modality="table", target="price", balance=True, space="tabular")
    words = words_of(settings)
    assert words[:3] == ["archsmith", "fit", "rows.csv"] and "--balance" in words and "--time" not in words
    for flag, value in (("--trials", "9"), ("--seed", "3"), ("--modality", "table"), ("--target", "price")):
        assert words[words.index(flag) + 1] == value


def test_what_is_true_unless_denied_is_said_where_it_was_denied():
    assert "--no-pretrained" in words_of(FitSettings("photos", pretrained=False))
    assert not [word for word in words_of(FitSettings("photos")) if "pretrained" in word]


@pytest.mark.parametrize("value", ["my folder/rows.csv", "it's.csv"])
def test_words_with_spaces_and_quotes_stay_one_word(value):
    assert words_of(FitSettings(value))[2] == value
    words = words_of(FitSettings("rows.csv", target=value))
    assert words[words.index("--target") + 1] == value


def test_columns_to_learn_without_are_named_one_by_one():
    assert words_of(FitSettings("rows.csv", ignore=("a b", "c")))[-4:] == ["--ignore", "a b", "--ignore", "c"]


def test_the_command_names_nothing_of_this_machine():
    settings = FitSettings("d", out="/home/me/out", workspace="/home/me/w", name="mine", workers=8, memory_mb=5.0)
    assert "me" not in command_of(settings).replace("--time", "") and "--workers" not in command_of(settings)


def test_data_in_memory_have_a_stand_in():
    assert command_of(FitSettings(([[0.0]], [0]))).startswith("archsmith fit DATA ")
