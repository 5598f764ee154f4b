from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.cli.search import slowness
from archsmith.evaluators.fcnet import OPTIONS, WIDTHS
from archsmith.spaces.nasbench201 import OPERATIONS

HALF = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Half:
    metrics = ("accuracy", "macs")
    simulated = False

    def evaluate(self, architecture, fidelity, context):
        return 0.5
"""


def test_json_is_one_line_and_the_trials_go_to_standard_error(command: Any) -> None:
    answer = command("search", "--trials", "12", "--strategy", "evolution", "--json")
    assert answer.code == 0
    assert (answer.json["n_trials"], answer.json["stop_reason"], answer.json["metric"]) == (12, "trials", "accuracy")
    assert set(answer.json["best"]["architecture"]) == {"x0", "x1", "x2", "x3"}
    assert answer.err.count("trial ") >= 12


def test_the_same_seed_finds_the_same(command: Any) -> None:
    first, second, other = (
        command("search", "--trials", "20", "--seed", seed, "--json").json for seed in ("3", "3", "4")
    )
    assert first["best"] == second["best"]
    assert first["best"] != other["best"]


def test_settings_reach_space_strategy_and_evaluator(command: Any) -> None:
    words = ("--set", "space.n_decisions=2", "--set", "strategy.population=5", "--set", "evaluator.fail=1.0")
    answer = command("search", "--trials", "6", "--strategy", "evolution", *words, "--json")
    assert (answer.json["n_failed"], answer.json["best"]) == (6, None)


def test_a_finite_space_ends_exhausted(command: Any) -> None:
    report = command("search", "--set", "space.n_decisions=2", "--trials", "50", "--json").json
    assert (report["n_trials"], report["stop_reason"]) == (9, "exhausted")
    assert report["forecast_trials"] == 50  # what strategies plan by


def test_a_declared_metric_that_never_came_is_told_at_the_end(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half.py").write_text(HALF, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("search", "--evaluator", "half:Half", "--space", "toy_flat", "--trials", "3")
    assert answer.code == 0 and "The evaluator declares 'macs', and no trial returned it." in answer.err


@pytest.mark.parametrize(
    ("evaluator", "inner"),
    [
        ("cached", ("evaluator",)),
        ("repeated", ("evaluator",)),
        ("noisy", ("evaluator",)),
        ("cascade", ("first", "second")),
    ],
)
def test_an_evaluator_around_another_one_takes_its_space(command: Any, evaluator: str, inner: tuple[str, ...]) -> None:
    table = '{"type": "table", "args": {"path": "digits"}}'
    sets = [word for field in inner for word in ("--set", f"evaluator.{field}={table}")]
    study = command("search", "--evaluator", evaluator, *sets, "--trials", "4", "--json").json["study"]
    assert command("studies", "show", study, "--json").json["space"] == {"type": "table", "args": {"path": "digits"}}


def test_an_evaluator_around_one_without_a_space_searches_the_toy_space(command: Any) -> None:
    words = ("--evaluator", "cached", "--set", "evaluator.evaluator.type=toy", "--trials", "3", "--json")
    study = command("search", *words, "--set", "space.n_decisions=4").json["study"]
    space = command("studies", "show", study, "--json").json["space"]
    assert (space["type"], space["args"]["n_decisions"]) == ("toy_flat", 4)


def test_several_objectives_give_a_front(command: Any) -> None:
    words = ("--set", 'evaluator.metrics=["accuracy","cost"]', "--maximize", "accuracy", "--minimize", "cost")
    report = command("search", "--trials", "20", *words, "--json").json
    assert len(report["front"]) >= 1
    assert set(report["front"][0]["metrics"]) == {"accuracy", "cost"}


def test_a_direction_that_is_given_counts_and_else_the_one_that_the_name_says(command: Any) -> None:
    words = ("search", "--space", "conv_stages", "--evaluator", "cost", "--trials", "12")
    most, least, plain = (
        command(*words, *way, "--json").json["best"]["metrics"]["params"]
        for way in (("--maximize", "params"), ("--minimize", "params"), ())
    )
    assert most > least == plain


def test_a_limit_keeps_the_best_within_it(command: Any) -> None:
    report = command("search", "--trials", "30", "--limit", "accuracy<=0.4", "--json").json
    assert report["best"]["metrics"]["accuracy"] <= 0.4


def test_a_limit_that_nothing_keeps_is_named_as_the_reason(command: Any) -> None:
    answer = command("search", "--trials", "4", "--limit", "accuracy>=2")
    assert answer.code == 1
    assert "none is within the limits: trial" in answer.err and "instead of at least 2." in answer.err


def test_limits_that_contradict_each_other_are_refused(command: Any) -> None:
    answer = command("search", "--trials", "4", "--limit", "accuracy>=0.5", "--limit", "accuracy<=0.4")
    assert answer.code == 2 and "Nothing keeps the limits accuracy>=0.5 and accuracy<=0.4 at once." in answer.err


def test_a_search_whose_trials_all_fail_ends_at_once_with_the_reason_and_keeps_its_study(command: Any) -> None:
    answer = command("search", "--trials", "100", "--set", "evaluator.fail=1.0", "--name", "sad")
    assert answer.code == 1 and "8 trials (8 failed)" in answer.out
    (told,) = [line for line in answer.err.splitlines() if line.startswith("archsmith: ")]
    assert told.startswith("archsmith: All 8 trials failed: The toy evaluator was told to fail here. ")
    assert "archsmith studies resume" in told
    assert command("studies", "show", "sad").code == 0
    again = command("studies", "resume", "sad")
    assert again.code == 1 and "16 trials (16 failed)" in again.out


def test_a_search_in_which_nothing_ended_says_that_it_needs_more_time(command: Any) -> None:
    answer = command("search", "--time", "1s", "--set", "evaluator.sleep=60")
    assert answer.code == 1 and "Not one trial came to its end. Give it more time." in answer.err


def test_a_shipped_table_with_single_trainings(command: Any) -> None:
    means, single = (
        command("search", "--bench", "digits", "--trials", "5", *words, "--json").json for words in ((), ("--noisy",))
    )
    assert means["standing"]["n"] == single["standing"]["n"] == 1299
    assert [trial["best"]["metrics"]["accuracy"] == trial["standing"]["score"] for trial in (means, single)] == [
        True,
        False,
    ]


def test_a_published_benchmark_is_named_once_and_remembered(command: Any, tmp_path: Path) -> None:
    keys = np.array(list(np.ndindex(*WIDTHS)), dtype=np.uint8)
    place = np.arange(len(keys), dtype=np.float32)
    np.savez(
        tmp_path / "fcnet.npz",
        search_space=np.array(json.dumps(OPTIONS)),
        keys=keys,
        naval_propulsion=np.stack([place, place + 1], axis=1),
    )
    words = ("search", "--bench", "fcnet", "--dataset", "naval_propulsion", "--trials", "5", "--json")
    missing = command(*words)
    assert missing.code == 2 and "--bench-file PATH" in missing.err
    (tmp_path / "other.npz").write_bytes((tmp_path / "fcnet.npz").read_bytes()[:100])
    assert command(*words, "--bench-file", tmp_path / "other.npz").code != 0
    assert "--bench-file PATH" in command(*words).err  # what is no benchmark is not remembered
    report = command(*words, "--bench-file", tmp_path / "fcnet.npz").json
    assert (report["metric"], report["n_trials"], report["standing"]["n"]) == ("valid_mse", 5, len(keys))
    assert report["best"]["metrics"]["valid_mse"] == report["standing"]["score"] == report["standing"]["rank"] - 0.5
    assert command(*words).json["best"] == report["best"]
    assert command(*words, "--noisy").json["best"]["metrics"]["valid_mse"] % 1 == 0
    endless = command("search", "--bench", "fcnet", "--dataset", "naval_propulsion", "--time", "5s")
    assert endless.code == 2 and "cost no simulated time" in endless.err


def test_an_answer_is_judged_as_its_benchmark_wants(command: Any, tmp_path: Path) -> None:
    ops = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
    names = ("valid_12", "test_12", "valid_200", "test_200", "train_seconds_200", "params_m")
    columns = {f"cifar10_{name}": np.arange(len(ops)) / 200 for name in names}
    columns["cifar10_test_200"] = columns["cifar10_test_200"][::-1]  # the better after 12 epochs, the worse in the end
    np.savez(tmp_path / "bench.npz", ops=ops, op_names=np.array(OPERATIONS), **columns)
    report = command(
        "search", "--bench", "nas-bench-201", "--bench-file", tmp_path / "bench.npz", "--trials", "20", "--json"
    ).json
    assert report["standing"]["metric"] == "final_test_accuracy"
    assert report["standing"]["score"] == report["best"]["metrics"]["final_test_accuracy"]
    assert report["standing"]["rank"] > 15625 / 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--strategy", "evolutoin"), "Did you mean 'evolution'?"),
        (("--space", "nowhere"), "There is no space named 'nowhere'."),
        (("--limit", "params"), "'params' is not a valid limit."),
        (("--maximize", "beauty"), "'beauty'"),
        (("--set", 'evaluator.metrics=["score"]'), "--maximize score or --minimize score"),
        (("--time", "soon"), "'soon' is not a length of time."),
        (("--set", "population=5"), "'population=5' is not a setting."),
        (("--set", "strategy.size=5"), "has no setting 'size'"),
        (("--set", "kitchen.size=5"), "--set kitchen"),
        (("--bench", "nowhere"), "no table 'nowhere'"),
        (("--bench", "digits", "--evaluator", "toy"), "--bench and --evaluator exclude"),
        (
            ("--bench", "digits", "--set", "space.n=3"),
            "The evaluator 'table' brings its own space, so --set space.… has",
        ),
        (("--noisy",), "need a benchmark"),
        (("--trials", "0"), "archsmith: Invalid value for '--trials': "),
        (("--speed", "9"), "archsmith: No such option: --speed"),
    ],
)
def test_wrong_words_are_usage_errors_before_the_first_trial(
    command: Any, tmp_path: Any, words: tuple[str, ...], part: str
) -> None:
    answer = command("search", *words, "--workspace", tmp_path / "w")
    assert answer.code == 2
    assert part in answer.err
    assert (answer.out, answer.err.count("\n")) == ("", 1)
    assert not list(tmp_path.glob("w/studies/*"))


def test_people_get_the_best_architecture_as_a_table(command: Any) -> None:
    answer = command("search", "--trials", "5")
    assert "5 trials in" in answer.out
    assert "decision" in answer.out and "x3" in answer.out


@pytest.mark.parametrize(
    ("reason", "expected", "tried", "slow"),
    [
        ("seconds", 20.0, 5, True),
        ("seconds", 20.0, 15, False),
        ("seconds", 1.4, 1, False),  # one trial is one trial
        ("seconds", None, 5, False),
        ("requested", 20.0, 5, False),
    ],
)
def test_a_search_of_far_fewer_trials_than_forecast_says_what_it_may_have_been(
    reason: str, expected: float | None, tried: int, slow: bool
) -> None:
    said = slowness({"stop_reason": reason, "forecast_trials": expected, "n_trials": tried})
    assert said == (
        "There was time for about 20 trials by the forecast. Networks may have been larger than the one that was "
        "timed, or the machine slower, as it is while other programs run or workers share it."
        if slow
        else ""
    )


BROKEN = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    metrics = ("accuracy",)
    simulated = False

    def evaluate(self, architecture, fidelity, context):
        return architecture["opp0"]
"""


