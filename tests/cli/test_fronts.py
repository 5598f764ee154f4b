"""The front in a terminal: all of it or some at even steps, the knee, what it is worth, what is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archsmith.cli.fronts import front_data, show_front, spread
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.trial import Outcome
from archsmith.runtime.workspace import Workspace
from archsmith.testing.toys import Flat

TWO = (Objective("accuracy"), Objective("params"))
THREE = (*TWO, Objective("latency_ms"))
BENT = [(0.9, 20_000.0), (0.8, 4_000.0), (0.7, 3_000.0), (0.3, 1_000.0)]
COLUMNS = 200


def history(values: Sequence[Sequence[float] | None], objectives: tuple[Objective, ...] = TWO, **more: Any) -> History:
    """A history with these values of the objectives, a trial each; None: it failed. ``fidelities`` of all, or none."""
    fidelities = more.pop("fidelities", [4.0] * len(values))
    made = History(Problem(Flat(), objectives, fidelity=Fidelity("epochs", 1, 4), **more))
    for i, (row, fidelity) in enumerate(zip(values, fidelities, strict=True)):
        proposed = {"id": i, "architecture": {"x": i}, "fidelity": fidelity, "parents": [], "notes": {}}
        made.apply(Event("proposed", {"trials": [proposed]}))
        names = [each.metric for each in objectives]
        outcome = (
            Outcome.failure(ValueError("no"))
            if row is None
            else Outcome.success(dict(zip(names, row, strict=True)), 2.0)
        )
        made.apply(Event("finished", {"trial": i, "outcome": outcome.to_dict()}))
    return made


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, made: History, most: int = 20) -> str:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    show_front(made, most)
    return capsys.readouterr().out


@pytest.fixture
def text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda *args, **more: shown(capsys, monkeypatch, *args, **more)


def test_the_front_is_a_table_with_its_knee_and_its_hypervolume(text: Any) -> None:
    lines = text(history([*BENT, (0.2, 5_000.0), None])).splitlines()
    assert lines[0] == "Front: 4 of 6 trials."
    assert lines[1].endswith("at least as good in the others (↑ more is better, ↓ less is better).")
    assert lines[2].split() == ["trial", "accuracy", "↑", "parameters", "↓"]
    assert [line.split() for line in lines[3:7]] == [
        ["0", "0.9", "20,000"],
        ["1", "0.8", "4,000", "knee"],
        ["2", "0.7", "3,000"],
        ["3", "0.3", "1,000"],
    ]
    assert "Knee: trial 1 stands out most" in lines[8]
    assert "from the ideal point (accuracy 0.9, parameters 1,000)" in lines[9]
    assert "to the reference point (accuracy 0.24, parameters 21,900:" in lines[10]
    assert "Architecture of trial 1, the knee:" in lines and lines[-1].split() == ["x", "1"]


def test_what_is_not_compared_is_said(text: Any) -> None:
    limit = Constraint("params", upper=19_000.0)
    said = text(history([*BENT, (0.95, 10.0)], constraints=(limit,), fidelities=[4.0, 4.0, 4.0, 4.0, 1.0]))
    assert said.startswith(
        "Front: 3 of 5 trials. Not compared: 1 trial outside the limits, 1 trial at less than 4 epochs."
    )


def test_equals_share_a_row(text: Any) -> None:
    assert "equal: 4, 5, 6, 7 and 2 more" in text(history([*BENT, *[BENT[1]] * 6]))
    said = text(history([*BENT, BENT[1]]))
    assert "Front: 5 of 5 trials." in said and "knee; equal: 4" in said
    assert not any(line.startswith("    4 ") for line in said.splitlines())


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ([(0.9, 5.0), (0.8, 6.0)], "It is best in every objective."),
        ([(0.9, 5.0), (0.9, 5.0)], "They are equal, and best in every objective."),
        ([(0.9, 3.0), (0.8, 2.9), (0.1, 1.0)], "Knee: no trial stands out"),
    ],
)
def test_a_front_without_a_knee_shows_the_best_by_the_first_objective(
    text: Any, values: list[tuple[float, ...]], part: str
) -> None:
    said = text(history(values))
    assert part in said and "Architecture of trial 0, the best by accuracy:" in said
    assert ("Hyper-volume" in said) == (len(values) == 3)


def test_three_objectives_have_a_volume_and_four_are_told_that_they_have_none(text: Any) -> None:
    assert "latency ms 2.1:" in text(history([(0.9, 5.0, 1.0), (0.8, 4.0, 2.0)], THREE))
    four = (*THREE, Objective("memory_mb"))
    assert "not computed for more than 3 objectives" in text(history([(0.9, 5, 1, 3), (0.8, 4, 2, 2)], four))


def test_how_far_the_reference_point_lies_where_there_is_no_range_is_said(text: Any) -> None:
    said = text(history([(0.9, 5.0, 1.0), (0.8, 4.0, 1.0)], THREE))
    assert "latency ms 1.1: the worst on the front, moved out by a tenth of the range, or by 0.1 where there" in said


def test_of_a_long_front_some_are_listed_and_the_rest_is_told(text: Any) -> None:
    made = history([(i / 100, 10.0 * i * i) for i in range(60)])
    said = text(made, most=5)
    listed = [line.split()[0] for line in said.splitlines()[3:8]]
    assert listed[0] == "59" and listed[-1] == "0" and "knee" in said
    assert "55 more between them; --json lists all." in said
    assert "59 more; --json lists all." in text(made, most=1)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_the_rows_are_spread_evenly_with_ends_and_knee(most: int) -> None:
    trials = list(history(BENT * 5).trials)
    chosen = [trial.id for trial in spread(trials, most, trials[9])]
    assert len(chosen) == most and chosen == sorted(set(chosen))
    assert most < 3 or (chosen[0] == 0 and chosen[-1] == 19 and 9 in chosen)
    assert spread(trials, 20, None) == trials


def test_as_json() -> None:
    data = json.loads(json.dumps(front_data(history(BENT))))
    assert [row["trial"] for row in data["front"]] == [0, 1, 2, 3] and data["knee"] == 1
    assert data["front"][0]["architecture"] == {"x": 0}
    assert data["hypervolume"]["reference"] == pytest.approx({"accuracy": 0.24, "params": 21_900})
    one = front_data(history([(0.9,)], TWO[:1]))
    assert one == {"front": None, "knee": None, "hypervolume": None}


def test_a_search_and_its_study_show_the_same_front(command: Any) -> None:
    words = ("--set", 'evaluator.metrics=["accuracy","cost"]', "--maximize", "accuracy", "--minimize", "cost")
    answer = command("search", "--trials", "40", "--strategy", "nsga2", *words)
    assert "(joins the front)" in answer.err and "incumbent" not in answer.err
    front = answer.out[answer.out.index("Front:") :]
    assert front in command("studies", "show").out
    data = command("studies", "show", "--json").json
    assert f"Front: {len(data['front'])} of 40 trials." in front
    assert "Best" not in answer.out


def test_of_a_front_as_many_rows_are_shown_as_were_asked_for_also_of_a_search_that_was_stopped(command: Any) -> None:
    words = ("--set", 'evaluator.metrics=["accuracy","cost"]', "--maximize", "accuracy", "--minimize", "cost")
    command("search", "--trials", "40", "--strategy", "nsga2", "--name", "stopped", *words)
    whole = command("studies", "show", "stopped").out
    store = Workspace().open("stopped")
    store.acquire()
    store.append([Event("opened", {"budget": [None, 40]}), Event("closed", {"reason": "requested"})])
    store.close()
    shown = command("studies", "show", "stopped", "--limit", "3").out
    assert "Go on with" in shown and "more between them" in shown and "more between them" not in whole


def test_one_objective_shows_nothing_new(command: Any) -> None:
    answer = command("search", "--trials", "10")
    assert "Front" not in answer.out and "Best: trial" in answer.out
    assert "Front" not in command("studies", "show").out


def test_a_network_that_stands_for_the_front_is_drawn(command: Any) -> None:
    words = ("--space", "conv_stages", "--evaluator", "cost", "--minimize", "params", "--minimize", "macs")
    report = command("search", "--trials", "60", *words, "--json").json
    assert report["knee"] not in (None, report["best"]["trial"])
    drawn = [
        (command("draw", "last", *words, "--out", "found.svg").code, Path("found.svg").read_text())
        for words in ((), ("--trial", report["knee"]), ("--trial", report["best"]["trial"]))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
