"""A study that is about to begin, on the page of its data."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client

from archsmith.app.pages.starting import CANCELLED, Starting


class Jobs:
    """Knows at most one job."""

    def __init__(self) -> None:
        self.job: Any = None
        self.ended: list[str] = []

    def beginning(self, source: str) -> Any:
        return self.job if self.job is not None and self.job.study is None and source == "/a.csv" else None

    def get(self, id: str) -> Any:
        return self.job

    def pause(self, id: str) -> bool:
        self.ended.append(id)
        self.job = None
        return True

    def forget(self, id: str) -> bool:
        self.job.last_words = "It said nothing."  # as of a real one, whose log is gone
        return self.pause(id)


def job(study: str | None = None, *, running: bool = True) -> Any:
    return SimpleNamespace(
        id="starting-1",
        study=study,
        data="a.csv",
        target="price",
        started=time.time() - 25,
        running=running,
        failed=not running,
        beginning=study is None,
        last_words="" if running else "Say which with --target.",
    )


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def made(page: Client, jobs: Jobs) -> Any:
    held: list[bool] = []
    failed: list[str] = []
    starting: Any = Starting(jobs, "/a.csv", held.append, failed.append)  # type: ignore[arg-type]
    starting.told = (held, failed)
    return starting


def press(page: Client, in_app: Callable[..., Any], words: str) -> None:
    (button,) = (each for each in page.elements.values() if getattr(each, "text", "") == words)
    (listener,) = button._event_listeners.values()
    in_app(listener.handler)


def test_a_page_that_is_loaded_again_says_that_a_study_is_starting(
    page: Client, made: Any, jobs: Jobs, shown: Callable[[], str], in_app: Callable[..., Any]
) -> None:
    jobs.job = job()
    in_app(made.look)
    assert "A study of these data is starting" in shown() and "25 seconds so far" in shown()
    assert "to predict 'price'" in shown() and made.runs and made.told == ([True], [])
    press(page, in_app, "Cancel")
    assert jobs.ended == ["starting-1"] and not made.runs and made.told[0] == [True, False]


def test_the_page_of_the_study_opens_for_who_began_it(
    page: Client, made: Any, jobs: Jobs, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(page, "open", opened.append)
    jobs.job = job()
    in_app(made.began, "starting-1")
    assert opened == []
    jobs.job = job("a-1")
    in_app(made.look)
    assert opened == ["/studies/a-1"]


def test_it_opens_for_a_page_that_saw_it_starting(
    page: Client, made: Any, jobs: Jobs, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(page, "open", opened.append)
    jobs.job = job()
    in_app(made.look)
    jobs.job = job("a-1")
    in_app(made.look)
    in_app(made.look)
    assert opened == ["/studies/a-1"]


def test_what_came_to_nothing_is_told_once_to_who_began_it(made: Any, jobs: Jobs, in_app: Callable[..., Any]) -> None:
    jobs.job = job()
    in_app(made.began, "starting-1")
    jobs.job = job(running=False)
    in_app(made.look)
    assert made.told == ([True, False], ["Say which with --target."]) and jobs.ended == ["starting-1"]


def test_what_came_to_nothing_is_still_said_later(
    page: Client, made: Any, jobs: Jobs, shown: Callable[[], str], in_app: Callable[..., Any]
) -> None:
    jobs.job = job(running=False)
    in_app(made.look)
    assert "No study of 'a.csv' could begin. Choose it under “What is learnt”." in shown() and not made.runs
    press(page, in_app, "Do not show this again")
    assert "could begin" not in shown()


def test_a_cancelled_start_is_told(made: Any, jobs: Jobs, in_app: Callable[..., Any]) -> None:
    jobs.job = job()
    in_app(made.began, "starting-1")
    jobs.job = None
    in_app(made.look)
    assert made.told == ([True, False], [CANCELLED])
