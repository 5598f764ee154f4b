from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app import studies as reading
from archsmith.app.house import House
from archsmith.app.pages import study as pages
from archsmith.app.pages.study import StudyPage
from archsmith.core.budget import Budget
from archsmith.core.errors import NoStudyError
from archsmith.core.problem import Problem
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import FILE
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator
from archsmith.testing.written import WrittenStudy


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.0)


@pytest.fixture
def running(studies: Path, request: pytest.FixtureRequest) -> Iterator[WrittenStudy]:
    with WrittenStudy(studies / f"page-{request.node.name[:40]}") as log:
        log.trials(30)
        yield log


def test_the_first_answer_holds_the_study(client: TestClient, running: WrittenStudy) -> None:
    text = client.get(f"/studies/{running.folder.name}").text
    for part in (
        "digits",
        "running",
        "Scores over time",
        "Score against size",
        "Networks",
        "Leaderboard",
        "linear model",
    ):
        assert part in text
    assert f"/studies/{running.folder.name}/lineage" in text


def test_a_search_for_several_objectives_has_a_page(client: TestClient, studies: Path) -> None:
    with WrittenStudy(studies / "several", several=True) as log:
        log.trials(20)
        log.close()
    text = client.get("/studies/several").text
    assert "Objectives against each other" in text
    assert "on the front" in text


def test_settings_are_not_called_networks(client: TestClient, house: House) -> None:
    store = house.workspace.create("settings")
    Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), budget=Budget(trials=3), store=store).run()
    store.close()
    text = client.get(f"/studies/{store.folder.name}").text
    assert "3 architectures." in text and "Architectures of this study" in text
    assert "3 networks" not in text and "this network" not in text and "its networks" not in text


@pytest.mark.parametrize("content", ["hello", ""])
def test_what_cannot_be_read_or_has_not_begun_has_a_page(client: TestClient, studies: Path, content: str) -> None:
    place = studies / f"odd{len(content)}"
    place.mkdir(exist_ok=True)
    (place / FILE).write_text(content)
    assert ("not an Archsmith study" if content else "Nothing is logged yet.") in client.get(
        f"/studies/{place.name}"
    ).text


def test_a_long_log_is_read_behind_a_page_that_says_so(
    client: TestClient, running: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.0)
    assert "Reading what this study has logged" in client.get(f"/studies/{running.folder.name}").text


def test_a_second_look_has_only_what_is_new(house: House, running: WrittenStudy) -> None:
    page = StudyPage(house, house.studies.get(running.folder.name))
    first, second = page.look(), page.look()
    assert first is not None and first.pool is not None and first.charts is not None
    assert second is not None  # the clock of a running study goes on
    assert (second.standings, second.pool, second.trial, second.charts) == (None, None, None, None)
    running.trials(1)
    third = page.look()
    assert third is not None and third.pool is not None


def test_of_a_study_that_rests_nothing_is_new(house: House, studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.app.pages.study.WHY_SECONDS", 0.0)  # else why it ended may still come
    with WrittenStudy(studies / "resting") as log:
        log.trials(3)
    page = StudyPage(house, house.studies.get("resting"))
    assert page.look() is not None
    assert page.look() is None


def test_charts_that_take_long_are_not_made_each_time(house: House, running: WrittenStudy) -> None:
    page = StudyPage(house, house.studies.get(running.folder.name))
    page.look()
    page._chart_seconds = 1e6
    running.trials(1)
    look = page.look()
    assert look is not None and look.pool is not None and look.charts is None
    page._chart_seconds = 0.0
    look = page.look()
    assert look is not None and look.pool is None and look.charts is not None


def test_a_page_follows_its_study(page: Client, house: House, running: WrittenStudy, shown: Callable[[], str]) -> None:
    made = StudyPage(house, house.studies.get(running.folder.name))
    look = made.look()
    assert look is not None
    made.build(look)
    running.trials(7)
    asyncio.run(made.tick())
    assert "37" in shown()
    asyncio.run(made.pick(5))
    assert "5" in str(made._network.trials)
    asyncio.run(made._turn(1))
    assert "16 to" in shown()
    asyncio.run(made.pick(10**6))  # is passed over
    assert 5 in made._network.trials


def test_what_is_shown_stays_while_nothing_is_new(page: Client, house: House, studies: Path) -> None:
    """Of a job without a search, too: its leaderboard comes with its first baseline."""
    with WrittenStudy(studies / "short") as log:
        made = StudyPage(house, house.studies.get("short"))
        look = made.look()
        assert look is not None and look.facts.n_trials == 0 and look.standings is not None and look.standings.rows
        made.build(look)
        assert "hidden" not in made._found.props
        asyncio.run(made.tick())
        assert "hidden" not in made._found.props
        log.close()


def test_a_chart_without_a_point_is_not_shown(
    page: Client, house: House, studies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHARE", 0.0)  # charts are made at every look
    with WrittenStudy(studies / "several-new", several=True) as log:
        made = StudyPage(house, house.studies.get("several-new"))
        look = made.look()
        assert look is not None
        made.build(look)
        assert "hidden" in made._best.props and "hidden" not in made._sized.props
        log.trials(1)
        log.close()
        asyncio.run(made.tick())
        assert "hidden" not in made._best.props
    asyncio.run(made.tick())
    assert "hidden" in made._sized.props  # one size is no picture, and there will be no other


def test_a_page_of_a_study_that_is_removed_finds_out(page: Client, house: House, studies: Path) -> None:
    with WrittenStudy(studies / "removed") as log:
        log.trials(3)
    made = StudyPage(house, house.studies.get("removed"))
    look = made.look()
    assert look is not None
    made.build(look)
    (studies / "removed" / FILE).unlink()
    with pytest.raises(NoStudyError, match="not there any more"):
        asyncio.run(made.tick())


def test_settings_have_no_size_to_wait_for(page: Client, house: House) -> None:
    store = house.workspace.create("waiting")
    with Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), budget=Budget(trials=3), store=store) as search:
        (trial,) = search.ask()
        search.tell(trial, 0.5)
        made = StudyPage(house, house.studies.get(store.folder.name))
        look = made.look()
        assert look is not None and look.facts.state == "running"
        with page:
            made.build(look)
        assert "hidden" in made._sized.props
    store.close()
