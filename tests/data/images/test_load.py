from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError, UsageError
from archsmith.data.images import decode_all as decoding
from archsmith.data.images import store
from archsmith.data.images.load import load, reopen
from archsmith.data.images.read import read

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (200, 12, 12), dtype=np.uint8)


def write_folder(folder: Path, n: int = 100) -> Path:
    for index in range(n):
        path = folder / "abc"[index % 3] / f"{index:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (20 + index % 5, 18, 3), dtype=np.uint8)).save(path)
    return folder


def test_it_reads_splits_decodes_and_checks(tmp_path: Path) -> None:
    made = load("digits", tmp_path, seed=0)
    assert made.findings.lines()[0] == "digits: 10 classes, grey pictures of 8 x 8"
    assert made.splits.task.outputs[0].n == 10
    assert made.folder.parent == tmp_path


def test_every_picture_is_with_its_own_label(tmp_path: Path) -> None:
    labels = np.arange(200) % 4
    splits = load((IMAGES, labels), tmp_path, seed=0).splits
    known = {image.tobytes(): label for image, label in zip(IMAGES, labels, strict=True)}
    for split in splits.by_name.values():
        assert all(
            known[image.tobytes()] == label for image, label in zip(split.images[..., 0], split.targets, strict=True)
        )


def test_what_was_made_can_be_opened_again(tmp_path: Path) -> None:
    made = load("digits", tmp_path, seed=0)
    again = reopen(made.folder)
    assert again.findings == made.findings
    assert np.array_equal(again.splits.valid.images, made.splits.valid.images)
    assert again.splits.statistics == made.splits.statistics


def test_numbers_are_learnt_in_their_own_units(tmp_path: Path) -> None:
    ages = RNG.uniform(1, 90, 200)
    made = load((IMAGES, ages), tmp_path, seed=0)
    splits = made.splits
    assert splits.is_regression
    assert splits.classes == ()
    assert splits.train.targets.dtype == np.float64
    assert splits.target_statistics == (splits.train.targets.mean(), splits.train.targets.std())
    assert splits.task.metric == "r2"
    assert made.findings.is_regression
    assert set(np.concatenate([split.targets for split in splits.by_name.values()])) == set(ages)


def test_a_kind_settles_what_labels_mean(tmp_path: Path) -> None:
    labels = np.arange(200) % 5
    assert load((IMAGES, labels), tmp_path, seed=0, task="regression").splits.is_regression
    assert load((IMAGES, labels.astype(float)), tmp_path, seed=0).splits.classes == tuple("01234")
    with pytest.raises(UsageError, match="task"):
        load((IMAGES, labels), tmp_path, seed=0, task="class")


def test_a_folder_of_mixed_sizes(tmp_path: Path) -> None:
    made = load(write_folder(tmp_path / "p"), tmp_path / "cache", seed=0)
    assert made.splits.train.shape == (3, 20, 20)
    assert made.findings.notes == ("Pictures from 20 x 18 to 24 x 18 (height x width) were resized to 20 x 20.",)


def test_a_source_with_its_own_splits(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x_train=IMAGES[:150], y_train=np.arange(150) % 3, x_test=IMAGES[150:], y_test=np.arange(50) % 3)
    splits = load(path, tmp_path / "cache", seed=0).splits
    assert splits.made == ("valid",)
    assert np.array_equal(splits.test.images[..., 0], IMAGES[150:])


def test_numbers_that_are_no_classes_are_told(tmp_path: Path) -> None:
    labels = np.concatenate([np.arange(110), np.zeros(90, int)])
    warnings = load((IMAGES, labels), tmp_path, seed=0).findings.warnings
    assert any("--task regression" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"side": 2}, "side"), ({"task": "x"}, "task")],
)
def test_senseless_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load("digits", tmp_path / "cache", seed=0, **change)
    assert not (tmp_path / "cache").exists()


