"""An existing study, opened by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.cli.opened import history_of, open_study
from archsmith.core.errors import StudyError, UsageError


@pytest.fixture
def study(command: Any) -> str:
    """The id of a study of five toy trials in the workspace ``w``."""
    return str(command("search", "--trials", "5", "--workspace", "w", "--json").json["study"])


def test_a_study_is_opened_by_its_id_its_path_or_as_the_last(study: str, tmp_path: Path) -> None:
    place = str(tmp_path / "w")
    assert [open_study(name, place).id for name in (study, study[:-2], "last")] == [study] * 3
    assert open_study(str(tmp_path / "w" / "studies" / study), None).id == study


def test_it_says_what_the_study_began_with(study: str) -> None:
    began = open_study(study, "w").began
    assert began.space["type"] and began.problem["objectives"] and not began.fit


def test_its_problem_has_the_real_space(study: str) -> None:
    space = open_study(study, "w").problem().space
    assert space.decisions


def test_its_history_is_what_the_log_tells(study: str) -> None:
    opened = open_study(study, "w")
    history = history_of(opened)
    assert len(history.finished) == 5
    assert history.best() is not None
    assert all(set(trial.architecture) for trial in history.finished)


def test_a_study_that_is_not_there_is_said_so(command: Any) -> None:
    with pytest.raises(StudyError, match="nowhere"):
        open_study("nowhere", "w")


def test_a_space_that_cannot_be_imported_here_is_said_so(study: str, tmp_path: Path) -> None:
    opened = open_study(study, "w")
    opened.began.space["type"] = "no.such.module:Space"  # type: ignore[index]
    with pytest.raises(UsageError, match="no.such.module"):
        opened.problem()
