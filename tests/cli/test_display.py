from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from archsmith.cli.display import Display
from archsmith.core.budget import Budget
from archsmith.core.events import Event
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.runtime.progress import Progress
from archsmith.runtime.search import Search
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.halving import Hyperband
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


def console(*, terminal: bool, width: int = 120) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None, legacy_windows=False)


def written(display: Display) -> str:
    file = display.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def watched(display: Display, trials: int = 12, **evaluator: Any) -> str:
    """What a display writes while it watches a small search."""
    with display:
        Search(
            Problem(Flat()),
            RegularizedEvolution(population=4),
            ToyEvaluator(**evaluator),
            budget=Budget(trials=trials),
            observer=display,
        ).run()
    return written(display)


def event(kind: str, data: Mapping[str, Any]) -> Event:
    return Event(kind, data, 0, time.time())


def test_off_a_terminal_every_trial_is_one_plain_line_with_its_time() -> None:
    lines = watched(Display("toy", console(terminal=False)), trials=12).splitlines()
    trials = [line for line in lines if re.match(r"\d\d:\d\d:\d\d trial \d+: accuracy 0\.\d+ in \d+\.\d s", line)]
    assert len(trials) == 12
    assert "\x1b" not in "".join(lines)
    assert any("from trial" in line for line in trials)
    assert lines[-1].endswith("ended after 12 trials: the number of trials was reached")


def test_of_several_fidelities_each_has_its_best() -> None:
    display = Display("toy", console(terminal=False))
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 9))
    with display:
        Search(problem, Hyperband(), ToyEvaluator(), budget=Budget(trials=12), observer=display).run()
    line = r"trial \d+: accuracy 0\.\d+ at (\d) epochs? in .* \(the best so far at (\d) epochs?\)"
    news = re.findall(line, written(display))
    assert len({own for own, _ in news}) > 1 and all(own == told for own, told in news)


def test_off_a_terminal_failures_give_their_reason() -> None:
    text = watched(Display("toy", console(terminal=False)), fail=1.0)
    assert "trial 0 failed: The toy evaluator was told to fail here." in text


def test_off_a_terminal_phases_are_said_when_they_start_and_end() -> None:
    display = Display("toy", console(terminal=False))
    display(event("phase", {"name": "final training", "state": "started", "forecast_seconds": 65}))
    display(event("phase", {"name": "final training", "state": "finished", "seconds": 61.2, "detail": "accuracy 0.98"}))
    first, second = (line[9:] for line in written(display).splitlines())
    assert (first, second) == ("final training, about 1:05", "final training done in 1:01: accuracy 0.98")


def test_in_a_terminal_the_panel_shows_budget_best_and_last_trials() -> None:
    display = Display("archsmith fit digits", console(terminal=True), progress=Progress(budget_seconds=120))
    text = watched(display)
    assert "archsmith fit digits" in text
    assert re.search(r"0:0\d elapsed, [12]:\d\d left", text)
    incumbent = display.progress.incumbent
    assert incumbent is not None and f"trial {incumbent.id}" in text


def test_of_several_objectives_every_value_and_the_front_are_shown() -> None:
    problem = Problem(Flat(), (Objective("accuracy"), Objective("latency_ms")))
    seen: dict[bool, str] = {}
    for live in (False, True):
        display = Display("toy", console(terminal=live), live=live)
        with display:
            evaluator = ToyEvaluator(("accuracy", "latency_ms"))
            Search(problem, RandomSearch(), evaluator, budget=Budget(trials=12), observer=display).run()
        seen[live] = written(display)
    lines = [
        line for line in seen[False].splitlines() if re.search(r"trial \d+: accuracy 0\.\d+, latency ms 0\.", line)
    ]
    assert len(lines) == 12 and "joins the front" in lines[0] and "incumbent" not in seen[False]
    panel = seen[True]
    assert re.search(r"front  \d+ trials?   accuracy 0\.\d+ to 0\.\d+, latency ms 0\.\d+ to 0\.\d+", panel)
    assert "incumbent" not in panel and re.search(r"accuracy +latency ms +seconds", panel)


def test_the_panel_shows_phases_with_their_forecast() -> None:
    display = Display("toy", console(terminal=True))
    display(event("phase", {"name": "read", "state": "finished", "seconds": 1.0, "detail": "1,797 pictures"}))
    display(event("phase", {"name": "search", "state": "started", "forecast_seconds": 80}))
    display.console.print(display.render())
    assert "1,797 pictures" in written(display)
    assert "of about 1:20" in written(display)


