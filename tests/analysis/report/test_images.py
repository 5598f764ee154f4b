from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.analysis.report.images import _inside, describe, shown_mistakes_of, wall_of
from archsmith.analysis.study import read_study
from archsmith.core.errors import DataError


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


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/photos/cats/1.png", "cats/1.png"),
        ("photos.zip/cats/1.png", "cats/1.png"),
        ("row 5 of /data/photos.parquet", "row 5 of photos.parquet"),
        ("number 17", "number 17"),
    ],
)
def test_mistakes_say_where_their_picture_came_from(make: Any, place: str, name: str) -> None:
    study = read_study(make(n=60, right=0.0))
    assert study.splits is not None
    called = dict.fromkeys(range(60), place)
    study.splits = replace(study.splits, test=replace(study.splits.test, called=called))
    found = shown_mistakes_of(study)
    assert found is not None
    assert (found.shown[0].place, found.shown[0].name) == (place, name)


@pytest.mark.parametrize(
    ("data", "place", "told"),
    [
        ("/d/pets", "/d/pets/cat/1.png", "cat/1.png"),
        ("/d/pets.zip", "/d/pets.zip/pets/cat/1.png", "pets/cat/1.png"),
        ("/d/pets.npz", "/d/pets.npz[3]", "pets.npz[3]"),
        ("/d/pets.csv", "row 5 of /d/pets.csv", "row 5 of pets.csv"),
        ("/d/pets", "/elsewhere/d/pets/1.png", "/elsewhere/d/pets/1.png"),
        (None, "number 3", "number 3"),
        ("digits", "number 3", "number 3"),
    ],
)
def test_a_place_is_told_inside_of_the_data(data: object, place: str, told: str) -> None:
    assert _inside(place, data) == told


def test_mistakes_of_pictures_that_have_gone_are_shown_without_a_place(make: Any) -> None:
    class Gone:
        def __getitem__(self, index: int) -> str:
            raise DataError("It has gone.")

    study = read_study(make(n=60, right=0.0))
    assert study.splits is not None
    study.splits = replace(study.splits, test=replace(study.splits.test, called=Gone()))
    found = shown_mistakes_of(study)
    assert found is not None and found.shown[0].place == ""
