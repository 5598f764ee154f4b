from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from archsmith.analysis.report.page import render
from archsmith.analysis.report.sizes import drawings, sizes_of
from archsmith.analysis.study import read_study


def test_the_front_has_no_trial_that_another_beats(make: Any) -> None:
    sizes = sizes_of(read_study(make(n_trials=60)))
    assert sizes is not None
    assert [params for params, _, _ in sizes.front] == sorted(params for params, _, _ in sizes.front)
    for params, value, _ in sizes.front:
        assert not any((dot.params or 0) <= params and (dot.value or 0) > value for dot in sizes.dots)


def test_the_best_trial_is_that_of_the_study_also_where_a_smaller_one_scores_the_same(searched: Any) -> None:
    trials = [(0.9, {}), (0.9, {}), (0.5, {})]
    study = read_study(searched(trials))
    assert study.best is not None
    for trial, params in zip(study.history.finished, (9.0, 8.0, 4.0), strict=True):
        assert trial.outcome is not None
        trial.outcome.metrics["params"] = params  # type: ignore[index]
    sizes = sizes_of(study)
    assert sizes is not None and study.best.id == 0
    said = "The best trial has 9 parameters. No much smaller trial came close."
    assert said in sizes.lead.replace("\u00a0", " ")
    assert drawings(study, sizes)["sizes"].count('class="line c2"') >= 2


def test_how_long_a_network_was_trained_is_told(make: Any) -> None:
    study = read_study(make(n_trials=12))
    result = study.view.job.result
    assert result is not None
    rows = [{**row, "stopped": row["name"] == "fixed"} for row in result.rows]
    study.view.job.result = replace(result, rows=tuple(rows))
    sizes = sizes_of(study)
    assert sizes is not None
    assert {name: how for _, name, _, _, how in sizes.trained} == {
        "fixed": "after 8 epochs, then stopped",
        "searched": "after 8 epochs",
    }
    assert "hand-made network, after 8 epochs, then stopped: " in drawings(study, sizes)["sizes"]


def test_names_do_not_stand_in_the_chart_but_letters_that_are_explained(make: Any) -> None:
    study = read_study(make(n_trials=12))
    sizes = sizes_of(study)
    assert sizes is not None
    letters = {name: letter for letter, name, *_ in sizes.trained}
    assert letters == {str(row["name"]): "ABC"[i] for i, row in enumerate(study.rows) if row["name"] in letters}
    assert f"{letters['searched']} = searched network" in sizes.named
    assert "hand-made</text>" not in drawings(study, sizes)["sizes"]


def test_accuracies_in_percent_are_close_within_a_point(searched: Any) -> None:
    study = read_study(searched([(93.2, {}), (92.9, {}), (50.0, {})]))
    for trial, params in zip(study.history.finished, (9.0, 3.0, 2.0), strict=True):
        assert trial.outcome is not None
        trial.outcome.metrics["params"] = params  # type: ignore[index]
    sizes = sizes_of(study)
    assert sizes is not None
    assert "That is 3 times fewer than the best trial (trial 0), and it is only at 92.9 against 93.2." in sizes.lead


def test_of_several_objectives_the_best_trial_is_that_of_the_first(writer: Any, tmp_path: Path) -> None:
    log = writer(folder := tmp_path / "several")
    problem = {"objectives": [["accuracy", True], ["macs", False]], "constraints": [], "fidelity": ["epochs", 1, 1]}
    log("study", {"space": {"type": "none", "args": {}}, "problem": problem, "strategy": {}, "seed": 3})
    log.trial(0, {"accuracy": 0.9, "params": 9.0, "macs": 9.0})
    log.trial(1, {"accuracy": 0.5, "params": 8.0, "macs": 8.0})
    log.store.close()
    study = read_study(folder)
    sizes = sizes_of(study)
    assert sizes is not None
    assert "The trial with the best accuracy has 9 parameters." in sizes.lead.replace("\u00a0", " ")
    assert "trial with the best accuracy</li>" in render(study)
