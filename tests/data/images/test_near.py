"""Pictures that are the same one in several sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.data.images import near
from archsmith.data.images.load import Loaded, load
from archsmith.data.images.near import near_duplicates
from archsmith.data.images.read import read
from archsmith.data.splits import FEWEST

N = 30


def drawn(rng: np.random.Generator) -> Image.Image:
    """Soft spots of colours, which look the same at any size."""
    return Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ``N`` pictures, each in three sizes, and as many that come once."""
    rng, place = np.random.default_rng(0), tmp_path / "pictures"
    for name in "ab":
        (place / name).mkdir(parents=True)
        for i in range(N):
            picture = drawn(rng)
            for side in (24, 32, 48):
                picture.resize((side, side), Image.Resampling.LANCZOS).save(place / name / f"{i:02}-{side}.png")
            drawn(rng).save(place / name / f"{i:02}-alone.png")
    return place


def stem(path: str) -> str:
    file = Path(path)
    return f"{file.parent.name}/{file.stem if 'alone' in file.stem else file.stem.partition('-')[0]}"


def splits_of(loaded: Loaded) -> dict[str, set[str]]:
    """The splits that the copies of each picture lie in."""
    where: dict[str, set[str]] = {}
    for split, examples in loaded.splits.by_name.items():
        assert examples.called is not None
        for i in range(len(examples)):
            where.setdefault(stem(examples.called[i]), set()).add(split)
    return where


def test_the_sizes_of_one_picture_are_a_group(folder: Path) -> None:
    listed = read(str(folder))
    names = [listed.pictures.name(i) for i in range(len(listed))]
    labels = np.array([int("/b/" in name) for name in names])
    found = near_duplicates(listed.pictures, labels)
    assert found is not None
    groups = found.groups
    expected = [names.index(next(other for other in names if stem(other) == stem(name))) for name in names]
    assert groups.tolist() == expected


def test_they_stay_in_one_split_and_it_is_said(folder: Path, tmp_path: Path) -> None:
    loaded = load(str(folder), tmp_path / "cache", seed=0)
    where = splits_of(loaded)
    assert all(len(splits) == 1 for splits in where.values())
    assert {split for splits in where.values() for split in splits} == {"train", "valid", "test"}
    same = "that is exactly or nearly the same, perhaps in another size: "
    stay = f"120 pictures stay in one split with another one of their class {same}"
    (told,) = [line for line in loaded.findings.lines() if line.startswith(stay)]
    assert ".png and " in told and told.endswith("…. So none of them is learnt and tested.")


GIVEN = pytest.mark.parametrize(("given", "made"), [("test", "valid"), ("valid", "test")])


@GIVEN
def test_where_a_split_is_given_they_stay_together_in_what_is_cut(
    folder: Path, tmp_path: Path, given: str, made: str
) -> None:
    place = tmp_path / "split"
    place.mkdir()
    folder.rename(place / "train")
    moved = set()
    for name in "ab":
        (place / given / name).mkdir(parents=True)
        for file in sorted((place / "train" / name).glob("0?-24.png")):
            moved.add(stem(str(file.rename(place / given / name / file.name))))
    loaded = load(str(place), tmp_path / "cache", seed=0)
    where = splits_of(loaded)
    assert loaded.splits.made == (made,)
    assert {name for name, splits in where.items() if given in splits} == moved and len(moved) == 20
    assert all(len(splits - {given}) == 1 for splits in where.values())
    assert any(made in splits for splits in where.values())
    (told,) = [line for line in loaded.findings.lines() if "nearly the same" in line]
    word = {"valid": "validation", "test": "test"}[made]
    assert told.startswith("100 training pictures stay together with another one of their class that is exactly or")
    assert f"perhaps in another size, where the {word} split is cut from them: " in told


