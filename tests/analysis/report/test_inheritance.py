from __future__ import annotations

import pytest

from archsmith.analysis.report.inheritance import inheritance_lead, inheritance_of
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.trial import Outcome, Proposal
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat

WHOLE = {"epochs": 4.0, "steps": 40, "step_ms": 100.0}


def rehearsed(*notes: dict[str, object]) -> Rehearsal:
    space = Flat(4, 5)
    rehearsal = Rehearsal(Problem(space, fidelity=Fidelity("epochs", 1, 4)))
    architectures = list(space.enumerate())[: len(notes)]
    for trial, said in zip(rehearsal.propose([Proposal(a) for a in architectures]), notes, strict=True):
        rehearsal.log(
            "finished", {"trial": trial.id, "outcome": Outcome.success({"accuracy": 0.5}, 4.0, said).to_dict()}
        )  # type: ignore[arg-type]
    return rehearsal


def test_what_was_saved_is_added_up() -> None:
    half = {"inherited": 1.0, "parent": 0, "epochs": 2.0, "steps": 20, "step_ms": 100.0}
    less = {"inherited": 0.5, "parent": 0, "epochs": 3.0, "steps": 30, "step_ms": 100.0}
    history = rehearsed(
        {**WHOLE, "inherited": 0.0}, half, less, {**WHOLE, "inherited": 0.0, "parent_lost": True}
    ).history
    found = inheritance_of(history.trials)
    assert found is not None
    assert (found.n, found.n_trials, found.n_lost, found.share, found.epochs, found.scratch) == (
        2,
        4,
        1,
        0.75,
        5.0,
        8.0,
    )
    assert found.seconds == pytest.approx(2.0 + 1.0)
    said = inheritance_lead(history).replace("\N{NO-BREAK SPACE}", " ")
    assert "2 of 4 trials began with weights of an earlier one, on average with 75" in said
    assert "saved about 3 s" in said and "1 trial began from scratch because nothing was left" in said


def test_longer_trials_that_began_anew_are_told_where_nothing_is_inherited() -> None:
    said = inheritance_lead(rehearsed(WHOLE, {**WHOLE, "parent_lost": True}, {**WHOLE, "parent_lost": True}).history)
    assert said.replace("\N{NO-BREAK SPACE}", " ") == (
        "2 trials began from scratch because nothing was left of the parent."
    )


@pytest.mark.parametrize("notes", [[], [{}], [WHOLE], [{**WHOLE, "inherited": 0.0}]])
def test_nothing_is_said_where_nothing_could_be_inherited(notes: list[dict[str, object]]) -> None:
    assert inheritance_lead(rehearsed(*notes).history) == ""


def test_work_is_counted_in_epochs_of_the_network_itself() -> None:
    half = {"inherited": 1.0, "parent": 0, "epochs": 4.0, "steps": 40, "step_ms": 100.0, "cost": 0.5}
    found = inheritance_of(rehearsed({**WHOLE, "inherited": 0.0, "cost": 1.0}, half).history.trials)
    assert found is not None and (found.epochs, found.scratch, found.seconds) == (4.0, 8.0, 4.0)
    most = inheritance_of(rehearsed(half).history.trials, most_epochs=5.0)
    assert most is not None and (most.epochs, most.scratch) == (4.0, 5.0)


def test_epochs_of_a_training_that_went_on_are_counted_once() -> None:
    rehearsal = rehearsed()
    (architecture, *_) = Flat(4, 5).enumerate()
    for epochs, fidelity in ((1.0, 2.0), (2.0, 4.0)):
        (trial,) = rehearsal.propose([Proposal(architecture, fidelity)])
        said = {"inherited": 1.0, "parent": 0, "epochs": epochs, "steps": 10 * epochs, "step_ms": 100.0}
        outcome = Outcome.success({"accuracy": 0.5}, 1.0, said)
        rehearsal.log("finished", {"trial": trial.id, "outcome": outcome.to_dict()})
    found = inheritance_of(rehearsal.history.trials)
    assert found is not None and (found.n, found.epochs, found.scratch, found.seconds) == (2, 2.0, 4.0, 2.0)
