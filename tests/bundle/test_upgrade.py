"""The folders of version 0.1 themselves are opened in ``tests/test_old_versions.py``."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import Manifest
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.upgrade import upgraded
from archsmith.core.errors import UsageError

SETTINGS = {
    "height": 8,
    "width": 6,
    "channels": 1,
    "mean": [0.5],
    "std": [0.25],
    "temperature": 1.5,
    "resize": "triangle",
}
REST = {
    "facts": {"name": "x"},
    "params": 1,
    "macs": 2,
    "versions": {},
    "created": "2026-01-01",
    "files": {},
    "verification": {"n": 3, "images": "given"},
}


def old(version: int, outputs: dict[str, Any], metrics: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    task = {"inputs": [{"name": "image", "kind": "image", "shape": [1, 8, 6]}], "loss": "any", "metrics": metrics}
    return {"format_version": version, "task": {**task, "outputs": [outputs]}, "preprocessing": settings, **REST}


FIRST = old(1, {"name": "class", "kind": "classes", "n": 2, "classes": ["a", "b"]}, ["accuracy"], SETTINGS)
SECOND = old(
    2,
    {"name": "age", "kind": "number", "n": 1, "classes": []},
    ["r2"],
    {**SETTINGS, "target_mean": 30.0, "target_std": 9.5},
)


def test_classes_of_the_first_format() -> None:
    found = Manifest.from_dict(copy.deepcopy(FIRST))
    assert found.intake == ImageIntake(8, 6, 1, (0.5,), (0.25,))
    assert found.output == ModelOutput("probabilities", "classification", ("a", "b"), 1.5)
    assert found.verification == {"n": 3, "images": "given", "examples": "given"}


def test_numbers_of_the_second_format() -> None:
    found = Manifest.from_dict(copy.deepcopy(SECOND))
    assert found.output == ModelOutput("value", "regression", target="age", mean=30.0, std=9.5)
    assert found.is_regression and found.task.is_regression


def test_the_present_format_stays_as_it_is() -> None:
    present = upgraded(copy.deepcopy(FIRST))
    assert present["format_version"] == 3 and "preprocessing" not in present
    assert upgraded(present) is present


@pytest.mark.parametrize("settings", [None, {}, {"height": 8}, {**SETTINGS, "std": [0.0]}])
def test_a_damaged_one_says_so(settings: Any) -> None:
    with pytest.raises(UsageError, match="damaged|above zero"):
        Manifest.from_dict({**copy.deepcopy(FIRST), "preprocessing": settings})
