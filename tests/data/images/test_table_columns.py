"""Which column is what, from the first values of every column."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images.table_columns import choose, kind_of, kind_of_column

PATHS, LABELS, SPLITS = ["a.png", "b.png", "c.png"], ["x", "y", "x"], ["train", "val", "Test"]
TEXT = base64.b64encode(b"\x89PNG" + bytes(60)).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes", "bytes"),
        (bytearray(b"bytes"), "bytes"),
        ({"bytes": b"x", "path": None}, "bytes"),
        ({"other": 1}, None),
        (Path("anything"), "path"),
        ("folder/A.JPG ", "path"),
        ("a.txt", None),
        ("http://example.org/a.png", "url"),
        ("s3://bucket/a", "url"),
        (TEXT, "base64"),
        (f"data:image/png;base64,{TEXT}", "base64"),
        (TEXT[:32], None),
        (base64.b64encode(bytes(60)).decode(), None),
        ("", None),
        (3, None),
        (None, None),
    ],
)
def test_kinds_of_values(value: Any, expected: str | None) -> None:
    assert kind_of(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (PATHS, "path"),
        ([*PATHS, "?", None, ""], None),
        ([*PATHS, "d.png", "?", None, ""], "path"),
        ([np.zeros((4, 4)), None, np.zeros((5, 4))], "picture"),
        ([np.zeros(4), np.zeros(4)], None),
        ([np.zeros((4, 4)), "?", ""], None),
        ([], None),
        ([None, ""], None),
        ([1, 2], None),
    ],
)
def test_most_of_a_column_must_look_alike(values: Sequence[Any], expected: str | None) -> None:
    assert kind_of_column(values) == expected


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ({"image": PATHS, "label": LABELS}, ("image", "label", None, "path")),
        ({"anything": PATHS, "other": LABELS}, ("anything", "other", None, "path")),
        (
            {"id": [1, 2, 3], "Unnamed: 0": [1, 2, 3], "what": PATHS, "price": [1, 2, 3]},
            ("what", "price", None, "path"),
        ),
        ({"image": ["a", "b", "c"], "label": LABELS}, ("image", "label", None, "path")),
        ({"Image": PATHS, "thumbnail": PATHS, "Label": LABELS, "more": LABELS}, ("Image", "Label", None, "path")),
        ({"image": PATHS, "label": LABELS, "Split": SPLITS}, ("image", "label", "Split", "path")),
        ({"image": PATHS, "label": LABELS, "part": SPLITS}, ("image", "label", "part", "path")),
        ({"image": PATHS, "label": LABELS, "part": LABELS}, ("image", "label", None, "path")),
        ({"photo": [b"x", b"y", b"z"], "y": LABELS}, ("photo", "y", None, "bytes")),
        # a column of that name splits the rows, whatever it says: a reader names what it does not know
        ({"image": PATHS, "label": LABELS, "split": ["fold0", "fold1", "fold2"]}, ("image", "label", "split", "path")),
    ],
)
def test_columns_are_found(samples: dict[str, Sequence[Any]], expected: tuple[Any, ...]) -> None:
    found = choose(samples, None, None, "data")
    assert (found.image, found.target, found.split, found.kind) == expected


def test_a_person_may_name_columns() -> None:
    samples = {"left": PATHS, "right": PATHS, "a": LABELS, "b": LABELS}
    found = choose(samples, "right", "b", "data")
    assert (found.image, found.target) == ("right", "b")
    assert found.names == ["right", "b"]


def test_the_target_may_be_a_column_that_looks_like_pictures() -> None:
    assert choose({"left": PATHS, "right": PATHS}, None, "right", "data").image == "left"


@pytest.mark.parametrize(
    ("split", "note"),
    [
        ({}, "Pictures come from the column 'image', the target from 'label'."),
        (
            {"set": SPLITS},
            "Pictures come from the column 'image', the target from 'label', splits from 'set'.",
        ),
    ],
)
def test_the_choice_is_said_in_a_sentence(split: dict[str, Sequence[str]], note: str) -> None:
    found = choose({"image": PATHS, "label": LABELS, **split}, None, None, "data")
    assert found.notes == (note,)
    assert found.names == ["image", "label", *split]


@pytest.mark.parametrize(
    ("samples", "image", "target", "words", "hint"),
    [
        ({"a": LABELS, "b": LABELS}, None, None, "no column for pictures", "--image-column"),
        ({"image": PATHS, "id": [1, 2, 3]}, None, None, "no column for the target", "--target"),
        ({"x": PATHS, "y": PATHS, "label": LABELS}, None, None, "'x' or 'y'", "--image-column"),
        ({"image": PATHS, "label": LABELS, "class": LABELS}, None, None, "'label' or 'class'", "--target"),
        ({"image": PATHS, "label": LABELS}, "photo", None, "no column 'photo'", "'image', 'label'"),
        ({"image": PATHS, "label": LABELS}, None, "price", "no column 'price'", "'image', 'label'"),
        ({"image": PATHS, "label": LABELS}, "image", "image", "both", "'image', 'label'"),
        ({f"pixel{i}": [0, 1] for i in range(64)}, None, None, "pixels of its pictures", "numpy.savez"),
    ],
)
def test_where_it_is_not_clear_a_person_has_to_say(
    samples: dict[str, Sequence[Any]], image: str | None, target: str | None, words: str, hint: str
) -> None:
    with pytest.raises(DataError) as caught:
        choose(samples, image, target, "data")
    assert words in caught.value.message
    assert hint in str(caught.value.hint)
