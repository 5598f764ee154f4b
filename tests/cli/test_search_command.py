from __future__ import annotations

from typing import Any

import pytest


def test_json_is_one_line_and_the_trials_go_to_standard_error(command: Any) -> None:
    answer = command("search", "--trials", "12", "--strategy", "evolution", "--json")
    assert answer.code == 0
    assert (answer.json["n_trials"], answer.json["stop_reason"], answer.json["metric"]) == (12, "trials", "accuracy")
    assert set(answer.json["best"]["architecture"]) == {"x0", "x1", "x2", "x3"}
    assert answer.err.count("trial ") >= 12


def test_the_same_seed_finds_the_same(command: Any) -> None:
    first, second, other = (command("search", "--trials", "20", "--seed", seed, "--json").json for seed in ("3", "3", "4"))
    assert first["best"] == second["best"]
    assert first["best"] != other["best"]


def test_settings_reach_space_strategy_and_evaluator(command: Any) -> None:
    words = ("--set", "space.n_decisions=2", "--set", "strategy.population=5", "--set", "evaluator.fail=1.0")
    report = command("search", "--trials", "6", "--strategy", "evolution", *words, "--json").json
    assert (report["n_failed"], report["best"]) == (6, None)


def test_a_finite_space_ends_exhausted(command: Any) -> None:
    report = command("search", "--set", "space.n_decisions=2", "--trials", "50", "--json").json
    assert (report["n_trials"], report["stop_reason"]) == (9, "exhausted")


def test_several_objectives_give_a_front(command: Any) -> None:
    words = ("--set", 'evaluator.metrics=["accuracy","cost"]', "--maximize", "accuracy", "--minimize", "cost")
    report = command("search", "--trials", "20", *words, "--json").json
    assert len(report["front"]) >= 1
    assert set(report["front"][0]["metrics"]) == {"accuracy", "cost"}


def test_a_limit_keeps_the_best_within_it(command: Any) -> None:
    report = command("search", "--trials", "30", "--limit", "accuracy<=0.4", "--json").json
    assert report["best"]["metrics"]["accuracy"] <= 0.4


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--strategy", "evolutoin"), "Did you mean 'evolution'?"),
        (("--space", "nowhere"), "There is no space named 'nowhere'."),
        (("--limit", "params"), "'params' is not a limit."),
        (("--maximize", "beauty"), "'beauty'"),
        (("--time", "soon"), "'soon' is not a length of time."),
        (("--set", "population=5"), "'population=5' is not a setting."),
        (("--set", "strategy.size=5"), "has no setting 'size'"),
        (("--set", "kitchen.size=5"), "--set kitchen"),
        (("--trials", "0"), "archsmith: Invalid value for '--trials': "),
        (("--speed", "9"), "archsmith: No such option: --speed"),
    ],
)
def test_wrong_words_are_usage_errors_before_the_first_trial(command: Any, tmp_path: Any, words: tuple[str, ...], part: str) -> None:
    answer = command("search", *words, "--workspace", tmp_path / "w")
    assert answer.code == 2
    assert part in answer.err
    assert (answer.out, answer.err.count("\n")) == ("", 1)
    assert not list(tmp_path.glob("w/studies/*/events.sqlite"))


def test_people_get_the_best_architecture_as_a_table(command: Any) -> None:
    answer = command("search", "--trials", "5")
    assert "5 trials in" in answer.out
    assert "decision" in answer.out and "x3" in answer.out
