from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import Client
from nicegui.element import Element

from archsmith.app.pages.study_parts import Board, Facts, Head, Log, NetworkBox
from archsmith.app.standings import standings
from archsmith.app.study_facts import study_facts
from archsmith.app.trial_facts import trial_facts
from archsmith.core.errors import UsageError
from archsmith.core.job_records import FINISHED, Note, PhaseRecord

Shown = Callable[[], str]


def of_kind(page: Client, tag: str) -> list[Element]:
    return [element for element in page.elements.values() if element.tag == tag]


def test_the_head_tells_state_clock_and_phases(page: Client, shown: Shown, view_of: Any, tried: Any) -> None:
    view = view_of(PhaseRecord("search", forecast_seconds=90.0), tried(0, 0.75), writer=True)
    head = Head()
    head.show(study_facts(view, now=view.changed + 5))
    said = shown().split("\n")
    assert {"running", "Search", "accuracy 75\xa0%", "about 0:53", "▸ now", "1:30"} <= {*said}
    (details,) = of_kind(page, "details")
    assert "open" in details.props
    head.show(study_facts(view_of(tried(0, 0.75))))
    assert "open" not in details.props


def test_facts_keep_their_elements_while_only_values_change(page: Client) -> None:
    facts = Facts()
    facts.show([("spent", "0:01")])
    (value,) = of_kind(page, "dd")
    facts.show([("spent", "0:02")])
    assert of_kind(page, "dd") == [value]
    assert value.text == "0:02"  # type: ignore[attr-defined]
    facts.show([("spent", "0:02"), ("left", "0:01")])
    assert len(of_kind(page, "dd")) == 2


def test_the_network_that_is_looked_at_has_a_drawing_and_a_page(
    page: Client, shown: Shown, view_of: Any, tried: Any
) -> None:
    view = view_of(tried(0, 0.5, {"depth": 4}), tried(1, 0.6, {"depth": 4}, fidelity=2.0, parents=(0,)))
    asked: list[str] = []
    network = NetworkBox("a b", asked.append)
    network.show(trial_facts(view, 0))
    (picture,), (link,) = of_kind(page, "img"), of_kind(page, "a")
    assert "being drawn" in shown() and "src" not in picture.props
    asyncio.run(network.draw())
    assert asked == ["0"] and "hidden" not in picture.props and "being drawn" not in shown()
    assert picture.props["src"] == "/api/v1/studies/a%20b/networks/0.svg"
    assert picture.props["alt"] == "Drawing of the network of trial 0"
    assert link.props["href"] == "/studies/a%20b/networks/0"
    assert network.trials == {0, 1}
    assert "depth" in shown()


def test_a_network_that_cannot_be_drawn_says_why(page: Client, shown: Shown, view_of: Any, tried: Any) -> None:
    def refuse(name: str) -> object:
        raise UsageError("The space has settings, not networks.")

    network = NetworkBox("ab", refuse)
    network.show(trial_facts(view_of(tried(0, 0.5)), 0))
    asyncio.run(network.draw())
    (picture,) = of_kind(page, "img")
    assert "src" not in picture.props and "hidden" in picture.props  # nothing is asked for that will not come
    assert "There is no drawing. The space has settings, not networks." in shown()


def test_a_drawing_that_comes_late_is_not_put_to_another_network(
    page: Client, shown: Shown, view_of: Any, tried: Any
) -> None:
    view = view_of(tried(0, 0.5), tried(1, 0.6))
    network = NetworkBox("ab", lambda name: network.show(trial_facts(view, 1)))  # another one is picked meanwhile
    network.show(trial_facts(view, 0))
    asyncio.run(network.draw())
    (picture,) = of_kind(page, "img")
    assert "being drawn" in shown() and "src" not in picture.props


def test_the_leaderboard_marks_what_is_exported_and_what_needs_no_search(
    page: Client, shown: Shown, view_of: Any, tried: Any
) -> None:
    linear = PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.6})
    picked: list[int] = []
    Board(picked.append).show(standings(view_of(linear, tried(0, 0.7))))
    assert "Baseline. The simplest" in shown()
    names = [button.text for button in of_kind(page, "button") if "hidden" not in button.props]  # type: ignore[attr-defined]
    assert names == ["trial 0"]  # a baseline has no trial to look at


def test_the_log_grows_at_its_end(page: Client, shown: Shown, view_of: Any) -> None:
    log = Log()
    log.show(study_facts(view_of(Note("one"))))
    (first,) = of_kind(page, "li")
    log.show(study_facts(view_of(Note("one"), Note("<i>two</i>"))))
    assert of_kind(page, "li")[0] is first
    assert "<i>two</i>" in shown()
    log.show(study_facts(view_of(Note("another"))))
    assert [line.text for line in of_kind(page, "li")] == ["another"]  # type: ignore[attr-defined]


def test_the_command_is_told(page: Client, shown: Shown, view_of: Any) -> None:
    Log().show(study_facts(view_of()))
    assert "archsmith fit blots --time 60s --seed 0" in shown()


def test_a_log_that_says_nothing_is_left_out(page: Client, view_of: Any) -> None:
    log = Log()
    facts = study_facts(view_of())
    log.show(facts)
    (heading,) = of_kind(page, "h2")
    (sheet,) = of_kind(page, "section")
    assert "hidden" in heading.props and "hidden" not in sheet.props  # how it was begun is still told
    log.show(facts.model_copy(update={"repeat": "", "command": None, "setup": []}))
    assert "hidden" in sheet.props
    log.show(study_facts(view_of(Note("one"))))
    assert "hidden" not in heading.props and "hidden" not in sheet.props


def test_a_training_that_goes_on_is_not_made_from_another_network(
    page: Client, shown: Shown, view_of: Any, tried: Any
) -> None:
    view = view_of(tried(0, 0.5), tried(1, 0.6, parents=(0,)), tried(2, 0.7, x=2, parents=(0,)))
    network = NetworkBox("ab", lambda name: None)
    network.show(trial_facts(view, 1))
    assert "goes on from" in shown() and "made from" not in shown()
    network.show(trial_facts(view, 2))
    assert "made from" in shown() and "goes on from" not in shown()


def test_with_several_objectives_it_says_by_which_one_a_trial_is_best(
    page: Client, shown: Shown, view_of: Any, tried: Any
) -> None:
    one = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    two = {**one, "objectives": [["accuracy", True], ["params", False]]}
    for problem, told in ((one, "best trial so far"), (two, "best trial by accuracy so far")):
        head = Head()
        view = view_of(tried(0, 0.75, metrics={"params": 9.0}), problem=problem, job=False, writer=True)
        head.show(study_facts(view))
        assert told in shown().split("\n")
        assert "architectures" in shown().split("\n")  # of a space that is not known here
