from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError, Stopped
from archsmith.data.images import store
from archsmith.data.images.examples import ImageSplits
from archsmith.data.images.load import load


@pytest.fixture(autouse=True)
def commit_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(store, "TICK_SECONDS", 0.0)


def write_folder(folder: Path, n: int = 60, broken: int = 0) -> Path:
    rng = np.random.default_rng(0)
    for index in range(n):
        path = folder / "abc"[index % 3] / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 18, 3), dtype=np.uint8)).save(path)
        if index < broken:
            path.write_bytes(path.read_bytes()[:200])
    return folder


ARRAYS = (np.random.default_rng(0).integers(0, 256, (60, 80, 80, 3), dtype=np.uint8), np.arange(60) % 3)


def same(a: ImageSplits, b: ImageSplits) -> bool:
    pairs = zip(a.by_name.values(), b.by_name.values(), strict=True)
    return (
        all(np.array_equal(x.images, y.images) and np.array_equal(x.targets, y.targets) for x, y in pairs)
        and a.statistics == b.statistics
    )


def test_a_store_is_mapped_and_complete(tmp_path: Path) -> None:
    made = load(ARRAYS, tmp_path, seed=0)
    assert isinstance(made.splits.train.images, np.memmap)
    assert not made.splits.train.images.flags.writeable
    assert sum(len(rows) for rows in made.splits.by_name.values()) == 60
    assert [path.name for path in tmp_path.iterdir()] == [made.folder.name]
    assert not (made.folder / "state.json").exists()
    assert made.findings.n_bytes > 60 * 64 * 64 * 3


def test_originals_of_the_test_split_in_memory_are_kept(tmp_path: Path) -> None:
    splits = load(ARRAYS, tmp_path, seed=0, side=64).splits
    index = [i for i, label in enumerate(ARRAYS[1]) if label == splits.test.targets[0]]
    assert splits.test.original(0).shape == (80, 80, 3)
    assert any(np.array_equal(splits.test.original(0), ARRAYS[0][i]) for i in index)
    assert splits.train.original(0).shape == (64, 64, 3)


def test_originals_in_files_are_opened_again(tmp_path: Path) -> None:
    splits = load(write_folder(tmp_path / "p"), tmp_path / "cache", seed=0, side=8).splits
    assert splits.train.original(0).shape == (20, 18, 3)
    assert splits.test.called is not None and Path(splits.test.called[0]).exists()


def test_pictures_are_called_by_their_files_whether_resized_or_not(tmp_path: Path) -> None:
    splits = load(write_folder(tmp_path / "p"), tmp_path / "cache", seed=0).splits
    assert splits.test.called is not None
    pictures = [np.asarray(Image.open(splits.test.called[i]).convert("RGB")) for i in range(len(splits.test))]
    assert all(np.array_equal(a, b) for a, b in zip(pictures, splits.test.images, strict=True))


def test_pictures_in_memory_are_called_by_their_place(tmp_path: Path) -> None:
    splits = load(ARRAYS, tmp_path, seed=0).splits
    called = splits.test.called
    assert called is not None
    for i in range(len(splits.test)):
        given = ARRAYS[0][int(called[i].removeprefix("number "))]
        assert np.array_equal(given, splits.test.images[i])


def test_pictures_of_the_right_size_are_their_own_originals(tmp_path: Path) -> None:
    splits = load(write_folder(tmp_path / "p"), tmp_path / "cache", seed=0).splits
    for path in (tmp_path / "p").rglob("*.png"):
        path.unlink()
    assert splits.train.original(0).shape == (20, 18, 3)


def test_the_same_is_decoded_once(tmp_path: Path) -> None:
    calls: list[str] = []
    first = load(ARRAYS, tmp_path, seed=0)
    second = load(ARRAYS, tmp_path, seed=0, progress=lambda what, done, total: calls.append(what))
    assert second.folder == first.folder
    assert not calls


@pytest.mark.parametrize("change", [{"seed": 1}, {"side": 16}, {"balanced": True}, {"task": "regression"}])
def test_anything_else_has_a_place_of_its_own(tmp_path: Path, change: dict[str, Any]) -> None:
    first = load(ARRAYS, tmp_path, seed=0)
    second = load(ARRAYS, tmp_path, **{"seed": 0, **change})
    assert second.folder != first.folder


