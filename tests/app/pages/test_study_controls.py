from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client
from nicegui.element import Element

from archsmith.app.jobs import Denied
from archsmith.app.pages.study_controls import DEEDS, StudyControls
from archsmith.app.study_facts import study_facts
from archsmith.core.errors import StudyError
from archsmith.core.job_records import ResultRecord
from archsmith.core.records import Command


class Jobs:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def stop(self, id: str) -> None:
        self.asked.append(("stop", id))

    def pause(self, id: str) -> None:
        raise StudyError("It does not run.", "Look again.")

    def resume(self, id: str, more: str | None) -> None:
        self.asked.append(("resume", id, more))


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def controls(jobs: Jobs | None) -> StudyControls:
    return StudyControls(SimpleNamespace(jobs=jobs), "blots-1")  # type: ignore[arg-type]


def offered(page: Client) -> set[str]:
    """Buttons and links outside of dialogs that can be seen."""
    return {
        element.text  # type: ignore[attr-defined]
        for element in page.elements.values()
        if element.tag in ("a", "button") and "hidden" not in element.props and not _in_dialog(element)
    }


def _in_dialog(element: Element) -> bool:
    return any(ancestor.tag == "dialog" for ancestor in element.ancestors())


@pytest.mark.parametrize(
    ("records", "writer", "buttons"),
    [
        ([], True, {"Pause", "Finish with the best so far"}),
        ([], False, {"Resume", "More time"}),
        ([ResultRecord("accuracy", data={"model_dir": "m"})], False, {"More time", "Open the model"}),
    ],
)
def test_what_can_be_done_now_is_offered(
    page: Client, jobs: Jobs, view_of: Any, records: list[Any], writer: bool, buttons: set[str]
) -> None:
    controls(jobs).show(study_facts(view_of(*records, writer=writer)))
    assert offered(page) == buttons


def test_without_somebody_who_does_it_nothing_is_offered(page: Client, view_of: Any) -> None:
    controls(None).show(study_facts(view_of(writer=True)))
    assert offered(page) == set()


def test_each_deed_asks_first_and_says_what_will_happen(page: Client, jobs: Jobs, shown: Callable[[], str]) -> None:
    controls(jobs)
    dialogs = [element for element in page.elements.values() if element.tag == "dialog"]
    assert len(dialogs) == len(DEEDS)
    for deed in DEEDS.values():
        assert deed.asks in shown() and deed.happens in shown()


@pytest.mark.parametrize(
    ("name", "minutes", "asked"),
    [
        ("stop", "10", [("stop", "blots-1")]),
        ("resume", "10", [("resume", "blots-1", None)]),
        ("extend", "30", [("resume", "blots-1", "+30m")]),
        ("extend", "-1", []),
        ("extend", "1e9", []),
        ("extend", "1; rm", []),
    ],
)
def test_what_was_confirmed_is_done(
    page: Client, jobs: Jobs, name: str, minutes: str, asked: list[tuple[Any, ...]]
) -> None:
    made = controls(jobs)
    made._typed(minutes)
    asyncio.run(made._do(name, Element("dialog")))
    assert jobs.asked == asked


def test_what_cannot_be_done_is_said(page: Client, jobs: Jobs, shown: Callable[[], str]) -> None:
    asyncio.run(controls(jobs)._do("pause", Element("dialog")))
    assert "It does not run. Look again." in shown()


def test_a_full_disk_is_told_and_the_buttons_come_back(page: Client, jobs: Jobs, view_of: Any) -> None:
    def full(id: str, more: str | None) -> None:
        raise Denied(507, "disk", "No study can be started (No space left on device).", "Make room.")

    jobs.resume = full  # type: ignore[method-assign]
    made = controls(jobs)
    asyncio.run(made._do("resume", Element("dialog")))
    assert said(page) == "No study can be started (No space left on device). Make room."
    made.show(study_facts(view_of()))
    assert "Resume" in offered(page)


def said(page: Client) -> str:
    (line,) = [each for each in page.elements.values() if each.props.get("role") == "status"]
    return line.text  # type: ignore[attr-defined]


def test_what_was_asked_for_is_told_until_it_has_happened(page: Client, jobs: Jobs, view_of: Any) -> None:
    made = controls(jobs)
    made.show(study_facts(view_of(writer=True)))
    asyncio.run(made._do("stop", Element("dialog")))
    assert (said(page), offered(page)) == (DEEDS["stop"].waits, set())
    made.show(study_facts(view_of(writer=True)))  # it has not read it yet
    assert (said(page), offered(page)) == (DEEDS["stop"].waits, set())
    made.show(study_facts(view_of(Command("stop"), writer=True)))
    assert (said(page), offered(page)) == ("", {"Pause"})


def test_a_refusal_is_told_until_the_study_is_in_another_state(page: Client, jobs: Jobs, view_of: Any) -> None:
    made = controls(jobs)
    made.show(study_facts(view_of(writer=True)))
    asyncio.run(made._do("pause", Element("dialog")))
    made.show(study_facts(view_of(writer=True)))
    assert said(page).startswith("It does not run.") and "Pause" in offered(page)
    made.show(study_facts(view_of()))
    assert said(page) == ""


def test_minutes_that_cannot_be_are_told_in_the_dialog_which_stays(page: Client, jobs: Jobs) -> None:
    made = controls(jobs)
    made._typed("0")
    dialog = Element("dialog")
    asyncio.run(made._do("extend", dialog))
    assert made._wrong.text == "Give whole minutes from 1 to 10,000."
    assert _in_dialog(made._wrong) and said(page) == ""
    made._typed("5")
    asyncio.run(made._do("extend", dialog))
    assert (made._wrong.text, jobs.asked) == ("", [("resume", "blots-1", "+5m")])


def test_while_a_finished_job_writes_its_report_nothing_is_offered(page: Client, jobs: Jobs, view_of: Any) -> None:
    controls(jobs).show(study_facts(view_of(ResultRecord("accuracy", data={"model_dir": "m"}), writer=True)))
    assert offered(page) == set()


def test_of_a_study_that_was_removed_nothing_is_offered(page: Client, jobs: Jobs, view_of: Any) -> None:
    made = controls(jobs)
    made.show(study_facts(view_of(ResultRecord("accuracy", data={"model_dir": "m"}))))
    made.gone()
    assert offered(page) == set()


def test_of_a_search_alone_nothing_is_told_of_a_bundle(
    page: Client, jobs: Jobs, view_of: Any, shown: Callable[[], str]
) -> None:
    made = controls(jobs)
    made.show(study_facts(view_of(job=False, writer=True)))
    for word in ("exported", "baselines", "bundle", "report"):
        assert word not in shown()
    assert DEEDS["stop"].alone in shown() and DEEDS["resume"].happens in shown()
    made.show(study_facts(view_of(writer=True)))
    assert DEEDS["stop"].happens in shown() and DEEDS["stop"].alone not in shown()
