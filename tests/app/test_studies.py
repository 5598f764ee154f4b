from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsmith.app import studies
from archsmith.app.studies import Studies
from archsmith.core.errors import StudyError
from archsmith.core.job_records import Note
from archsmith.runtime.sqlite import FILE
from archsmith.runtime.study_view import StudyView
from archsmith.runtime.workspace import Workspace
from archsmith.testing.written import WrittenStudy


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look reads."""
    monkeypatch.setattr(studies, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(studies, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "studies"


@pytest.fixture
def known(tmp_path: Path) -> Studies:
    return Studies(Workspace(tmp_path))


def test_a_look_folds_what_was_logged_since(known: Studies, place: Path) -> None:
    with WrittenStudy(place / "a") as log:
        log.trials(3)
        followed = known.get("a")
        with followed.look() as view:
            assert (view.n_finished, view.state) == (3, "running")
            first = view
        log.trials(2)
        with followed.look() as view:
            assert view.n_finished == 5
            assert view is first
    assert known.get("a") is followed


def test_the_version_changes_with_the_study_and_only_then(known: Studies, place: Path) -> None:
    with WrittenStudy(place / "a") as log:
        followed = known.get("a")
        followed.since(None)
        before = followed.version
        assert followed.since(before).version == before
        assert followed.since(before).parts == ()
        log.write(Note("so it goes"))
        change = followed.since(before)
        assert change.version != before
        assert change.parts == ("notes",)
        log.trials(1)
        assert {"notes", "trials"} <= set(followed.since(before).parts)
        assert "notes" not in followed.since(change.version).parts


def test_the_end_of_its_process_is_a_change_of_state(known: Studies, place: Path) -> None:
    with WrittenStudy(place / "a"):
        followed = known.get("a")
        before = followed.since(None).version
    assert followed.since(before).parts == ("state",)
    with followed.look() as view:
        assert view.state == "interrupted"


def test_a_version_of_another_fold_says_that_all_is_new(known: Studies, place: Path) -> None:
    WrittenStudy(place / "a").__exit__(None, None, None)
    assert set(known.get("a").since("12345678-3").parts) == set(known.get("a").since(None).parts) != set()


def test_facts_are_made_once_for_each_version(known: Studies, place: Path) -> None:
    made: list[int] = []

    def make(view: object, n: int) -> int:
        made.append(n)
        return n

    with WrittenStudy(place / "a") as log:
        followed = known.get("a")
        assert [followed.facts(make, n) for n in (1, 1, 2)] == [1, 1, 2]
        assert made == [1, 2]
        log.trials(1)
        followed.facts(make, 1)
        assert made == [1, 2, 1]


def test_a_log_of_which_no_facts_can_be_made_cannot_be_read(known: Studies, place: Path) -> None:
    def make(view: StudyView) -> str:
        if view.why_unreadable is None:
            raise TypeError("a score is a list")
        return view.state

    with WrittenStudy(place / "a") as log:
        log.trials(1)
        followed = known.get("a")
        before = followed.since(None).version
        assert followed.facts(make) == "unreadable"
        assert followed.version != before


def test_a_deleted_study_is_missed(known: Studies, place: Path) -> None:
    WrittenStudy(place / "a").__exit__(None, None, None)
    followed = known.get("a")
    with followed.look():
        pass
    shutil.rmtree(place / "a")
    with pytest.raises(StudyError, match="not there any more"), followed.look():
        pass
    with pytest.raises(StudyError, match="There is no study 'a'"):
        known.get("a")


def test_a_log_that_was_replaced_is_read_from_its_beginning(known: Studies, place: Path) -> None:
    with WrittenStudy(place / "a") as log:
        log.trials(5)
    with WrittenStudy(place / "b") as log:
        log.trials(2)
    followed = known.get("a")
    before = followed.since(None).version
    shutil.rmtree(place / "a")
    (place / "b").rename(place / "a")
    with followed.look() as view:
        assert view.n_finished == 2
    assert "trials" in followed.since(before).parts


def test_what_cannot_be_read_says_why_and_is_read_once_it_can_be(known: Studies, place: Path) -> None:
    with WrittenStudy(place / "good") as log:
        log.trials(1)
    (place / "a").mkdir()
    (place / "a" / FILE).write_text("hello")
    followed = known.get("a")
    with followed.look() as view:
        assert view.state == "unreadable"
        assert "not an Archsmith study" in str(view.why_unreadable)
    shutil.copy(place / "good" / FILE, place / "a" / FILE)
    with followed.look() as view:
        assert view.n_finished == 1


def test_a_blank_log_is_a_study_that_has_not_begun(known: Studies, place: Path) -> None:
    (place / "a").mkdir(parents=True)
    (place / "a" / FILE).touch()
    with known.get("a").look() as view:
        assert view.state == "new"


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "a\\b", "/etc", "a\0b", "x" * 300, "nothing"])
def test_a_name_never_leads_elsewhere(known: Studies, place: Path, name: str) -> None:
    WrittenStudy(place / "a").__exit__(None, None, None)
    with pytest.raises(StudyError, match="There is no study"):
        known.get(name)


def test_only_so_many_stay_folded(known: Studies, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "MOST_KEPT", 2)
    for name in "abc":
        WrittenStudy(place / name).__exit__(None, None, None)
    first = known.get("a")
    known.get("b"), known.get("c")
    assert known.get("a") is not first
    with first.look() as view:  # whoever still looks at it goes on
        assert view.state == "interrupted"


def test_the_list_has_every_study_the_last_one_first(known: Studies, place: Path) -> None:
    for name in ("a", "b"):
        with WrittenStudy(place / name) as log:
            log.trials(2)
    (place / "broken").mkdir()
    (place / "broken" / FILE).write_text("hello")
    rows = {row["study"]: row for row in known.list()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "a": "interrupted",
        "b": "interrupted",
        "broken": "unreadable",
    }
    page, total = known.page(1, 1)
    assert (len(page), total) == (1, 3)


def test_the_list_folds_a_study_again_only_after_a_change(
    known: Studies, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WrittenStudy(place / "a") as log:
        log.trials(1)
    known.list()
    monkeypatch.setattr(studies, "try_view", lambda folder: pytest.fail("it was folded again"))
    assert known.list()[0]["n_finished"] == 1
