from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor
from archsmith.bundle import images as module
from archsmith.bundle.evaluation import choose_split, evaluate, true_classes
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.intake import Labelled
from archsmith.core import metrics
from archsmith.core.errors import DataError, UsageError
from archsmith.data.images.source import Source, all_training
from archsmith.data.labels import target


def labelled(pictures: Any, targets: Any, **more: Any) -> Labelled:
    intake = ImageIntake(1, 1, 3, (0.0,) * 3, (1.0,) * 3)
    return intake.labelled(Source(pictures, np.asarray(targets), all_training(len(pictures)), "some", **more))


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_measures_are_those_of_all_predictions_together(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch, some: Any
) -> None:
    monkeypatch.setattr(module, "CHUNK", 5)
    table = predictor.predict_proba(exported.raw)
    report = evaluate(predictor, labelled(some(exported.raw), exported.targets, class_names=predictor.classes))
    expected = metrics.classification(table, exported.targets)
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    assert report["expected_calibration_error"] == pytest.approx(
        metrics.expected_calibration_error(table, exported.targets)
    )
    confused = metrics.confusion(table.argmax(axis=1), exported.targets, 4)
    assert list(report["classes"].values()) == [row.to_dict() for row in metrics.per_class(confused)]
    assert sum(pair["n"] for pair in report["confused"]) == report["n"] - np.trace(confused)


def test_broken_pictures_are_left_out(predictor: Predictor, exported: Any, some: Any) -> None:
    broken = (0, 5, 6, 23)
    truth = predictor.predict(exported.raw)
    report = evaluate(predictor, labelled(some(exported.raw, broken), truth))
    assert (report["n"], report["accuracy"]) == (20, 1.0)
    assert report["skipped"][0] == ["number 0", "Picture 0 is broken."] and len(report["skipped"]) == 4


def test_nothing_to_measure_is_said(predictor: Predictor, exported: Any, some: Any) -> None:
    with pytest.raises(DataError, match=r"None of the 2 pictures can be read\. The first: Picture 0 is broken"):
        evaluate(predictor, labelled(some(exported.raw[:2], (0, 1)), ["circle", "circle"]))
    with pytest.raises(DataError, match="no pictures to measure"):
        evaluate(predictor, labelled(some([]), []))


@pytest.mark.parametrize(
    ("targets", "part"),
    [
        (["circle", "star"], "a class 'star' that the bundle does not know. It knows: circle, squäre"),
        ([0, 1], "a class '0'"),
        ([0.5, 1.0], "numbers with fractions"),
    ],
)
def test_targets_that_the_bundle_cannot_mean_are_refused(
    predictor: Predictor, exported: Any, targets: Any, part: str, some: Any
) -> None:
    with pytest.raises(DataError, match=part):
        evaluate(predictor, labelled(some(exported.raw[:2]), targets))


def test_names_are_written_out_as_in_training(some: Any) -> None:
    given = labelled(some([None] * 2), ["on\x07", "off"])
    learnt = target(Source(some([None] * 2), given.targets, all_training(2), "some"))
    assert learnt.classes == ("off", "on\\x07")
    assert true_classes(given, learnt.classes).tolist() == [1, 0]


def test_only_targets_of_the_chosen_pictures_matter(predictor: Predictor, exported: Any, some: Any) -> None:
    given = Source(some(exported.raw[:3]), np.array(["circle", "star", "blob"]), np.array([2, 0, 2], np.int8), "some")
    _, chosen = choose_split(predictor.manifest.intake.labelled(given))
    report = evaluate(predictor, chosen)
    assert report["n"] == 2
    assert report["classes"]["squäre"]["recall"] is None