@pytest.mark.parametrize("which", [0, 1])
def test_another_label_or_picture_is_another_folder(tmp_path: Path, which: int) -> None:
    changed = [array.copy() for array in ARRAYS]
    changed[which][0] = (changed[which][0] + 1) % 3
    assert load(tuple(changed), tmp_path, seed=0).folder != load(ARRAYS, tmp_path, seed=0).folder


def test_balanced_classes_share_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load(ARRAYS, tmp_path, seed=0)
    monkeypatch.setattr(store, "decoded", None)  # nothing is decoded again
    balanced = load(ARRAYS, tmp_path, seed=0, balanced=True)
    assert same(plain.splits, balanced.splits)
    assert balanced.splits.task.metric == "balanced_accuracy"
    assert plain.splits.task.metric == "accuracy"
    assert os.path.samefile(plain.folder / "train_images.npy", balanced.folder / "train_images.npy")
    assert balanced.splits.test.original(0).shape == (80, 80, 3)


def test_what_is_said_of_the_same_pictures_is_that_of_this_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, stray = write_folder(tmp_path / "p", 100, broken=2), tmp_path / "p" / "a" / "about.txt"
    first = load(source, tmp_path / "cache", seed=0)
    assert "about.txt" not in str(first.findings.notes)
    stray.write_text("Not a picture.")
    monkeypatch.setattr(store, "decoded", None)  # nothing is decoded again
    second = load(source, tmp_path / "cache", seed=0)
    assert any("about.txt" in note for note in second.findings.notes)
    assert second.findings.notes == second.splits.notes and second.findings.n_skipped == 2
    assert same(first.splits, second.splits)
    assert second.folder == first.folder  # which studies name
    stray.unlink()
    assert load(source, tmp_path / "cache", seed=0).findings == first.findings


def test_rows_without_a_label_are_those_of_this_run(tmp_path: Path) -> None:
    write_folder(tmp_path)
    lines = [f"{'abc'[index % 3]}/{index:03}.png,{index % 3}" for index in range(60)]
    table = tmp_path / "t.csv"
    skipped = []
    for more in ([], ["a/000.png,"]):
        table.write_text("\n".join(["image,label", *lines, *more]))
        skipped.append(load(table, tmp_path / "cache", seed=0).findings.n_skipped)
    assert skipped == [0, 1]


def test_an_interrupted_draft_is_gone_on_with(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "p", 300)
    whole = load(source, tmp_path / "whole", seed=0).splits
    seen: list[int] = []

    def stop() -> None:
        if seen and seen[-1] > 100:
            raise Stopped("stop")

    with pytest.raises(Stopped):
        load(source, tmp_path / "cache", seed=0, progress=lambda what, done, total: seen.append(done), check=stop)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".draft"]
    again: list[int] = []
    made = load(source, tmp_path / "cache", seed=0, progress=lambda what, done, total: again.append(done))
    assert again[0] > 100
    assert same(made.splits, whole)


@pytest.fixture(autouse=True)
def tell_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "TELL_SECONDS", 0.0)


KILLED = """
import os, signal, sys
from pathlib import Path
from archsmith.data.images import store
from archsmith.data.images.load import load
store.COMMIT_SECONDS = store.TELL_SECONDS = 0.0
def progress(what, done, total):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
load(sys.argv[1], Path(sys.argv[2]), seed=0, progress=progress)
"""


@pytest.mark.parametrize("at", [1, 150])
def test_a_killed_process_loses_little(tmp_path: Path, environment: dict[str, str], at: int) -> None:
    source = write_folder(tmp_path / "p", 300)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(tmp_path / "cache"), str(at)],
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9
    calls: list[int] = []
    made = load(source, tmp_path / "cache", seed=0, progress=lambda what, done, total: calls.append(done))
    assert calls[0] >= at - 64  # a few groups of pictures may have been in the making
    assert same(made.splits, load(source, tmp_path / "whole", seed=0).splits)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [made.folder.name]


