from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsmith.data.images import draft as drafting
from archsmith.data.images.draft import Draft, Growing, link

SHAPE = (3, 4, 1)


def picture(value: int) -> np.ndarray:
    image = np.full(SHAPE, value, np.uint8)
    image[0, 0] = 0
    return image


def test_a_growing_file_is_a_npy_in_the_end(tmp_path: Path) -> None:
    file = Growing(tmp_path / "a.npy", "<i8", (2,), 0)
    file.append(np.arange(6).reshape(3, 2))
    file.append(np.arange(2).reshape(1, 2))
    file.close(finished=True)
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 1], [2, 3], [4, 5], [0, 1]]
    assert isinstance(np.load(tmp_path / "a.npy", mmap_mode="r"), np.memmap)


def test_a_draft_goes_on_from_its_last_commit(tmp_path: Path) -> None:
    first = Draft(tmp_path, SHAPE, originals=False)
    for index in range(4):
        first.add("train", index, picture(index + 1))
    first.skip("bad.png", "broken")
    first.commit(5)
    first.add("test", 5, picture(6))
    first.close()  # without a commit, as a crash would leave it
    second = Draft(tmp_path, SHAPE, originals=False)
    assert (second.done, second.skipped, second.flat["train"]) == (5, [("bad.png", "broken")], 0)
    second.add("train", 5, picture(60))
    second.commit(6)
    second.close(finished=True)
    assert np.load(tmp_path / "train_images.npy")[:, 1, 1, 0].tolist() == [1, 2, 3, 4, 60]
    assert np.load(tmp_path / "train_index.npy").tolist() == [0, 1, 2, 3, 5]
    assert len(np.load(tmp_path / "train_prints.npy")) == 5
    assert len(np.load(tmp_path / "test_images.npy")) == 0


def test_half_written_rows_are_cut_off(tmp_path: Path) -> None:
    first = Draft(tmp_path, SHAPE, originals=False)
    first.add("train", 0, picture(1))
    first.commit(1)
    first.close()
    with open(tmp_path / "train_images.npy", "ab") as file:
        file.write(b"xyz")
    second = Draft(tmp_path, SHAPE, originals=False)
    second.add("train", 1, picture(2))
    second.commit(2)
    second.close(finished=True)
    assert np.load(tmp_path / "train_images.npy")[:, 1, 1, 0].tolist() == [1, 2]


@pytest.mark.parametrize("harm", ["short", "state"])
def test_a_damaged_draft_begins_again(tmp_path: Path, harm: str) -> None:
    first = Draft(tmp_path, SHAPE, originals=False)
    first.add("train", 0, picture(1))
    first.commit(1)
    first.close()
    (tmp_path / ("train_images.npy" if harm == "short" else "state.json")).write_bytes(b"{")
    second = Draft(tmp_path, SHAPE, originals=False)
    second.close()
    assert second.done == 0


def test_originals_are_kept_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "KEPT_ORIGINALS", 2)
    made = Draft(tmp_path, SHAPE, originals=True)
    for size in (2, 3, 4):
        made.add_original(np.full((size, size, 1), size, np.uint8))
    made.commit(3)
    made.close(finished=True)
    assert np.load(tmp_path / "test_raw_shapes.npy").tolist() == [[2, 2, 1], [3, 3, 1]]
    assert len(np.load(tmp_path / "test_raw.npy")) == 13


def test_linked_files_have_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.npy").write_bytes(b"content")
    link(tmp_path / "a", ["x.npy"], tmp_path / "b")
    link(tmp_path / "a", ["x.npy"], tmp_path / "b")
    assert (tmp_path / "b" / "x.npy").read_bytes() == b"content"
