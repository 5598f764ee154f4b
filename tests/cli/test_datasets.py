"""``archsmith search --data``: any space, strategy and evaluator on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.automl import reference
from archsmith.cli.datasets import forecast_trials, kind_of, problem_on
from archsmith.core.budget import Budget
from archsmith.core.errors import DataError, EvaluationError, UsageError
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.evaluators.cost import CostEvaluator
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.runtime.workspace import Workspace
from archsmith.spaces.conv_stages import ConvStages

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
    (heading,) = [line for line in command("studies", "show").out.splitlines() if line.startswith("trial ")]
    assert "epochs" not in heading  # the weights were trained beforehand, not in the trials


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


def test_what_the_checks_advise_can_be_done(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    rows = [f"{1000 + i},{i % 7},{1 + i % 5}" for i in range(160)]
    path.write_text("\n".join(["number,size,rating", *rows]) + "\n", encoding="utf-8")
    words = ("search", "--data", path, "--epochs", "0.5", "--trials", "1", "--json")
    first = command(*words)
    assert "With --task regression" in first.err and "leave them out with --ignore" in first.err
    answer = command(*words, "--task", "regression", "--ignore", "number", "--name", "asked")
    assert answer.code == 0, answer.err
    assert answer.json["metric"] == "r2" and "rows of 1 number" in answer.err
    assert "--task regression --ignore number" in command("studies", "show", "asked", "--json").out


def problem(data: str, root: Path, **reading: Any) -> Any:
    return problem_on(data, None, None, {}, (), (), None, root=root, seed=0, **reading)


def test_classes_that_are_balanced_count_alike_in_training_as_well(people: Path, tmp_path: Path) -> None:
    for balance, metric in ((True, "balanced_accuracy"), (False, "accuracy")):
        found, evaluator = problem(str(people), tmp_path / "data", balance=balance)
        assert (found.objectives[0].metric, evaluator.recipe.balance) == (metric, balance)


def test_a_column_of_pictures_and_their_size_can_be_named(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 9, 9), dtype=np.uint8)
    for place, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{place}.png")
    lines = [f"{place}.png,{place}.png,{'ab'[place % 2]}" for place in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["left,right,label", *lines]))
    with pytest.raises(DataError, match="Say which with --image-column"):
        problem(str(tmp_path / "t.csv"), tmp_path / "data")
    _, evaluator = problem(str(tmp_path / "t.csv"), tmp_path / "data", image="right", side=6)
    assert evaluator.learnt.inputs[0].shape == (1, 6, 6)


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
        (("--balance",), "--data"),
        (("--data", "digits", "--ignore", "x"), "Leave out --ignore"),
        (("--data", "digits", "--task", "ranking"), "classification, regression"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_study_is_made(command: Any, words: tuple[str, ...], said: str) -> None:
    answer = command("search", *words)
    assert answer.code in (1, 2) and said in answer.err and "Traceback" not in answer.err
    assert command("studies", "list", "--json").json in ([], {"studies": []})


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """In place of measuring: what the only entry says is what a trial takes."""
    seconds = [10.0]
    monkeypatch.setattr(reference, "trial_seconds", lambda *arguments, **options: seconds[0] if seconds else None)
    return seconds


def asked(seconds: float | None, trials: int | None = None, **options: Any) -> float | None:
    evaluator = TrainingEvaluator(ConvStages(), "")
    problem = Problem(ConvStages(), (Objective("accuracy"),), fidelity=Fidelity("epochs", 1.0, 4.0))
    return forecast_trials(evaluator, problem, Budget(seconds, trials), 0, **options)


def test_the_trials_that_there_is_time_for_are_told(timed: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(65.0) == 6.0
    told = capsys.readouterr().err
    assert "Training a network of this space for 4 epochs takes about 0:10 here: there is time for about 6 tri" in told
    assert (asked(65.0, trials=3), asked(65.0, workers=2)) == (3.0, 12.0)


def test_workers_do_not_make_one_training_shorter(timed: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    timed[0] = 600.0
    with pytest.raises(UsageError) as caught:
        asked(270.0, workers=8)
    assert caught.value.message.endswith("takes about 10:00 here, so none would end in 4:30.")
    assert caught.value.hint.startswith("Give --time 10m, --epochs 1.8, or smaller networks")
    assert asked(400.0, workers=8) == 1.0
    assert "so perhaps none ends in 6:40." in capsys.readouterr().err
    assert asked(900.0, workers=8) == 8.0
    assert "takes about 10:00 here: there is time for about 8 trials." in capsys.readouterr().err


def test_no_count_is_told_where_the_strategy_chooses_the_epochs(
    timed: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(60.0, own_epochs=True) is None
    told = capsys.readouterr().err
    assert told.endswith("for 4 epochs takes about 0:10 here. The strategy chooses the epochs of each trial: 1 to 4.\n")
    timed[0] = 60.0  # that of 1 epoch is a quarter of it
    assert asked(10.0, own_epochs=True) is None
    told = capsys.readouterr().err
    assert "a network of this space for 1 epoch takes about 0:15 here, so perhaps none ends in 0:10." in told
    with pytest.raises(UsageError, match=r"for 1 epoch takes about 0:15 here, so none would end in 0:05\."):
        asked(5.0, own_epochs=True)


def test_what_would_never_end_is_refused_with_what_would(timed: list[float]) -> None:
    timed[0] = 540.0
    with pytest.raises(UsageError) as caught:
        asked(120.0)
    assert caught.value.message.endswith("takes about 9:00 here, so none would end in 2:00.")
    assert caught.value.hint == "Give --time 27m, or smaller networks (--set space.…)."
    assert asked(120.0, own_epochs=True) is None  # a quarter of the epochs may end


def test_what_may_not_end_is_tried_with_a_warning(timed: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    timed[0] = 15.0
    assert asked(10.0) == 1.0
    assert "so perhaps none ends in 0:10. Give --time 1m, --epochs 0.89, or" in capsys.readouterr().err


def test_without_a_clock_or_a_training_nothing_is_forecast(timed: list[float]) -> None:
    timed.clear()
    problem = Problem(ConvStages(), (Objective("params"),))
    assert asked(None, 5) is None
    assert forecast_trials(CostEvaluator(ConvStages()), problem, Budget(60.0), 0) is None


def test_a_space_that_cannot_be_trained_leaves_the_word_to_its_trials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*arguments: Any, **options: Any) -> float:
        raise EvaluationError("None of 7 networks can be trained.")

    monkeypatch.setattr(reference, "trial_seconds", failing)
    assert asked(60.0) is None and "None of 7 networks can be trained." in capsys.readouterr().err


def test_the_forecast_of_a_search_stands_in_its_log(command: Any, timed: list[float], tmp_path: Path) -> None:
    timed[0] = 0.5
    small = ("--set", "evaluator.n_train=100", "--set", "space.scale.filters=4", "--epochs", "0.5")
    words = ("search", "--data", "digits", *small, "--time", "2s", "--workspace", tmp_path / "w")
    first = command(*words)
    assert "there is time for about 4 trials" in first.err
    (study,) = Workspace(tmp_path / "w").list()
    assert study.began is not None and study.began.forecast_trials == 4.0
    timed[0] = 100.0
    hopeless = command(*words)
    assert hopeless.code == 2 and "none would end in 0:02" in hopeless.err
    assert len(Workspace(tmp_path / "w").list()) == 1  # nothing was written


def test_epochs_are_refused_where_they_have_no_effect(command: Any) -> None:
    answer = command("search", "--data", "digits", "--space", "nasbench201", *BANK, "--epochs", "4")
    assert answer.code == 2 and "--epochs has no effect on the evaluator 'shared_weights'" in answer.err
