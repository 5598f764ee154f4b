from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archsmith.analysis.report.classification import ClassRow
from archsmith.app import model_facts
from archsmith.app.house import House
from archsmith.app.settings import AppSettings

Homes = dict[str, tuple[House, str]]


def test_classes_have_confusions_and_reliability_and_no_errors(homes: Homes) -> None:
    house, id = homes["classes"]
    found = house.models.facts(id)
    assert found.kind == "classification" and found.modality == "image" and found.missing == []
    assert found.residuals is None and found.reliability is not None and found.confusion is not None
    matrix = found.confusion.matrix
    assert matrix is not None and sum(map(sum, matrix)) == found.confusion.n
    assert found.confusion.n - sum(matrix[i][i] for i in range(len(matrix))) == found.confusion.n_wrong
    assert [row.name for row in found.per_class] == found.classes
    assert {row.split for row in found.scores} == {"test", "validation"}


def test_a_number_has_errors_and_no_confusions(homes: Homes) -> None:
    house, id = homes["numbers"]
    found = house.models.facts(id)
    assert found.kind == "regression" and found.confusion is None and found.reliability is None
    assert found.residuals is not None
    assert sum(found.residuals.counts) == len(found.residuals.dots) + found.residuals.n_left_out
    assert len(found.residuals.edges) == len(found.residuals.counts) + 1
    step = found.residuals.edges[1] - found.residuals.edges[0]
    assert f"{step:.6e}"[:8] in ("1.000000", "2.000000", "5.000000")  # round edges have round ticks


def test_rows_have_a_form_and_mistakes_with_their_values(homes: Homes) -> None:
    house, id = homes["rows"]
    found = house.models.facts(id)
    assert found.modality == "table" and found.form is not None
    assert [column["name"] for column in found.form["columns"]] == ["age", "income", "city", "member", "since"]
    assert found.mistakes is not None and found.mistakes.columns == ["age", "income", "city", "member", "since"]
    assert all(len(mistake.cells) == 5 for mistake in found.mistakes.shown)


def test_cost_card_and_command_are_told(homes: Homes) -> None:
    house, id = homes["rows"]
    found = house.models.facts(id)
    assert found.cost.params == 42 and found.cost.model_bytes is not None
    assert found.card.startswith("# rows")
    assert found.reproduction is not None and found.reproduction.command.startswith("archsmith fit rows.csv")


@pytest.fixture
def bare(tmp_path: Path, settle: Callable[[str, Path], str]) -> tuple[House, str, Path]:
    id = settle("classes", tmp_path)
    return House(AppSettings(workspace=str(tmp_path))), id, tmp_path / "studies" / id


def test_without_predictions_the_rest_is_told_and_a_sentence_says_what_is_missing(
    bare: tuple[House, str, Path],
) -> None:
    house, id, study = bare
    (study / "final" / "predictions.npz").unlink()
    found = house.models.facts(id)
    assert found.confusion is None and found.mistakes is None
    assert any("predictions" in sentence for sentence in found.missing)
    assert found.scores and found.cost.params


def test_damaged_predictions_are_told(bare: tuple[House, str, Path]) -> None:
    house, id, study = bare
    (study / "final" / "predictions.npz").write_bytes(b"PK no zip")
    assert any("damaged" in sentence for sentence in house.models.facts(id).missing)


def test_without_the_stored_data_mistakes_have_no_pictures(bare: tuple[House, str, Path], tmp_path: Path) -> None:
    house, id, _ = bare
    shutil.rmtree(tmp_path / "data")
    found = house.models.facts(id)
    assert found.mistakes is not None and not any(mistake.picture for mistake in found.mistakes.shown)
    assert any("stored data" in sentence for sentence in found.missing)


def test_classes_that_are_as_often_mistaken_for_are_counted() -> None:
    score: Any = SimpleNamespace(n=3, recall=0.0, precision=None, f1=None)
    found: Any = SimpleNamespace(rows=(ClassRow("cat", score, None, ("dog", 1), 2),))
    (row,) = model_facts._classes(found)
    assert (row.taken_for, row.as_often) == (("dog", 1), 2)
