import sys
import types

import pytest

from archsmith.automl import progress
from archsmith.automl.progress import Lines, NotebookDisplay, Status, clock, viewer
from archsmith.core.events import Event

ATTACK = "<script>alert(1)</script>"


def outcome(accuracy=None, error=None):
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    return {"status": "failed" if error else "ok", "metrics": metrics, "seconds": 1.5, "error": error, "error_kind": None, "notes": {}}


def story(start=1000.0):
    """A short job, one event a second."""
    events = [
        ("study", {"problem": {"objectives": [["accuracy", True]]}, "forecast_trials": 24.0}),
        ("note", {"text": f"10 classes, one of them {ATTACK}"}),
        ("phase", {"name": "search", "state": "started", "detail": "evolution on conv_stages", "forecast_seconds": 30.0}),
        ("finished", {"trial": 0, "outcome": outcome(0.91)}),
        ("finished", {"trial": 1, "outcome": outcome(error=f"too large {ATTACK}")}),
        ("finished", {"trial": 2, "outcome": outcome(0.955)}),
        ("phase", {"name": "train fixed", "state": "started", "detail": "", "forecast_seconds": 12.0}),
        ("epoch", {"network": "fixed", "epoch": 2.0, "epochs": 10.0, "metrics": {"accuracy": 0.5}}),
        ("result", {"metric": "accuracy", "valid": 0.97, "test": 0.96, "rows": [{"name": "fixed", "exported": True}]}),
    ]
    return [Event(kind, data, i, start + i) for i, (kind, data) in enumerate(events)]


@pytest.fixture
def status():
    now = Status(60.0)
    now.started = now.now = 1000.0
    return now


def test_the_state_in_one_sentence(status):
    said = []
    for event in story():
        status.apply(event)
        said.append(f"{status.clock()} {status.line()}")
    assert said[2] == "0:02 of 1:00 search: evolution on conv_stages"
    assert said[5] == "0:05 of 1:00 search: 3 of about 24 architectures, 1 failed, best accuracy 0.955 (trial 2)"
    assert said[7] == "0:07 of 1:00 train fixed: epoch 2 of 10, accuracy 0.5"
    assert said[8] == "0:08 done: fixed, accuracy valid 0.97, test 0.96"


def test_without_a_limit_on_time_a_phase_tells_its_forecast():
    status = Status(None)
    status.started = 1000.0
    for event in story()[:4]:
        status.apply(event)
    assert status.clock() == "0:03, this phase about 0:30"
    assert status.fraction == pytest.approx(1 / 24)


def test_decoding_is_told(status):
    status.apply(Event("progress", {"what": "decode", "done": 1200, "total": 60000}, time=1002.0))
    assert status.line() == "reading and checking the data: decoding pictures, 1,200 of 60,000"


def test_between_two_measurements_the_last_score_stands(status):
    for event in story()[:7]:
        status.apply(event)
    for epoch, metrics in ((1.0, {"train_loss": 0.9, "learning_rate": 0.1}), (2.0, {"train_loss": 0.8, "accuracy": 0.7}), (3.0, {"train_loss": 0.7})):
        status.apply(Event("epoch", {"network": "fixed", "epoch": epoch, "epochs": 9.0, "metrics": metrics}, time=1010.0))
        assert status.detail == f"epoch {epoch:.0f} of 9, " + ("train loss 0.9" if epoch == 1 else "accuracy 0.7")


def test_plain_lines_are_rare_and_tell_phases(status, monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    lines = Lines(status, 1, said.append)
    for event in story()[:6]:
        lines(event)
    assert len(said) == 2 and said[1].endswith("search: evolution on conv_stages (about 0:30)")  # the trials came too soon after
    now[0] += progress.LINE_SECONDS
    lines(Event("finished", {"trial": 3, "outcome": outcome(0.9)}, time=1006.0))
    assert said[2] == "[0:06 of 1:00] search: 4 of about 24 architectures, 1 failed, best accuracy 0.955 (trial 2)"


def test_how_a_search_ended_is_told(status):
    said = []
    lines = Lines(status, 1, said.append)
    for event in [*story()[:6], Event("phase", {"name": "search", "state": "finished", "seconds": 3.0}, time=1006.0)]:
        lines(event)
    assert said[-1] == "[0:06 of 1:00] search: 3 of about 24 architectures, 1 failed, best accuracy 0.955 (trial 2)"


def test_verbose_2_tells_every_trial(status):
    said = []
    lines = Lines(status, 2, said.append)
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


def test_a_notebook_has_one_display_that_changes(status):
    handle = Handle()
    show = NotebookDisplay(status, 1, handle.display)
    for event in story():
        show(event)
    first, last = handle.bundles[0], handle.bundles[-1]
    assert "reading and checking" in first["text/plain"]
    assert "done: fixed" in last["text/plain"] and "width:100.0%" in last["text/html"]
    assert len(handle.bundles) < len(story())  # the events came faster than anybody can read


def test_nothing_that_data_say_becomes_html(status):
    show = NotebookDisplay(status, 2, Handle().display)
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


@pytest.mark.parametrize(("seconds", "said"), [(7.4, "0:07"), (750, "12:30"), (3750, "1:02:30"), (-1, "0:00")])
def test_clock(seconds, said):
    assert clock(seconds) == said
