from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from archsmith.bundle import Predictor
from archsmith.bundle import images as module
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import read
from archsmith.core.errors import DataError, UsageError


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_mixed_sizes_keep_their_order(predictor: Predictor, exported: Any) -> None:
    one_by_one = np.concatenate([predictor.predict_proba(image) for image in exported.raw])
    assert np.abs(predictor.predict_proba(exported.raw) - one_by_one).max() < 1e-6


def test_files_pillow_images_and_arrays_agree(predictor: Predictor, exported: Any, tmp_path: Path) -> None:
    arrays = exported.raw[:3]
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for array, path in zip(arrays, paths, strict=True):
        Image.fromarray(array).save(path)
    expected = predictor.predict_proba(arrays)
    pillow = [Image.fromarray(array) for array in arrays]
    for images in (paths, [str(path) for path in paths], pillow, [paths[0], arrays[1], pillow[2]]):
        assert np.array_equal(predictor.predict_proba(images), expected)
    assert np.array_equal(predictor.predict_proba(paths[0]), expected[:1])
    assert np.array_equal(predictor.predict_proba(Image.fromarray(arrays[0])), expected[:1])


def test_stack_larger_than_one_call(predictor: Predictor, monkeypatch: pytest.MonkeyPatch, exported: Any) -> None:
    stack = np.stack([exported.raw[0], exported.raw[1]] * 5)
    expected = predictor.predict_proba(stack)
    monkeypatch.setattr(module, "CHUNK", 3)
    assert np.abs(predictor.predict_proba(stack) - expected).max() < 1e-6
    monkeypatch.setattr(module, "CHUNK_PIXELS", 1)
    assert np.abs(predictor.predict_proba(list(stack)) - expected).max() < 1e-6


def test_long_lists_are_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch, exported: Any) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    windows = list(read(exported.folder).intake.windows(exported.raw))
    assert [window.n for window in windows] == [4] * 6


def test_grey_becomes_colour_and_transparency_white(predictor: Predictor) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (16, 12), dtype=np.uint8)
    expected = predictor.predict_proba(np.repeat(grey[..., None], 3, axis=2))
    for same in (grey, grey[..., None], grey[None, ..., None], grey[None], Image.fromarray(grey)):
        assert np.array_equal(predictor.predict_proba(same), expected)
    clear = np.zeros((16, 12, 4), dtype=np.uint8)
    assert np.array_equal(
        predictor.predict_proba(clear), predictor.predict_proba(np.full((16, 12, 3), 255, dtype=np.uint8))
    )


def test_exif_rotation_is_applied(predictor: Predictor, exported: Any, tmp_path: Path) -> None:
    upright = Image.fromarray(exported.raw[2])
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me 90 degrees clockwise to look at me"
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(predictor.predict_proba(tmp_path / "turned.png"), predictor.predict_proba(upright))


def test_nothing_in_nothing_out(predictor: Predictor) -> None:
    for empty in ([], np.zeros((0, 16, 12, 3), np.uint8), np.zeros((0, 16, 12, 1), np.uint8)):
        assert predictor.predict_proba(empty).shape == (0, 4)
    assert predictor.predict([]) == []


@pytest.mark.parametrize(
    ("images", "part"),
    [
        (np.zeros((16, 12, 3)), "float64, not uint8.*255"),
        (np.zeros((2, 16, 12, 3), np.float32), "float32, not uint8"),
        (np.zeros((16, 12, 3), np.int64), r"int64, not uint8.*astype\('uint8'\)"),
        (np.zeros(16, np.uint8), r"shape \(16,\)"),
        (np.zeros((2, 16, 12, 5), np.uint8), "5 channels"),
        (np.zeros((0, 12, 3), np.uint8), "no pixels"),
        ([np.zeros((4, 4, 3), np.uint8), None], "Image 1 is a NoneType"),
        (3, "cannot be a int"),
        ("no/such/file.png", "no file"),
    ],
)
def test_what_is_no_image_is_named(predictor: Predictor, images: Any, part: str) -> None:
    with pytest.raises(DataError, match=part):
        predictor.predict_proba(images)


