from __future__ import annotations

import base64
import csv
import io
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report.classification import confusions_of
from archsmith.analysis.study import Study, read_study
from archsmith.analysis.wording import NB


def predicted(make: Any, said: list[int], labels: list[int], classes: tuple[str, ...] = ("cat", "dog", "owl")) -> Study:
    study = make(classes=classes, n=len(labels) if len(labels) % len(classes) == 0 else 12)
    table = np.full((len(labels), len(classes)), 0.1, np.float32)
    table[np.arange(len(labels)), said] = 0.8
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=np.array(labels))
    return read_study(study)


@pytest.mark.parametrize(
    ("said", "labels", "text"),
    [
        ([0, 1, 2], [0, 1, 2], "makes no mistake on the 3 test pictures. With so few"),
        ([1, 1, 2], [0, 1, 2], "1 of 3 test pictures is taken for something else. It is “cat” taken for “dog”."),
        ([1, 1, 1, 2, 2, 0], [0, 0, 0, 2, 1, 0], "Most are “cat” taken for “dog” (3 times)."),
        ([1, 1, 0, 0, 2, 2], [0, 0, 1, 1, 0, 2], "Most of these mistakes mix up “cat” and “dog” (4 of 5)."),
        ([1, 1, 0, 2, 2], [0, 0, 1, 2, 2], "2 are “cat” taken for “dog”, 1 the other way round."),
        (
            [1, 1, 2, 2, 0, 0],
            [0, 0, 1, 1, 2, 1],
            "The commonest mistakes are “cat” taken for “dog” and “dog” taken for “owl” (twice each).",
        ),
        ([1, 2, 0], [0, 1, 2], "No two of these mistakes are alike."),
    ],
)
def test_the_commonest_mistake_in_a_sentence(make: Any, said: list[int], labels: list[int], text: str) -> None:
    found = confusions_of(predicted(make, said, labels))
    assert found is not None and text in found.lead.replace(NB, " ")


def test_all_pairs_can_be_had_as_csv(make: Any) -> None:
    found = confusions_of(predicted(make, [0, 1, 1, 1], [0, 1, 2, 2], ("a, b", '"c"', "d\ne")))
    assert found is not None
    head, _, data = found.csv.partition(",")
    assert head == "data:text/csv;charset=utf-8;base64"
    rows = list(csv.reader(io.StringIO(base64.b64decode(data).decode())))
    assert rows[0] == ["true class", "predicted class", "times"]
    assert rows[1:] == [["a, b", "a, b", "1"], ['"c"', '"c"', "1"], ["d\ne", '"c"', "2"]]


def test_classes_with_few_pictures_are_called_rough(make: Any) -> None:
    found = confusions_of(predicted(make, [0, 1, 1], [0, 1, 2]))
    assert found is not None
    assert "“owl” is the hardest class: 0 % of its pictures are recognised." in found.class_lead.replace(NB, " ")
    assert "All classes have fewer than 20 test pictures" in found.class_lead


def test_classes_that_share_a_place_are_all_named(make: Any) -> None:
    found = confusions_of(predicted(make, [0, 0, 1, 1, 2, 0], [0, 0, 1, 1, 2, 2]))
    assert found is not None
    assert (
        "“owl” is the hardest class: 50" in found.class_lead and "“cat” and “dog” are the easiest" in found.class_lead
    )
    found = confusions_of(predicted(make, [0, 1, 1, 0, 2, 2], [0, 0, 1, 1, 2, 2]))
    assert found is not None and "“cat” and “dog” are the hardest classes: 50" in found.class_lead
    found = confusions_of(predicted(make, [1, 2, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]))
    assert found is not None and found.rows[0].taken_for == ("dog", 1) and found.rows[0].as_often == 1


def test_classes_without_test_pictures_are_not_said_to_be_recognised(make: Any) -> None:
    found = confusions_of(predicted(make, [0, 1, 1, 0], [0, 1, 1, 0]))
    assert found is not None
    text = found.class_lead.replace(NB, " ")
    assert text.startswith("The classes that have test pictures are recognised equally well: 100 % of each.")
    assert text.endswith("1 class has no test pictures at all.")
    found = confusions_of(predicted(make, [0, 0, 1], [0, 0, 0]))
    assert found is not None and found.class_lead.replace(NB, " ").startswith("66.7 % of “cat” are recognised.")
    found = confusions_of(predicted(make, [0, 1, 2], [0, 1, 2]))
    assert found is not None and found.class_lead.startswith("All classes are recognised equally well")
