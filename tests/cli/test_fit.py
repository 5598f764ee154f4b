from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import signal
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from archsmith.automl import job
from archsmith.automl.fit_result import FitResult, Row
from archsmith.automl.plan import Speed, make_plan
from archsmith.automl.settings import FitSettings
from archsmith.cli.fit import summarize
from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.runtime.search import Search
from archsmith.runtime.workspace import Workspace
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"
ROWS = (
    Row("linear", 0.96, 0.955, params=650, macs=640, seconds=2.0, epochs=30.0),
    Row("fixed", 0.99, 0.98, params=304_154, macs=11_453_696, seconds=20.0, epochs=12.0, exported=True),
    Row("searched", error="It diverged."),
)
RESULT = FitResult(
    study="digits-1",
    stop_reason="seconds",
    seconds=61.5,
    budget_seconds=60.0,
    n_trials=7,
    n_failed=1,
    n_from_mutation=3,
    metric="accuracy",
    metrics={"test": {"accuracy": 0.98, "log_loss": 0.1}},
    report="report.html",
    valid=0.99,
    test=0.98,
    rows=ROWS,
    architecture={"stages": 3},
    params=304_154,
    macs=11_453_696,
    model_dir="models/digits",
    test_reads=1,
    max_difference=1e-7,
    n_networks=5,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[FitSettings]:
    """What the main job is asked for; it answers at once."""
    seen: list[FitSettings] = []

    def fit(settings: FitSettings, observer: Any, finish: Any, on_study: Any) -> FitResult:
        seen.append(settings)
        return RESULT

    monkeypatch.setattr(job, "fit", fit)
    return seen


@pytest.fixture
def begun(tmp_path: Path) -> Callable[..., str]:
    """The id of a study in workspace ``w`` as the main job begins one; it is left as a killed process leaves it."""

    def begin(**settings: Any) -> str:
        store = Workspace(tmp_path / "w").create("digits")
        wanted, speed = FitSettings(**{"data": "digits", **settings}), Speed(0.01, 32, 1000, 100, 100)
        plan = make_plan(wanted.seconds, wanted.trials, 1.0, speed)
        info = {"fit": {"settings": wanted.to_dict(), "plan": plan.to_dict(), "speed": dataclasses.asdict(speed)}}
        with Search(
            Problem(Flat()), RandomSearch(), ToyEvaluator(), budget=Budget(trials=3), store=store, info=info
        ) as search:
            for trial in search.ask(2):
                search.tell(trial, 0.5)
        store.close()
        return store.folder.name

    return begin


def test_words_become_settings(command: Any, asked: list[FitSettings]) -> None:
    words = (
        "--time",
        "90s",
        "--trials",
        "5",
        "--out",
        "m",
        "--workspace",
        "w",
        "--seed",
        "3",
        "--space",
        "nasnet",
        "--strategy",
        "random",
    )
    answer = command("fit", "photos", *words, "--set", "recipe.batch_size=64", "--workers", "2", "--name", "mine")
    assert answer.code == 0, answer.err
    assert asked == [
        FitSettings(
            "photos",
            90.0,
            5,
            "m",
            "w",
            seed=3,
            space="nasnet",
            strategy="random",
            settings={"recipe": {"batch_size": 64}},
            workers=2,
            name="mine",
        )
    ]


@pytest.mark.parametrize(
    ("words", "seconds", "trials"), [((), 1200.0, None), (("--trials", "9"), None, 9), (("--time", "1h"), 3600.0, None)]
)
def test_the_budget_is_20_minutes_unless_another_limit_is_given(
    command: Any, asked: list[FitSettings], words: tuple[str, ...], seconds: float | None, trials: int | None
) -> None:
    command("fit", "digits", *words)
    assert (asked[0].seconds, asked[0].trials) == (seconds, trials)


def test_json_is_the_result(command: Any, asked: list[FitSettings]) -> None:
    report = command("fit", "digits", "--json").json
    expected = {
        "study",
        "stop_reason",
        "seconds",
        "budget_seconds",
        "n_trials",
        "valid",
        "test",
        "rows",
        "architecture",
        "params",
        "macs",
        "model_dir",
    }
    assert expected <= set(report)
    assert [row["name"] for row in report["rows"]] == ["linear", "fixed", "searched"]


def test_a_job_that_took_far_too_long_says_why() -> None:
    result = {
        "metric": "accuracy",
        "rows": [],
        "metrics": {"test": {"accuracy": 0.9}},
        "test": 0.9,
        "valid": 0.9,
        "params": 1,
        "macs": 1,
        "why": "",
        "budget_seconds": 60.0,
        "test_reads": 1,
        "n_trials": 1,
        "stop_reason": "seconds",
        "study": "s",
        "model_dir": "m",
        "report": None,
    }

    def said(seconds: float, **phases: dict[str, float]) -> str:
        with redirect_stdout(StringIO()) as out:
            summarize({**result, "seconds": seconds, "phases": phases})
        return " ".join(out.getvalue().split())

    assert "That is 1:00 more than the budget: no part of it stands out" in said(120.0)
    assert "than the budget: reading and checking the data alone took 1:36." in said(120.0, read={"seconds": 96.0})
    slow = {"start": {"seconds": 70.0}, "read": {"seconds": 20.0}}
    assert "than the budget: starting the program alone took 1:10." in said(120.0, **slow)
    export = {"seconds": 55.0, "expected": 5.0}
    assert "than the budget: writing and checking the bundle took 0:55 where 0:05 were" in said(120.0, export=export)
    result["forecast"] = {"reserve_seconds": 10.0}
    end = {"test": {"seconds": 10.0}, "export": {"seconds": 45.0}, "report": {"seconds": 1.0}}
    assert "than the budget: test, export and report together took 0:56 where 0:10 were" in said(120.0, **end)
    assert "more than the budget" not in said(67.0)
    assert "The job ended before its time was over: a training had all its epochs" in said(40.0)
    cut = {"train fixed": {"seconds": 3.0, "expected": 3.1}, "export": {"seconds": 4.0}}
    assert "over: the test, the export and the report took less than was kept for them." in said(40.0, **cut)
    spared = {"train fixed": {"seconds": 3.0, "expected": 9.0}}
    assert "over: a training had all its epochs, no longer got better, or failed." in said(40.0, **spared)
    assert "The job ended before its time was over" not in said(55.0)
    result["asked_to_finish"] = True
    assert "A person asked the job to finish early" in said(40.0) and "before its time was over" not in said(40.0)


def test_people_get_the_rows_the_accuracy_and_the_next_command(command: Any, asked: list[FitSettings]) -> None:
    out = command("fit", "digits").out
    assert "Accuracy of what was trained:" in out
    assert re.search(r"hand-made network +0\.99 +0\.98 +304,154 +12 +20 +exported", out)
    assert "test 0.98; validation 0.99" in out and "The test split was measured once." in out
    assert "304,154 parameters" in out
    assert "It diverged." in out
    assert "The job took 1:02 of 1:00. The search had 7 trials of 5 networks and ended because its time was" in out
    assert "more than the budget" not in out  # two seconds
    assert "archsmith predict models/digits FILE..." in out


@pytest.mark.parametrize("folder", ["my models/m", "größe", "a;b"])
def test_the_next_command_can_be_pasted_into_a_shell(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    summarize(dataclasses.replace(RESULT, model_dir=folder).to_dict())
    said = capsys.readouterr().out.partition("Next:")[2]
    assert shlex.split(said) == ["archsmith", "predict", folder, "FILE..."]


def test_exact_terms_are_for_those_who_ask(command: Any, asked: list[FitSettings]) -> None:
    plain, exact = command("fit", "digits").out, command("fit", "digits", "--verbose").out
    for word in ("log loss", "multiply-adds", "fixed"):
        assert word in exact and word not in plain
    assert re.search(r"fixed +0\.99 +0\.98 +304,154 +11,453,696 +12 +20 +exported", exact)


def test_a_bundle_that_could_not_be_copied_is_a_failure_that_says_where_it_is(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dataclasses.replace(RESULT, model_dir="studies/a/final/bundle", not_copied="OSError: no space left.")
    monkeypatch.setattr("archsmith.automl.job.fit", lambda settings, **more: found)
    answer = command("fit", "digits", "--out", "models/digits")
    assert answer.code == 1
    assert "could not be copied to 'models/digits'. OSError: no space left." in answer.err
    assert "Copy it from where it is: studies/a/final/bundle" in answer.err


@pytest.mark.parametrize(("reads", "told"), [(1, "measured once. The"), (2, "measured twice, because the study")])
def test_how_often_the_test_split_was_measured_is_said(reads: int, told: str) -> None:
    with redirect_stdout(StringIO()) as out:
        summarize(dataclasses.replace(RESULT, test_reads=reads).to_dict())
    assert told in " ".join(out.getvalue().split())


def test_where_nothing_was_searched_the_result_says_so() -> None:
    with redirect_stdout(StringIO()) as out:
        summarize(dataclasses.replace(RESULT, n_trials=0, n_networks=0).to_dict())
    assert "No trial of a search came to its end: the time was too short." in out.getvalue()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--time", "5s"), "too short"),
        (("--set", "kitchen.size=3"), "There are no settings of 'kitchen'."),
        (("--time", "soon"), "is not a length of time"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    command: Any, asked: list[FitSettings], words: tuple[str, ...], part: str
) -> None:
    answer = command("fit", "digits", *words)
    assert answer.code in (1, 2)
    assert part in answer.err
    assert asked == []


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--space", "nowhere"), "There is no space named 'nowhere'."),
        (("--space", "table"), "has no networks"),
        (("--name", "a b"), "A study cannot be named 'a b'."),
        (("--workers", "5000"), "5000 workers are too many."),
        (("--memory-mb", "inf"), "memory_mb is inf"),
    ],
)
def test_what_cannot_be_leaves_no_data_behind(command: Any, tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    answer = command("fit", "digits", "--trials", "1", "--workspace", tmp_path / "w", *words)
    assert (answer.code, answer.out) == (2, "") and part in answer.err
    assert not (tmp_path / "w").exists()


def test_data_that_are_not_there_are_a_usage_error(command: Any) -> None:
    answer = command("fit", "no/such/folder", "--time", "60s")
    assert answer.code == 2
    assert answer.err.startswith("archsmith: There is no file or folder") and answer.err.count("\n") == 1


def test_resume_keeps_the_limits_of_the_study(
    command: Any, asked: list[FitSettings], begun: Callable[..., str]
) -> None:
    study = begun(seconds=120.0, seed=4)
    command("fit", "digits", "--resume", "--workspace", "w")
    (settings,) = asked
    assert (settings.name, settings.resume, settings.seconds, settings.seed, settings.workspace) == (
        study,
        True,
        120.0,
        4,
        "w",
    )


def test_resume_takes_new_limits(command: Any, asked: list[FitSettings], begun: Callable[..., str]) -> None:
    study = begun(seconds=120.0)
    command("studies", "resume", study, "--time", "5m", "--workspace", "w")
    assert (asked[0].name, asked[0].seconds, asked[0].resume) == (study, 300.0, True)


def test_a_job_of_another_workspace_goes_on_by_its_folder(
    command: Any, asked: list[FitSettings], begun: Callable[..., str], tmp_path: Path
) -> None:
    study = begun(seconds=120.0)
    answer = command("studies", "resume", Path("w") / "studies" / study)
    assert answer.code == 0, answer.err
    assert [(settings.name, settings.workspace) for settings in asked] == [(study, str(tmp_path / "w"))]


@pytest.mark.parametrize("words", [("studies", "resume"), ("fit", "digits", "--resume")])
def test_resume_adds_to_the_limits_of_the_study(
    command: Any, asked: list[FitSettings], begun: Callable[..., str], words: tuple[str, ...]
) -> None:
    begun(seconds=120.0, trials=9)
    command(*words, "--time", "+1m", "--trials", "+5", "--workspace", "w")
    assert (asked[0].seconds, asked[0].trials) == (180.0, 14)


def test_a_resume_may_put_the_bundle_elsewhere(
    command: Any, asked: list[FitSettings], begun: Callable[..., str]
) -> None:
    study = begun(out="first", replace=True)
    command("studies", "resume", study, "--workspace", "w")
    command("studies", "resume", study, "--out", "second", "--replace", "--workspace", "w")
    assert [(settings.out, settings.replace) for settings in asked] == [("first", False), ("second", True)]


def test_a_search_has_no_bundle_to_put_anywhere(command: Any) -> None:
    command("search", "--trials", "2")
    answer = command("studies", "resume", "--trials", "3", "--out", "model")
    assert answer.code == 2 and "writes no bundle" in answer.err


def test_the_bundle_of_another_study_is_not_replaced(command: Any, tmp_path: Path) -> None:
    (bundle,) = FIXTURES.glob("classes/studies/*/final/bundle")
    shutil.copytree(bundle, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    answer = command("fit", "digits", "--time", "20s", "--out", "model", "--workspace", "w")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert f"holds the bundle of the study {bundle.parents[1].name}" in answer.err and "--replace" in answer.err
    assert not (tmp_path / "w").exists()
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before


def test_resume_passes_over_studies_of_other_data(
    command: Any, asked: list[FitSettings], begun: Callable[..., str]
) -> None:
    study = begun()
    begun(data="photos")
    command("fit", "digits", "--resume", "--workspace", "w")
    assert asked[0].name == study


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--seed", "0"), "was begun with --seed 4, not 0"),  # the default counts where it is given
        (("--strategy", "random"), "was begun with --strategy graph_gp, not random"),
        (("--set", "recipe.epochs=3"), "was begun without --set recipe.epochs=3"),
        (("--no-pretrained",), "was begun with --pretrained, not without"),
    ],
)
def test_a_resume_with_other_settings_is_refused(
    command: Any, asked: list[FitSettings], begun: Callable[..., str], words: tuple[str, ...], sentence: str
) -> None:
    study = begun(seconds=120.0, seed=4)
    for named in ((), ("--name", study)):
        answer = command("fit", "digits", "--resume", *named, *words, "--workspace", "w")
        assert answer.code == 2 and sentence in answer.err and answer.err.count("\n") == 1
    assert not asked


def test_a_resume_by_name_is_of_the_same_data(
    command: Any, asked: list[FitSettings], begun: Callable[..., str]
) -> None:
    study = begun(data="photos")
    answer = command("fit", "digits", "--resume", "--name", study, "--workspace", "w")
    assert answer.code == 2 and "learns from 'photos', not from 'digits'" in answer.err and not asked


def test_without_a_name_only_a_study_of_the_same_target_goes_on(
    command: Any, asked: list[FitSettings], begun: Callable[..., str]
) -> None:
    begun(data="birds.csv", target="species")
    answer = command("fit", "birds.csv", "--target", "island", "--resume", "--workspace", "w")
    assert "A new one starts" in answer.err
    assert not asked[0].resume and asked[0].target == "island"


def test_what_fit_did_not_begin_it_does_not_resume(command: Any, asked: list[FitSettings]) -> None:
    study = command("search", "--trials", "2", "--workspace", "w", "--json").json["study"]
    answer = command("fit", "digits", "--resume", "--name", study, "--workspace", "w")
    assert answer.code == 1
    assert "was not begun by fit" in answer.err


def test_ctrl_c_once_asks_the_job_to_finish(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(settings: FitSettings, observer: Any, finish: Any, on_study: Any) -> FitResult:
        assert not finish()
        os.kill(os.getpid(), signal.SIGINT)
        assert finish()
        return RESULT

    monkeypatch.setattr(job, "fit", fit)
    answer = command("fit", "digits", "--json")
    assert answer.code == 0
    assert answer.json["study"] == "digits-1"
    assert "Finishing with the best network so far." in answer.err


@pytest.mark.parametrize("is_begun", [True, False])
def test_ctrl_c_twice_stops_and_says_how_to_go_on(
    command: Any, begun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    store = Workspace(tmp_path / "w").open(begun())
    events = list(store.read())
    store.close()

    def fit(settings: FitSettings, observer: Any, finish: Any, on_study: Any) -> FitResult:
        for event in events if is_begun else ():
            observer(event)
        if is_begun:
            on_study(store.folder)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return RESULT

    monkeypatch.setattr(job, "fit", fit)
    answer = command("fit", "digits", "--workspace", "w")
    assert (answer.code, answer.out) == (130, "")
    said = f"Go on with: archsmith studies resume {store.folder}\n"
    assert answer.err.endswith(said if is_begun else "Stopped, before there was a study to go on with.\n")


def test_ctrl_c_twice_before_a_resumed_job_is_open_says_how_to_go_on(
    command: Any, begun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = begun(seconds=120.0)

    def fit(settings: FitSettings, observer: Any, finish: Any, on_study: Any) -> FitResult:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return RESULT

    monkeypatch.setattr(job, "fit", fit)
    answer = command("studies", "resume", study, "--workspace", "w")
    assert answer.code == 130 and "Go on with: archsmith studies resume" in answer.err and study in answer.err


@pytest.mark.slow
def test_digits_from_the_data_to_a_prediction(archsmith: Any, tmp_path: Path) -> None:
    """The whole road once, as a person walks it; make demo does the same with more time."""
    ran = archsmith("fit", "digits", "--time", "60s", "--out", "bundle", "--workspace", "w", "--json", timeout=300)
    assert ran.code == 0, ran.err
    assert ran.json["test"] >= 0.9
    assert archsmith("evaluate", "bundle", "digits", "--json").json["accuracy"] >= 0.9
    assert archsmith("studies", "show", "last", "--workspace", "w", "--json").json["n_finished"] == ran.json["n_trials"]
    assert archsmith("draw", "last", "--workspace", "w", "--out", "network.svg").code == 0
    assert archsmith("draw", "bundle", "--out", "bundle.svg").code == 0
