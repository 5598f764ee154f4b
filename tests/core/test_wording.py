from __future__ import annotations

import pytest

from archsmith.core.wording import (
    CUT,
    NETWORKS,
    about_network,
    clock,
    direction,
    epochs,
    family_name,
    made_how,
    measure,
    metric_name,
    network_name,
    number,
    passed_over,
    phase_name,
    remark,
    spec_in_words,
    strategy_in_words,
    the_network,
    times,
    visible,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (-3, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (750, "12:30"), (3599.7, "1:00:00"), (3750, "1:02:30")],
)
def test_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98333, "0.9833"),
        (1.0, "1"),
        (0.0, "0"),
        (0.5, "0.5"),
        (5289978, "5,289,978"),
        (5289978.0, "5,289,978"),
        (1234.56, "1235"),
        (True, "yes"),
        (0.000123456, "0.0001235"),
        (float("nan"), "nan"),
        (0.99994, "0.9999"),
        (0.99996, "0.99996"),
        (0.9999984, "0.999998"),
        (-0.9999984, "-0.999998"),
        (1 - 1e-16, "0.9999999999999999"),
        (1.00001, "1"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("metric", "name"), [("r2", "R²"), ("log_loss", "log loss")])
def test_metrics_have_their_usual_names(metric: str, name: str) -> None:
    assert metric_name(metric) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red", "red"),
        ("größe 3 µm – ✓ 日本 \u00a0 👩\u200d🔬 र्\u200dय", "größe 3 µm – ✓ 日本 \u00a0 👩\u200d🔬 र्\u200dय"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("two\nlines\r\t\x00", "two\\nlines\\r\\t\\x00"),
        ("\u202etxt.exe\u2066", "\\u202etxt.exe\\u2066"),
        ("\udcff\udcfe", "\\xff\\xfe"),
        ("\ud800 \u2028 \x85", "\\ud800 \\u2028 \\x85"),
    ],
)
def test_what_acts_is_written_out_and_what_is_read_stays(text: str, shown: str) -> None:
    assert visible(text) == shown
    visible(text).encode()


def test_rows_and_phases_of_a_job_have_plain_names() -> None:
    assert [network_name(name) for name in ("fixed", "runner_up.1", "of_mine")] == [
        "hand-made network",
        "another network of the search (2)",
        "of mine",
    ]
    assert [the_network(name) for name in ("fixed", "boosted", "of_mine")] == [
        "the hand-made network",
        "gradient boosting",
        "of mine",
    ]
    assert [phase_name(name) for name in ("train searched", "linear", "choose")] == [
        "training the searched network",
        "linear model",
        "choosing the best network",
    ]
    assert all(about_network(name) for name in NETWORKS) and about_network("of_mine") == ""
    assert about_network("searched").endswith("put first, after its last training")  # not always on


def test_epochs_are_told_alike_everywhere() -> None:
    assert [epochs(n) for n in (0.05, 1, 9.05, 91.72, 1234.5)] == [
        "0.05 epochs",
        "1 epoch",
        "9.05 epochs",
        "91.7 epochs",
        "1234 epochs",
    ]


def test_a_race_is_told_in_plain_words() -> None:
    assert strategy_in_words("race(inner=graph_gp)") == "graph_gp, within a race"
    assert strategy_in_words("halving") == "halving"


def test_times() -> None:
    assert [times(n) for n in range(4)] == ["never", "once", "twice", "3 times"]


def test_some_characters_may_stay() -> None:
    assert visible("two\nlines\x1b", but="\n") == "two\nlines\\x1b"


def test_a_spec_tells_its_settings_and_no_long_lists() -> None:
    inner = {"type": "graph_gp", "args": {"beta": 2.0}}
    spec = {"type": "race", "args": {"anchors": 3, "inner": inner, "seeds": ["a long list"] * 9}}
    assert spec_in_words(spec) == "race(anchors=3, inner=graph_gp, seeds=…)"
    assert spec_in_words(7) == "7"


def test_what_is_said_beside_a_row() -> None:
    rows = ({"exported": True}, {"error": "It diverged."}, {"enough_seconds": 60.0}, {"by_chance": True})
    said = ["exported", "It diverged.", "too slow for this time", "not clearly better", "stopped early", ""]
    assert [remark(row) for row in (*rows, {"stopped": True}, {})] == said
    assert remark({"epochs": 0.02}) == "hardly trained" and not remark({"epochs": 30.0})
    assert remark({"epochs": 0.02, "exported": True}) == "exported, hardly trained"
    assert remark({"cut": True}) == CUT and remark({"cut": True, "exported": True}) == f"exported, {CUT}"


def test_only_what_was_better_than_the_exported_network_was_passed_over() -> None:
    own = {"name": "searched", "valid": 0.9, "exported": True}
    rows = [own, {"name": "unfinished", "valid": 0.89, "by_chance": True}, {"name": "fixed", "valid": 0.95}]
    assert passed_over(rows) == ""
    rows.append({"name": "pretrained", "valid": 0.93, "enough_seconds": 70.0})
    rows.append({"name": "unfinished", "valid": 0.92, "by_chance": True})
    assert "too slow" in passed_over(rows) and "The best trial was better" in passed_over(rows)


@pytest.mark.parametrize(
    ("operator", "parents", "said"),
    [
        ("mutate", (3,), "made from trial 3 by changing decisions"),
        ("crossover", (3, 4), "mixed from trials 3 and 4"),
        ("sample", (), "drawn by chance"),
        ("grow", (3,), "grown from trial 3"),
        ("policy", (), "drawn by the strategy's probabilities"),
        ("mutate", (), ""),
        ("own", (3,), "made from trial 3"),
        ("", (), ""),
    ],
)
def test_how_a_proposal_was_made(operator: str, parents: tuple[int, ...], said: str) -> None:
    assert made_how(operator, parents) == said


def test_families_have_plain_names_and_unknown_ones_keep_theirs() -> None:
    assert family_name("mlp") == "fully connected layers"
    assert family_name("my_own") == "my own"


def test_directions_are_words():
    assert direction("accuracy", True) == "accuracy (more is better)"
    assert direction("params", False) == "parameters (less is better)"


def test_fidelities_are_counted_in_their_own_words():
    assert [measure(n, "epochs") for n in (1, 4, 0.5)] == ["1 epoch", "4 epochs", "0.5 epochs"]
    assert measure(0.25, "data_fraction") == "0.25 data fraction"