def test_a_class_whose_pictures_are_all_broken_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "p")
    (source / "rare").mkdir()
    for index in range(3):
        (source / "rare" / f"{index}.jpg").write_bytes(b"nothing")
    with pytest.raises(DataError, match="'rare' has no training pictures"):
        load(source, tmp_path / "cache", seed=0)
    assert not list((tmp_path / "cache").iterdir())


def test_a_short_budget_uses_a_share_of_every_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read(write_folder(tmp_path / "p", 300))
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 50)
    monkeypatch.setattr(decoding, "rate", lambda *args: 10.0)
    whole = load(source, tmp_path / "a", seed=0, seconds=31.0)
    assert sum(whole.findings.n_examples.values()) == 300
    some = load(source, tmp_path / "b", seed=0, seconds=16.0, budget=160.0)
    assert some.findings.n_examples == {"train": 108, "valid": 19, "test": 22}
    assert some.findings.notes[0] == (
        "149 of 300 pictures are used: reading all of them would take about 30 s. "
        "A new job with a budget of 6m would use the other 151, too."
    )
    assert some.splits.train.counts().tolist() == [36, 36, 36]
    fewest = load(source, tmp_path / "c", seed=0, seconds=0.1)
    assert 50 <= sum(fewest.findings.n_examples.values()) < 80


def test_what_is_decoded_already_costs_no_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read(write_folder(tmp_path / "p", 300))
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 50)
    whole = load(source, tmp_path / "cache", seed=0)
    monkeypatch.setattr(decoding, "rate", lambda *args: 1.0)
    assert load(source, tmp_path / "cache", seed=0, seconds=1.0).folder == whole.folder


def test_whoever_gives_more_time_gets_more_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read(write_folder(tmp_path / "p", 300))
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 20)
    speed = 10.0
    monkeypatch.setattr(decoding, "rate", lambda *args: speed)

    def n_used(seconds: float) -> int:
        return sum(load(source, tmp_path / "cache", seed=0, seconds=seconds).findings.n_examples.values())

    assert [n_used(seconds) for seconds in (8.0, 16.0, 31.0)] == [75, 149, 300]
    speed = 1.0
    assert n_used(16.0) == 300  # stored by now


def test_a_share_is_not_kept_where_all_can_be_read_after_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read(write_folder(tmp_path / "p", 300))
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 20)
    n_used = []
    for speed in (10.0, 40.0):  # the machine was busy when it was measured first
        monkeypatch.setattr(decoding, "rate", lambda *args, speed=speed: speed)
        n_used.append(sum(load(source, tmp_path / "cache", seed=0, seconds=16.0).findings.n_examples.values()))
    assert n_used == [149, 300]


def test_a_share_that_was_begun_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read(write_folder(tmp_path / "p", 300))
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 20)
    monkeypatch.setattr(decoding, "rate", lambda *args: 10.0)
    monkeypatch.setattr(store, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(store, "COMMIT_SECONDS", 0.0)
    ticks = iter(range(4))

    def stop() -> None:
        if next(ticks, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(source, tmp_path / "cache", seed=0, seconds=16.0, check=stop)
    for speed in (15.0, 7.0):  # another measurement, and the same time
        monkeypatch.setattr(decoding, "rate", lambda *args, speed=speed: speed)
        made = load(source, tmp_path / "cache", seed=0, seconds=16.0)
        assert sum(made.findings.n_examples.values()) == 149
        assert made.findings.notes[0].startswith("149 of 300 pictures are used")


def test_memory_does_not_grow_with_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment are more pictures in memory than one block of each split."""
    largest = 0
    real = store.Draft.add

    def watched(self: Any, split: str, index: int, pixels: Any) -> None:
        nonlocal largest
        real(self, split, index, pixels)
        largest = max(largest, sum(map(len, self._waiting.values())))

    monkeypatch.setattr(store.Draft, "add", watched)
    load((RNG.integers(0, 256, (5000, 6, 6), dtype=np.uint8), np.arange(5000) % 2), tmp_path, seed=0)
    assert largest < 3 * 256