@pytest.mark.parametrize(
    ("labels", "names"),
    [([2001, 1999], None), ([1, 0], ("1999", "2001")), (["2001", "1999"], None), ([2001.0, 1999.0], None)],
)
def test_regression_targets_in_every_form(years: Any, labels: Any, names: Any, some: Any) -> None:
    predictor = Predictor(years.folder, threads=1)
    report = evaluate(predictor, labelled(some(years.raw[:2]), labels, class_names=names))
    expected = metrics.regression(predictor.predict(years.raw[:2]), [2001, 1999])
    assert {name: report[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    with pytest.raises(DataError, match="the target 'old'"):
        evaluate(predictor, labelled(some(years.raw[:2]), ["old", "3"]))


def test_the_test_split_is_taken_where_there_is_one(some: Any) -> None:
    pictures = some([np.zeros((1, 1, 3), np.uint8)] * 4)
    intake = ImageIntake(1, 1, 3, (0.0,) * 3, (1.0,) * 3)
    whole = intake.labelled(Source(pictures, np.zeros(4, np.int64), all_training(4), "x"))
    parted = intake.labelled(Source(pictures, np.zeros(4, np.int64), np.array([0, 2, 0, 2], np.int8), "x"))

    def chosen(data: Labelled, wanted: str | None = None) -> tuple[str, list[str]]:
        name, found = choose_split(data, wanted)
        return name, [found.examples.name(place) for place in range(len(found))]

    assert chosen(whole)[0] == chosen(whole, "train")[0] == "all"
    assert chosen(parted) == ("test", ["number 1", "number 3"])
    assert chosen(parted, "train") == ("train", ["number 0", "number 2"])
    assert len(chosen(parted, "all")[1]) == 4
    with pytest.raises(UsageError, match="no split 'valid'. They have: train, test"):
        choose_split(parted, "valid")


# Tables


@pytest.fixture(scope="module")
def people_csv(people: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rows with the group that the bundle predicts for them, one without a group, and one with a mistake."""
    import pandas

    frame = pandas.DataFrame(people.raw)
    frame["group"] = Predictor(people.folder, threads=1).predict(people.raw)
    frame.loc[3, "group"] = None
    frame["age"] = frame["age"].astype(object)
    frame.loc[5, "age"] = "old"
    path = tmp_path_factory.mktemp("tables") / "people.csv"
    frame.to_csv(path, index=False)
    return path


def test_rows_of_a_table_are_measured(people: Any, people_csv: Any) -> None:
    predictor = Predictor(people.folder, threads=1)
    report = evaluate(predictor, predictor.manifest.intake.labelled(people_csv, target="group"))
    assert (report["n"], report["accuracy"]) == (len(people.raw) - 2, 1.0)
    names = [name for name, _ in report["skipped"]]
    assert names == ["row 5 (the headings are row 1)", "row 7 (the headings are row 1)"]
    assert f"but {names[1]} says 'old'" in report["skipped"][1][1]


def test_rows_of_other_splits_are_not_listed_as_left_out(people: Any) -> None:
    import pandas

    intake = Predictor(people.folder, threads=1).manifest.intake
    n = len(people.raw)
    frame = pandas.DataFrame(people.raw)
    frame["group"] = [None, *["x"] * (n - 2), None]
    frame["split"] = ["train"] * 2 + ["test"] * (n - 2)
    data = intake.labelled(frame, target="group")
    assert [len(choose_split(data, wanted)[1].skipped) for wanted in ("all", "train", "test")] == [2, 1, 1]
    assert choose_split(data)[1].skipped[0][0] == f"row {n}"


def test_regression_targets_of_a_table_are_measured(houses: Any) -> None:
    predictor = Predictor(houses.folder, threads=1)
    table = {"area": [50.0, 90.0, 120.0], "rooms": [2, 3, 5]}
    values = np.asarray(predictor.predict(table), np.float64)
    report = evaluate(predictor, predictor.manifest.intake.labelled({**table, "price": values + 3}, target="price"))
    assert (report["n"], report["target"]) == (3, "price")
    assert report["mae"] == pytest.approx(3, rel=1e-5)
