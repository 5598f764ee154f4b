from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.core.errors import LeaseError
from archsmith.core.problem import Problem
from archsmith.evaluators.wrappers import Cascade
from archsmith.runtime.comparison import one_run
from archsmith.runtime.comparison.plan import Plan
from archsmith.runtime.comparison.runs import read_run
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

PLAN = Plan.of(Problem(Flat()), ToyEvaluator(fail=0.5), {"random": RandomSearch()}, runs=1, trials=12).to_dict()


def test_a_run_leaves_its_log_and_its_result(tmp_path: Path) -> None:
    assert one_run.run(PLAN, "random", 3, str(tmp_path)) > 0
    found = read_run(tmp_path / "result.json")
    assert (found.strategy, found.seed, found.n_trials, found.reason) == ("random", 3, 12, "trials")
    assert 0 < found.n_failed < 12 and found.error is not None
    assert found.n_error == found.n_failed  # all for the same reason
    assert SqliteStore(tmp_path).counts()["finished"] == 12
    assert found.simulated is False
    claiming = Plan.of(Problem(Flat()), ToyEvaluator(simulated=True), {"random": RandomSearch()}, runs=1, trials=2)
    one_run.run(claiming.to_dict(), "random", 3, str(tmp_path / "table"))
    assert read_run(tmp_path / "table" / "result.json").simulated is True


def test_what_a_cascade_screened_out_has_not_failed(tmp_path: Path) -> None:
    cascade = Cascade(ToyEvaluator(metrics=("proxy",)), ToyEvaluator(fail=0.5), keep=0.5)
    plan = Plan.of(Problem(Flat(6, 10)), cascade, {"random": RandomSearch()}, runs=1, trials=40).to_dict()
    one_run.run(plan, "random", 3, str(tmp_path))
    found = read_run(tmp_path / "result.json")
    kinds = [event.data["outcome"]["error_kind"] for event in SqliteStore(tmp_path).read() if event.kind == "finished"]
    n_screened = kinds.count("screened")
    assert found.n_screened == n_screened > 0
    assert found.n_failed == found.n_error == sum(kind is not None for kind in kinds) - n_screened > 0


def test_a_run_that_has_ended_only_reads_its_log(tmp_path: Path) -> None:
    one_run.run(PLAN, "random", 3, str(tmp_path))
    before = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").unlink()
    one_run.run(PLAN, "random", 3, str(tmp_path))
    after = json.loads((tmp_path / "result.json").read_text())
    assert {**after, "wall_seconds": 0, "seconds": 0} == {**before, "wall_seconds": 0, "seconds": 0}


def test_the_seconds_of_trials_are_told_apart_from_the_clock(tmp_path: Path) -> None:
    one_run.run(PLAN, "random", 3, str(tmp_path))
    ends = [event.data["outcome"]["seconds"] for event in SqliteStore(tmp_path).read() if event.kind == "finished"]
    assert read_run(tmp_path / "result.json").seconds == pytest.approx(sum(ends), rel=1e-9)


def test_the_digest_tells_proposals_apart(tmp_path: Path) -> None:
    found = []
    for place, seed in (("a", 3), ("b", 3), ("c", 4)):
        one_run.run(PLAN, "random", seed, str(tmp_path / place))
        found.append(read_run(tmp_path / place / "result.json").proposals)
    assert found[0] == found[1] != found[2] and found[0] is not None


def test_a_process_that_does_not_let_go_of_the_log_is_waited_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_run, "PATIENCE", 0.0)
    monkeypatch.setattr(one_run, "TICK", 0.0)
    other = SqliteStore(tmp_path)
    other.acquire()
    with pytest.raises(LeaseError):
        one_run.run(PLAN, "random", 3, str(tmp_path))
    other.close()
