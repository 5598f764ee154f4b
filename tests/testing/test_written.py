from __future__ import annotations

from pathlib import Path

import pytest

from archsmith.runtime.study_view import read_view
from archsmith.testing.written import WrittenStudy


def test_it_reads_as_a_study_that_runs_until_it_is_closed(tmp_path: Path) -> None:
    with WrittenStudy(tmp_path / "s") as log:
        log.trials(40)
        begun = log.begin()
        view = read_view(tmp_path / "s")
        assert (view.state, view.n_finished, list(view.history.pending)) == ("running", 40, [begun])
        assert view.pooled and not view.simulated and view.best is not None
    assert read_view(tmp_path / "s").state == "interrupted"


def test_trainings_of_a_pool_go_on(tmp_path: Path) -> None:
    with WrittenStudy(tmp_path / "s") as log:
        log.trials(40)
    trials = read_view(tmp_path / "s").history.trials
    further = [trial for trial in trials if trial.parents]
    assert further
    assert all(trial.architecture == trials[trial.parents[0]].architecture for trial in further)


def test_the_same_seed_writes_the_same_trials(tmp_path: Path) -> None:
    def scores(name: str, seed: int) -> list[float]:
        with WrittenStudy(tmp_path / name, seed) as log:
            log.trials(5)
        return [trial.loss for trial in read_view(tmp_path / name).history.trials]

    assert scores("a", 1) == scores("b", 1) != scores("c", 2)


def test_a_search_for_two_objectives_has_a_front(tmp_path: Path) -> None:
    with WrittenStudy(tmp_path / "s", several=True) as log:
        log.trials(20)
        log.close()
    view = read_view(tmp_path / "s")
    assert view.front and view.state == "finished" and not view.job.fit


@pytest.mark.parametrize("n", [0, 1, 201])
def test_it_logs_as_many_trials_as_asked_for(tmp_path: Path, n: int) -> None:
    with WrittenStudy(tmp_path / "s") as log:
        log.trials(n)
    assert len(read_view(tmp_path / "s").history) == n
