import sys
import types

import pytest

from archsmith.automl import progress
from archsmith.automl.progress import Lines, NotebookDisplay, spent, viewer
from archsmith.core.events import Event
from archsmith.runtime.progress import Progress

ATTACK = "<script>alert(1)</script>"


def outcome(accuracy=None, error=None):
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    return {
        "status": "failed" if error else "ok",
        "metrics": metrics,
        "seconds": 1.5,
        "error": error,
        "error_kind": None,
        "notes": {},
    }


def story(start=1000.0):
    """A short job, one event a second."""
    events = [
        ("study", {"problem": {"objectives": [["accuracy", True]]}, "forecast_trials": 24.0}),
        ("note", {"text": f"10 classes, one of them {ATTACK}"}),
        ("proposed", {"trials": [{"id": i, "architecture": {"x": i}} for i in range(4)]}),
        (
            "phase",
            {"name": "search", "state": "started", "detail": "evolution on conv_stages", "forecast_seconds": 30.0},
        ),
        ("finished", {"trial": 0, "outcome": outcome(0.91)}),
        ("finished", {"trial": 1, "outcome": outcome(error=f"too large {ATTACK}")}),
        ("finished", {"trial": 2, "outcome": outcome(0.955)}),
        ("phase", {"name": "train fixed", "state": "started", "detail": "", "forecast_seconds": 12.0}),
        ("epoch", {"network": "fixed", "epoch": 2.0, "epochs": 10.0, "metrics": {"accuracy": 0.5}}),
        ("result", {"metric": "accuracy", "valid": 0.97, "test": 0.96, "rows": [{"name": "fixed", "exported": True}]}),
    ]
    stamped, now = [], start
    for i, (kind, data) in enumerate(events):
        stamped.append(Event(kind, data, i, now))
        now += kind != "proposed"
    return stamped


@pytest.fixture
def state():
    return Progress(60.0, started=1000.0)


def test_the_clock_tells_what_is_spent_of_how_much(state):
    said = []
    for event in story():
        state.apply(event)
        said.append(spent(state))
    assert said[3] == "0:02 of 1:00" and said[-1] == "0:08"


def test_without_a_limit_on_time_a_phase_tells_its_forecast():
    state = Progress(started=1000.0)
    for event in story()[:5]:
        state.apply(event)
    assert spent(state) == "0:03, this phase about 0:30"


def test_plain_lines_are_rare_and_tell_phases(state, monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    lines = Lines(state, 1, said.append)
    for event in story()[:7]:
        lines(event)
    # the trials came too soon after
    assert len(said) == 2 and said[1].endswith("search: evolution on conv_stages (about 0:30)")
    now[0] += progress.LINE_SECONDS
    lines(Event("finished", {"trial": 3, "outcome": outcome(0.9)}, time=1006.0))
    assert said[2] == "[0:06 of 1:00] search: 4 of about 24 trials, 1 failed, best accuracy 0.955 (trial 2)"


def test_how_a_search_ended_is_told(state):
    said = []
    lines = Lines(state, 1, said.append)
    for event in [
        *story()[:7],
        Event("phase", {"name": "search", "state": "finished", "seconds": 3.0, "result": {"n_trials": 3}}, time=1006.0),
    ]:
        lines(event)
    assert said[-1] == "[0:06 of 1:00] search: 3 trials, 1 failed, best accuracy 0.955 (trial 2)"


def test_verbose_2_tells_every_trial(state):
    said = []
    lines = Lines(state, 2, said.append)
    for event in story():
        lines(event)
    assert "[0:03 of 1:00] trial 0: accuracy 0.91 in 1.5 s" in said
    assert any("trial 1: failed" in line for line in said)


class Handle:
    def __init__(self):
        self.bundles = []

    def display(self, bundle, raw, display_id):
        assert raw and display_id
        self.bundles.append(bundle)
        return self

    def update(self, bundle, raw):
        assert raw
        self.bundles.append(bundle)


def test_a_notebook_has_one_display_that_changes(state):
    handle = Handle()
    show = NotebookDisplay(state, 1, handle.display)
    for event in story():
        show(event)
    first, last = handle.bundles[0], handle.bundles[-1]
    assert "reading and checking" in first["text/plain"]
    assert "done: hand-made network" in last["text/plain"] and "width:100.0%" in last["text/html"]
    assert len(handle.bundles) < len(story())  # the events came faster than anybody can read


def test_nothing_that_data_say_becomes_html(state):
    show = NotebookDisplay(state, 2, Handle().display)
    for event in story():
        show(event)
    assert "<script" not in show.html() and "&lt;script&gt;" in show.html()


def test_who_shows_it(monkeypatch):
    def shell(**more):
        return types.SimpleNamespace(**more)

    handle = Handle()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert viewer(0, 60.0) is None
    assert isinstance(viewer(1, 60.0), Lines)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=shell))  # IPython in a terminal
    assert isinstance(viewer(1, 60.0), Lines)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell(kernel=object())))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=handle.display))
    assert isinstance(viewer(True, 60.0), NotebookDisplay)
