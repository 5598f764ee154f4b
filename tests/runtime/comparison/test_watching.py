from __future__ import annotations

from archsmith.core.events import Event
from archsmith.core.problem import Problem
from archsmith.runtime.comparison.plan import Plan
from archsmith.runtime.comparison.watching import Watch
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

PLAN = Plan.of(Problem(Flat()), ToyEvaluator(), {"a": RandomSearch(), "b": RandomSearch()}, runs=2, trials=3)


def test_every_strategy_is_expected_at_its_own_pace() -> None:
    told: list[Event] = []
    watch = Watch(PLAN, [("a", 1), ("b", 0), ("b", 1)], 1, told.append)
    assert told[-1].data["detail"] == "1 of 4 are there"
    watch.done("b", 10.0)
    assert told[-1].data["what"] == "2 of 4, last b, about 0:20 left"  # nothing is known of a yet
    watch.done("a", 100.0)
    assert told[-1].data["what"] == "3 of 4, last a, about 0:10 left"
    watch.done("b", 10.0)
    watch.end()
    assert told[-2].data["what"] == "4 of 4, last b"
    assert (told[-1].kind, told[-1].data["state"]) == ("phase", "finished")


def test_several_workers_share_what_is_left() -> None:
    told: list[Event] = []
    Watch(PLAN, [("a", 0), ("a", 1), ("b", 0), ("b", 1)], 3, told.append).done("a", 30.0)
    assert told[-1].data["what"].endswith("about 0:30 left")
