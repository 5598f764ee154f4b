from __future__ import annotations

from typing import Any

from archsmith.analysis.report.search import progress_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_a_best_trial_near_the_end_speaks_for_more_time(make: Any) -> None:
    study = read_study(make(n_trials=60))
    progress = progress_of(study)
    assert progress is not None and study.best is not None
    place = [trial.id for trial in study.history.finished].index(study.best.id) + 1
    assert ("more time would probably find better ones" in progress.lead) == (place > 48)
    assert ("would gain little" in progress.lead) == (1 < place < 30)
    assert [value for _, value in progress.incumbents] == sorted(value for _, value in progress.incumbents)


def test_trials_after_a_preparation_are_timed_from_its_end(prepared: Any) -> None:
    trials = [({"depth": i}, {"accuracy": 0.5 + i / 10}, {}) for i in range(3)]
    progress = progress_of(read_study(prepared([(1.0, {}), (2.0, {})], {}, trials)))
    assert progress is not None and progress.prepared
    assert [dot.seconds for dot in progress.dots] == [2.0, 4.0, 6.0] and progress.seconds == 6.0
    assert progress.lead.replace(NB, " ").startswith("3 networks were tried in 6 s.")


def test_the_trial_that_was_trained_is_named_where_it_is_not_the_best(make: Any) -> None:
    study = read_study(make())
    assert study.result is not None and study.best is not None
    (row,) = [row for row in study.result["rows"] if row.get("trial") is not None]
    for trial, said in (
        (study.best.id, "The best one was trained longer afterwards."),
        (study.best.id + 1, f"Trial {study.best.id + 1} was trained longer afterwards."),
    ):
        row["trial"] = trial
        progress = progress_of(study)
        assert progress is not None and said in progress.note
