from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsmith.evaluators
from archsmith.spaces.nasbench201 import OPERATIONS

SMALL = ("compare", "--bench", "digits", "--trials", "15", "--runs", "3", "--workers", "1")


def nasbench201(folder: Path) -> Path:
    """A made-up file of the benchmark: every training takes 1,000 s, the accuracy grows with the row."""
    ops = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
    rows = np.arange(len(ops)) / len(ops)
    columns = {
        "valid_12": 50 * rows,
        "test_12": 50 * rows,
        "valid_200": 80 * rows,
        "test_200": 90 * rows,
        "params_m": 1 - rows,
    }
    columns["train_seconds_200"] = np.full(len(ops), 1000.0)
    path = folder / "bench.npz"
    np.savez(
        path, ops=ops, op_names=np.array(OPERATIONS), **{f"cifar10_{name}": values for name, values in columns.items()}
    )
    return path


def test_json_is_one_line_with_every_number(command: Any) -> None:
    answer = command(*SMALL, "--json")
    assert answer.code == 0
    found = answer.json
    assert [row["label"] for row in found["rows"]] == ["random", "evolution", "local"]
    assert (found["metric"], found["n_runs"], found["reference"], found["axis"]) == ("accuracy", 3, "random", "trials")
    assert {Path(file).name for file in found["files"]} >= {"results.json", "curves.svg"}
    assert all(Path(file).is_file() for file in found["files"])
    assert "runs done" in answer.err


def test_people_get_tables(command: Any) -> None:
    answer = command(*SMALL)
    assert answer.code == 0
    for part in (
        "On average over 3 runs",
        "mean ± sd",
        "gain in points",
        "95 % interval",
        "No difference from random was shown for ",
        "with fewer than 6 pairs",
        "runs.csv",
        "reached by",
        "Share of the pairs",
        "results.json",
    ):
        assert part in answer.out


def test_runs_that_are_added_after_a_look_are_told(command: Any) -> None:
    few = command("compare", "--bench", "digits", "--trials", "5", "--runs", "2", "--workers", "1", "--json").json
    again = command("compare", "--bench", "digits", "--trials", "5", "--runs", "2", "--workers", "1", "--json").json
    assert few["notes"] == again["notes"] == []
    more = command("compare", "--bench", "digits", "--trials", "5", "--runs", "3", "--workers", "1")
    assert more.code == 0
    assert "The number of runs was changed after a look" in more.out and "with 2 runs before" in more.out
    looks = json.loads((Path(few["comparison"]) / "looks.json").read_text())["looks"]
    assert [look["runs"] for look in looks] == [2, 3]


