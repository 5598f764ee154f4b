"""The clock and the phases of a job, over several openings of its study."""

import types

import pytest

from archsmith.automl.phases import Phases
from archsmith.core.events import Event
from archsmith.core.job_records import Note
from archsmith.runtime.memory import MemoryStore

PROBLEM = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 4]}
STUDY = {"problem": PROBLEM, "space": {"type": "a"}, "strategy": {"type": "b"}, "seed": 3, "forecast_trials": 9.0}


class Log:
    """Stands for a search: its clock, its log, and whether it was asked to stop."""

    def __init__(self, store):
        self.store, self.seconds, self.asked_to_stop, self.looked = store, 10.0, False, 0

    def log(self, kind, data):
        self.store.append([Event(kind, data)])

    def look_for_commands(self):
        self.looked += 1


@pytest.fixture
def store():
    store = MemoryStore()
    store.acquire()
    return store


@pytest.fixture
def opening(store):
    """A new opening of the study, with what the log holds so far."""

    def opening(final_end=None, started=0.0):
        plan = types.SimpleNamespace(final_end=final_end)
        job = types.SimpleNamespace(store=store, plan=plan, started=started, read_seconds=1.5)
        return Phases(job, Log(store))

    return opening


def test_a_phase_is_logged_when_it_begins_and_with_its_result(opening, store):
    with opening().phase("linear", "on the pixels", 3.0) as done:
        done["accuracy"] = 0.5
    began, ended = [event.data for event in store.read()]
    assert began == {"name": "linear", "state": "started", "detail": "on the pixels", "forecast_seconds": 3.0}
    assert (ended["name"], ended["state"], ended["result"]) == ("linear", "finished", {"accuracy": 0.5})


def test_a_phase_that_breaks_off_has_no_result(opening, store):
    phases = opening()
    with pytest.raises(KeyError), phases.phase("search"):
        raise KeyError
    assert "search" not in phases.results and "search" not in opening().results
    assert [event.data["state"] for event in store.read()] == ["started"]


def test_a_later_opening_knows_what_was_finished(opening):
    with opening().phase("linear") as done:
        done["accuracy"] = 0.5
    assert opening().results == {"linear": {"accuracy": 0.5}}


def test_looks_at_the_test_split_are_counted_over_all_openings(opening):
    for read in (True, False, True):
        with opening().phase("test") as done:
            done["read"] = read
    assert opening().test_reads == 2


def test_more_time_makes_the_later_phases_undone(opening, store):
    first = opening()
    for name in ("linear", "train fixed", "search", "test", "export"):
        with first.phase(name) as done:
            done.update(read=True)
    with first.phase("train searched") as done:
        done.update(error="No memory was left.")
    store.append([Event("extended", {})])
    again = opening()
    assert set(again.results) == {"linear", "train fixed"}
    assert again.was_extended and again.test_reads == 1
    first.forget_what_more_time_changes()
    assert set(first.results) == {"linear", "train fixed"}


def test_a_search_whose_early_end_was_taken_back_is_undone(opening, store):
    store.append([Event("study", {**STUDY, "fit": {"settings": {}}}), Event("command", {"name": "stop"})])
    with opening().phase("search") as done:
        done.update(reason="requested")
    with opening().phase("ready") as done:
        done.update(trials={"searched": 1})
    killed = opening()
    assert killed.results["search"] == {"reason": "requested"} and "ready" in killed.results and killed.round == 0
    store.append([Event("closed", {"reason": "interrupted"})])
    again = opening()
    assert not again.results and again.round == 1 and not again.was_extended


def test_a_phase_that_goes_on_is_expected_to_take_what_it_was_at_first(opening, store):
    def broken_off(forecast):
        with pytest.raises(KeyError), opening().phase("search", forecast=forecast):
            raise KeyError

    broken_off(40.0)
    broken_off(15.0)
    with opening().phase("search", forecast=5.0):
        pass
    assert opening().told()["search"]["expected"] == 40.0
    store.append([Event("extended", {})])
    with opening().phase("search", forecast=30.0):
        pass
    assert opening().told()["search"]["expected"] == 70.0


def test_a_phase_that_had_little_time_by_a_wish_taken_back_is_expected_to_take_all_of_it(opening):
    with pytest.raises(KeyError), opening().phase("train searched", forecast=25.0):
        raise KeyError
    with opening().phase("train searched", forecast=300.0):
        pass
    assert opening().told()["train searched"]["expected"] == 300.0


def test_notes_are_one_event_a_line(opening, store):
    opening().say("first", Note("second", "In float32."))
    assert [(event.kind, event.data["text"]) for event in store.read()] == [("note", "first"), ("note", "second")]
    assert [event.data.get("exact") for event in store.read()] == [None, "In float32."]


def test_a_phase_may_say_exactly_what_it_is_about(opening, store):
    with opening().phase("linear", "a simple model", exact="logistic regression"):
        pass
    assert [event.data.get("exact") for event in store.read()] == ["logistic regression", None]


def test_the_clock_begins_with_the_reading(opening, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 104.0)
    phases = opening(started=100.0)
    phases.start_clock()
    assert phases.seconds == 14.0  # 4 of the reading, 10 of the search
    assert (phases.until(20.0), phases.left(20.0), phases.left(5.0)) == (16.0, 6.0, 0.0)
    assert phases.until(None) is None and phases.left(None) is None


def test_a_later_opening_adds_its_reading_to_the_first(opening, store, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 104.0)
    opening(started=100.0).start_clock()
    again = opening(started=102.0)
    again.start_clock()
    assert again.seconds == 16.0
    assert [event.data["result"] for event in store.read()] == [{"lead": 4.0}, {"lead": 6.0}]
    assert opening().results["read"]["lead"] == 6.0  # a third one knows of both


def test_the_start_of_the_program_is_told_apart_from_the_reading(opening, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 104.0)
    phases = opening(started=100.0)
    phases.start_clock()
    assert phases.told() == {"read": {"seconds": 1.5}, "start": {"seconds": 2.5}}


def test_the_last_training_ends_when_the_plan_says(opening):
    assert opening(final_end=90.0).final_end() == 90.0
    assert opening().final_end() is None


def test_a_person_who_asks_to_finish_gets_a_short_last_training(opening):
    for planned, end in ((500.0, 125.0), (110.0, 110.0), (None, 125.0)):
        phases = opening(final_end=planned)
        phases.search.seconds, phases.search.asked_to_stop = 100.0, True
        assert phases.final_end() == end and phases.search.looked
