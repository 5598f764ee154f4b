from __future__ import annotations

from archsmith.core.job_records import Epoch
from archsmith.core.records import Prepared, Preparing
from archsmith.runtime.curves import Preparation, Training, as_lists


def test_steps_that_are_repeated_replace_those_of_the_killed_attempt() -> None:
    training = Training("fixed")
    for at, loss in ((1.0, 0.9), (2.0, 0.8), (3.0, 0.7), (2.0, 0.6)):
        training.take(Epoch("fixed", at, 9.0, {"loss": loss}))
    assert training.curve == [(1.0, {"loss": 0.9}), (2.0, {"loss": 0.6})] and training.epochs == 9.0
    assert as_lists(training.curve) == [[1.0, {"loss": 0.9}], [2.0, {"loss": 0.6}]]


def test_a_preparation_learns_more_of_the_same_step() -> None:
    preparation = Preparation()
    preparation.take(Preparing(1.0, {"loss": 0.9}), 100.0)
    preparation.take(Preparing(1.0, {"reward": 0.1}), 101.0)
    assert preparation.points == [(1.0, {"loss": 0.9, "reward": 0.1})] and preparation.started == 100.0


def test_a_preparation_ends_or_its_process_is_gone() -> None:
    preparation = Preparation()
    assert preparation.to_dict() is None
    preparation.take(Preparing(1.0, {}), 100.0)
    preparation.cut()
    assert preparation.started is preparation.latest is None and len(preparation.points) == 1
    preparation.take(Preparing(2.0, {}), 500.0)
    preparation.end(Prepared(7.0, {"best": "x"}), 30.0)
    preparation.cut()
    assert preparation.to_dict() == {
        "points": [[1.0, {}], [2.0, {}]],
        "seconds": 7.0,
        "ended_at": 30.0,
        "notes": {"best": "x"},
    }
    assert preparation.started == 500.0
