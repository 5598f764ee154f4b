"""``archsmith search --data``: any space, strategy and evaluator on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.cli.datasets import kind_of

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


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A small table whose class follows from one of its columns."""
    path = tmp_path / "people.csv"
    rows = [f"{18 + i % 53},{'baker' if i % 3 else 'smith'},{'high' if i % 53 > 26 else 'low'}" for i in range(160)]
    path.write_text("\n".join(["age,job,income", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_table_is_searched_in_a_space_for_tables(command: Any, people: Path) -> None:
    answer = command("search", "--data", people, "--target", "income", "--epochs", "0.5", "--trials", "1", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["n_trials"], answer.json["metric"]) == (1, "accuracy")
    assert {"body", "numbers/encoding"} <= answer.json["best"]["architecture"].keys()
    assert command("studies", "show", "last", "--json").json["space"]["type"] == "tabular"


def test_a_table_with_a_space_for_pictures_is_a_clear_error(command: Any, people: Path) -> None:
    answer = command("search", "--data", people, "--space", "conv_stages", "--trials", "1")
    assert answer.code in (1, 2) and "Traceback" not in answer.err


@pytest.mark.parametrize(("name", "kind"), [("rows.csv", "table"), ("digits", "image"), ("nowhere.csv", "image")])
def test_the_kind_of_data_is_recognised(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    assert kind_of(str(tmp_path / name) if name.endswith(".csv") else name) == kind


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "nowhere"), "no file or folder 'nowhere'"),
        (("--data", "digits", "--space", "toy_flat"), "no networks"),
        (("--data", "digits", "--evaluator", "toy"), "reads no data"),
        (("--data", "digits", "--bench", "digits"), "--bench and --data"),
        (("--epochs", "3"), "--data"),
        (("--target", "income"), "--data"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_study_is_made(command: Any, words: tuple[str, ...], said: str) -> None:
    answer = command("search", *words)
    assert answer.code in (1, 2) and said in answer.err and "Traceback" not in answer.err
    assert command("studies", "list", "--json").json in ([], {"studies": []})
