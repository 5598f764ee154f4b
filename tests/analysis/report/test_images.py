from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from archsmith.analysis.report.images import describe, shown_mistakes_of, wall_of
from archsmith.analysis.study import read_study


class Files(list[str]):
    """Pictures as they came, in files of their own."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self)

    def __getitem__(self, index: Any) -> Any:
        return np.zeros((4, 4, 1), np.uint8)


def test_each_class_has_a_row_of_pictures(make: Any) -> None:
    wall = wall_of(read_study(make()))
    assert wall is not None and wall.layout == "few"
    assert [sample.name for sample in wall.samples] == ["cat", "dog", "owl"]


def test_a_regression_shows_pictures_from_the_smallest_target_to_the_largest(make: Any) -> None:
    wall = wall_of(read_study(make(classes=(), metric="r2")))
    assert wall is not None and wall.layout == "targets"
    targets = [float(sample.name) for sample in wall.samples]
    assert targets == sorted(targets)


def test_pictures_are_described(make: Any) -> None:
    assert describe(read_study(make())) == "grey pictures of 8 × 8 pixels"


def test_mistakes_have_their_picture(make: Any) -> None:
    found = shown_mistakes_of(read_study(make(n=600, right=0.5)))
    assert found is not None and all(each.picture is not None for each in found.shown)


def test_mistakes_name_their_file_where_it_is_known(make: Any) -> None:
    study = read_study(make(n=60, right=0.0))
    assert study.splits is not None
    test = study.splits.test
    came = Files([f"folder/picture{i}.png" for i in range(len(test))])
    study.splits = replace(study.splits, test=replace(test, came=came))
    found = shown_mistakes_of(study)
    assert found is not None
    assert found.shown[0].file == f"picture{found.shown[0].mistake.index}.png"
