"""The front in a report: nothing of it with one objective; else who is on it, what is drawn, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis.report import write_report
from archsmith.analysis.report.front import Trade, drawings, trade_of
from archsmith.analysis.study import Study, read_study
from archsmith.analysis.wording import NB

Values = Mapping[str, float] | None
Write = Callable[..., Path]
TWO = [["accuracy", True], ["params", False]]
BENT: list[Values] = [
    {"accuracy": 0.7, "params": 9e4},
    {"accuracy": 0.9, "params": 8e4},
    {"accuracy": 0.85, "params": 4e3},
    {"accuracy": 0.6, "params": 1e3},
    None,
]


@pytest.fixture
def write(writer: Any, tmp_path: Path) -> Write:
    """``write([metrics, …], objectives, …)`` writes a search and returns its folder; None: the trial failed."""

    def made(
        trials: Sequence[Values],
        objectives: Sequence[Sequence[Any]] = TWO,
        constraints: Sequence[Sequence[Any]] = (),
        fidelities: Sequence[float] | None = None,
    ) -> Path:
        log = writer(folder := tmp_path / "several")
        problem = {"objectives": objectives, "constraints": constraints, "fidelity": ["epochs", 1, 4]}
        log("study", {"space": {"type": "none", "args": {}}, "problem": problem, "strategy": {}, "seed": 3})
        for i, metrics in enumerate(trials):
            log.trial(i, dict(metrics) if metrics else None, fidelity=fidelities[i] if fidelities else 4.0)
        log.store.close()
        return folder

    return made


def found(folder: Path) -> tuple[Study, Trade]:
    study = read_study(folder)
    trade = trade_of(study)
    assert trade is not None
    return study, trade


def plain(text: str) -> str:
    return text.replace(NB, " ")


def test_one_objective_has_no_front(searched: Any, make: Any) -> None:
    assert trade_of(read_study(searched([(0.5, {}), (0.7, {})]))) is None
    assert trade_of(read_study(make(n_trials=5))) is None


def test_before_a_trial_counts_there_is_nothing_to_show(write: Write) -> None:
    assert (
        trade_of(read_study(write([None, {"accuracy": 0.9, "params": 9e9}], constraints=[["params", 1e6, None]])))
        is None
    )


def test_who_is_on_it_and_what_it_reaches(write: Write) -> None:
    _, trade = found(write(BENT))
    assert [(row.trial, row.values) for row in trade.rows] == [(1, (0.9, 8e4)), (2, (0.85, 4e3)), (3, (0.6, 1e3))]
    assert [each.trial for each in trade.behind] == [0]
    assert plain(trade.lead).startswith("3 of 5 trials are on the front:")
    assert "accuracy 90 % (trial 1) and parameters 1,000 (trial 3)." in plain(trade.lead)
    assert (trade.knee, trade.shown, trade.decisions[0]) == (2, 2, ("depth", "2"))
    assert "Trial 2 is the knee" in trade.note
    assert "reference point (accuracy 57 % and parameters 87,900)" in plain(trade.measure)
    assert [n for n, _ in trade.steps] == [1, 2, 3, 4]


def test_accuracies_of_a_study_are_all_shares_or_all_in_percent(write: Write, tmp_path: Path) -> None:
    low = [{"accuracy": 93.1, "params": 9e4}, {"accuracy": 60.0, "params": 8e4}, {"accuracy": 1.0, "params": 1e3}]
    study, trade = found(write(low))
    assert "trial 2: accuracy 1, parameters 1,000" in drawings(study, trade)["pair0"]
    page = write_report(study.folder, tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<td class="n">1</td><td class="n">1,000</td>' in page and f"100{NB}%" not in page


def test_what_is_not_compared_is_said(write: Write) -> None:
    trials = [*BENT, {"accuracy": 0.99, "params": 10.0}]
    _, trade = found(write(trials, constraints=[["params", 85_000, None]], fidelities=[4.0] * 5 + [1.0]))
    assert "Not compared: 1 trial outside the limits and 1 trial at less than 4 epochs." in plain(trade.lead)
    assert not trade.behind


def test_equals_are_one_row_and_one_point_alone_is_no_chart(write: Write) -> None:
    study, trade = found(write([{"accuracy": 0.5, "params": 5.0}] * 3))
    assert [(row.trial, row.equals) for row in trade.rows] == [(0, (1, 2))]
    assert "0, 1 and 2 are equal, and best in every objective" in trade.lead
    assert drawings(study, trade) == {} and trade.measure == trade.note == "" and not trade.steps


@pytest.mark.parametrize(("n", "pairs"), [(2, 1), (3, 3), (4, 3)])
def test_objectives_are_drawn_in_pairs(write: Write, n: int, pairs: int) -> None:
    names = ["params", "macs", "latency_ms", "energy"][:n]
    trials = [{name: 1.0 + (i * (j + 2)) % 7 for j, name in enumerate(names)} for i in range(1, 7)]
    study, trade = found(write(trials, [[name, False] for name in names]))
    drawn = drawings(study, trade)
    assert len([name for name in drawn if name.startswith("pair")]) == len(trade.drawn) == pairs
    assert ("growth" in drawn) == (n < 4)
    assert ("not computed for more than 3" in trade.measure) == (n == 4)


def test_how_far_the_reference_point_lies_where_there_is_no_range_is_said(write: Write) -> None:
    trials = [{"loss": 1.0 + i, "latency_ms": 3.0 - i, "energy": 1.0} for i in range(3)]
    _, trade = found(write(trials, [["loss", False], ["latency_ms", False], ["energy", False]]))
    assert "energy 1.1" in plain(trade.measure) and "range, or by 0.1 where there is none." in trade.measure


def test_the_front_is_a_staircase_only_where_all_objectives_are_drawn(write: Write) -> None:
    study, trade = found(write(BENT))
    lines = re.findall(r'<path class="line c2" d="M([^"]+)"', drawings(study, trade)["pair0"])
    assert [line.count("H") for line in lines] == [2, 2]  # narrow and wide
    three = [{**metrics, "macs": 9.0 - i} if metrics else None for i, metrics in enumerate(BENT)]
    study, trade = found(write(three, [*TWO, ["macs", False]]))
    assert not any('class="line c2" d=' in svg for name, svg in drawings(study, trade).items() if name != "growth")


def test_trials_far_behind_do_not_press_the_front_together(write: Write) -> None:
    near: list[Values] = [{"loss": 1.0 + i / 20, "latency_ms": 2.0 - i / 20} for i in range(20)]
    near += [{"loss": 1.6 + i / 40, "latency_ms": 1.6 + i / 40} for i in range(9)]
    _, trade = found(write([*near, {"loss": 900.0, "latency_ms": 2.5}], [["loss", False], ["latency_ms", False]]))
    assert trade.n_left_out == 1 and len(trade.behind) == 9
    assert trade.axes[0].high < 3 and not trade.axes[0].log
    assert trade.axes[1].high > 2.5  # there is room for it


def test_axes_over_several_sizes_are_logarithmic_and_shares_are_not(write: Write) -> None:
    _, trade = found(write([{"accuracy": 0.9, "params": 1e6}, {"accuracy": 0.01, "params": 1e3}]))
    assert [each.log for each in trade.axes] == [False, True] and "log scale" in trade.axes[1].label


@pytest.mark.parametrize("n", [5, 30])
def test_the_page_shows_the_front_instead_of_a_best_trial(write: Write, tmp_path: Path, n: int) -> None:
    rising: list[Values] = [{"accuracy": i / 40, "params": 10.0 * i * i} for i in range(1, n + 1)]
    page = plain(write_report(write(rising), tmp_path / "page.html").read_text(encoding="utf-8"))
    assert f"{n} of {n} trials are on the front of accuracy and parameters" in page
    assert 'id="front"' in page and "size of trial" in page and "<small>knee</small>" in page
    assert 'id="top"' not in page and 'id="sizes"' not in page and "could not be made" not in page
    assert ("<summary>All 30 points</summary>" in page) == (n == 30)
    assert "Only accuracy, the first objective, is drawn here." in page
    assert all(f"<dt>{word}</dt>" in page for word in ("front", "knee", "hyper-volume"))
