"""``archsmith search --data``: any space, strategy and evaluator on a data set."""

from __future__ import annotations

from typing import Any

import pytest

BANK = (
    "--evaluator",
    "shared_weights",
    "--set",
    "evaluator.recipe.epochs=1",
    "--set",
    "evaluator.n_train=200",
    "--set",
    "evaluator.candidates=0",
)


def test_enas_on_a_data_set_in_one_command_and_again_after_it_ended(command: Any) -> None:
    small = ("--space", "nasbench201", "--set", "space.scale.filters=4", "--set", "space.scale.cells=1")
    enas = (
        "--set",
        "evaluator.sampler=controller",
        "--set",
        "evaluator.controller.steps=1",
        "--set",
        "evaluator.candidates=3",
    )
    answer = command(
        "search", "--data", "digits", *small, *BANK[:-2], *enas, "--strategy", "enas", "--trials", "2", "--json"
    )
    assert answer.code == 0, answer.err
    assert (answer.json["n_trials"], answer.json["metric"]) == (2, "accuracy")
    assert set(answer.json["best"]["metrics"]) >= {"accuracy", "log_loss", "params", "macs"}
    assert "10 classes" in answer.err
    more = command("studies", "resume", "last", "--trials", "3", "--json")
    assert more.code == 0 and more.json["n_trials"] == 3


def test_the_evaluator_is_training_unless_named(command: Any) -> None:
    words = ("--set", "evaluator.n_train=100", "--set", "space.scale.filters=4", "--epochs", "0.5", "--trials", "1")
    answer = command("search", "--data", "digits", *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["n_trials"] == 1 and 0 <= answer.json["best"]["metrics"]["accuracy"] <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "nowhere"), "no file or folder 'nowhere'"),
        (("--data", "digits", "--space", "toy_flat"), "no networks"),
        (("--data", "digits", "--evaluator", "toy"), "reads no data"),
        (("--data", "digits", "--bench", "digits"), "--bench and --data"),
        (("--epochs", "3"), "--data"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_study_is_made(command: Any, words: tuple[str, ...], said: str) -> None:
    answer = command("search", *words)
    assert answer.code in (1, 2) and said in answer.err and "Traceback" not in answer.err
    assert command("studies", "list", "--json").json in ([], {"studies": []})
