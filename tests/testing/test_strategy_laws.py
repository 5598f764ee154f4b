"""Strategies that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.trial import Proposal, Trial
from archsmith.testing.laws import check_strategy
from archsmith.testing.strategy_laws import SMALL
from archsmith.testing.toys import Conditional


def unseen(
    history: History, n: int, rng: np.random.Generator, seen: Callable[[Architecture], bool] | None = None
) -> list[Proposal]:
    """An honest answer for toy spaces: what a wrong strategy does beside its one mistake."""
    known = seen or history.seen
    answer: dict[str, Proposal] = {}
    for architecture in (
        history.space.enumerate() if history.space == SMALL else (history.space.sample(rng) for _ in range(100))
    ):
        if len(answer) == n:
            break
        if not known(architecture):
            answer[architecture.key] = Proposal(architecture)
    return list(answer.values())


@dataclass
class Honest:
    """Breaks no law."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return unseen(history, n, rng)


@dataclass
class Counting(Honest):
    """Remembers how often it was asked, which a resumed study does not know."""

    n_asks: int = field(default=0, init=False)

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        self.n_asks += 1
        return [Proposal(p.architecture, notes={"ask": self.n_asks}) for p in unseen(history, n, rng)]


_first_draw: WeakKeyDictionary[History, float] = WeakKeyDictionary()


@dataclass
class LearntFromRng(Honest):
    """Draws the initial state of what it learns from the generator of whichever ask comes first, and keeps it beside
    the history.
    """

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        weight = _first_draw.setdefault(history, float(rng.random()))
        return [Proposal(p.architecture, notes={"weight": weight}) for p in unseen(history, n, rng)]


@dataclass
class Clockwork(Honest):
    """Makes a generator of its own, with no seed."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return unseen(history, n, np.random.default_rng())


@dataclass
class GlobalNumpy(Honest):
    """Draws from numpy's global generator."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return unseen(history, n, np.random.default_rng(np.random.randint(2**31)))  # noqa: NPY002


@dataclass
class GlobalPython(Honest):
    """Shuffles with Python's global generator."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        answer = unseen(history, n, rng)
        random.shuffle(answer)
        return answer


@dataclass
class OutOfSpace(Honest):
    """Makes up an option."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return [
            Proposal(p.architecture.replace({next(iter(p.architecture)): "made up"})) for p in unseen(history, n, rng)
        ]


@dataclass
class Generous(Honest):
    """Gives more than it was asked for."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return unseen(history, n + 1, rng)


@dataclass
class UnloggableNotes(Honest):
    """Puts a numpy number into its notes."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        note: Any = np.float64(0.5)
        return [Proposal(p.architecture, notes={"belief": note}) for p in unseen(history, n, rng)]


@dataclass
class Meddling(Honest):
    """Sorts the history for its own convenience."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        history.finished.sort(key=lambda trial: (trial.loss, -trial.id))
        return unseen(history, n, rng)


@dataclass
class Endless(Honest):
    """Samples for ever, whatever was seen."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return [Proposal(history.space.sample(rng)) for _ in range(n)]


@dataclass
class BlindToPending(Honest):
    """Knows only of trials that have finished."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        finished = {trial.architecture.key for trial in history.finished}
        return unseen(history, n, rng, seen=lambda architecture: architecture.key in finished)


@dataclass
class Fragile(Honest):
    """Takes for granted that something has finished well."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        best = history.best()
        parents = (best.id,) if best is not None or len(history) > 3 else ()  # type: ignore[union-attr]
        return [Proposal(p.architecture, parents=parents) for p in unseen(history, n, rng)]


@dataclass
class Quitter(Honest):
    """Ends the search when a trial has failed."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return [] if any(trial.losses is None for trial in history.finished) else unseen(history, n, rng)


@dataclass
class HalfWay(Honest):
    """Leaves half of a finite space out."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return [] if history.space == SMALL and len(history) >= 4 else unseen(history, n, rng)


@dataclass
class OneObjective(Honest):
    """Trips over a second objective instead of refusing it."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        for trial in history.finished:
            if trial.losses is not None:
                (_,) = trial.losses
        return unseen(history, n, rng)


@dataclass
class RudeRefusal(Honest):
    """Refuses a second objective without a word on what to do."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        if len(history.problem.objectives) > 1:
            raise UsageError("Too many objectives.")
        return unseen(history, n, rng)


