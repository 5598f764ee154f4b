from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import FILES, MANIFEST, Facts, Manifest, Origin, Row, check_files, checksum, read
from archsmith.bundle.output import ModelOutput
from archsmith.core.errors import UsageError
from archsmith.core.task import image_classification, image_regression


def manifest(**changes: object) -> Manifest:
    task = image_classification((1, 8, 6), ("a", "ü"))
    values = {
        "task": task,
        "intake": ImageIntake(8, 6, 1, (0.5,), (0.25,)),
        "output": ModelOutput.of(task, 1.5),
        "facts": Facts(
            name="x",
            rows=(Row("linear", 0.5, None, 10),),
            per_class=({"name": "a", "n": 3, "precision": None, "recall": 0.5},),
            seed=1,
        ),
        "params": 10,
        "macs": 20,
        "versions": {"archsmith": "0.1.0"},
        "created": "2026-01-01T00:00:00+00:00",
        "files": {},
        "verification": {"n": 3},
    }
    return Manifest(**{**values, **changes})  # type: ignore[arg-type]


def edit(folder: Path, **changes: object) -> None:
    data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**data, **changes}), encoding="utf-8")


def test_round_trip(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    assert read(tmp_path) == manifest()


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    edit(tmp_path, colour="blue", facts={**data["facts"], "mood": 3})
    assert read(tmp_path) == manifest()


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"format": "other"}, "not the manifest"),
        ({"format_version": 99}, "format version 99"),
        ({"format_version": "1"}, "format version '1'"),
        ({"inputs": [{"height": 3}]}, "incomplete"),
        ({"inputs": []}, "incomplete"),
        ({"output": None}, "incomplete"),
        ({"modality": "smells"}, "data of the kind 'smells', which this Archsmith does not know"),
        ({"modality": "os:path"}, "data of the kind 'os:path'"),
        ({"output": {"name": "probabilities", "kind": "classification", "classes": ["a", "b"]}}, "contradicts itself"),
        ({"task": []}, "incomplete"),
        ({"files": 3}, "incomplete"),
        ({"facts": None}, "incomplete"),
    ],
)
def test_foreign_manifests_are_refused(tmp_path: Path, changes: dict[str, object], part: str) -> None:
    manifest().write(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(UsageError, match=part):
        read(tmp_path)


def test_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no bundle at"):
        read(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is no bundle"):
        read(tmp_path)
    (tmp_path / MANIFEST).write_bytes(b"\xff{")
    with pytest.raises(UsageError, match="damaged"):
        read(tmp_path)


def test_files_are_compared_with_their_checksums(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text(name)
    manifest(files={name: checksum(name.encode()) for name in FILES}).write(tmp_path)
    check_files(tmp_path)
    (tmp_path / "network.py").write_text("changed")
    with pytest.raises(UsageError, match=r"network\.py is not the one"):
        check_files(tmp_path)
    (tmp_path / "network.py").unlink()
    with pytest.raises(UsageError, match=r"lost its network\.py"):
        check_files(tmp_path)


def test_files_outside_the_bundle_are_not_looked_at(tmp_path: Path) -> None:
    manifest(files={"../secret": "0"}).write(tmp_path)
    with pytest.raises(UsageError, match="not part of a bundle"):
        check_files(tmp_path)


def test_a_regression_target_round_trips(tmp_path: Path) -> None:
    task = image_regression((1, 8, 6), "age")
    written = manifest(task=task, output=ModelOutput.of(task, statistics=(30.0, 9.5)))
    written.write(tmp_path)
    assert read(tmp_path) == written
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    assert data["format_version"] == 3
    assert data["output"] == {"name": "value", "kind": "regression", "target": "age", "mean": 30.0, "std": 9.5}


def test_where_weights_come_from_round_trips(tmp_path: Path) -> None:
    origin = Origin("a network", "Apache-2.0", "pictures of birds", "0123abcd", "It was made by a person.")
    manifest(facts=Facts(origin=origin)).write(tmp_path)
    assert read(tmp_path).facts.origin == origin
    manifest().write(tmp_path)
    assert read(tmp_path).facts.origin is None


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"kind": "classification", "classes": []}, "neither classes nor"),
        ({"kind": "classification", "classes": [1, 2]}, "neither classes nor"),
        ({"kind": "regression", "classes": [], "target": 3}, "neither classes nor"),
        ({"kind": "regression", "classes": [], "target": "age", "std": 0.0}, "standard deviation 0"),
        ({"kind": "tokens"}, "contradicts itself"),
    ],
)
def test_an_output_must_be_classes_or_one_regression_target(
    tmp_path: Path, changes: dict[str, object], part: str
) -> None:
    manifest().write(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    edit(tmp_path, output={**data["output"], **changes})
    with pytest.raises(UsageError, match=part):
        read(tmp_path)