OWN = '''
from dataclasses import dataclass

import numpy as np

from archsmith.core.space import Space
from archsmith.core.trial import Proposal


@dataclass(frozen=True)
class Grid(Space):
    n: int = 3

    def decide(self, choose):
        for i in range(self.n):
            choose(f"x{i}", tuple(range(8)))


@dataclass(frozen=True)
class Bowl:
    shift: int = 3
    metrics = ("error",)
    simulated = False

    def evaluate(self, architecture, fidelity, context):
        return float(sum((value - self.shift) ** 2 for value in architecture.values()))


@dataclass(frozen=True)
class Sweep:
    """The same order in every run."""

    seed: int = 7

    def ask(self, history, n, rng):
        own = np.random.default_rng(self.seed)
        order = [history.problem.space.sample(own) for _ in range(len(history) + n)]
        return [Proposal(architecture) for architecture in order[len(history) :]]
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a person's own."""
    (tmp_path / "bowls.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "bowls", raising=False)
    return "bowls"


def test_a_problem_of_ones_own_and_a_strategy_that_counts_once(command: Any, own: str) -> None:
    words = ("--evaluator", f"{own}:Bowl", "--space", f"{own}:Grid", "--minimize", "error")
    parts = ("--set", "space.n=4", "--set", "evaluator.shift=2", "--strategies", f"random,sweep={own}:Sweep")
    small = ("--trials", "6", "--runs", "7", "--workers", "1", "--json")
    found = command("--import", own, "compare", *words, *parts, *small).json
    assert (found["title"], found["metric"], found["maximize"]) == ("Bowl on Grid", "error", False)
    plan = json.loads((Path(found["comparison"]) / "comparison.json").read_text())
    assert plan["space"] == {"type": f"{own}:Grid", "args": {"n": 4}}
    assert plan["evaluator"] == {"type": f"{own}:Bowl", "args": {"shift": 2}}
    assert [row["independent"] for row in found["rows"]] == [7, 1]
    assert "runs that all make the same proposals count as one run" in found["verdict"]
    assert "All 7 runs of sweep made the same proposals" in found["notes"][0]


def test_an_evaluator_of_the_catalogue_brings_a_toy_space(command: Any) -> None:
    small = ("--strategies", "random", "--trials", "3", "--runs", "1", "--workers", "1", "--json")
    assert command("compare", "--evaluator", "toy", *small).json["title"] == "toy on toy_flat"


SEVERAL = ("compare", "--bench", "digits", "--bench", "fashion-14", "--trials", "10", "--runs", "4", "--workers", "1")


def test_several_benchmarks_are_ranked(command: Any, tmp_path: Path) -> None:
    alone = command("compare", *SEVERAL[1:3], *SEVERAL[5:], "--json").json
    found = command(*SEVERAL, "--json")
    assert found.err.count("runs done") == 1  # what was done alone is not repeated
    data = found.json
    assert data["titles"] == ["digits", "fashion-14"] and data["n_runs"] == [4, 4]
    assert sorted(row["label"] for row in data["ranked"]) == ["evolution", "local", "random"]
    assert all(1 <= row["mean"] <= 3 for row in data["ranked"]) and len(data["pairs"]) == 3
    assert data["benchmarks"][0]["comparison"] == alone["comparison"]
    assert data["benchmarks"][0]["rows"] == alone["rows"]
    folder = Path(data["comparison"])
    assert {Path(file).name for file in data["files"]} >= {"results.json", "runs.csv", "ranks.svg"}
    assert (folder / "digits" / "results.json").is_file() and (folder / "fashion-14" / "runs.csv").is_file()


@pytest.mark.parametrize("files", [("a/t.npz", "b/t.npz"), ("a/t.npz", "b/T-.npz")])
def test_tables_of_one_name_are_told_apart(command: Any, tmp_path: Path, files: tuple[str, str]) -> None:
    shipped = Path(archsmith.evaluators.__file__).parent / "tables"
    for file, table in zip(files, ("digits", "digits-cells"), strict=True):
        (tmp_path / file).parent.mkdir()
        shutil.copyfile(shipped / f"{table}.npz", tmp_path / file)
    paths = [str(tmp_path / file) for file in files]
    options = (
        "--strategies",
        "random,local",
        "--trials",
        "5",
        "--runs",
        "2",
        "--workers",
        "1",
        "--name",
        "two",
        "--json",
    )
    found = command("compare", "--bench", paths[0], "--bench", paths[1], *options).json
    titles = [f"t ({path})" for path in paths] if files[1] == "b/t.npz" else ["t", "T-"]
    assert found["titles"] == titles
    assert len({each["comparison"] for each in found["benchmarks"]}) == 2
    folder = Path(found["comparison"])
    numbers = json.loads((folder / "results.json").read_text())["benchmarks"]
    assert [each["title"] for each in numbers] == titles and len({each["folder"] for each in numbers}) == 2
    assert len((folder / "runs.csv").read_text().splitlines()) == 1 + 2 * 2 * 2
    again = command("compare", "--bench", paths[0], "--bench", paths[0], *options)
    assert again.code == 2 and "The benchmark t is named twice." in again.err


def test_people_get_ranks_and_pairs_and_each_benchmark_in_words(command: Any, tmp_path: Path) -> None:
    answer = command(*SEVERAL, "--name", "both", "--out", tmp_path / "out")
    assert answer.code == 0
    for part in (
        "has the best mean rank",
        "cannot be tested with fewer than 6 benchmarks",
        "won, lost, tied",
        "p, others",
        "digits: On average over 4 runs",
        "fashion-14: On average over 4 runs",
        "ranks.svg",
    ):
        assert part in answer.out
    names = {path.name for path in (tmp_path / "home" / ".archsmith" / "comparisons").iterdir()}
    assert names == {"both-digits", "both-fashion-14"}
    assert (tmp_path / "out" / "digits" / "curves.svg").is_file()


def test_the_same_command_repeats_nothing_and_clutters_no_studies(command: Any, tmp_path: Path) -> None:
    first = command(*SMALL, "--json")
    results = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "home" / ".archsmith" / "comparisons").glob("*/runs/*/result.json")
    }
    assert len(results) == 9
    second = command(*SMALL, "--json")
    assert {**first.json, "files": 0} == {**second.json, "files": 0}
    assert all(path.stat().st_mtime_ns == when for path, when in results.items())
    assert command("studies", "list", "--json").json == []


def test_settings_and_labels_tell_two_forms_of_a_strategy_apart(command: Any) -> None:
    words = (
        "--strategies",
        "random,small=evolution,p1.0=evolution",
        "--set",
        "strategy.small.population=5",
        "--set",
        "strategy.p1.0.population=10",
    )
    found = command(*SMALL, *words, "--reference", "small", "--json").json
    assert [row["label"] for row in found["rows"]] == ["random", "small", "p1.0"]
    assert [test["label"] for test in found["tests"]] == ["random", "p1.0"]
    plan = json.loads((Path(found["comparison"]) / "comparison.json").read_text())
    assert [plan["strategies"][label]["args"]["population"] for label in ("small", "p1.0")] == [5, 10]


def test_seconds_are_simulated_and_files_go_where_they_are_wanted(command: Any, tmp_path: Path) -> None:
    words = (
        "compare",
        "--bench",
        "digits",
        "--strategies",
        "random",
        "--seconds",
        "20",
        "--runs",
        "2",
        "--workers",
        "2",
        "--noisy",
        "--target",
        "0.9",
    )
    found = command(*words, "--out", tmp_path / "out", "--json").json
    assert (found["axis"], found["simulated"], found["target"], found["target_given"]) == ("seconds", True, 0.9, True)
    assert all(0 < row["seconds"] <= 20 for row in found["rows"])
    assert (tmp_path / "out" / "results.json").is_file()
    assert not (Path(found["comparison"]) / "results.json").exists()


def test_two_objectives_and_a_limit(command: Any) -> None:
    words = ("--strategies", "random", "--maximize", "accuracy", "--minimize", "params", "--limit", "macs<=1000000")
    found = command(*SMALL, *words, "--json").json
    assert found["metric"] == "hyper-volume" and len(found["reference_point"]) == 2
    assert 0 < found["rows"][0]["mean"] < 1.3


def test_a_published_benchmark_is_given_once(command: Any, tmp_path: Path) -> None:
    words = (
        "compare",
        "--bench",
        "nas-bench-201",
        "--strategies",
        "random",
        "--seconds",
        "600",
        "--runs",
        "2",
        "--workers",
        "1",
        "--json",
    )
    missing = command(*words)
    assert missing.code == 2 and "--bench-file PATH" in missing.err
    first = command(*words, "--bench-file", nasbench201(tmp_path)).json
    assert (first["metric"], first["rows"][0]["trials"]) == ("final_test_accuracy", 10)  # 12 of 200 epochs cost 60 s
    assert command(*words).json["rows"] == first["rows"]
    plan = json.loads((Path(first["comparison"]) / "comparison.json").read_text())
    assert plan["problem"]["fidelity"] == ["epochs", 12, 12, 200]
    beside = command(*words, "--noisy")
    assert beside.code == 2 and "no file bench_valid_per_seed.npz beside" in beside.err
    latency = command(*words, "--maximize", "accuracy", "--minimize", "latency_ms_edgegpu")
    assert latency.code == 2 and "no file hw_bench.parquet beside" in latency.err


def test_single_trainings_and_latencies_are_found_beside_the_benchmark(command: Any, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = nasbench201(tmp_path)
    rows = np.arange(15625) / 15625
    np.savez(
        tmp_path / "bench_valid_per_seed.npz",
        cifar10_valid_200_per_seed=np.stack([80 * rows - 1, 80 * rows + 1], axis=1),
    )
    parquet.write_table(
        pyarrow.table({"arch_index": np.arange(15625), "cifar10_fpga_latency": 5 + rows}), tmp_path / "hw_bench.parquet"
    )
    words = (
        "--strategies",
        "random",
        "--trials",
        "20",
        "--runs",
        "2",
        "--workers",
        "1",
        "--noisy",
        "--minimize",
        "latency_ms_fpga",
    )
    found = command(
        "compare", "--bench", "nas-bench-201", "--bench-file", path, *words, "--maximize", "accuracy", "--json"
    ).json
    assert found["judged_by"] == ["final_test_accuracy", "latency_ms_fpga"]
    plan = json.loads((Path(found["comparison"]) / "comparison.json").read_text())
    assert plan["evaluator"]["args"]["epochs"] == 200 and plan["evaluator"]["args"]["per_seed"].endswith(
        "bench_valid_per_seed.npz"
    )


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--strategies", "random,evolutoin"), "Did you mean 'evolution'?"),
        (("--strategies", ","), "no strategy to compare"),
        (("--strategies", "random,random"), "Two strategies are called 'random'."),
        (("--reference", "local", "--strategies", "random"), "'local' is not among the strategies."),
        (("--set", "strategy.population=5"), "names no strategy of this comparison"),
        (("--set", "population=5"), "Say whose it is: strategy.evolution.population=5."),
        (("--set", "strategy.population=5"), "Say whose it is: strategy.evolution.population=5."),
        (("--set", "beta=5"), "such as strategy.random.beta=5; no strategy here has 'beta'."),
        (("--set", "strategy.evolutoin.population=5"), "Begin with strategy.random.… or strategy.evolution.… or"),
        (("--set", "strategy.random=5"), "names no setting"),
        (("--set", "strategy.evolution.size=5"), "has no setting 'size'"),
        (("--set", "spaces.x=5"), "--set spaces"),
        (("--set", "space.x=5"), "A benchmark has its own space and evaluator."),
        (("--evaluator", "toy"), "A benchmark has its own space and evaluator."),
        (("--bench", "digits"), "The benchmark digits is named twice."),
        (("--bench", "fashion-14", "--target", "0.9"), "A --target is a score on one benchmark."),
        (("--bench", "fashion-14", "--strategies", "random"), "there is only one"),
        (("--bench", "fashion-14", "--dataset", "cifar10"), "--dataset is about one benchmark."),
        (("--bench", "fcnet:x", "--bench-file", "f.npz"), "--bench-file is the file of one benchmark."),
        (("--bench", "nowhere"), "no table 'nowhere'"),
        (("--bench", "digits-cells,fashion-14"), "--bench digits-cells --bench fashion-14."),
        (("--bench", "fcnet"), "--bench-file PATH"),
        (("--dataset", "cifar10"), "Leave --dataset out."),
        (("--report", "beauty"), "no metric 'beauty'"),
        (("--report", "macs", "--maximize", "accuracy", "--minimize", "params"), "so --report says nothing"),
        (("--maximize", "accuracy", "--minimize", "params", "--minimize", "macs"), "one objective or two, not 3"),
        (("--maximize", "accuracy", "--minimize", "params"), "optimises one objective"),
        (("--limit", "accuracy>=2"), "No run of any strategy found anything that counts on digits."),
        (("--name", "../up"), "cannot be named '../up'"),
        (("--seconds", "soon"), "'soon' is not a length of time."),
        (("--runs", "0"), "Invalid value for '--runs'"),
        (("--target", "nan"), "--target cannot be nan. Give a score"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command(*SMALL, *words)
    assert answer.code == 2
    assert part in answer.err
    assert (answer.out, answer.err.count("archsmith: ")) == ("", 1)


@pytest.mark.parametrize("goals", [(), ("--maximize", "accuracy", "--minimize", "params")])
def test_a_target_that_is_out_of_reach_is_refused_before_the_first_run(
    command: Any, tmp_path: Path, goals: tuple[str, ...]
) -> None:
    answer = command(*SMALL, "--strategies", "random", *goals, "--target", "92.6", "--workspace", tmp_path / "w")
    assert (answer.code, answer.out) == (2, "")
    assert "A target of 9260 % is never reached. Give a share, such as 0.926." in answer.err
    assert not (tmp_path / "w" / "comparisons").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "There is nothing to compare the strategies on."),
        (("--space", "toy_flat"), "There is nothing to compare the strategies on."),
        (("--evaluator", "toy", "--dataset", "x"), "need a benchmark"),
        (("--evaluator", "toyy"), "Did you mean 'toy'?"),
        (("--evaluator", "nowhere:Bowl"), "The module of 'nowhere:Bowl' cannot be imported"),
        (("--evaluator", "toy", "--space", "toy_round"), "There is no space named 'toy_round'."),
        (("--bench", "fcnet", "--bench-file", "nowhere.npz"), "There is no file"),
    ],
)
def test_without_a_benchmark_an_evaluator_is_wanted(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command("compare", *words)
    assert (answer.code, answer.out, answer.err.count("archsmith: ")) == (2, "", 1)
    assert part in answer.err


def test_a_name_belongs_to_one_comparison(command: Any) -> None:
    assert command(*SMALL, "--name", "mine").code == 0
    other = command(*SMALL, "--name", "mine", "--seed", "3")
    assert other.code == 2
    assert "'mine' began with seed = 0, not 3" in other.err


def test_ctrl_c_ends_after_the_run_that_is_going_on(tmp_path: Path, environment: dict[str, str]) -> None:
    words = (
        "compare",
        "--bench",
        "digits",
        "--runs",
        "2000",
        "--trials",
        "200",
        "--workers",
        "1",
        "--workspace",
        str(tmp_path / "w"),
    )
    # In a group of its own, as from a terminal, and where Ctrl-C is not ignored.
    process = subprocess.Popen(
        [sys.executable, "-m", "archsmith", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    until = time.monotonic() + 30
    while not list(tmp_path.glob("w/comparisons/*/runs/*/result.json")) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "The same command goes on" in err and "Traceback" not in err