def test_where_all_splits_are_given_each_picture_stays_where_it_is(folder: Path, tmp_path: Path) -> None:
    listed = read(str(folder))
    names = [listed.pictures.name(i) for i in range(len(listed))]
    splits = [("train", "valid", "test")[i % 3] for i in range(len(names))]
    rows = [f"{name},{Path(name).parent.name},{split}" for name, split in zip(names, splits, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,split", *rows]))
    loaded = load(tmp_path / "t.csv", tmp_path / "c", seed=0)
    assert {split: len(examples) for split, examples in loaded.splits.by_name.items()} == dict.fromkeys(splits, 80)
    assert not any("nearly the same" in line for line in loaded.findings.lines())


def test_copies_with_regression_targets_are_not_said_to_be_of_a_class(folder: Path, tmp_path: Path) -> None:
    listed = read(str(folder))
    rows = [f"{listed.pictures.name(i)},{i + 0.5}" for i in range(len(listed))]
    (tmp_path / "t.csv").write_text("\n".join(["image,price", *rows]))
    loaded = load(tmp_path / "t.csv", tmp_path / "c", seed=0)
    (told,) = [line for line in loaded.findings.lines() if "nearly the same" in line]
    assert "stay in one split with another one that is exactly" in told and "class" not in told


def test_of_one_size_copies_stay_in_one_split(tmp_path: Path) -> None:
    rng, place = np.random.default_rng(0), tmp_path / "pictures"
    for name in "ab":
        (place / name).mkdir(parents=True)
        for i in range(N):
            picture = drawn(rng)
            for copy in range(3):
                picture.save(place / name / f"{i:02}-{copy}.png")
            picture.putpixel((0, 0), (*picture.getpixel((0, 0))[:2], i))
            picture.save(place / name / f"{i:02}-alone.png")  # nearly the same, which is another one here
    loaded = load(str(place), tmp_path / "cache", seed=0)
    where = splits_of(loaded)
    assert all(len(splits) == 1 for splits in where.values())
    (told,) = [line for line in loaded.findings.lines() if "another one of their class that is the same: " in line]
    assert told.startswith("120 pictures stay in one split")


def test_of_a_chain_the_link_is_named(tmp_path: Path) -> None:
    rng, place = np.random.default_rng(0), tmp_path / "pictures"
    for name in "ab":
        (place / name).mkdir(parents=True)
        for i in range(2 * N):
            drawn(rng).save(place / name / f"{i:02}.png")
    for i, (grey, side) in enumerate(((100, 24), (103, 32), (106, 24))):  # the ends of the chain are no pair
        Image.new("RGB", (side, side), (grey,) * 3).save(place / "a" / f"x{i}.png")
    listed = read(str(place))
    names = [listed.pictures.name(i)[-6:] for i in range(len(listed))]
    found = near_duplicates(listed.pictures, listed.labels)
    assert found is not None
    first, link, last = (names.index(f"x{i}.png") for i in range(3))
    assert found.groups[[first, link, last]].tolist() == [first] * 3
    assert (found.like[link], found.like[last], found.like[0]) == (first, link, 0)
    (told,) = [line for line in load(str(place), tmp_path / "c", seed=0).findings.lines() if "nearly the same" in line]
    assert "a/x1.png and a/x0.png; a/x2.png and a/x1.png. " in told


def test_pictures_that_are_not_looked_at_are_no_group(folder: Path) -> None:
    listed = read(str(folder))
    among = np.flatnonzero(np.arange(len(listed)) % 8)
    found = near_duplicates(listed.pictures, listed.labels, among)
    assert found is not None
    others = np.setdiff1d(np.arange(len(listed)), among)
    assert np.array_equal(found.groups[others], others) and np.array_equal(found.like[others], others)
    assert not np.isin(found.groups[among], others).any() and len(np.unique(found.groups)) < len(listed) - 60
    assert near_duplicates(listed.pictures, listed.labels, np.arange(FEWEST - 1)) is None


def test_pictures_of_another_class_are_no_group(folder: Path) -> None:
    listed = read(str(folder))
    assert near_duplicates(listed.pictures, np.arange(len(listed))) is None


def test_a_class_that_would_be_in_one_split_only_stays_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name, n in (("a", 20), ("b", 1)):
        (tmp_path / name).mkdir()
        for i in range(n):
            picture = drawn(rng)
            for side in (24, 32, 48, 64):
                picture.resize((side, side)).save(tmp_path / name / f"{i}-{side}.png")
    listed = read(str(tmp_path))
    labels = np.array([int("/b/" in listed.pictures.name(i)) for i in range(len(listed))])
    found = near_duplicates(listed.pictures, labels)
    assert found is not None
    groups = found.groups
    assert len(np.unique(groups[labels == 0])) == 20 and len(np.unique(groups[labels == 1])) == 4


def test_where_there_is_too_much_to_look_at_nothing_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = read(str(folder))
    labels = np.zeros(len(listed), np.int64)
    assert near_duplicates(listed.pictures, labels) is not None
    for limit in ("MOST", "MOST_PIXELS"):
        with monkeypatch.context() as patch:
            patch.setattr(near, limit, 100)
            assert near_duplicates(listed.pictures, labels) is None
