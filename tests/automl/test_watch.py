from pathlib import Path

import pytest

from archsmith.automl import watch
from archsmith.automl.settings import FitSettings
from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError
from archsmith.core.events import Event
from archsmith.core.problem import Objective, Problem
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.search import Search
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat

SETTINGS = FitSettings(data="digits")


class Reporting:
    """An evaluator that reports an epoch of every trial."""

    metrics = ("accuracy",)
    simulated = False

    def evaluate(self, architecture, fidelity, context):
        context.report(1.0, {"accuracy": 0.5})
        return 0.75


@pytest.fixture
def job(monkeypatch):
    """In place of the job: a search of four trials, then one final training of three epochs. Leaves the store that was
    written.
    """
    store = MemoryStore()

    def fit(settings, observer, finish, on_study):
        on_study(Path("studies/mine-1"))
        problem = Problem(Flat(), (Objective("accuracy"),))
        search = Search(
            problem, RandomSearch(), Reporting(), budget=Budget(trials=4), store=store, observer=observer, finish=finish
        )
        with search:
            search.run()
            try:
                for epoch in (1.0, 2.0, 3.0):
                    search.log(
                        "epoch", {"network": "fixed", "epoch": epoch, "epochs": 3.0, "metrics": {"accuracy": epoch / 4}}
                    )
            except EvaluationError:
                return "took the callback's error for its own"
        return f"{len(search.history.finished)} trials"

    monkeypatch.setattr(watch, "fit", fit)
    return store


def test_callbacks_see_trials_and_epochs(job):
    trials, epochs = [], []
    said = watch.watched(
        SETTINGS,
        on_trial=lambda trial, history: trials.append(
            (trial.id, trial.metrics["accuracy"], len(history.finished), history.best() is trial)
        ),
        on_epoch=lambda network, epoch, metrics: epochs.append((network, epoch, metrics["accuracy"])),
    )
    assert said == "4 trials"
    assert trials == [(0, 0.75, 1, True), (1, 0.75, 2, False), (2, 0.75, 3, False), (3, 0.75, 4, False)]
    assert epochs[:2] == [("trial 0", 1.0, 0.5), ("trial 1", 1.0, 0.5)]
    assert epochs[-1] == ("fixed", 3.0, 0.75)


def test_one_that_returns_true_asks_for_an_end(job):
    assert watch.watched(SETTINGS, on_trial=lambda trial, history: trial.id == 1) == "2 trials"


@pytest.mark.parametrize("callback", ["on_trial", "on_epoch"])
@pytest.mark.parametrize(
    "error", [ValueError("mine"), EvaluationError("looks like a failed trial"), RuntimeError("not enough memory")]
)
def test_what_a_callback_raises_comes_out_as_it_was(job, callback, error):
    def broken(*arguments):
        if arguments[0] != "trial 0":
            raise error from KeyError("why")

    with pytest.raises(type(error)) as caught:
        watch.watched(SETTINGS, **{callback: broken})
    assert caught.value is error and isinstance(error.__cause__, KeyError)
    assert caught.traceback[-1].name == "broken"
    assert "Go on with: archsmith studies resume studies/mine-1" in error.__notes__[-1]


def test_what_was_finished_survives_a_broken_callback(job):
    def broken(network, epoch, metrics):
        if network == "trial 2":
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        watch.watched(SETTINGS, on_epoch=broken)
    events = list(job.read())
    # 2 stays pending and runs again on resume
    assert [event.data["trial"] for event in events if event.kind == "finished"] == [0, 1]
    assert events[-1].kind == "closed"
    job.acquire()  # the lease was given back


def test_a_guessed_target_is_warned_of_where_nothing_is_shown():
    note = Event("note", {"text": "The target is the last column, 'year'; name another one with --target."})
    with pytest.warns(UserWarning, match="last column, 'year'; name another one with target="):
        watch._Watch(None, None, None)(note)
    shown = []
    watch._Watch(None, None, shown.append)(note)  # no second time
    assert shown == [note]
