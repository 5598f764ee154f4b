"""Data sets: received, found again, checked and removed; nothing half-written."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archsmith.app import datasets, inspector
from archsmith.app.datasets import CHECKING, DIGITS, READY, REFUSED, STOPPED, DataSet
from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.data.lock import FileLock
from archsmith.server.refusals import Refusal

Checked = Callable[[House, str], DataSet]
pytestmark = pytest.mark.usefixtures("looking")


@pytest.fixture
def house(tmp_path: Path) -> House:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    return House(AppSettings(workspace=str(tmp_path / "workspace"), allow_paths=allowed))


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def receive(house: House, path: Path, name: str | None = None, **how: Any) -> DataSet:
    content = path.read_bytes()
    return asyncio.run(house.data.receive(name or path.name, chunks(content), len(content), **how))


def refused(house: House, path: Path, **how: Any) -> Refusal:
    before = sorted(str(found) for found in house.folder.rglob("*"))
    with pytest.raises(Refusal) as raised:
        receive(house, path, **how)
    left = {str(found) for found in house.folder.rglob("*")} - set(before)
    assert not [found for found in left if Path(found).is_file()], "something is left of it"
    assert not list(house.data.folder.glob("*"))
    return raised.value


def idx(path: Path, values: np.ndarray[Any, Any]) -> Path:
    head = struct.pack(">BBBB", 0, 0, 8, values.ndim) + b"".join(struct.pack(">I", n) for n in values.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + values.astype(np.uint8).tobytes())
    return path


def test_the_sample_is_always_there(house: House) -> None:
    assert [(each.id, each.state) for each in house.data.list()] == [(DIGITS, STOPPED)]
    assert house.data.get(DIGITS).origin == "sample"


def test_a_file_becomes_a_data_set_and_is_checked(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    assert made.id.startswith("shapes-")
    found = checked(house, made.id)
    assert (found.state, found.facts["kind"]) == (READY, "image")
    assert [each.id for each in house.data.list()] == [made.id, DIGITS]
    assert house.data.picture(made.id, 0).read_bytes()[1:4] == b"PNG"
    assert Path(found.source).read_bytes() == zipped.read_bytes()


def test_what_may_do_harm_leaves_nothing(house: House, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    assert refused(house, tmp_path / "x.zip").status == 422


def test_a_name_never_leads_out_of_the_folder(house: House, table: Path, checked: Checked) -> None:
    made = receive(house, table, "../../../evil.csv")
    checked(house, made.id)
    assert Path(made.source).is_relative_to(house.data.folder / made.id)


def test_images_and_labels_are_one_data_set(house: House, tmp_path: Path, checked: Checked) -> None:
    images = idx(tmp_path / "train-images-idx3-ubyte.gz", np.random.default_rng(0).integers(0, 255, (40, 6, 6)))
    labels = idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(40) % 2)
    first = receive(house, images, more=True)
    assert first.state == STOPPED
    receive(house, labels, into=first.id)
    found = checked(house, first.id)
    assert (found.state, found.facts["findings"]["n_examples"]["train"]) == (READY, 29)
    assert found.n_bytes == images.stat().st_size + labels.stat().st_size
    assert (found.facts["name"], Path(found.source).name) == ("train-images", "train-images")


def test_one_pair_of_any_split_is_a_data_set(house: House, tmp_path: Path, checked: Checked) -> None:
    images = idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.random.default_rng(0).integers(0, 255, (40, 6, 6)))
    labels = idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.arange(40) % 2)
    first = receive(house, labels, more=True)
    receive(house, images, into=first.id)
    assert checked(house, first.id).state == READY


def test_images_without_labels_say_what_is_missing(house: House, tmp_path: Path) -> None:
    images = idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((40, 6, 6)))
    said = refused(house, images)
    assert "no labels beside them" in said.message and "Choose the images and their labels together." in str(said.hint)


def test_the_same_file_twice_is_told_apart(house: House, zipped: Path, checked: Checked) -> None:
    made = [receive(house, zipped) for _ in range(3)]
    for each in made:
        checked(house, each.id)
    assert [house.data.get(each.id).name for each in made] == ["shapes.zip", "shapes.zip (2)", "shapes.zip (3)"]
    house.data.remove(made[1].id)
    assert receive(house, zipped).name == "shapes.zip (2)"


def test_labels_that_come_later_are_looked_at_with_their_images(
    house: House, tmp_path: Path, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = idx(tmp_path / "train-images-idx3-ubyte.gz", np.random.default_rng(0).integers(0, 255, (40, 6, 6)))
    labels = idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(40) % 2)
    first = receive(house, images, more=True)
    house.data.checks.looks[first.id] = "still runs"
    receive(house, labels, into=first.id)
    assert checked(house, first.id).state == READY


def test_labels_that_are_broken_take_their_images_along(house: House, tmp_path: Path) -> None:
    images = idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((40, 6, 6)))
    broken = idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(39))
    first = receive(house, images, more=True)
    assert refused(house, broken, into=first.id).status == 422


def test_other_files_do_not_join(house: House, table: Path, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    with pytest.raises(Refusal, match="images and labels"):
        receive(house, table, into=made.id)
    assert house.data.get(made.id).state == READY


def test_a_zip_is_looked_at_even_if_more_is_announced(house: House, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    assert refused(house, tmp_path / "x.zip", more=True).status == 422


def test_data_are_checked_again_with_other_columns(house: House, table: Path, checked: Checked) -> None:
    made = receive(house, table)
    assert checked(house, made.id).state == REFUSED
    assert house.data.check(made.id, {"target": "label"}).state == CHECKING
    found = checked(house, made.id)
    assert (found.state, found.facts["target"], found.asked["target"]) == (READY, "label", "label")
    assert house.data.check(made.id, {"target": "label"}).state == READY, "the same is not checked twice"


def test_data_that_were_refused_are_checked_again_when_somebody_asks(
    house: House, zipped: Path, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(asked: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(inspector, "_confined", full)
        found = checked(house, receive(house, zipped).id)
    assert found.state == REFUSED and "No space left" in found.facts["message"]
    assert house.data.check(found.id, dict(found.asked)).state == CHECKING
    assert checked(house, found.id).state == READY


def test_a_check_that_cannot_be_begun_says_why(
    house: House, table: Path, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    made = receive(house, table)
    checked(house, made.id)
    monkeypatch.setattr(datasets, "write_text", full)
    with pytest.raises(Refusal, match="No space left on device") as raised:
        house.data.check(made.id, {"target": "label"})
    assert raised.value.status == 507


def test_a_job_gets_the_data_as_they_were_checked(house: House, table: Path, checked: Checked) -> None:
    made = receive(house, table)
    checked(house, made.id)
    with pytest.raises(Refusal, match="cannot be learnt from"):
        house.data.settings_for(made.id, {})
    house.data.check(made.id, {"target": "label"})
    checked(house, made.id)
    found = house.data.settings_for(made.id, {"seconds": 60.0, "data": "/etc/passwd"})
    learnt = {"target": "label", "task": "classification"}
    assert found == {"seconds": 60.0, **learnt, "modality": "table", "data": made.source}
    assert house.data.settings_for(made.id, learnt)["target"] == "label"


@pytest.mark.parametrize("other", [{"image": "note"}, {"target": "class"}, {"task": "regression"}])
def test_a_job_does_not_learn_what_was_not_shown(
    house: House, table: Path, checked: Checked, other: dict[str, str]
) -> None:
    made = receive(house, table)
    house.data.check(made.id, {"target": "label"})
    checked(house, made.id)
    with pytest.raises(Refusal, match="another column or task") as raised:
        house.data.settings_for(made.id, other)
    assert raised.value.status == 409


def test_the_column_that_was_found_is_the_one_that_is_learnt(house: House, tmp_path: Path, checked: Checked) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(f"{i},{'xy'[i % 2]}" for i in range(60)))
    made = receive(house, tmp_path / "t.csv")
    found = checked(house, made.id)
    assert (found.asked["target"], found.facts["target"], found.facts["headings"]) == (None, "b", ["a", "b"])
    options = house.data.settings_for(made.id, {})
    assert (options["target"], options["task"]) == ("b", "classification")


def test_data_that_a_study_begins_with_stay(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    job = SimpleNamespace(running=True)
    house.data._beginning = lambda source: job if source == made.source else None  # type: ignore[assignment]
    with pytest.raises(Refusal, match="starting reads these data") as raised:
        house.data.remove(made.id)
    assert raised.value.status == 409 and Path(made.source).exists()
    job.running = False
    house.data.remove(made.id)


def test_a_path_below_the_allowed_folder_is_used(house: House, table: Path, checked: Checked) -> None:
    allowed = house.settings.allow_paths
    assert allowed is not None
    (allowed / "t.csv").write_bytes(table.read_bytes())
    made = house.data.add_path("t.csv")
    assert checked(house, made.id).source == str(allowed / "t.csv")
    house.data.remove(made.id)
    assert (allowed / "t.csv").exists()


def test_a_file_that_was_changed_since_its_check_counts_as_not_checked(
    house: House, table: Path, checked: Checked
) -> None:
    assert house.settings.allow_paths is not None
    place = house.settings.allow_paths / "t.csv"
    place.write_bytes(table.read_bytes())
    name = house.data.add_path("t.csv").id
    house.data.check(name, {"target": "label"})
    assert checked(house, name).state == READY
    n_train = house.data.get(name).facts["findings"]["n_examples"]["train"]
    place.write_text("\n".join(table.read_text().splitlines()[:41]))
    found = house.data.get(name)
    assert (found.state, found.facts, found.asked["target"]) == (STOPPED, {}, "label")
    with pytest.raises(Refusal, match="changed since"):
        house.data.settings_for(name, {})
    house.data.check(name)
    found = checked(house, name)
    assert found.state == READY and found.facts["findings"]["n_examples"]["train"] < n_train
    place.unlink()
    assert house.data.get(name).state == STOPPED
    assert next(each.state for each in house.data.list() if each.id == name) == READY  # a list asks no other disk


def test_data_that_an_earlier_version_looked_at_elsewhere_count_as_checked(
    house: House, table: Path, checked: Checked
) -> None:
    assert house.settings.allow_paths is not None
    (house.settings.allow_paths / "t.csv").write_bytes(table.read_bytes())
    name = house.data.add_path("t.csv").id
    house.data.check(name, {"target": "label"})
    assert checked(house, name).state == READY
    asked = house.data.folder / name / "asked.json"
    known = json.loads(asked.read_text())
    del known["stamp"]
    asked.write_text(json.dumps(known))
    assert house.data.get(name).state == READY


def test_while_the_machine_is_measured_data_elsewhere_are_checked_again_on_request(
    house: House, table: Path, checked: Checked
) -> None:
    assert house.settings.allow_paths is not None
    (house.settings.allow_paths / "t.csv").write_bytes(table.read_bytes())
    name = house.data.add_path("t.csv").id
    house.data.check(name, {"target": "label"})
    before = checked(house, name).facts["asked"]
    (house.data.folder / name / "measured.json").unlink(missing_ok=True)
    house.data.checks.looks[name] = before
    assert house.data.get(name).measuring
    assert house.data.check(name).facts["asked"] == before  # its page only looks
    house.data.check(name, {"target": "label"})
    assert checked(house, name).facts["asked"] != before


def test_data_that_lie_elsewhere_are_checked_again_on_request(house: House, zipped: Path, checked: Checked) -> None:
    assert house.settings.allow_paths is not None
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(house.settings.allow_paths / "shapes")
    made = house.data.add_path("shapes")
    assert checked(house, made.id).size is None and house.data.get(DIGITS).size is None
    before = house.data.get(made.id).facts["asked"]
    house.data.check(made.id, dict(made.asked))  # its folders may hold other pictures by now
    assert checked(house, made.id).facts["asked"] != before


@pytest.mark.parametrize("path", ["..", "/etc/passwd", "../../../../etc", "out"])
def test_a_path_elsewhere_is_refused(house: House, path: str) -> None:
    assert house.settings.allow_paths is not None
    (house.settings.allow_paths / "out").symlink_to("/etc")
    with pytest.raises(Refusal) as raised:
        house.data.add_path(path)
    assert raised.value.status == 403


@pytest.mark.parametrize("path", ["nothing", "a\0b", "x" * 5000])
def test_a_path_that_is_not_there_is_refused(house: House, path: str) -> None:
    with pytest.raises(Refusal) as raised:
        house.data.add_path(path)
    assert raised.value.status == 404


def test_no_path_is_used_where_none_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="not allowed"):
        House(AppSettings(workspace=str(tmp_path))).data.add_path(str(tmp_path))


def test_data_are_removed_with_their_files(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    house.data.remove(made.id)
    assert not list(house.data.folder.glob("*"))
    with pytest.raises(Refusal) as raised:
        house.data.get(made.id)
    assert raised.value.status == 404


def test_the_sample_is_not_removed(house: House) -> None:
    with pytest.raises(Refusal, match="always there"):
        house.data.remove(DIGITS)


@pytest.mark.parametrize("name", ["..", "../data", "A", "x" * 61, "", "nothing-123abc"])
def test_only_ids_are_looked_for(house: House, name: str) -> None:
    with pytest.raises(Refusal) as raised:
        house.data.get(name)
    assert raised.value.status == 404


def test_a_check_that_was_killed_is_said_and_done_again(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    asked = inspector.read(house.data.folder / made.id / inspector.ASKED)
    (house.data.folder / made.id / inspector.ASKED).write_text(json.dumps({**asked, "name": "another"}))
    assert house.data.get(made.id).state == STOPPED
    assert house.data.check(made.id).state == CHECKING
    assert checked(house, made.id).state == READY


def test_a_check_of_another_app_is_seen_and_left_alone(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    (house.data.folder / made.id / inspector.FACTS).unlink()
    lock = FileLock(house.data.folder / made.id / inspector.LOCK)
    assert lock.take()
    with lock:
        assert house.data.get(made.id).state == CHECKING
        with pytest.raises(Refusal, match="being checked"):
            house.data.remove(made.id)


def test_a_check_that_still_runs_makes_way(house: House, table: Path, checked: Checked) -> None:
    made = receive(house, table)
    house.data.check(made.id, {"target": "class"})
    house.data.check(made.id, {"target": "label"})
    assert checked(house, made.id).facts["target"] == "label"


def test_what_a_killed_app_left_is_swept(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    (house.data.folder / ".half-123abc" / "files").mkdir(parents=True)
    house.data.uploads.folder.mkdir(exist_ok=True)
    (house.data.uploads.folder / "1.part").write_bytes(b"x")
    again = House(house.settings)
    again.data.sweep()
    assert [path.name for path in again.data.folder.iterdir()] == [made.id]
    assert not list(again.data.uploads.folder.iterdir())
    assert again.data.get(made.id).state == READY


def test_facts_that_are_damaged_are_looked_for_again(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    (house.data.folder / made.id / inspector.FACTS).write_text("{")
    assert house.data.get(made.id).state == STOPPED


def test_the_quota_counts_what_is_kept(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    house.data.uploads.quota = zipped.stat().st_size + 10
    with pytest.raises(Refusal) as raised:
        receive(house, zipped)
    assert raised.value.code == "quota"


def test_there_is_a_limit_on_their_number(house: House, zipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MOST_SETS", 0)
    assert refused(house, zipped).status == 507


def test_a_job_does_not_measure_beside_a_check(house: House, zipped: Path, checked: Checked) -> None:
    made = receive(house, zipped)
    checked(house, made.id)
    (house.data.folder / made.id / inspector.MEASURED).unlink()
    house.data.checks.looks[made.id] = "runs"
    assert house.data.get(made.id).measuring
    assert not house.data.get(made.id).speed
    house.data.settings_for(made.id, {})
    assert not house.data.get(made.id).measuring
    assert "speed" not in house.data.get(made.id).speed


def test_the_app_itself_loads_nothing_that_trains(environment: dict[str, str]) -> None:
    modules = "archsmith.app.api.data, archsmith.app.pages.data, archsmith.app.pages.new, archsmith.app.house"
    code = f"import {modules}, sys; print(sorted({{'torch', 'pandas', 'pyarrow', 'sklearn'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
