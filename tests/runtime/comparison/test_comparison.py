"""Running a comparison: every run a study, nothing done twice, and going on after any kind of end."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.core.problem import Constraint, Objective, Problem
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.comparison import Comparison, Plan, Run
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

TOY = ToyEvaluator(simulated=True, seconds=10.0)
TWO = {"random": RandomSearch(), "evolution": RegularizedEvolution(population=5)}


def plan(evaluator: Any = TOY, strategies: Any = TWO, problem: Problem | None = None, **options: Any) -> Plan:
    return Plan.of(problem or Problem(Flat(4, 5)), evaluator, strategies, **{"runs": 3, "trials": 12, **options})


def without_clock(runs: list[Run]) -> list[Run]:
    return [replace(run, wall_seconds=0.0) for run in runs]


def test_every_strategy_gets_the_same_seeds_and_budget(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path, plan(seed=7))
    assert comparison.run()
    runs = comparison.runs()
    assert [(run.strategy, run.seed) for run in runs] == [(label, seed) for label in TWO for seed in (7, 8, 9)]
    assert {(run.n_trials, run.n_failed, run.reason, run.seconds) for run in runs} == {(12, 0, "trials", 120.0)}
    assert all(run.wall_seconds > 0 for run in runs)


def test_a_run_is_the_search_that_its_seed_promises(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path, plan(seed=7))
    comparison.run()
    run = comparison.runs()[-1]
    alone = Search(Problem(Flat(4, 5)), TWO["evolution"], TOY, budget=Budget(trials=12), seed=9).run()
    assert alone.best is not None and run.answer is not None
    assert (run.answer["trial"], run.answer["architecture"]) == (alone.best.id, dict(alone.best.architecture))
    assert run.curve[-1].points == ((alone.best.metrics["accuracy"],),)
    assert [step.n for step in run.curve] == sorted({step.n for step in run.curve})
    assert SqliteStore(tmp_path / "runs" / "evolution-9").counts()["finished"] == 12


def test_finished_runs_are_not_repeated_and_more_can_be_added(tmp_path: Path) -> None:
    first = Comparison(tmp_path, plan())
    first.run()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/result.json")}
    more = Comparison(tmp_path, plan(runs=5))
    assert sorted(more.missing()) == [("evolution", 3), ("evolution", 4), ("random", 3), ("random", 4)]
    more.run()
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert len(more.runs()) == 10
    fewer = Comparison(tmp_path, plan(runs=2))
    assert fewer.run() and len(fewer.runs()) == 4
    assert json.loads((tmp_path / "comparison.json").read_text())["runs"] == 5


def test_the_first_run_of_each_strategy_comes_first(tmp_path: Path) -> None:
    missing = Comparison(tmp_path, plan()).missing()
    assert missing == [
        ("random", 0),
        ("evolution", 0),
        ("random", 1),
        ("random", 2),
        ("evolution", 1),
        ("evolution", 2),
    ]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"trials": 13}, "began with trials = 12, not 13"),
        ({"seed": 1}, "began with seed = 0, not 1"),
        ({"evaluator": ToyEvaluator(simulated=True, seconds=11.0)}, "began with evaluator.seconds = [0-9.]+, not 11.0"),
        (
            {"strategies": {**TWO, "evolution": RegularizedEvolution(population=6)}},
            "began with strategy evolution.population = [0-9]+, not 6",
        ),
        ({"strategies": {"evolution": TWO["evolution"]}}, "began with the strategies [a-z, ]+, not evolution"),
    ],
)
def test_another_comparison_does_not_go_on_in_the_same_folder(tmp_path: Path, changed: Any, part: str) -> None:
    Comparison(tmp_path, plan())
    with pytest.raises(UsageError, match=part):
        Comparison(tmp_path, plan(**changed))
    assert plan().key == plan(runs=9).key != plan(**changed).key


def test_a_run_that_was_cut_short_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = Comparison(tmp_path / "whole", plan(strategies={"opinion": Opinionated()}))
    whole.run()
    store = SqliteStore(tmp_path / "cut" / "runs" / "opinion-1")
    Search(Problem(Flat(4, 5)), Opinionated(), TOY, budget=Budget(trials=7), seed=1, store=store).run()
    store.close()
    cut = Comparison(tmp_path / "cut", plan(strategies={"opinion": Opinionated()}))
    cut.run()
    assert without_clock(cut.runs()) == without_clock(whole.runs())


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    one, two = Comparison(tmp_path / "1", plan()), Comparison(tmp_path / "2", plan())
    events: list[Any] = []
    assert one.run() and two.run(workers=2, observer=events.append)
    assert without_clock(one.runs()) == without_clock(two.runs())
    assert [event.kind for event in events] == ["phase", *["progress"] * 6, "phase"]
    assert events[-2].data["what"].startswith("6 of 6")
    assert "about" in events[1].data["what"]


def test_it_can_be_stopped_between_runs(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path, plan())
    done: list[Any] = []
    assert not comparison.run(
        observer=lambda event: done.append(event) if event.kind == "progress" else None, finish=lambda: len(done) >= 2
    )
    assert len(comparison.runs()) == 2
    assert comparison.run()


def test_no_run_begins_in_another_process_after_a_stop(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path, plan())
    done: list[Any] = []

    def watch(event: Any) -> None:
        if event.kind == "progress":
            done.append(event)

    assert not comparison.run(workers=2, observer=watch, finish=lambda: bool(done))
    assert len(comparison.runs()) <= 3  # the first, and what the two workers were at
    assert sum(1 for _ in (tmp_path / "runs").iterdir()) <= 3
    assert comparison.run(workers=2) and len(comparison.runs()) == 6


def test_the_end_of_the_runs_is_told_where_all_are_there(tmp_path: Path) -> None:
    comparison, told = Comparison(tmp_path, plan()), []
    comparison.run(observer=told.append, finish=lambda: len(told) >= 2)
    assert told[-1].kind == "progress"  # a stop is no end
    comparison.run(observer=told.append)
    assert told[-1].data["state"] == "finished"


SCRIPT = """
import sys
from archsmith.core.problem import Problem
from archsmith.runtime.comparison import Comparison, Plan
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

