from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archsmith.bundle.prediction_columns import Answers
from archsmith.bundle.predictions import Batch

VALUES = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]], np.float32)


def answers(classes: tuple[str, ...] = ("a", "b\n", "c"), noun: str = "row", target: str = "", **more: Any) -> Answers:
    manifest = SimpleNamespace(intake=SimpleNamespace(noun=noun), output=SimpleNamespace(target=target))
    predictor: Any = SimpleNamespace(manifest=manifest, classes=classes, is_regression=not classes)
    asked: Any = SimpleNamespace(name=lambda place: f"{place}\x1b.png")
    return Answers(predictor, asked, more.get("top"), more.get("proba", False))


def listed(found: Any) -> list[Any]:
    return [[round(cell, 6) if isinstance(cell, float) else cell for cell in _list(cells)] for cells in found.cells]


def _list(cells: Any) -> list[Any]:
    return cells.tolist() if isinstance(cells, np.ndarray) else list(cells)


def test_the_most_probable_class_the_first_of_equal_ones() -> None:
    found = answers()
    assert [name for name, _ in found.columns] == ["row", "class", "probability", "error"]
    assert listed(found.block(Batch(6, VALUES, {1: "no\x1b"}))) == [[7, 8], ["b\\n", "a"], [0.5, 0.4]]
    assert found.block(Batch(6, VALUES, {1: "no\x1b"})).errors == {1: "no\\x1b"}


def test_the_next_classes() -> None:
    found = answers(top=2)
    assert [name for name, _ in found.columns][1:-1] == ["class", "probability", "class_2", "probability_2"]
    assert listed(found.block(Batch(0, VALUES, {}))) == [
        [1, 2],
        ["b\\n", "a"],
        [0.5, 0.4],
        ["c", "b\\n"],
        [0.3, 0.4],
    ]
    assert len(answers(top=9).columns) == 2 + 2 * 3


def test_the_probability_of_every_class() -> None:
    found = answers(proba=True)
    assert [name for name, _ in found.columns][2:-1] == ["probability a", "probability b\\n", "probability c"]
    assert listed(found.block(Batch(0, VALUES, {})))[2:] == [[0.2, 0.4], [0.5, 0.4], [0.3, 0.2]]


@pytest.mark.parametrize(("target", "name"), [("price", "price"), ("error", "predicted error")])
def test_regression_targets_of_pictures(target: str, name: str) -> None:
    found = answers((), noun="picture", target=target)
    assert [name for name, _ in found.columns] == ["file", name, "error"]
    assert listed(found.block(Batch(3, VALUES[:, 0], {}))) == [["3\\x1b.png", "4\\x1b.png"], [0.2, 0.4]]
