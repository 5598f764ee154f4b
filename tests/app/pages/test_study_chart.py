from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client
from nicegui.events import GenericEventArguments

from archsmith.app.pages.study_chart import TrialChart


def options(*trials: int, name: str = "trials") -> dict[str, Any]:
    dots = tuple((float(trial), 0.5, trial, f"trial {trial}") for trial in trials)
    return {"xAxis": {}, "yAxis": {}, "series": ({"id": "s0", "name": name, "data": dots}, {"id": "s1", "data": ()})}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What charts are told by methods."""
    found: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        "nicegui.ui.echart.run_chart_method", lambda self, name, *args, timeout=1: found.append((name, *args))
    )
    return found


def typed(chart: TrialChart, page: Client, key: str) -> object:
    return chart._typed(GenericEventArguments(sender=chart.figure, client=page, args={"key": key}))


def test_only_series_that_changed_are_sent(page: Client, sent: list[tuple[str, Any]]) -> None:
    chart = TrialChart("Scores", options(0), lambda trial: None)
    chart.show(options(0))
    assert sent == []
    chart.show(options(0, 1))
    ((name, changed),) = sent
    assert name == "setOption"
    assert [each["id"] for each in changed["series"]] == ["s0"]
    assert chart.chart.options["series"][0]["data"][-1] == (1.0, 0.5, 1, "trial 1")  # for whoever loads the page again


def test_the_keys_go_from_trial_to_trial_and_enter_picks(page: Client, sent: list[tuple[str, Any]]) -> None:
    picked: list[int] = []
    chart = TrialChart("Scores", options(5, 3, 9), picked.append)
    typed(chart, page, "Enter")
    assert picked == []
    for key in ("ArrowRight", "ArrowRight", "Enter", "ArrowUp", "Enter", "ArrowLeft", "Enter"):
        typed(chart, page, key)
    assert picked == [5, 9, 5]
    assert sent[0] == ("dispatchAction", {"type": "showTip", "seriesIndex": 0, "dataIndex": 1})


def test_the_keys_reach_what_a_letter_stands_for(page: Client, sent: list[tuple[str, Any]]) -> None:
    picked: list[int] = []
    of_network, baseline = (
        {"name": name, "value": (float(i), 0.5, trial, f"named {name}")}
        for i, (name, trial) in enumerate((("A", 7), ("B", None)))
    )
    given = {"xAxis": {}, "yAxis": {}, "series": ({"id": "s0", "name": "letters", "data": (of_network, baseline)},)}
    chart = TrialChart("Scores", given, picked.append)
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        typed(chart, page, key)
    assert picked == [7] and chart._said.text == "Named A"


def test_without_a_point_keys_do_nothing(page: Client, sent: list[tuple[str, Any]]) -> None:
    chart = TrialChart("Scores", options(), lambda trial: pytest.fail("nothing was picked"))
    typed(chart, page, "ArrowRight")
    typed(chart, page, "Enter")
    assert sent == []


def test_it_can_be_reached_and_says_what_it_is(page: Client) -> None:
    chart = TrialChart("Scores of trials", options(1), lambda trial: None)
    assert chart.figure.props["tabindex"] == "0"
    assert chart.figure.props["aria-label"].startswith("Scores of trials.")


def test_what_a_pick_returns_is_handed_on_to_be_waited_for(page: Client, sent: list[tuple[str, Any]]) -> None:
    chart = TrialChart("Scores", options(5), lambda trial: f"looks at {trial}")
    typed(chart, page, "ArrowRight")
    assert typed(chart, page, "Enter") == "looks at 5"
    assert chart._pressed(SimpleNamespace(value=[5.0, 0.5, 5])) == "looks at 5"  # type: ignore[arg-type]
    for value in ([5.0, 0.5], "5", None, [5.0, 0.5, "5"]):
        assert chart._pressed(SimpleNamespace(value=value)) is None  # type: ignore[arg-type]
