from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.data.images.load import load as load_pictures
from archsmith.data.tables.load import load as load_table
from archsmith.testing.data_laws import check_data

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> ImageSplits:
    images = RNG.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    return load_pictures((images, np.arange(60) % 3), tmp_path_factory.mktemp("data"), seed=0).splits


def test_pictures_obey(pictures: ImageSplits) -> None:
    check_data(pictures)


def test_a_table_obeys(tmp_path: Path) -> None:
    rows = [
        {"age": str(20 + i % 40) if i % 7 else "", "job": ("a", "b", "c", "")[i % 4], "target": "yn"[i % 2]}
        for i in range(80)
    ]
    text = "\n".join(["age,job,target", *(",".join(row.values()) for row in rows)])
    (tmp_path / "rows.csv").write_text(text + "\n")
    check_data(load_table(str(tmp_path / "rows.csv"), tmp_path / "data", seed=0, target="target").splits)


class Views(ImageExamples):
    """Gives views where copies are due."""

    def batch(self, indexes: Any) -> dict[str, Any]:
        return {"image": self.images[int(indexes.min()) : int(indexes.max()) + 1]}


class Late(ImageExamples):
    """Takes the examples beside those that were asked for."""

    def take(self, indexes: Any) -> Any:
        return super().take((np.asarray(indexes) + 1) % len(self))


class Failing(ImageExamples):
    """Cannot take some of its examples."""

    def take(self, indexes: Any) -> Any:
        raise NotImplementedError("all or none")


@pytest.mark.parametrize(
    ("cls", "law"),
    [
        (Views, "^examples: A batch is a copy"),
        (Late, r"^examples: take\(\) keeps the target"),
        (Failing, r"^examples: Failing\.take \(line \d+ of .*\) raised NotImplementedError: all or none"),
    ],
)
def test_a_broken_law_is_named(pictures: ImageSplits, cls: type[ImageExamples], law: str) -> None:
    train = pictures.train
    broken = cls(np.array(train.images), train.targets, train.classes)
    with pytest.raises(AssertionError, match=law):
        check_data(dataclasses.replace(pictures, train=broken))
