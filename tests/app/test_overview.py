from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from archsmith.app.house import House
from archsmith.app.overview import PAGE, ago, begin_sample, overview, short
from archsmith.app.settings import AppSettings
from archsmith.core.wording import size


def row(study: str, **other: Any) -> dict[str, Any]:
    told = {"state": "finished", "reason": None, "n_finished": 3, "data": "/x/y/own.csv", "metric": "accuracy"}
    return {"study": study, "score": 0.5, "tested": True, "changed": 0.0, **told, **other}


def listing(*found: Any) -> Any:
    return SimpleNamespace(list=lambda: list(found))


class Jobs:
    """Knows one job that failed, and one that begins."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def all(self) -> list[Any]:
        now = time.time()
        killed = {"study": "killed", "beginning": False, "words_of_end": lambda at: "It was killed." if at < 9 else ""}
        begins = {"study": None, "beginning": True, "last_words": "No such column."}
        return [
            SimpleNamespace(id="starting-2", data="a.csv", target="b", started=now - 35, running=True, **begins),
            SimpleNamespace(id="starting-3", data="a.csv", started=now, running=False, **begins),
            SimpleNamespace(id="starting-1", data="digits", started=now, running=False, **killed),
            SimpleNamespace(id="starting-0", data="digits", started=0.0, running=False, **begins),
        ]

    def begin(self, options: Any) -> str:
        self.asked.append(options)
        return "starting-4"


@pytest.fixture
def house(tmp_path: Any) -> Any:
    made: Any = House(AppSettings(workspace=str(tmp_path)))
    made.jobs = Jobs()
    return made


def test_nothing_at_all_is_the_first_time(house: Any) -> None:
    house.jobs.all = list
    assert overview(house).first
    house.studies = listing(row("a"))
    assert not overview(house).first


def test_a_study_is_told_in_a_line(house: Any) -> None:
    house.studies = listing(row("a"), row("b", score=None), row("killed", state="interrupted"))
    tested, none, killed = overview(house).studies
    assert (tested.score, tested.data, tested.trials, tested.words) == (
        "accuracy 50\xa0% on the test split",
        "own.csv",
        3,
        "",
    )
    assert none.score == ""
    assert killed.words == "It was killed."
    house.studies = listing(row("killed", state="interrupted", changed=60.0))  # another process went on with it
    assert overview(house).studies[0].words == "Its process is gone. What was finished is kept."


def test_a_paused_study_does_not_pass_for_one_that_failed(house: Any) -> None:
    house.studies = listing(row("killed", state="paused"))  # its process did not answer, so that the pause ended it
    assert overview(house).studies[0].words == ""


def test_a_study_that_cannot_be_read_says_why(house: Any) -> None:
    house.studies = listing(row("a", state="unreadable", reason="The log is damaged."))
    assert overview(house).studies[0].words == "The log is damaged."


def test_what_begins_is_told_and_what_failed_long_ago_is_not(house: Any) -> None:
    runs, failed = overview(house).beginnings
    assert (runs.id, runs.running) == ("starting-2", True)
    assert runs.words.startswith("a.csv, to predict 'b': the data are being read") and "35 seconds" in runs.words
    assert failed.words == "No study of 'a.csv' could begin. No such column."


def test_one_page_of_studies_is_told(house: Any) -> None:
    house.studies = listing(*(row(str(i)) for i in range(PAGE + 3)))
    assert [len(overview(house, offset).studies) for offset in (0, PAGE, 10**6)] == [PAGE, 3, 0]
    assert overview(house).n_studies == PAGE + 3


def test_data_and_models_are_told_without_the_sample(house: Any) -> None:
    common = {"size": 1500, "added": 0.0, "state": "ready"}
    house.data = listing(
        SimpleNamespace(id="own-1", name="own.csv", origin="upload", **common),
        SimpleNamespace(id="folder-1", name="folder", origin="path", **{**common, "size": None}),
        SimpleNamespace(id="digits", name="digits", origin="sample", **common),
    )
    house.studies = listing(row("a-1", target="price"))
    house.models = listing(SimpleNamespace(id="a-1", name="own", told="accuracy 98 %", params=1200, usable=False))
    found = overview(house)
    assert [(line.id, line.facts[:2]) for line in found.data] == [
        ("own-1", ("checked", "1.5 kB")),
        ("folder-1", ("checked", ago(time.time()))),  # nobody has counted its bytes
    ]
    assert found.studies[0].data == "own.csv, price"
    assert found.models[0].facts == (
        "predicts price",
        "accuracy 98 %",
        "1,200 parameters",
        "its bundle is not whole",
        "study a-1",
    )


def test_the_sample_takes_two_minutes(house: Any) -> None:
    assert begin_sample(house) == "starting-4"
    assert house.jobs.asked == [{"data": "digits", "seconds": 120.0}]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (10**6, "11 days ago")],
)
def test_ages_are_told_in_words(seconds: float, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (25 * 10**6, "25 MB"), (5 * 10**12, "5000 GB")],
)
def test_sizes_are_told_in_words(n: int, words: str) -> None:
    assert size(n) == words


def test_names_of_others_do_not_act_and_are_not_too_long() -> None:
    assert short("a\x1b[2J\u202e") == "a\\x1b[2J\\u202e"
    assert len(short("x" * 1000)) == 80