def test_a_mistake_in_an_evaluator_is_found_by_its_line(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_evaluator.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("search", "--evaluator", "broken_evaluator:Broken", "--trials", "1")
    plain, debug = command(*words), command(*words, "--debug")
    assert "trial 0 failed: KeyError: 'opp0' (broken_evaluator.py, line 11)" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback (most recent call last):" in debug.err and 'return architecture["opp0"]' in debug.err


def test_scores_of_a_part_of_the_training_say_so(command: Any) -> None:
    out = command("search", "--bench", "digits", "--strategy", "race", "--trials", "6").out
    assert re.search(r"^Best: trial \d+ at \d+ epochs?, accuracy", out, re.MULTILINE)
    assert re.search(r"^Rank .* on average at 10 epochs, ", out, re.MULTILINE)


def test_enas_without_shared_weights_is_refused_and_leaves_nothing(command: Any, tmp_path: Path) -> None:
    answer = command("search", "--bench", "digits", "--strategy", "enas", "--workspace", tmp_path / "w")
    assert (answer.code, answer.out) == (2, "")
    assert "archsmith fit DATA --strategy enas" in answer.err and "ended after" not in answer.err
    assert list((tmp_path / "w" / "studies").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search", "--evaluator", "archsmith.testing.toys:Flat"), "The evaluator cannot be a Flat"),
        (("search", "--space", "archsmith.strategies.random:RandomSearch"), "The space cannot be a RandomSearch"),
        (("size", "archsmith.strategies.random:RandomSearch"), "The space cannot be a RandomSearch"),
    ],
)
def test_a_class_of_another_kind_is_named(command: Any, words: tuple[str, ...], said: str) -> None:
    answer = command(*words)
    assert (answer.code, answer.out) == (2, "") and said in answer.err


