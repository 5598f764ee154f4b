"""What a page shows of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from archsmith.app import samples
from archsmith.data.images.examples import ImageExamples
from archsmith.data.tables.load import load


def pictures(targets: list[int] | list[float], *classes: str) -> ImageExamples:
    dtype = np.int64 if classes else np.float64
    return ImageExamples(np.zeros((len(targets), 5, 6, 3), np.uint8), np.array(targets, dtype), classes)


def test_pictures_of_every_class_are_shown(tmp_path: Path) -> None:
    found = samples.wall(pictures([0] * 500 + [1] * 3 + [2] * 500, "a", "b", "c"), tmp_path)
    labels = [each["label"] for each in found]
    assert len(found) == samples.N_PICTURES - 13  # b has three of the sixteen that each class may show
    assert {label: labels.count(label) for label in "abc"} == {"a": 16, "b": 3, "c": 16}
    with Image.open(tmp_path / found[0]["file"]) as image:
        assert (image.format, image.size) == ("PNG", (6, 5))


def test_of_many_classes_some_are_shown(tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(200)]
    found = samples.wall(pictures(list(range(200)), *names), tmp_path)
    assert len({each["label"] for each in found}) == samples.N_PICTURES
    assert found[-1]["label"] == "c199"


def test_of_regression_targets_small_and_large_ones_are_shown() -> None:
    found = samples.spread(pictures([float(place) for place in range(1000)]), 5)
    assert found == [0, 250, 500, 749, 999]


def test_large_pictures_become_small(tmp_path: Path) -> None:
    large = ImageExamples(np.zeros((2, 400, 200, 1), np.uint8), np.array([0, 1]), ("a", "b"))
    samples.wall(large, tmp_path)
    with Image.open(tmp_path / "0.png") as image:
        assert image.size == (64, 128)


def test_the_head_of_a_table_says_what_a_network_sees(table: Path, tmp_path: Path) -> None:
    splits = load(table, tmp_path / "data", seed=0, target="label").splits
    found = samples.samples(splits, tmp_path)
    assert found["shown"] == ["size", "<i>colour</i>", "class"]
    assert [column["kind"] for column in found["columns"]] == ["number", "category", "category"]
    assert (found["ignored"][0][0], found["n_ignored"]) == ("note", 1)
    assert len(found["rows"]) == samples.N_ROWS
    assert len(found["rows"][0]) == 4
    assert {row[-1] for row in found["rows"]} == {"yes", "no"}


def test_of_many_classes_the_largest_are_told() -> None:
    n = samples.MOST_CLASSES + 5
    counts = {"train": [*range(n)], "valid": [1] * n, "test": [2] * n}
    plain = {"notes": ["a\u202eb"], "warnings": [], "skipped": [["x.png", "broken"]]}
    found = samples.told({"classes": [f"c{place}" for place in range(n)], "counts": counts, **plain})
    assert (found["n_classes"], len(found["classes"])) == (n, samples.MOST_CLASSES)
    assert (found["classes"][0], found["counts"]["train"][0]) == (f"c{n - 1}", n - 1)
    assert found["notes"] == ["a\\u202eb"]


def test_few_classes_stay_in_their_order() -> None:
    counts = {split: [3, 9, 5] for split in ("train", "valid", "test")}
    found = samples.told({"classes": ["0", "1", "2"], "counts": counts, "notes": [], "warnings": [], "skipped": []})
    assert found["classes"] == ["0", "1", "2"] and found["counts"]["train"] == [3, 9, 5]


def test_figures_of_dates_are_dates(tmp_path: Path) -> None:
    lines = [f"2024-01-{1 + place % 28:02d},{place % 5},{'ab'[place % 2]}" for place in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["day,n,label", *lines]))
    found = samples.head(load(tmp_path / "t.csv", tmp_path / "data", seed=0).splits)
    assert [each["minimum"] for each in found["columns"]] == ["2024-01-01", 0.0]


def test_words_for_a_page_cannot_act_and_are_short() -> None:
    assert samples.short("a\u202eb\x1b") == "a\\u202eb\\x1b"
    assert len(samples.short("x" * 500)) == samples.LONGEST_CELL


def test_a_histogram_has_all_targets() -> None:
    found = samples.histogram(np.linspace(0, 1, 100))
    assert sum(found["counts"]) == 100
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert found["edges"][:3] == [0.0, 0.1, 0.2]


def test_years_are_not_cut_into_parts() -> None:
    found = samples.histogram(np.array([2007.0, 2008, 2008, 2009]))
    assert (found["edges"], found["counts"]) == ([2007.0, 2008.0, 2009.0, 2010.0], [1, 2, 1])