if __name__ == "__main__":
    plan = Plan.of(Problem(Flat(4, 5)), ToyEvaluator(sleep=0.04), {"random": RandomSearch()}, runs=8, trials=20)
    print("begun", flush=True)
    Comparison(sys.argv[1], plan).run(workers=2)
    print("done", flush=True)
"""


def test_killed_at_any_moment_the_same_command_goes_on(tmp_path: Path, environment: dict[str, str]) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "comparison"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE)
    until = time.monotonic() + 30
    while len(list(folder.glob("runs/*/result.json"))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/result.json")}
    assert 2 <= len(before) < 8
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("done\n")
    assert len(list(folder.glob("runs/*/result.json"))) == 8
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    # Nothing was done twice: a run that was cut short was opened again and has every trial once.
    assert all(SqliteStore(path.parent).counts()["finished"] == 20 for path in folder.glob("runs/*/result.json"))
    if os.path.isdir("/proc"):
        assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(folder).encode() in command(pid)]


def command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# What a run is judged by


@dataclass(frozen=True)
class Opinionated:
    """Random search that answers with its first trial, whatever it saw."""

    def ask(self, history: Any, n: int, rng: Any) -> Any:
        return RandomSearch().ask(history, n, rng)

    def incumbent(self, history: Any) -> Any:
        return history.finished[0]


@dataclass(frozen=True)
class Silent(Opinionated):
    def incumbent(self, history: Any) -> Any:
        return None


def test_a_strategy_may_say_itself_what_it_answers_with(tmp_path: Path) -> None:
    comparison = Comparison(
        tmp_path, plan(strategies={"own": Opinionated(), "none": Silent(), "random": RandomSearch()}, runs=1)
    )
    comparison.run()
    own, none, random = comparison.runs()
    assert own.answer is not None and own.answer["trial"] == 0 and len(own.curve) == 1
    assert own.tried == random.tried  # it saw the same
    assert replace(none, strategy="random", wall_seconds=0) == replace(random, wall_seconds=0)


def test_noisy_tables_are_judged_by_the_mean_at_the_highest_fidelity(tmp_path: Path) -> None:
    evaluator = TableEvaluator("digits", noisy=True)
    comparison = Comparison(
        tmp_path, plan(evaluator, {"random": RandomSearch()}, evaluator.problem(), runs=2, trials=20)
    )
    comparison.run()
    for run in comparison.runs():
        assert run.answer is not None
        place = evaluator.standing(run.answer["architecture"])
        assert place is not None and run.curve[-1].points == ((place.score,),)
        assert run.tried[-1].points[0][0] >= place.score


@dataclass(frozen=True)
class Reporting(ToyEvaluator):
    metrics: tuple[str, ...] = ("accuracy", "final")

    def judged_by(self, metric: str) -> str:
        return "final" if metric == "accuracy" else metric


def test_an_evaluator_may_name_another_metric_to_judge_by(tmp_path: Path) -> None:
    assert plan(Reporting()).judged_by == ("final",)
    assert plan(Reporting(), judged_by="accuracy").judged_by == ("accuracy",)
    with pytest.raises(UsageError, match="no metric 'beauty'"):
        plan(Reporting(), judged_by="beauty")
    comparison = Comparison(tmp_path, plan(Reporting(), runs=1))
    comparison.run()
    for run in comparison.runs():
        assert run.answer is not None and run.curve[-1].points == ((run.answer["metrics"]["final"],),)


def test_two_objectives_give_fronts(tmp_path: Path) -> None:
    problem = Problem(Flat(4, 5), (Objective("accuracy"), Objective("cost", maximize=False)))
    comparison = Comparison(
        tmp_path,
        plan(ToyEvaluator(metrics=("accuracy", "cost")), {"random": RandomSearch()}, problem, runs=1, trials=30),
    )
    comparison.run()
    (run,) = comparison.runs()
    front = sorted(run.curve[-1].points)
    assert run.answer is None and not run.tried and len(front) > 1
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(front))  # more accuracy costs more


def test_a_run_that_finds_nothing_is_a_result_too(tmp_path: Path) -> None:
    problem = Problem(Flat(4, 5), constraints=(Constraint("accuracy", upper=-1.0),))
    comparison = Comparison(tmp_path, plan(problem=problem, runs=1))
    assert comparison.run()
    assert all(run.curve == () and run.answer is None and run.n_trials == 12 for run in comparison.runs())


# Mistakes


def test_a_budget_of_seconds_needs_trials_that_cost_some(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would never end"):
        Comparison(tmp_path, plan(ToyEvaluator(simulated=True, seconds=0.0), trials=None, seconds=100.0)).run()
    budgeted = Comparison(tmp_path / "2", plan(trials=None, seconds=100.0, runs=1))
    budgeted.run()
    assert {run.n_trials for run in budgeted.runs()} == {10}


def test_what_cannot_go_together_is_refused_before_the_name_is_taken(tmp_path: Path) -> None:
    problem, evaluator = (
        Problem(Flat(4, 5), (Objective("accuracy"), Objective("cost", maximize=False))),
        ToyEvaluator(metrics=("accuracy", "cost")),
    )
    with pytest.raises(UsageError, match="RegularizedEvolution optimises one objective"):
        Comparison(tmp_path / "mine", plan(evaluator, problem=problem))
    assert not (tmp_path / "mine").exists()
    assert Comparison(tmp_path / "mine", plan(evaluator, {"random": RandomSearch()}, problem=problem, runs=1)).run()


@dataclass(frozen=True)
class Hasty(Opinionated):
    """Goes on from the last trial, and forgets that there may be none."""

    def ask(self, history: Any, n: int, rng: Any) -> Any:
        return [history.trials[-1]]


def test_a_strategy_that_fails_at_the_first_ask_is_named_before_the_name_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^Hasty\.ask raised IndexError: list index out of range\."):
        Comparison(tmp_path / "mine", plan(strategies={"hasty": Hasty()}))
    assert not (tmp_path / "mine").exists()


@dataclass(frozen=True)
class Tired(Opinionated):
    """Random search that does no more than three trials."""

    def ask(self, history: Any, n: int, rng: Any) -> Any:
        if len(history.trials) == 3:
            raise UsageError("I am tired.")
        return super().ask(history, n, rng)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_strategy_ends_the_comparison_in_its_words(tmp_path: Path, workers: int) -> None:
    comparison = Comparison(tmp_path, plan(strategies={"random": RandomSearch(), "tired": Tired()}))
    with pytest.raises(UsageError, match=r"^Run tired-0: .*I am tired"):
        comparison.run(workers=workers)


def test_another_metric_is_followed_in_its_own_direction(tmp_path: Path) -> None:
    evaluator = TableEvaluator("digits")
    one = plan(evaluator, {"random": RandomSearch()}, evaluator.problem(), runs=1, trials=30, judged_by="log_loss")
    assert one.maximize == (False,)
    comparison = Comparison(tmp_path, one)
    comparison.run()
    values = [step.points[0][0] for step in comparison.runs()[0].tried]
    assert len(values) > 1 and values == sorted(values, reverse=True)