@dataclass
class Modest(Honest):
    """Ends with its first score, though nothing speaks against the best one."""

    def incumbent(self, history: History) -> Trial | None:
        return next((trial for trial in history.finished if trial.ok), None)


@dataclass
class Answering(Honest):
    """Ends with an architecture instead of its trial."""

    def incumbent(self, history: History) -> Any:
        best = history.best()
        return best and best.architecture


@dataclass
class Hasty(Honest):
    """Ends with a trial that may have failed."""

    def incumbent(self, history: History) -> Trial | None:
        return next(reversed(history.finished), None)


@dataclass
class Boundless(Honest):
    """Ends with the best score, whatever limit it breaks."""

    def incumbent(self, history: History) -> Trial | None:
        return min(
            (trial for trial in history.finished if trial.losses is not None), key=lambda t: t.losses, default=None
        )


@dataclass
class Silent(Honest):
    """Returns None where it has nothing to propose."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return unseen(history, n, rng) or None  # type: ignore[return-value]


@dataclass
class Lazy(Honest):
    """Gives a generator, which is empty when it is read a second time."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return (proposal for proposal in unseen(history, n, rng))  # type: ignore[return-value]


@dataclass
class Recursing(Honest):
    """Asks itself for ever once something has finished."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        return self.ask(history, n, rng) if history.finished else unseen(history, n, rng)


@dataclass
class Late(Honest):
    """Fails after twenty trials."""

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
        last = range(25)[len(history)]
        return [Proposal(p.architecture, notes={"last": last}) for p in unseen(history, n, rng)]


WRONG: dict[type[Honest], str] = {
    Boundless: "keeps limits",
    Silent: "valid answers",
    Lazy: "valid answers",
    Recursing: "any history",
    Answering: "incumbent",
    Modest: "incumbent",
    Hasty: "incumbent",
    Counting: "memoryless",
    LearntFromRng: "memoryless",
    Clockwork: "memoryless",
    GlobalNumpy: "no global randomness",
    GlobalPython: "no global randomness",
    OutOfSpace: "valid answers",
    Generous: "valid answers",
    UnloggableNotes: "valid answers",
    Meddling: "history untouched",
    Endless: "an end",
    BlindToPending: "an end",
    HalfWay: "an end",
    Fragile: "any history",
    Quitter: "any history",
    OneObjective: "several objectives",
    RudeRefusal: "several objectives",
}


def test_an_honest_strategy_passes() -> None:
    check_strategy(Honest())
    check_strategy(lambda: Honest(), Conditional())


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_strategy_is_caught_by_the_law_that_it_breaks(wrong: type[Honest]) -> None:
    with pytest.raises(AssertionError, match=f"^{WRONG[wrong]}: .*{wrong.__name__}"):
        check_strategy(wrong())


def test_the_law_says_which_history_it_was() -> None:
    @dataclass
    class Waiting(Honest):
        def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
            if list(history.pending)[:8] == list(range(8)) and len(history.finished) == 8:
                raise ValueError("the first half is pending")
            return unseen(history, n, rng)

    with pytest.raises(AssertionError, match="cannot cope with a history whose first half is pending"):
        check_strategy(Waiting())


def test_a_method_that_leaves_points_out_by_design_may_say_so() -> None:
    check_strategy(HalfWay(), complete=False)


def test_a_plain_object_must_come_as_a_function() -> None:
    class Plain:
        def ask(self, history: History, n: int, rng: np.random.Generator) -> Sequence[Proposal]:
            return unseen(history, n, rng)

    with pytest.raises(AssertionError, match="pass a function that makes one"):
        check_strategy(Plain())
    check_strategy(lambda: Plain())


def test_an_error_is_a_sentence_with_its_place() -> None:
    with pytest.raises(
        AssertionError, match=r"^any history: Recursing .*: Recursing\.ask \(line \d+ of .*\) calls itself"
    ):
        check_strategy(Recursing())
    with pytest.raises(
        AssertionError, match=r"^\w[\w ]*: .*Late\.ask \(line \d+ of .*\) raised IndexError: range object"
    ):
        check_strategy(Late())
