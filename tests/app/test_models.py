from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.core.events import Event
from archsmith.runtime.sqlite import SqliteStore
from archsmith.server.refusals import Refusal


@pytest.fixture
def made(tmp_path: Path, settle: Callable[[str, Path], str]) -> tuple[House, str, Path]:
    """A house with the model ``classes``, its id, and the folder of its study."""
    id = settle("classes", tmp_path)
    return House(AppSettings(workspace=str(tmp_path))), id, tmp_path / "studies" / id


def bundle_at(study: Path, place: Path) -> None:
    """The study says that it wrote its bundle there, as after ``--out``."""
    store = SqliteStore(study)
    store.acquire()
    result = [event for event in store.read() if event.kind == "result"][-1]
    store.append([Event("result", {**result.data, "model_dir": str(place)})])
    store.close()


def test_a_finished_study_has_a_model_with_its_id(made: tuple[House, str, Path]) -> None:
    house, id, study = made
    (listed,) = house.models.list()
    assert (listed.id, listed.usable) == (id, True)
    assert listed.told.startswith("accuracy ")
    assert house.models.get(id).bundle == study / "final" / "bundle"


def test_a_study_whose_process_is_gone_does_not_pass_for_running(made: tuple[House, str, Path]) -> None:
    house, id, study = made
    store = SqliteStore(study)
    store.acquire()
    assert house.models.facts(id).study == "running"
    store.release()  # without an event, as after a kill
    assert house.models.facts(id).study == "finished"
    store.close()


def test_a_study_without_a_result_has_no_model(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "studies" / "s-20260101-000000")
    store.acquire()
    store.append([Event("note", {"text": "It has begun."})])
    store.close()
    assert House(AppSettings(workspace=str(tmp_path))).models.list() == []


@pytest.mark.parametrize("id", ["nothing", "..", "../classes", "a/b", "", "x" * 200, "-x", "a\0b", "{id}\n"])
def test_an_id_that_is_no_model_is_refused(made: tuple[House, str, Path], id: str) -> None:
    with pytest.raises(Refusal) as refused:
        made[0].models.get(id.replace("{id}", made[1]))
    assert refused.value.status == 404


def test_the_bundle_outside_of_the_workspace_is_taken_where_it_is_whole(
    made: tuple[House, str, Path], tmp_path: Path
) -> None:
    house, id, study = made
    shutil.copytree(study / "final" / "bundle", tmp_path / "out")
    bundle_at(study, tmp_path / "out")
    assert house.models.get(id).bundle == tmp_path / "out"


def test_a_bundle_that_was_moved_is_told_and_the_own_copy_is_used(
    made: tuple[House, str, Path], tmp_path: Path
) -> None:
    house, id, study = made
    bundle_at(study, tmp_path / "gone")
    model = house.models.get(id)
    assert model.bundle == study / "final" / "bundle"
    assert "moved or deleted" in model.notes[0] and "own copy" in model.notes[1]


def test_the_bundle_of_another_study_is_not_taken(made: tuple[House, str, Path], tmp_path: Path) -> None:
    house, id, study = made
    shutil.copytree(study / "final" / "bundle", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    manifest["facts"]["study"] = "another-20260101-000000"
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    bundle_at(study, tmp_path / "out")
    model = house.models.get(id)
    assert model.bundle == study / "final" / "bundle"
    assert "another-20260101-000000" in model.notes[0]


def test_a_damaged_bundle_is_told_and_not_used(made: tuple[House, str, Path]) -> None:
    house, id, study = made
    assert house.models.get(id).bundle is not None
    (study / "final" / "bundle" / "model.onnx").write_bytes(b"damaged")
    assert "damaged" in house.models.get(id).notes[0]
    with pytest.raises(Refusal) as refused:
        house.models.whole(id)
    assert refused.value.status == 409 and "damaged" in refused.value.message


def test_a_file_beside_the_network_that_was_changed_is_told(made: tuple[House, str, Path]) -> None:
    house, id, study = made
    (study / "final" / "bundle" / "MODEL_CARD.md").write_text("# Changed", encoding="utf-8")
    model = house.models.get(id)
    assert model.bundle is not None
    assert any("MODEL_CARD.md was changed" in note for note in model.notes)


def test_a_workspace_that_was_moved_has_the_same_models(made: tuple[House, str, Path], tmp_path: Path) -> None:
    _, id, study = made
    place = tmp_path / "elsewhere" / "studies" / id
    shutil.copytree(study, place)
    shutil.rmtree(study)
    model = House(AppSettings(workspace=str(tmp_path / "elsewhere"))).models.get(id)
    assert model.bundle == place / "final" / "bundle"
    assert not any("moved" in note for note in model.notes)


def test_facts_are_made_again_when_the_bundle_has_gone(made: tuple[House, str, Path]) -> None:
    house, id, study = made
    assert house.models.facts(id).usable
    assert house.models.facts(id) is house.models.facts(id)
    shutil.rmtree(study / "final" / "bundle")
    found = house.models.facts(id)
    assert not found.usable
    assert any("cannot be tried" in sentence for sentence in found.missing)


def test_what_a_mistake_really_is_is_kept(made: tuple[House, str, Path]) -> None:
    house, id, _ = made
    mistakes = house.models.facts(id).mistakes
    assert mistakes is not None
    index = mistakes.shown[0].index
    assert house.models.relabel(id, index, " a  cat ") == {index: "a cat"}
    assert house.models.relabels.get(id) == {index: "a cat"}


def test_what_is_no_mistake_gets_no_label(made: tuple[House, str, Path]) -> None:
    with pytest.raises(Refusal) as refused:
        made[0].models.relabel(made[1], 10**6, "row")
    assert refused.value.status == 404


def test_the_label_of_a_number_is_a_number(homes: dict[str, tuple[House, str]]) -> None:
    house, id = homes["numbers"]
    mistakes = house.models.facts(id).mistakes
    assert mistakes is not None
    index = mistakes.shown[0].index
    for wrong in ("large", "4,400", "1e99", "NA"):
        with pytest.raises(Refusal):
            house.models.relabel(id, index, wrong)
    assert house.models.relabel(id, index, "36,6") == {index: "36.6"}  # as the form that tries a row reads it
    assert house.models.relabel(id, index, "2.5") == {index: "2.5"}
    assert house.models.relabel(id, index, "") == {}