def test_two_at_once_decode_once(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "p", 200)
    told: dict[int, list[str]] = {0: [], 1: []}
    made: list[Any] = [None, None]

    def work(i: int) -> None:
        made[i] = load(source, tmp_path / "cache", seed=0, progress=lambda what, done, total: told[i].append(what))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made[0].folder == made[1].folder
    assert sum("decode" in calls for calls in told.values()) == 1


def test_a_few_broken_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    report = load(write_folder(tmp_path / "p", 100, broken=3), tmp_path / "cache", seed=0).findings
    assert report.n_skipped == 3
    assert sum(report.n_examples.values()) == 97
    assert {Path(name).name for name, _ in report.skipped} == {"000.png", "001.png", "002.png"}
    assert report.warnings[0].startswith("3 pictures were left out")


def refused(tmp_path: Path, source: Any, words: str, **more: Any) -> None:
    with pytest.raises(DataError, match=words):
        load(source, tmp_path / "cache", seed=0, **more)
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


def test_many_broken_pictures_leave_nothing_behind(tmp_path: Path) -> None:
    refused(tmp_path, write_folder(tmp_path / "p", 100, broken=6), "At least 6 of 100 pictures cannot be read")


def test_what_the_checks_refuse_leaves_nothing_behind(tmp_path: Path) -> None:
    refused(tmp_path, (np.zeros((30, 8, 8), np.uint8), np.arange(30) % 2), "one single colour")


def test_too_little_disk_is_found_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    refused(tmp_path, ARRAYS, "GB are free")


def test_a_disk_that_fills_up_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.Draft, "commit", full)
    refused(tmp_path, ARRAYS, "No space left")


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be stored"):
        load(ARRAYS, tmp_path / "file", seed=0)


def test_progress_ends_with_everything(tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    load(ARRAYS, tmp_path, seed=0, progress=lambda *call: calls.append(call))
    assert calls[0] == ("decode", 0, 60)
    assert calls[-1] == ("decode", 60, 60)


def harm_missing(folder: Path) -> None:
    (folder / store.FACTS).unlink()


def harm_format(folder: Path) -> None:
    path = folder / store.FACTS
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))


def harm_facts(folder: Path) -> None:
    (folder / store.FACTS).write_text("{")


def harm_images(folder: Path) -> None:
    (folder / "train_images.npy").write_bytes(b"\x93NUMPY")


def harm_labels(folder: Path) -> None:
    (folder / "test_labels.npy").unlink()


def harm_index(folder: Path) -> None:
    (folder / "test_index.npy").write_bytes(b"")  # as a power cut may leave it


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (harm_missing, "no stored data"),
        (harm_format, "of format 1"),
        (harm_facts, "damaged"),
        (harm_images, "damaged"),
        (harm_labels, "damaged"),
        (harm_index, "damaged"),
    ],
)
def test_a_missing_or_damaged_folder_is_a_data_error(tmp_path: Path, harm: Callable[[Path], None], words: str) -> None:
    folder = load(ARRAYS, tmp_path, seed=0).folder
    harm(folder)
    with pytest.raises(DataError, match=words):
        store.open_splits(folder)


def test_pictures_that_are_stored_with_other_classes_counting_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsmith.data.images.load.FEWEST_DECODED", 100)
    source = write_folder(tmp_path / "p", 300)
    load(source, tmp_path / "cache", seed=0)
    balanced = load(source, tmp_path / "cache", seed=0, balanced=True, seconds=1e-9)
    assert sum(balanced.findings.n_examples.values()) == 300


def test_a_damaged_folder_is_no_source_of_the_same_pictures(tmp_path: Path) -> None:
    whole = load(write_folder(tmp_path / "p", 100), tmp_path / "cache", seed=0)
    harm_index(whole.folder)
    balanced = load(tmp_path / "p", tmp_path / "cache", seed=0, balanced=True)
    assert sum(balanced.findings.n_examples.values()) == 100


def test_damaged_findings_are_a_data_error(tmp_path: Path) -> None:
    folder = load(ARRAYS, tmp_path, seed=0).folder
    (folder / store.REPORT).write_text("{}")
    with pytest.raises(DataError, match="are damaged"):
        store.read_findings(folder)
