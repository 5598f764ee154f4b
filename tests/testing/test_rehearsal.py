from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.trial import Proposal
from archsmith.testing.need import Broken
from archsmith.testing.rehearsal import Rehearsal, ask, maker, snapshot
from archsmith.testing.toys import Conditional


@dataclass
class Draws:
    """Gives random proposals as ``kind``: a function that makes something of a list."""

    kind: Any = list

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        proposals: Sequence[Proposal] = self.kind([Proposal(history.space.sample(rng)) for _ in range(n)])
        return proposals


def test_a_rehearsal_folds_its_log_into_the_same_history() -> None:
    rehearsal = Rehearsal(Problem(Conditional()))
    for _ in range(3):
        for trial in reversed(rehearsal.ask(Draws(), 3)):
            rehearsal.finish(trial, failed=trial.id == 4)
    assert snapshot(rehearsal.replayed()) == snapshot(rehearsal.history)
    assert [trial.id for trial in rehearsal.history.finished][:3] == [2, 1, 0]


@pytest.mark.parametrize("kind", [list, tuple])
def test_an_answer_is_a_list_or_a_tuple(kind: Any) -> None:
    history = Rehearsal(Problem(Conditional())).history
    assert len(ask(Draws(kind), history, 2, np.random.default_rng(0))) == 2


@pytest.mark.parametrize(
    ("kind", "name"), [(iter, "a list_iterator"), (lambda proposals: None, "None"), (lambda p: {1: p[0]}, "a dict")]
)
def test_any_other_answer_is_named(kind: Any, name: str) -> None:
    history = Rehearsal(Problem(Conditional())).history
    with pytest.raises(Broken, match=rf"^valid answers: Draws\.ask gave {name}, not a list of proposals\.$"):
        ask(Draws(kind), history, 2, np.random.default_rng(0))


def test_a_maker_makes_a_new_instance_each_time() -> None:
    made = [maker(Draws())() for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] is not made[1]
    assert isinstance(maker(lambda: Draws())(), Draws)
