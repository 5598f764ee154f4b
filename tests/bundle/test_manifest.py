from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from archsmith.bundle.manifest import FILES, MANIFEST, Facts, Manifest, Preprocessing, Row, check_files, checksum, read
from archsmith.core.errors import UsageError
from archsmith.core.task import image_classification, image_regression


def manifest(**changes: object) -> Manifest:
    values = {
        "task": image_classification((1, 8, 6), ("a", "ü")),
        "preprocessing": Preprocessing(8, 6, 1, (0.5,), (0.25,), 1.5),
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
        ({"preprocessing": {"height": 3}}, "incomplete"),
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


@pytest.mark.parametrize(
    "changes",
    [
        {"std": (0.0,)},
        {"mean": (0.1, 0.2)},
        {"height": 0},
        {"temperature": 0.0},
        {"mean": (float("nan"),)},
        {"target_std": 0.0},
        {"target_mean": float("inf")},
    ],
)
def test_preprocessing_refuses_nonsense(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Preprocessing(**{"height": 8, "width": 6, "channels": 1, "mean": (0.5,), "std": (0.2,), **changes})  # type: ignore[arg-type]


def test_a_bundle_of_the_first_version_reads(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    assert data["format_version"] == 1  # classes can still be read by whoever knows nothing of numbers
    for name in ("target_mean", "target_std"):
        del data["preprocessing"][name]
    del data["facts"]["per_class"]
    (tmp_path / MANIFEST).write_text(json.dumps(data), encoding="utf-8")
    assert read(tmp_path) == manifest(facts=dataclasses.replace(manifest().facts, per_class=()))


def test_numbers_need_a_later_reader(tmp_path: Path) -> None:
    numeric = manifest(
        task=image_regression((1, 8, 6), "age"),
        preprocessing=Preprocessing(8, 6, 1, (0.5,), (0.25,), target_mean=30.0, target_std=9.5),
    )
    numeric.write(tmp_path)
    assert read(tmp_path) == numeric
    assert json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))["format_version"] == 2


@pytest.mark.parametrize(
    "output",
    [
        {"kind": "classes", "classes": []},
        {"kind": "number", "n": 2},
        {"kind": "tokens"},
        {"kind": "number", "n": 1, "name": 3},
    ],
)
def test_an_output_must_be_classes_or_one_number(tmp_path: Path, output: dict[str, object]) -> None:
    manifest().write(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    data["task"]["outputs"] = [{"name": "x", "n": 2, "classes": [], **output}]
    (tmp_path / MANIFEST).write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageError, match="neither classes nor a number"):
        read(tmp_path)