def test_a_space_of_ones_own_leaves_the_objectives_of_the_evaluator(command, tmp_path, monkeypatch):
    (tmp_path / "their_errors.py").write_text(
        "from archsmith import Objective, Problem\nfrom archsmith.testing.toys import Flat, ToyEvaluator\n"
        "class Both(ToyEvaluator):\n"
        "    def problem(self, objectives=None, constraints=()):\n"
        "        return Problem(Flat(), objectives or Objective('size', maximize=False), constraints)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    both = ("--evaluator", "their_errors:Both", "--set", 'evaluator.metrics=["accuracy", "size"]', "--trials", "2")
    for space in ((), ("--space", "toy_conditional")):
        answer = command("search", *both, *space, "--json")
        assert json.loads(answer.out)["metric"] == "size", answer.err


OWN = """
from dataclasses import dataclass
from archsmith import Objective, Problem
from archsmith.testing.toys import Flat
@dataclass(frozen=True)
class Poor:
    fails: bool = False
    metrics = ("accuracy",)
    simulated = False
    def evaluate(self, architecture, fidelity, context):
        if self.fails:
            raise ValueError("no")
        return 0.5
"""


def test_the_command_that_goes_on_with_code_of_ones_own_works_as_it_is_printed(command, tmp_path, monkeypatch):
    (tmp_path / "poor_lab.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    searched = ("search", "--evaluator", "poor_lab:Poor", "--trials", "3", "--limit", "accuracy>=2")
    answer = command(*searched, "--workspace", tmp_path / "my studies")
    printed = answer.err.partition("Go on with: ")[2].strip()
    words = shlex.split(printed)
    assert words[:3] == ["archsmith", "--import", "poor_lab"] and words[-2:] == ["--trials", "+10"]
    again = command(*words[1:])
    assert "13 trials" in again.out and again.code == 1


def test_a_search_that_gave_up_goes_on_without_being_given_more(command, tmp_path, monkeypatch):
    (tmp_path / "poor_lab.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("search", "--evaluator", "poor_lab:Poor", "--set", "evaluator.fails=true", "--name", "sad")
    assert "--trials +" not in answer.err and "studies resume" in answer.err


def test_one_that_gave_up_with_its_last_trial_is_to_be_given_more(command):
    answer = command("search", "--trials", "8", "--set", "evaluator.fail=1.0")
    words = shlex.split(answer.err.partition("Go on with: ")[2].strip())
    assert words[-2:] == ["--trials", "+10"]
    assert "--trials +10" in command("studies", "show").out
    assert "16 trials (16 failed)" in command(*words[1:]).out


def test_a_study_whose_trials_cost_no_time_does_not_go_on_with_a_limit_of_time(command):
    free = ("--set", "evaluator.simulated=true", "--set", "evaluator.seconds=0", "--set", "space.n_decisions=2")
    assert command("search", "--trials", "2", *free).code == 0
    answer = command("studies", "resume", "last", "--time", "5m")
    assert answer.code == 2 and "cost no simulated time" in answer.err and "goes on" not in answer.err


def test_the_start_of_a_search_names_its_directions(command):
    assert "Searching for accuracy (more is better)." in command("search", "--trials", "2").err
    assert (
        "Searching for accuracy (less is better)." in command("search", "--trials", "2", "--minimize", "accuracy").err
    )


NEVER = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Never:
    def ask(self, history, n, rng):
        return []
"""


def test_a_strategy_that_proposes_nothing_is_named_as_the_reason(command, tmp_path, monkeypatch):
    (tmp_path / "never_lab.py").write_text(NEVER)
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("search", "--strategy", "never_lab:Never", "--trials", "3")
    assert answer.code == 1 and "The strategy proposed nothing, so there was no trial." in answer.err
    assert "more time" not in answer.err
    compared = ("compare", "--space", "toy_flat", "--evaluator", "toy", "--trials", "3", "--runs", "2")
    answer = command(*compared, "--strategies", "never_lab:Never")
    assert answer.code != 0 and "No strategy proposed anything" in answer.err


def test_a_number_that_is_none_is_told_in_our_words(command):
    answer = command("search", "--trials", "1e2")
    assert answer.code == 2 and "It takes a whole number, such as 20." in answer.err and "parse" not in answer.err


LOUD = """
from dataclasses import dataclass
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import ToyEvaluator

@dataclass(frozen=True)
class Loud(ToyEvaluator):
    def __post_init__(self):
        print("built")

    def prepare(self, problem, context):
        print("prepared")

    def evaluate(self, architecture, fidelity, context):
        print("evaluated")
        return super().evaluate(architecture, fidelity, context)

@dataclass(frozen=True)
class Chatty:
    def __post_init__(self):
        print("chosen")

    def ask(self, history, n, rng):
        print("asked")
        return RandomSearch().ask(history, n, rng)
"""


@pytest.fixture
def loud(tmp_path: Path, environment: dict[str, str]) -> tuple[str, ...]:
    """Words of a search whose evaluator prints, for another process."""
    (tmp_path / "loud_lab.py").write_text(LOUD)
    environment["PYTHONPATH"] += f":{tmp_path}"
    return "--space", "toy_flat", "--evaluator", "loud_lab:Loud", "--trials", "3", "--json"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_anybodys_code_prints_goes_to_standard_error(archsmith: Any, loud: Any, workers: int) -> None:
    ran = archsmith("search", *loud, "--strategy", "loud_lab:Chatty", "--workers", workers)
    assert ran.code == 0 and json.loads(ran.out)["n_trials"] == 3
    for said, least in (("built", 1), ("chosen", 1), ("prepared", 1), ("asked", 1), ("evaluated", 3)):
        assert ran.err.count(said) >= least
    ran = archsmith("--import", "loud_lab", "studies", "resume", "last", "--trials", "+3", "--json")
    assert ran.code == 0 and json.loads(ran.out)["n_trials"] == 6
    assert "built" in ran.err and "chosen" in ran.err


@pytest.mark.parametrize("workers", [1, 2])
def test_that_holds_for_a_comparison_too(archsmith: Any, loud: Any, workers: int) -> None:
    words = ("--strategies", "random,loud_lab:Chatty", "--runs", "2", "--workers", workers)
    ran = archsmith("compare", *loud, *words)
    assert ran.code == 0 and json.loads(ran.out)["n_runs"] == 2
    for said in ("built", "chosen", "prepared", "asked", "evaluated"):
        assert said in ran.err


def test_a_search_that_has_nothing_more_to_propose_is_not_gone_on_with(command: Any) -> None:
    answer = command("search", "--set", "space.n_decisions=1", "--set", "evaluator.fail=1.0")
    assert answer.code == 1 and "All 3 trials failed" in answer.err
    assert "nothing more to propose, whatever it is given: start a new search." in answer.err
    limited = command("search", "--set", "space.n_decisions=1", "--limit", "accuracy>=2")
    assert "Widen the limits or the space. The strategy has nothing more" in limited.err
    for other in (answer, limited, command("studies", "resume")):
        assert other.code != 0 and "studies resume" not in other.err and "go on with the study" not in other.err


SCREENING = """
from dataclasses import dataclass
from archsmith import EvaluationError

@dataclass(frozen=True)
class Screening:
    metrics = ("accuracy",)
    simulated = False

    def evaluate(self, architecture, fidelity, context):
        raise EvaluationError("The first score was too low.", kind="screened")
"""


def test_a_search_of_which_all_was_screened_out_says_so(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "screening_lab.py").write_text(SCREENING)
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("search", "--space", "toy_flat", "--evaluator", "screening_lab:Screening", "--trials", "20")
    assert answer.code == 1
    said = (
        "All 20 trials were screened out by the cheap evaluator. Let the cascade keep more of them. The space and the"
    )
    assert f"{said} settings of the evaluator can be changed in a new search only. Go on with: arch" in answer.err


@pytest.mark.parametrize(("kind", "afresh"), [("diverged", True), ("exception", False)])
def test_what_a_resume_cannot_change_is_for_a_new_search(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, afresh: bool
) -> None:
    name = f"failing_{kind}"
    (tmp_path / f"{name}.py").write_text(SCREENING.replace("screened", kind))
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("search", "--space", "toy_flat", "--evaluator", f"{name}:Screening", "--trials", "3")
    assert answer.code == 1 and "All 3 trials failed" in answer.err and "Go on with: archsmith" in answer.err
    assert ("can be changed in a new search only. Go on" in answer.err) is afresh