def test_broken_files_and_folders_are_named(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"text\.png' cannot be read: it is broken"):
        predictor.predict(tmp_path / "text.png")
    with pytest.raises(DataError, match="is a folder"):
        predictor.predict(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cut\.png.*cannot be decoded"):
        predictor.predict(tmp_path / "cut.png")
    with Image.open(tmp_path / "cut.png") as cut, pytest.raises(DataError, match="cannot be decoded"):
        predictor.predict(cut)


def test_decompression_bombs_are_refused(predictor: Predictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("archsmith.data.images.decode.MAX_PIXELS", 1000)
    image = Image.new("RGB", (100, 100))
    image.save(tmp_path / "bomb.png")
    for bomb in (image, tmp_path / "bomb.png"):
        with pytest.raises(DataError, match="100 x 100 pixels"):
            predictor.predict(bomb)


def test_a_stream_of_pictures_gives_a_stream_of_predictions(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endless generator of pictures: the predictions come while it still runs."""
    monkeypatch.setattr(module, "CHUNK", 4)
    endless = itertools.cycle(exported.raw[:2])
    first, second = itertools.islice(predictor.stream(endless), 2)
    assert first.shape == second.shape == (4, 4)
    assert np.abs(first - predictor.predict_proba([exported.raw[0], exported.raw[1]] * 2)).max() < 1e-6


def test_a_data_frame_is_no_row_of_images(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="takes pictures, not a table"):
        predictor.predict(pd.DataFrame({"date": ["2020-01-01"]}))


@pytest.mark.parametrize("images", [{"a": 1}, {1, 2}, b"bytes"])
def test_what_has_no_order_is_no_row_of_images(predictor: Predictor, images: Any) -> None:
    with pytest.raises(DataError, match="Images cannot be a"):
        predictor.predict(images)


def test_intake_makes_a_round_trip_with_keys_of_later_versions() -> None:
    intake = ImageIntake(8, 6, 3, (0.1, 0.2, 1 / 3), (0.2, 0.3, 0.4))
    (entry,) = intake.to_inputs()
    assert ImageIntake.from_inputs([{**entry, "colour": "blue"}]) == intake


@pytest.mark.parametrize("changes", [{"std": (0.0,)}, {"mean": (0.1, 0.2)}, {"height": 0}, {"mean": (float("nan"),)}])
def test_intake_refuses_nonsense(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ImageIntake(**{"height": 8, "width": 6, "channels": 1, "mean": (0.5,), "std": (0.2,), **changes})


def test_the_target_of_the_bundle_is_looked_for_in_a_table(tmp_path: Path) -> None:
    for place in range(4):
        Image.new("L", (2, 2), place).save(tmp_path / f"{place}.png")
    table = tmp_path / "t.csv"
    table.write_text("image,price,year\n" + "".join(f"{place}.png,{place}.5,{place}.25\n" for place in range(4)) * 9)
    intake = ImageIntake(2, 2, 1, (0.5,), (0.5,))
    assert intake.labelled(table, likely="year").targets[1] == 1.25
    table.write_text("image,price\n" + "".join(f"{place}.png,{place}.5\n" for place in range(4)) * 9 + "0.png,\n")
    found = intake.labelled(table, likely="year")
    assert found.notes == ("There is no column 'year', so 'price' is taken for it; --target names another.",)
    assert [reason for _, reason in found.skipped] == ["It has no value in the column 'price'."]


def test_what_is_wrong_with_the_target_of_the_bundle_is_not_measured_on_another_column(tmp_path: Path) -> None:
    for place in range(4):
        Image.new("L", (2, 2), place).save(tmp_path / f"{place}.png")
    table = tmp_path / "t.csv"
    rows = [f"{place % 4}.png,{place},{f'{place}.5' if place % 3 else ''}" for place in range(24)]
    table.write_text("\n".join(["image,label,price", *rows]))
    with pytest.raises(DataError, match="8 of 24 rows have no value in the column 'price'"):
        ImageIntake(2, 2, 1, (0.5,), (0.5,)).labelled(table, likely="price")