def test_the_bar_hides_nothing_of_what_follows() -> None:
    display = Display("toy", console(terminal=True), progress=Progress(budget_seconds=120))
    display(event("phase", {"name": "read", "state": "finished", "seconds": 1.0, "detail": "1,797 pictures"}))
    with display:
        pass
    assert "1,797 pictures" in written(display)


def test_in_a_narrow_terminal_only_the_changes_give_way() -> None:
    display = Display("archsmith fit " + "long/" * 20, console(terminal=True, width=60))
    names = {f"stage{i}/downsample": i for i in range(6)}
    display(
        event("proposed", {"trials": [{"id": 0, "architecture": dict.fromkeys(names), "fidelity": 1, "parents": []}]})
    )
    display(event("proposed", {"trials": [{"id": 1, "architecture": names, "fidelity": 1, "parents": [0]}]}))
    display(event("finished", {"trial": 1, "outcome": {"status": "ok", "metrics": {"score": 0.625}, "seconds": 1.5}}))
    display.console.print(display.render())
    lines = written(display).splitlines()
    assert "elapsed" in lines[0] and len(lines[0]) <= 60
    assert any(re.match(r" +1 +0 +0\.625 +1\.5  stage0/downsample = 0,.*…$", line.rstrip()) for line in lines)


def test_a_phase_that_failed_is_marked() -> None:
    display = Display("toy", console(terminal=True))
    display(
        event(
            "phase", {"name": "train fixed", "state": "finished", "seconds": 1.0, "result": {"error": "It diverged."}}
        )
    )
    display.console.print(display.render())
    assert re.search(r"✗ +training the hand-made network +0:01 +failed: It diverged\.", written(display))


def test_the_panel_shows_what_is_running() -> None:
    display = Display("toy", console(terminal=True))
    display(event("proposed", {"trials": [{"id": 0, "architecture": {"x": 1}, "fidelity": 1, "parents": []}]}))
    display(event("reported", {"trial": 0, "step": 3, "metrics": {"score": 0.25}}))
    display.console.print(display.render())
    assert "running, step 3" in written(display)


def test_what_waits_for_a_worker_is_not_shown_as_running() -> None:
    display = Display("toy", console(terminal=True), workers=1)
    pending = [{"id": i, "architecture": {"x": i}, "fidelity": 1, "parents": []} for i in range(4)]
    display(event("proposed", {"trials": pending}))
    display.console.print(display.render())
    assert written(display).count("running") == 1


def test_what_a_closed_search_left_over_is_not_shown_as_running() -> None:
    display = Display("toy", console(terminal=True))
    display(event("proposed", {"trials": [{"id": 0, "architecture": {"x": 1}, "fidelity": 1, "parents": []}]}))
    display(event("closed", {"reason": "seconds"}))
    display.console.print(display.render())
    assert "running" not in written(display)


def test_before_the_first_event_it_says_that_it_gets_ready() -> None:
    display = Display("toy", console(terminal=True))
    display.console.print(display.render())
    assert "getting ready" in written(display)


def test_names_with_square_brackets_are_shown_as_they_are() -> None:
    display = Display("archsmith fit [red]data", console(terminal=True))
    display(event("phase", {"name": "[bold]odd", "state": "started"}))
    display.console.print(display.render())
    assert "[red]data" in written(display) and "[bold]odd" in written(display)


def test_no_name_is_turned_into_a_picture() -> None:
    display = Display("toy", None, live=False)
    with display.console.capture() as captured:
        display(event("note", {"text": "model.c:100: :star:"}))
        display.console.print("o3:B 2")
    assert "model.c:100: :star:" in captured.get() and "o3:B 2" in captured.get()


def test_a_note_is_shown_in_the_panel() -> None:
    display = Display("toy", console(terminal=True))
    display.note("Finishing with the incumbent.")
    display.console.print(display.render())
    assert "Finishing with the incumbent." in written(display)


def test_a_trial_outside_the_limits_says_which_one_it_breaks() -> None:
    display = Display("toy", console(terminal=False))
    problem = Problem(Flat(), Objective("accuracy"), Constraint("accuracy", upper=0.0))
    with display:
        Search(problem, RandomSearch(), ToyEvaluator(), budget=Budget(trials=1), observer=display).run()
    line = next(line for line in written(display).splitlines() if "trial 0" in line)
    assert re.search(r"\(outside the limits: accuracy 0\.\d+ breaks accuracy<=0\)", line)
